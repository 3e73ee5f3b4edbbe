"""A checkout locks the shop's product and then ours, a sync ours and then the shop's: on
PostgreSQL one of them is the victim, and nothing of either is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from blinker import signal
from sqlalchemy.exc import OperationalError

from aiq_cova_plugin.host import OrderLine
from aiq_cova_plugin.services.catalogue import apply_changes
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.services.connection import connection_settings
from aiq_cova_plugin.services.connection.connection_settings import save_settings

from tests.integration.orders.kit import Bench, settings_for
from tests.support.shop import ShopProduct

pytestmark = pytest.mark.postgres

_BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def _sync(bench: Bench) -> Any:
    bench.advance(1)
    with bench.shop.app.app_context():
        return sync_catalog(bench.ctx, "s1")


class _Crossing:
    """A sync that has our product and a checkout that has the shop's, each about to want the
    other's."""

    def __init__(self, bench: Bench, product: str) -> None:
        self.bench, self.product = bench, product
        self.sync_has_ours, self.checkout_has_its = threading.Event(), threading.Event()
        self.may_write = threading.Event()
        self.errors: dict[str, BaseException] = {}
        self._write = bench.shop.host.apply_products
        self._asker = sa.create_engine(bench.database_url, isolation_level="AUTOCOMMIT")

    def run(self, checkout: Callable[[], None], *, first_to_wait: str) -> None:
        """Cross them. `first_to_wait` (`sync` or `checkout`) is the one that PostgreSQL gives
        up: its second of waiting is over first."""
        self.bench.shop.host.apply_products = self._held_up  # type: ignore[method-assign]
        syncing = self._thread("sync", lambda: _sync(self.bench))
        buying = self._thread("checkout", lambda: self._buy(checkout))
        syncing.start()
        assert self.sync_has_ours.wait(30)
        if first_to_wait == "sync":
            self.go_on = threading.Event()
            buying.start()
            assert self.checkout_has_its.wait(30)
            self.may_write.set()
            self._until_blocked(1)
            self.go_on.set()
        else:
            self.go_on = threading.Event()
            self.go_on.set()
            buying.start()
            assert self.checkout_has_its.wait(30)
            self._until_blocked(1)
            self.may_write.set()
        for thread in (syncing, buying):
            thread.join(timeout=60)
            assert not thread.is_alive()
        self.bench.shop.host.apply_products = self._write  # type: ignore[method-assign]
        self._asker.dispose()

    def _held_up(self, store_id: str, changes: Sequence[Any]) -> Any:
        if threading.current_thread().name == "sync" and not self.sync_has_ours.is_set():
            self.sync_has_ours.set()
            assert self.may_write.wait(30)
        return self._write(store_id, changes)

    def _buy(self, checkout: Callable[[], None]) -> None:
        with self.bench.shop.app.app_context():
            session = self.bench.shop.db.session
            # A shop that counts its own stock down at checkout.
            session.execute(
                sa.update(ShopProduct)
                .where(ShopProduct.store_id == "s1", ShopProduct.cova_product_id == self.product)
                .values(store_id=ShopProduct.store_id)
            )
            self.checkout_has_its.set()
            assert self.go_on.wait(30)
            checkout()
            session.commit()

    def _thread(self, name: str, work: Callable[[], Any]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except OperationalError as exc:
                self.errors[name] = exc

        return threading.Thread(target=run, name=name)

    def _until_blocked(self, number: int) -> None:
        with self._asker.connect() as connection:
            for _ in range(2000):
                if connection.execute(sa.text(_BLOCKED)).scalar_one() >= number:
                    return
                time.sleep(0.005)
        raise AssertionError("nobody waits for a lock")


@pytest.mark.parametrize("first_to_wait", ["checkout", "sync"])
def test_a_confirmed_order_and_a_sync_that_cross_lose_nothing(
    postgres_bench: Bench, first_to_wait: str
) -> None:
    bench = postgres_bench
    (product,) = bench.sim.ordinary_products(1)
    _sync(bench)
    bench.shop.place("1", bench.lines(), send=[])
    bench.sim.register.set_stock(product, 7)

    def confirm() -> None:
        signal("aiq.order-confirmed").send(bench.shop.app, store_id="s1", order_id="1")

    crossing = _Crossing(bench, product)
    crossing.run(confirm, first_to_wait=first_to_wait)
    bench.sweep()
    report = _sync(bench)
    bench.push()

    # A checkout goes through; a sync that was given up is simply due again.
    assert set(crossing.errors) == ({"sync"} if first_to_wait == "sync" else set())
    assert report.status == "succeeded"
    assert bench.row().state == "in_pos"
    assert len(bench.sim.orders()) == 1
    assert [(hold["quantity"], hold["state"]) for hold in bench.holds()] == [(1, "active")]
    assert bench.shop.products()[product]["quantity"] == "6"


@pytest.mark.parametrize("first_to_wait", ["checkout", "sync"])
def test_a_reservation_that_crosses_a_sync_is_taken_whole_or_fails_and_can_be_repeated(
    postgres_bench: Bench, first_to_wait: str
) -> None:
    bench = postgres_bench
    (product,) = bench.sim.ordinary_products(1)
    _sync(bench)
    bench.sim.register.set_stock(product, 7)
    line = OrderLine(product, "Line", Decimal(2), Decimal(20))

    def reserve() -> None:
        bench.shop.cova.reserve("s1", "9", [line])

    crossing = _Crossing(bench, product)
    crossing.run(reserve, first_to_wait=first_to_wait)
    held = bench.holds()
    if "checkout" in crossing.errors:
        # The shop's own transaction was the victim: it holds nothing, and is repeated.
        assert held == []
        with bench.shop.app.app_context():
            reserve()
            bench.shop.db.session.commit()
    _sync(bench)

    assert [(hold["quantity"], hold["state"]) for hold in bench.holds()] == [(2, "active")]
    assert bench.shop.products()[product]["quantity"] == "5"


def test_a_sync_saved_settings_and_a_cancel_do_not_wait_for_each_other(
    postgres_bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync wants the store's row, the settings the order's, the cancel the product's."""
    bench = postgres_bench
    (product,) = bench.sim.ordinary_products(1)
    _sync(bench)
    refused = bench.sim.faults.add("submit_order", action="forbidden", times=None)
    bench.place()
    bench.push()
    assert bench.row().kind == "NotPermitted"
    bench.sim.faults.remove(refused.id)
    bench.sim.register.set_stock(product, 7)
    errors: list[BaseException] = []
    go_on = threading.Event()

    def held_up(module: Any, name: str) -> threading.Event:
        real, is_there = getattr(module, name), threading.Event()

        def wait(*arguments: Any, **more: Any) -> Any:
            is_there.set()
            assert go_on.wait(30)
            return real(*arguments, **more)

        monkeypatch.setattr(module, name, wait)
        return is_there

    def start(work: Callable[[], Any]) -> threading.Thread:
        def run() -> None:
            try:
                with bench.shop.app.app_context():
                    work()
            except BaseException as exc:  # noqa: BLE001 - shown by the test
                errors.append(exc)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def save() -> None:
        password = settings_for(bench.sim)["password"]
        save_settings(bench.ctx, "s1", {"password": password}, check=False, by="Robin")

    at_the_store = held_up(apply_changes, "is_connected_to")
    syncing = start(lambda: _sync(bench))
    assert at_the_store.wait(30)
    at_the_orders = held_up(connection_settings, "resume_after_settings")
    saving = start(save)
    assert at_the_orders.wait(30)
    cancelling = start(lambda: bench.shop.send("aiq.order-cancelled", "1"))
    cancelling.join(timeout=1.5)  # done by then, or waiting for the sync
    go_on.set()
    for thread in (syncing, saving, cancelling):
        thread.join(timeout=60)
        assert not thread.is_alive()

    assert errors == []
    assert bench.row().state == "withdrawn"
    assert bench.holds() == []
    assert bench.shop.products()[product]["quantity"] == "7"
