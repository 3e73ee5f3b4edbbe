"""A shop, a clock that stands still and a simulated COVA, and what the order tests do with them."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from blinker import signal
from cryptography.fernet import Fernet

from aiq_cova_plugin.clock import FixedClock
from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.cova.endpoints import CovaEndpoints
from aiq_cova_plugin.cova.rate_limit import RateBudget
from aiq_cova_plugin.cova.token import MemoryTokenStore, TokenProvider
from aiq_cova_plugin.cova.transport import Transport
from aiq_cova_plugin.receivers import Receivers
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.push_orders import PushReport, push_due_orders
from aiq_cova_plugin.services.orders.sweep_orders import SweepReport, sweep_orders
from aiq_cova_plugin.services.statuses.poll_statuses import PollReport, poll_statuses
from aiq_cova_plugin.simulator import Simulator, Switches
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.models import Push, PushEvent
from aiq_cova_plugin.wiring import build_services

from tests.support.databases import dump_of  # noqa: F401 - the tests take it from here
from tests.support.shop import ADA, MAPLE_STREET, Shop, ShopOrder

SECRET_KEY = Fernet.generate_key().decode()
READ_TIMEOUT_SECONDS = 0.9
"""How long calls may hang in modules that make many of them hang (they import this name)."""
PATIENT_READ_TIMEOUT_SECONDS = 4
"""The same in all others: a busy machine must not look like a COVA that hangs."""
LEASE_SECONDS = 300
PHONE = ADA["phone"]
ADA_DIGITS = "3035550142"
WAITING = ("queued", "sending", "checking")
OUT_SIGNALS = ("cova.order-pushed", "cova.order-status-changed", "cova.order-needs-attention")


def config_for(sim: Simulator, **more: Any) -> dict[str, Any]:
    """The plugin's configuration for a shop beside this simulator."""
    return {
        "COVA_API_URL": sim.url,
        "COVA_TOKEN_URL": sim.token_url,
        "COVA_SECRET_KEYS": SECRET_KEY,
        "COVA_SCHEDULER": "none",
        "COVA_READ_TIMEOUT_SECONDS": PATIENT_READ_TIMEOUT_SECONDS,
        "COVA_CONNECT_TIMEOUT_SECONDS": 2,
        "COVA_LEASE_SECONDS": LEASE_SECONDS,
        **more,
    }


def settings_for(sim: Simulator, **more: Any) -> dict[str, Any]:
    """A store's settings that connect it to this simulator."""
    known = sim.connection()
    names = ("company_id", "location_id", "username", "password", "client_id", "client_secret")
    return {
        **{name: known[name] for name in names},
        "integrator_id": sim.integrator_id,
        "delivery_fee_product": sim.delivery_fee_product_id,
        "enabled": True,
        "sync_orders": True,
        **more,
    }


class Bench:
    """One shop connected to one simulated COVA; `clock` moves only when told."""

    def __init__(self, sim: Simulator, shop: Shop) -> None:
        self.sim = sim
        self.shop = shop
        self.clock = FixedClock(datetime.now(UTC))
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._tokens = MemoryTokenStore()
        self._budget = RateBudget(
            calls_per_minute=100_000,
            monotonic=lambda: self.clock.now().timestamp(),
            sleep=self.clock.advance,
        )
        self._use_standing_clock()
        self._listeners = {name: self._listener(name) for name in OUT_SIGNALS}
        for name, listener in self._listeners.items():
            signal(name).connect(listener, sender=shop.app)

    def _use_standing_clock(self) -> None:
        state = self.shop.app.extensions["cova"]
        built = build_services(
            self.shop.app,
            db=self.shop.db,
            host=self.shop.host,
            config=state.services.config,
            clock=self.clock,
        )
        state.services = dataclasses.replace(
            built, sleep=lambda _seconds: None, open_client=self._open_client
        )
        state.receivers = Receivers(self.shop.app, state.services)
        state.receivers.connect()

    def _open_client(self, credentials: CovaCredentials, *, is_trial: bool = False) -> CovaClient:
        """The real client; only that it neither sleeps nor shares its budget with other tests."""
        config = self.shop.services.config
        endpoints = CovaEndpoints(api_url=config.api_url, token_url=config.token_url)
        transport = Transport(
            connect_timeout_seconds=config.connect_timeout_seconds,
            read_timeout_seconds=config.read_timeout_seconds,
            backoff_seconds=0,
            budget=self._budget,
            sleep=lambda _seconds: None,
        )
        tokens = TokenProvider(
            endpoints, credentials, self._tokens, self.clock, transport=transport
        )
        return CovaClient(
            endpoints=endpoints,
            credentials=credentials,
            transport=transport,
            tokens=tokens,
            clock=self.clock,
        )

    def _listener(self, name: str) -> Callable[..., None]:
        def hear(_sender: Any, **keywords: Any) -> None:
            self.heard.append((name, keywords))

        return hear

    @property
    def ctx(self) -> ServiceContext:
        return self.shop.services  # type: ignore[no-any-return]

    def use(self, **parts: Any) -> None:
        """Replace parts of the services, as `ServiceContext` provides for."""
        state = self.shop.app.extensions["cova"]
        state.services = dataclasses.replace(state.services, **parts)

    def close(self) -> None:
        for name, listener in self._listeners.items():
            signal(name).disconnect(listener, sender=self.shop.app)
        self.shop.close()

    # --- the shop ------------------------------------------------------------------------

    def lines(self, count: int = 1) -> list[tuple[str, str, str, str]]:
        products = self.sim.ordinary_products(count)
        return [
            (product, f"Line {number}", "1", "10.00")
            for number, product in enumerate(products, start=1)
        ]

    def place(self, order_id: str = "1", **more: Any) -> Push:
        """Place and confirm an order of one piece; its row in the outbox."""
        self.shop.place(order_id, more.pop("lines", None) or self.lines(), **more)
        return self.row(order_id, store_id=more.get("store_id", "s1"))

    def deliver(self, order_id: str = "1", **more: Any) -> Push:
        """The same for delivery."""
        return self.place(order_id, **{"address": MAPLE_STREET, **more})

    def change_order(self, order_id: str = "1", **document: Any) -> None:
        """Somebody edits the order in the shop; the keys are those of its document."""
        with self.shop.app.app_context():
            found = self.shop.db.session.get_one(ShopOrder, ("s1", order_id))
            found.document = {**found.document, **document}
            self.shop.db.session.commit()

    def place_only(self, order_id: str = "1") -> None:
        """Place an order that is not confirmed yet."""
        self.shop.place(order_id, self.lines(), send=[])
        with self.shop.app.app_context():
            self.shop.db.session.get_one(ShopOrder, ("s1", order_id)).confirmed_at = None
            self.shop.db.session.commit()
        self.shop.send("aiq.order-placed", order_id)

    def delete_order(self, order_id: str = "1") -> None:
        """The order vanishes from the shop."""
        with self.shop.app.app_context():
            self.shop.db.session.delete(self.shop.db.session.get_one(ShopOrder, ("s1", order_id)))
            self.shop.db.session.commit()

    @property
    def database_url(self) -> str:
        return str(self.shop.app.config["SQLALCHEMY_DATABASE_URI"])

    # --- the work ------------------------------------------------------------------------

    def push(self, store_id: str = "s1") -> PushReport:
        with self.shop.app.app_context():
            return push_due_orders(self.ctx, store_id)

    def poll(self, store_id: str = "s1", *, only_due: bool = False) -> PollReport:
        with self.shop.app.app_context():
            return poll_statuses(self.ctx, store_id, only_due=only_due)

    def sweep(self, store_id: str = "s1") -> SweepReport:
        with self.shop.app.app_context():
            return sweep_orders(self.ctx, store_id)

    def command(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run `flask cova … --json`; its exit code and the document it printed."""
        result = self.shop.run(*arguments, "--json")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, json.loads(result.stdout)

    def advance(self, seconds: float) -> None:
        """Time passes, here and in COVA."""
        self.clock.advance(seconds)
        self.sim.clock.advance(seconds)

    def go_on(self, order_id: str = "1", *, rounds: int = 30, retry: bool = False) -> Push:
        """Push, wait out the delay, push again, until the order no longer waits.

        With `retry` a person presses Retry whenever it needs attention.
        """
        for _ in range(rounds):
            self.push()
            row = self.row(order_id)
            wants_cancel = row.cancel_requested and row.state == "in_pos"
            if row.state == "needs_attention" and retry:
                code, document = self.command("orders", "retry", order_id)
                assert code == 0, document
                continue
            if row.state not in WAITING and not wants_cancel:
                return row
            self.wait_until_due(row)
        return self.row(order_id)

    def wait_until_due(self, row: Push) -> None:
        """Let time pass until the row's next attempt is due."""
        if row.next_attempt_at is not None:
            self.advance(max((row.next_attempt_at - self.clock.now()).total_seconds(), 0) + 0.01)

    # --- what came of it -----------------------------------------------------------------

    def row(self, order_id: str = "1", *, store_id: str = "s1") -> Push:
        with self.shop.app.app_context(), self.ctx.database.short() as connection:
            row = outbox.push_of_order(connection, store_id, order_id)
        assert row is not None
        return row

    def has_row(self, order_id: str, *, store_id: str = "s1") -> bool:
        with self.shop.app.app_context(), self.ctx.database.short() as connection:
            return outbox.push_of_order(connection, store_id, order_id) is not None

    def events(self, order_id: str = "1", *, store_id: str = "s1") -> list[PushEvent]:
        row = self.row(order_id, store_id=store_id)
        with self.shop.app.app_context(), self.ctx.database.short() as connection:
            return outbox.events_of(connection, row.id)

    def event_names(self, order_id: str = "1") -> list[str]:
        return [event.event for event in self.events(order_id)]

    def story(self, order_id: str = "1") -> str:
        return "\n".join(event.detail for event in self.events(order_id))

    def holds(self) -> list[dict[str, Any]]:
        """`orders holds` in JSON."""
        _, document = self.command("holds")
        return list(document["holds"])

    def signals(self, name: str) -> list[dict[str, Any]]:
        return [keywords for each, keywords in self.heard if each == f"cova.{name}"]

    def customers_with(self, digits: str = ADA_DIGITS) -> list[dict[str, Any]]:
        """COVA's customers with this number, in whatever spelling."""
        return [
            each
            for each in self.sim.customers()
            if any(_digits(phone).endswith(digits) for phone in each["phones"])
        ]

    def calls(self, operation: str) -> int:
        return len(self.sim.requests(operation))

    def assert_sent_once(self, row: Push) -> dict[str, Any]:
        """COVA holds exactly this one order of one customer; answers the order."""
        orders = self.sim.orders()
        assert [order["id"] for order in orders] == [row.cova_order_id]
        assert len(self.customers_with()) == 1
        assert orders[0]["customer_id"] == self.customers_with()[0]["id"]
        assert self.sim.broken == []
        return orders[0]


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isdigit())


def make_ready(sim: Simulator, database_url: str) -> None:
    """Create all tables in an empty database and connect store s1."""
    shop = Shop(database_url, **config_for(sim))
    shop.cova.connect_store(shop.app, "s1", check=False, **settings_for(sim))
    shop.close()


@contextmanager
def open_bench(sim: Simulator, database_url: str, **config: Any) -> Iterator[Bench]:
    """The shop on a database that `make_ready` has prepared, or a copy of it."""
    bench = Bench(sim, Shop(database_url, **config_for(sim, **config)))
    try:
        yield bench
    finally:
        bench.close()


def fresh(sim: Simulator) -> Simulator:
    """The simulator as it was when it started."""
    sim.reset()
    for name, default in vars(Switches()).items():
        setattr(sim.switches, name, default)
    return sim


def settle_down(seconds: float) -> None:
    """Let calls that our side has given up come to their end in the simulator."""
    time.sleep(seconds)


def customer(**changes: Any) -> dict[str, Any]:
    """Ada, with changes."""
    return {**ADA, **changes}
