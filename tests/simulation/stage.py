"""What all worlds of one process share, because building it is slow: apps and database.

A world begins on a clean stage: the database is put back to a kept state, COVA's records are
filled in anew, the clock stands at the beginning.
"""

from __future__ import annotations

import random
import types
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.host import Store
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.simulator.account import Account
from aiq_cova_plugin.simulator.faults import Faults
from aiq_cova_plugin.simulator.limits import RateLimits
from aiq_cova_plugin.simulator.register import Register
from aiq_cova_plugin.simulator.state import State
from aiq_cova_plugin.simulator.switches import Switches
from aiq_cova_plugin.simulator.world import World as CovaWorld
from aiq_cova_plugin.simulator.world import fill

from tests.simulation.clocks import START, CovaClock, VirtualClock
from tests.simulation.companies import COMPANIES, STORES, Front
from tests.simulation.database import Database, PostgresDatabase, SqliteFile
from tests.simulation.wire import WireAdapter, WireAnswer, WireCall
from tests.support.shop import Shop

COVA_URL = "http://127.0.0.1:9"
"""Nobody listens there, and nobody is asked: calls never leave the process."""
SECRET_KEY = "c2ltdWxhdGlvbi1vZi13ZWVrcy0wMTIzNDU2Nzg5YWI="
STORE = STORES[0][0]
"""The first store, and the only one of most worlds."""
PRODUCTS = 45
READ_TIMEOUT_SECONDS = 60
LEASE_SECONDS = 300


class Stage:
    """The apps and the database of this process; `reset` makes them new."""

    def __init__(self, database_url: str | None = None, *, products: int = PRODUCTS) -> None:
        self._database: Database = (
            SqliteFile() if database_url is None else PostgresDatabase(database_url)
        )
        self._products = products
        self.clock = VirtualClock()
        self.on_statement: Callable[[], None] = _nothing
        self.carry: Callable[..., WireAnswer] | None = None
        self.applied: list[tuple[str, list[Any]]] = []
        """What the plugin wrote into the shop: store id and changes, a batch each."""
        self.companies = self._new_companies(Switches())
        self._front = Front(self.companies)
        self.adapter = WireAdapter(self._carry, self._front)
        self.shop = self._open_shop()
        self._bare = self._database.keep(self.engine)
        self._kept: dict[tuple[int, bool], Any] = {}
        self._stocked_at: dict[int, Any] = {}

    @property
    def engine(self) -> sa.Engine:
        with self.shop.app.app_context():
            return self.shop.db.engine

    @property
    def is_sqlite(self) -> bool:
        return isinstance(self._database, SqliteFile)

    def _open_shop(self) -> Shop:
        # A wait for the database would be a wait for ourselves.
        impatience: dict[str, Any] = {"timeout": 0.05}
        if not self.is_sqlite:
            impatience = {"options": "-c lock_timeout=200"}
        shop = Shop(
            self._database.url,
            clock=self.clock,
            COVA_API_URL=COVA_URL,
            COVA_TOKEN_URL=f"{COVA_URL}/v1/oauth2/token",
            COVA_SECRET_KEYS=SECRET_KEY,
            COVA_SCHEDULER="none",
            COVA_READ_TIMEOUT_SECONDS=READ_TIMEOUT_SECONDS,
            COVA_LEASE_SECONDS=LEASE_SECONDS,
            # Without threads: one piece of work after the other, in an order that replays.
            COVA_WORKERS=1,
            SQLALCHEMY_ENGINE_OPTIONS={"connect_args": impatience},
        )
        with shop.app.app_context():
            engine = shop.db.engine
        sa.event.listen(engine, "before_cursor_execute", self._before_statement)
        sa.event.listen(engine, "commit", lambda _connection: self.on_statement())
        self._database.prepare(engine)
        apply = shop.host.apply_products

        def apply_and_note(store_id: str, changes: Any) -> Any:
            self.applied.append((store_id, list(changes)))
            return apply(store_id, changes)

        shop.host.apply_products = apply_and_note  # type: ignore[method-assign]
        return shop

    def _before_statement(self, *_: Any) -> None:
        self.on_statement()

    def _carry(self, call: WireCall, work: Callable[[], WireAnswer], timeout: float) -> WireAnswer:
        return work() if self.carry is None else self.carry(call, work, timeout)

    # --- a clean stage --------------------------------------------------------------------

    def reset(self, *, switches: Switches, stocked: bool = True, stores: int = 1) -> None:
        """Everything as in the beginning; with `stocked` after a first whole sync.

        `stores` are one, or three: two of one company, and one of another.
        """
        if (stores, stocked) not in self._kept:
            self._make_templates(stores)
        self._clear(switches, stores)
        self._database.restore(self.engine, self._kept[stores, stocked])
        if stocked:
            self.clock.move_to(self._stocked_at[stores])

    def _clear(self, switches: Switches, stores: int) -> None:
        self.on_statement, self.carry = _nothing, None
        self.clock.reset()
        self.companies = self._new_companies(switches)
        self._front.attach(self.companies)
        self.shop.host.told.clear()
        self.shop.host.applied.clear()
        self.applied.clear()
        self.shop.host.store_list = [
            Store(store_id, f"Store {store_id}", "America/Denver", "US", "USD")
            for store_id, _, _ in STORES[:stores]
        ]

    def _new_companies(self, switches: Switches) -> list[CovaWorld]:
        return [self._new_cova(account, replace(switches)) for account in COMPANIES]

    def _new_cova(self, account: Account, switches: Switches) -> CovaWorld:
        clock = CovaClock(self.clock)
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

    def _make_templates(self, stores: int) -> None:
        """The shop with so many stores connected, before and after their menus were read once.

        Both are the same in every process: chance and ids come from a seed of their own.
        """
        from tests.simulation.worker import Worker

        chance, ids = random.getstate(), SeededIds(random.Random(f"template {stores}"))
        ids.begin()
        random.seed(f"template {stores}")
        try:
            self._clear(Switches(), stores)
            self._database.restore(self.engine, self._bare)
            for store_id, company, location in STORES[:stores]:
                self._connect(store_id, COMPANIES[company], location)
            self._kept[stores, False] = self._database.keep(self.engine)
            worker = Worker.start(self, "first")
            for store_id, _, _ in STORES[:stores]:
                with self.shop.app.app_context():
                    report = sync_catalog(worker.ctx, store_id, trigger="schedule")
                assert report.status == "succeeded", report.as_document()
            self._stocked_at[stores] = self.clock.now()
            self._kept[stores, True] = self._database.keep(self.engine)
        finally:
            ids.end()
            random.setstate(chance)

    def _connect(self, store_id: str, account: Account, location: int) -> None:
        self.shop.cova.connect_store(
            self.shop.app,
            store_id,
            check=False,
            enabled=True,
            sync_orders=True,
            company_id=account.company_id,
            location_id=account.location_ids[location],
            username=account.username,
            password=account.password,
            client_id=account.client_id,
            client_secret=account.client_secret,
            integrator_id=account.integrator_id,
            delivery_fee_product=account.delivery_fee_product_id,
        )

    def close(self) -> None:
        self.shop.close()
        self._database.close()


class SeededIds:
    """Makes every new GUID come from a seed, for as long as it is in force."""

    def __init__(self, rng: random.Random) -> None:
        self._shim = types.SimpleNamespace(urandom=rng.randbytes)
        self._before: Any = None

    def begin(self) -> None:
        self._before, uuid.os = uuid.os, self._shim  # type: ignore[attr-defined]

    def end(self) -> None:
        uuid.os = self._before  # type: ignore[attr-defined]


def _nothing() -> None:
    return None
