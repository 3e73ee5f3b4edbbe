"""What all worlds of one process share, because building it is slow: apps and database file.

A world begins on a clean stage: the database is copied back from a template, COVA's records
are filled in anew, the clock stands at the beginning.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import types
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.simulator.account import Account
from aiq_cova_plugin.simulator.app import create_app
from aiq_cova_plugin.simulator.faults import Faults
from aiq_cova_plugin.simulator.limits import RateLimits
from aiq_cova_plugin.simulator.register import Register
from aiq_cova_plugin.simulator.state import State
from aiq_cova_plugin.simulator.switches import Switches
from aiq_cova_plugin.simulator.world import World as CovaWorld
from aiq_cova_plugin.simulator.world import attach, fill

from tests.simulation.clocks import START, CovaClock, VirtualClock
from tests.simulation.wire import WireAdapter, WireAnswer, WireCall
from tests.support.shop import Shop

COVA_URL = "http://127.0.0.1:9"
"""Nobody listens there, and nobody is asked: calls never leave the process."""
SECRET_KEY = "c2ltdWxhdGlvbi1vZi13ZWVrcy0wMTIzNDU2Nzg5YWI="
STORE = "s1"
PRODUCTS = 45
READ_TIMEOUT_SECONDS = 60
LEASE_SECONDS = 300

_TRIGGERS = """
create table sim_move (id integer primary key, kind text, ref text, old text, new text);
create trigger sim_push after update of state on cova_push when old.state <> new.state
  begin insert into sim_move (kind, ref, old, new)
    values ('push', new.order_id, old.state, new.state); end;
create trigger sim_hold after update of state on cova_hold when old.state <> new.state
  begin insert into sim_move (kind, ref, old, new)
    values ('hold', new.order_id || ' ' || new.cova_product_id, old.state, new.state); end;
create trigger sim_order after update of status on shop_order when old.status <> new.status
  begin insert into sim_move (kind, ref, old, new)
    values ('order', new.order_id, old.status, new.status); end;
"""
"""Every move of a push, a hold and a shop's order is written down by the database itself."""


class Stage:
    """The apps and the database of this process; `reset` makes them new."""

    def __init__(self, folder: Path | None = None, *, products: int = PRODUCTS) -> None:
        self._own_folder = tempfile.TemporaryDirectory(prefix="weeks-") if folder is None else None
        base = Path(self._own_folder.name) if self._own_folder is not None else folder
        assert base is not None
        self._path = base / "world.sqlite"
        self._products = products
        self.clock = VirtualClock()
        self.on_statement: Callable[[], None] = _nothing
        self.carry: Callable[..., WireAnswer] | None = None
        self.adapter: WireAdapter | None = None
        self.shop = self._open_shop()
        self.cova = self._new_cova(Switches())
        self._cova_app = create_app(self.cova)
        self._operations = self.cova.faults.operations
        self.adapter = WireAdapter(self._carry, self._cova_app.wsgi_app)
        self._empty = self._keep()
        self._stocked = self._stock()

    def _open_shop(self) -> Shop:
        shop = Shop(
            f"sqlite:///{self._path}",
            clock=self.clock,
            COVA_API_URL=COVA_URL,
            COVA_TOKEN_URL=f"{COVA_URL}/v1/oauth2/token",
            COVA_SECRET_KEYS=SECRET_KEY,
            COVA_SCHEDULER="none",
            COVA_READ_TIMEOUT_SECONDS=READ_TIMEOUT_SECONDS,
            COVA_LEASE_SECONDS=LEASE_SECONDS,
            # Without threads: one piece of work after the other, in an order that replays.
            COVA_WORKERS=1,
            # A wait for the database would be a wait for ourselves.
            SQLALCHEMY_ENGINE_OPTIONS={"connect_args": {"timeout": 0.05}},
        )
        with shop.app.app_context():
            engine = shop.db.engine
        sa.event.listen(engine, "connect", _make_fast)
        sa.event.listen(engine, "before_cursor_execute", self._before_statement)
        sa.event.listen(engine, "commit", lambda _connection: self.on_statement())
        engine.dispose()
        with sqlite3.connect(self._path) as plain:
            plain.executescript(_TRIGGERS)
        plain.close()
        account = Account()
        shop.cova.connect_store(
            shop.app,
            STORE,
            check=False,
            enabled=True,
            sync_orders=True,
            company_id=account.company_id,
            location_id=account.location_ids[0],
            username=account.username,
            password=account.password,
            client_id=account.client_id,
            client_secret=account.client_secret,
            integrator_id=account.integrator_id,
            delivery_fee_product=account.delivery_fee_product_id,
        )
        return shop

    def _before_statement(self, *_: Any) -> None:
        self.on_statement()

    def _carry(self, call: WireCall, work: Callable[[], WireAnswer], timeout: float) -> WireAnswer:
        return work() if self.carry is None else self.carry(call, work, timeout)

    # --- a clean stage --------------------------------------------------------------------

    def reset(self, *, switches: Switches, stocked: bool = True) -> None:
        """Everything as in the beginning; with `stocked` after a first whole sync."""
        self.on_statement, self.carry = _nothing, None
        self.clock.reset()
        self.cova = self._new_cova(switches)
        self.cova.faults.operations = self._operations
        attach(self._cova_app, self.cova)
        self.shop.host.told.clear()
        self.shop.host.applied.clear()
        self._restore(self._stocked if stocked else self._empty)
        if stocked:
            self.clock.move_to(self._stocked_at)

    def _new_cova(self, switches: Switches) -> CovaWorld:
        account, clock = Account(), CovaClock(self.clock)
        state = State(account=account, started_at=START)
        fill(state, products=self._products, seed=1)
        return CovaWorld(
            account=account,
            clock=clock,
            switches=switches,
            faults=Faults(),
            limits=RateLimits(switches),
            state=state,
            register=Register(state, switches, clock),
            products=self._products,
            seed=1,
            base_url=COVA_URL,
        )

    def _keep(self) -> sqlite3.Connection:
        kept = sqlite3.connect(":memory:")
        source = sqlite3.connect(self._path)
        source.backup(kept)
        source.close()
        return kept

    def _restore(self, template: sqlite3.Connection) -> None:
        target = sqlite3.connect(self._path)
        template.backup(target)
        target.close()

    def _stock(self) -> sqlite3.Connection:
        """The template of a shop whose menu has been read once."""
        from tests.simulation.worker import Worker

        worker = Worker.start(self, "first")
        with self.shop.app.app_context():
            report = sync_catalog(worker.ctx, STORE, trigger="schedule")
        assert report.status == "succeeded", report.as_document()
        self._stocked_at = self.clock.now()
        return self._keep()

    def close(self) -> None:
        self.shop.close()
        if self._own_folder is not None:
            self._own_folder.cleanup()


class SeededIds:
    """Makes every new GUID come from a seed, for as long as it is in force."""

    def __init__(self, rng: random.Random) -> None:
        self._shim = types.SimpleNamespace(urandom=rng.randbytes)
        self._before: Any = None

    def begin(self) -> None:
        self._before, uuid.os = uuid.os, self._shim  # type: ignore[attr-defined]

    def end(self) -> None:
        uuid.os = self._before  # type: ignore[attr-defined]


def _make_fast(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode = wal", "synchronous = off", "temp_store = memory"):
        connection.execute(f"pragma {pragma}")


def _nothing() -> None:
    return None
