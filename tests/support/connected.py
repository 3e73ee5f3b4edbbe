"""A shop connected to a simulator of its own: what tests of the catalogue side stand on.

Time stands still unless a test moves it, except for a second between two syncs, so that runs
have an order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

from aiq_cova_plugin.clock import FixedClock
from aiq_cova_plugin.host import ProductChange
from aiq_cova_plugin.services.catalogue.sync_catalog import SyncReport, preview_sync, sync_catalog
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import holds, products, runs
from aiq_cova_plugin.store.connections import save_connection, sync_state_of
from aiq_cova_plugin.store.models import Hold, Product, Run, RunIssue, SyncState

from tests.support.shop import Shop
from tests.support.simulators import new_simulator

__all__ = ["ConnectedShop", "connected_shop", "connection_of", "new_simulator", "settings_for"]

SECRET_KEY = Fernet.generate_key().decode()
FEED, CHANGES, BY_ID = "product_data", "product_data_updated", "product_data_by_ids"
"""The simulator's names of the three product calls."""


def settings_for(sim: Simulator) -> dict[str, Any]:
    """The configuration with which an app talks to this simulator."""
    return {
        "COVA_API_URL": sim.url,
        "COVA_TOKEN_URL": sim.token_url,
        "COVA_SECRET_KEYS": SECRET_KEY,
        "COVA_READ_TIMEOUT_SECONDS": 5,
    }


def connection_of(sim: Simulator) -> dict[str, Any]:
    """The six fields of the onboarding package."""
    told = sim.connection()
    names = ("company_id", "location_id", "username", "password", "client_id", "client_secret")
    return {name: told[name] for name in names}


@dataclass
class ConnectedShop:
    """The shop, COVA, and the time it is for the plugin."""

    shop: Shop
    sim: Simulator
    clock: FixedClock

    # --- doing ---

    def sync(self, *, store_id: str = "s1", **options: Any) -> SyncReport:
        """One sync, a second after whatever came before."""
        self.clock.advance(1)
        with self.shop.app.app_context():
            return sync_catalog(self.shop.services, store_id, **options)

    def preview(self, **options: Any) -> SyncReport:
        with self.shop.app.app_context():
            return preview_sync(self.shop.services, "s1", **options)

    def settle(self, order_id: str) -> None:
        """COVA has completed the order: what it holds waits for the next stock reading."""
        with self._short() as connection:
            assert holds.start_settling(connection, "s1", order_id, now=self.clock.now()) > 0

    def change(self, product_id: str, **values: Any) -> None:
        """Change our record of a product."""
        with self._short() as connection:
            assert products.change_product(connection, "s1", product_id, values) == 1

    def change_settings(self, **values: Any) -> None:
        """Change columns of the store's settings."""
        with self._short() as connection:
            save_connection(connection, "s1", values, now=self.clock.now())

    def let_staff_own(self, *fields: str) -> None:
        """Make these fields, and no others, the staff's; as the page does, in one new version."""
        with self._short() as connection:
            save_connection(
                connection,
                "s1",
                {"staff_fields": list(fields), "settings_version": self._next_version(connection)},
                now=self.clock.now(),
            )

    def _next_version(self, connection: sa.Connection) -> int:
        return int(
            connection.execute(
                sa.text("select settings_version from cova_connection where store_id = 's1'")
            ).scalar_one()
            + 1
        )

    @contextmanager
    def after_each_page(self, happens: Callable[[int], object]) -> Iterator[None]:
        """Let something happen in COVA or in the shop after each page of products.

        `happens` gets the offset of the page that has just been answered.
        """
        state = self.shop.app.extensions["cova"]
        services = state.services

        def open_watched(*args: Any, **options: Any) -> Any:
            client = services.open_client(*args, **options)
            for name in ("product_page", "product_page_updated_as_of"):
                setattr(client, name, _watched(getattr(client, name), happens))
            return client

        state.services = replace(services, open_client=open_watched)
        try:
            yield
        finally:
            state.services = services

    # --- looking ---

    def product(self, product_id: str) -> Product:
        """Our record of a product."""
        with self._short() as connection:
            found = products.product_of(connection, "s1", product_id)
        assert found is not None, product_id
        return found

    def known(self) -> dict[str, Product]:
        """dict: product id → our record, for every product of the store."""
        with self._short() as connection:
            return {row.cova_product_id: row for row in products.all_products(connection, "s1")}

    def in_shop(self, product_id: str) -> dict[str, Any]:
        """What the shop itself has stored of a product."""
        return self.shop.products()[product_id]

    def quantity(self, product_id: str) -> Decimal:
        return Decimal(self.in_shop(product_id)["quantity"])

    def state(self, store_id: str = "s1") -> SyncState:
        with self._short() as connection:
            return sync_state_of(connection, store_id)

    def runs(self, store_id: str = "s1") -> list[Run]:
        """The store's runs, newest first."""
        with self._short() as connection:
            return runs.runs_of(connection, store_id, limit=50)

    def issues(self, run_id: str) -> list[RunIssue]:
        with self._short() as connection:
            return runs.issues_of(connection, run_id)

    def holds(self) -> list[Hold]:
        """Every hold that counts against the stock."""
        with self._short() as connection:
            return holds.open_holds(connection, "s1")

    def all_holds(self, order_id: str) -> list[Hold]:
        """Every hold the order ever had."""
        with self._short() as connection:
            return holds.holds_of_order(connection, "s1", order_id)

    def ordinary(self, number: int = 1) -> list[str]:
        """Products without surprises."""
        found = self.sim.ordinary_products(number)
        assert len(found) == number
        return found

    def calls(self, operation: str | None = None) -> int:
        """How many calls COVA has answered so far."""
        return len(self.sim.requests(operation))

    @contextmanager
    def told(self) -> Iterator[list[ProductChange]]:
        """What the host is told inside the block."""
        before = len(self.shop.host.applied)
        changes: list[ProductChange] = []
        yield changes
        for batch in self.shop.host.applied[before:]:
            changes.extend(batch)

    @contextmanager
    def _short(self) -> Iterator[sa.Connection]:
        with self.shop.app.app_context(), self.shop.services.database.short() as connection:
            yield connection


def _watched(read: Callable[..., Any], happens: Callable[[int], object]) -> Callable[..., Any]:
    def page(**place: Any) -> Any:
        answer = read(**place)
        happens(place["skip"])
        return answer

    return page


@contextmanager
def connected_shop(
    database_url: str,
    sim: Simulator,
    *,
    enabled: bool = True,
    sync_orders: bool = False,
    **config: Any,
) -> Iterator[ConnectedShop]:
    """The shop on this database, its first store connected to the simulator's main location."""
    clock = FixedClock(datetime.now(UTC))
    shop = Shop(database_url, clock=clock, **settings_for(sim) | config)
    try:
        shop.cova.connect_store(
            shop.app,
            "s1",
            check=False,
            enabled=enabled,
            sync_orders=sync_orders,
            integrator_id=sim.integrator_id,
            **connection_of(sim),
        )
        yield ConnectedShop(shop, sim, clock)
    finally:
        shop.close()
    assert sim.broken == [], "the simulator itself failed"
