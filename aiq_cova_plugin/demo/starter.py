"""Finds or starts the COVA that the demo talks to, and connects the first store to it.

A serving process keeps the simulator on a port it writes into the instance folder, so that a
command in a second terminal (`flask --app aiq_cova_plugin.demo cova sync`) meets the same one. A
command that finds none running starts one for its own duration, on any free port.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask

from aiq_cova_plugin.demo import instance_files, samples
from aiq_cova_plugin.demo.extensions import cova
from aiq_cova_plugin.demo.models import Order, Store, db
from aiq_cova_plugin.demo.settings import talks_to_cova, wants_samples
from aiq_cova_plugin.demo.simulator_control import SimulatorControl
from aiq_cova_plugin.demo.terminal import is_free, is_serving
from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.host import OrderStatus
from aiq_cova_plugin.services.catalogue.start_sync import start_sync
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.wiring import services_of

FIRST_STORE = 1
_PORTS_TO_TRY = 20
_IS_NEW = "DEMO_SIMULATOR_IS_NEW"


@dataclass(frozen=True)
class Connection:
    """Where a simulator answers and the onboarding package it accepts. All of it is invented."""

    url: str
    token_url: str
    company_id: int
    location_id: int
    second_location_id: int
    username: str
    password: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    integrator_id: str
    delivery_fee_product_id: str

    @classmethod
    def to(cls, simulator: Simulator) -> Connection:
        """The way to that running simulator."""
        return cls(
            url=simulator.url,
            token_url=simulator.token_url,
            company_id=simulator.company_id,
            location_id=simulator.location_id,
            second_location_id=simulator.second_location_id,
            username=simulator.username,
            password=simulator.password,
            client_id=simulator.client_id,
            client_secret=simulator.client_secret,
            integrator_id=simulator.integrator_id,
            delivery_fee_product_id=simulator.delivery_fee_product_id,
        )


def connection_for(app: Flask, simulator: Simulator | None) -> Connection | None:
    """The simulator to talk to; None when the configuration names a COVA."""
    if simulator is not None:
        connection = Connection.to(simulator)
        if wants_samples(app, otherwise=False):
            samples.stock_cova(SimulatorControl(connection.url))
        return connection
    if talks_to_cova(app):
        return None
    with one_at_a_time(app):
        remembered = _remembered(app)
        if remembered is not None and _answers(remembered):
            return remembered
        return _start(app, keep=is_serving())


def configure(app: Flask, connection: Connection | None) -> None:
    """Set the plugin's `COVA_*` keys that the configuration leaves open."""
    if connection is not None:
        app.config["COVA_API_URL"] = connection.url
        app.config["COVA_TOKEN_URL"] = connection.token_url
        app.config.setdefault("COVA_INTEGRATOR_ID", connection.integrator_id)
        app.config["DEMO_SIMULATOR_URL"] = connection.url
    if not app.config.get("COVA_SECRET_KEYS") and not os.environ.get("COVA_SECRET_KEYS"):
        app.config["COVA_SECRET_KEYS"] = instance_files.secret(app, "cova-secret-key", _new_key)


def listen_for_samples(
    app: Flask, connection: Connection | None, simulator: Simulator | None
) -> None:
    """Have the sample orders placed after the first sync, by the process that serves."""
    own = simulator is None and is_serving()
    if connection is not None and wants_samples(app, otherwise=own):
        samples.listen(app, SimulatorControl(connection.url))


def connect_first_store(app: Flask, connection: Connection | None) -> None:
    """Connect the first store to the simulator, once: what staff change afterwards stays."""
    store = db.session.get(Store, FIRST_STORE)
    if connection is None or store is None:
        return
    if store.was_connected_by_demo:
        _catch_up(app)
        return
    cova.connect_store(
        app,
        str(FIRST_STORE),
        company_id=connection.company_id,
        location_id=connection.location_id,
        username=connection.username,
        password=connection.password,
        client_id=connection.client_id,
        client_secret=connection.client_secret,
        delivery_fee_product=connection.delivery_fee_product_id,
        enabled=True,
        sync_orders=True,
    )
    store.was_connected_by_demo = True
    db.session.commit()


@contextmanager
def one_at_a_time(app: Flask) -> Iterator[None]:
    """Let one process after the other prepare the instance folder and the database."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (Path(app.instance_path) / "starting.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _catch_up(app: Flask) -> None:
    """Read everything again where a new simulator took the place of one the shop has known.

    It begins with its first stock and prices, and dates them back to long before the last sync,
    so that a sync of changes alone would not notice.
    """
    if not app.config.get(_IS_NEW):
        return
    with suppress(CovaPluginError):
        start_sync(services_of(app), str(FIRST_STORE), full=True, by="the demo's start")


def forgotten_orders(app: Flask) -> int:
    """How many open orders an earlier simulator took with it; it lives as long as its process."""
    if not app.config.get(_IS_NEW):
        return 0
    is_open = Order.status.not_in((OrderStatus.COMPLETED, OrderStatus.CANCELLED))
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count(Order.id)).where(is_open)) or 0


# --- the simulator ------------------------------------------------------------------------


def _start(app: Flask, *, keep: bool) -> Connection:
    products = int(app.config["DEMO_SIMULATOR_PRODUCTS"])
    if keep:
        simulator = _on_free_port(int(app.config["DEMO_SIMULATOR_PORT"]), products)
    else:
        simulator = Simulator(port=0, products=products, seed=1).start()
    atexit.register(simulator.stop)
    connection = Connection.to(simulator)
    if keep:
        app.config[_IS_NEW] = True
        if wants_samples(app, otherwise=True):
            samples.stock_cova(SimulatorControl(connection.url))
        instance_files.write(_file(app), json.dumps(asdict(connection), indent=2))
    return connection


def _on_free_port(first: int, products: int) -> Simulator:
    """A simulator on the first free port from there on, or on any when all are taken."""
    ports = (port for port in range(first, first + _PORTS_TO_TRY) if is_free(port))
    return Simulator(port=next(ports, 0), products=products, seed=1).start()


def _file(app: Flask) -> Path:
    return Path(app.instance_path) / "simulator.json"


def _remembered(app: Flask) -> Connection | None:
    """The simulator of the last serving process, or None when there was none we can read."""
    try:
        return Connection(**json.loads(_file(app).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _answers(connection: Connection) -> bool:
    """Does a simulator answer there that knows us? Something else may have taken the port."""
    form = {
        "grant_type": "password",
        "username": connection.username,
        "password": connection.password,
        "client_id": connection.client_id,
        "client_secret": connection.client_secret,
    }
    parts = urlsplit(connection.token_url)
    caller = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        caller.request(
            "POST",
            parts.path,
            body=urlencode(form),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        answer = caller.getresponse()
        return answer.status == 200 and "access_token" in json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return False
    finally:
        caller.close()


def _new_key() -> str:
    return Fernet.generate_key().decode("ascii")
