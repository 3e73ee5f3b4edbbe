"""Fifty shoppers, ten pieces: exactly ten are sold, and two workers do one job once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.errors import LeaseHeld
from aiq_cova_plugin.host import InsufficientStock, OrderLine
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import FEED, ConnectedShop, connected_shop, settings_for
from tests.support.shop import Shop


def _all_at_once(number: int, action: Callable[[int], Any]) -> list[Any]:
    """Do it on so many threads at the same moment; the results, or the exceptions."""
    start = threading.Barrier(number)

    def run(each: int) -> Any:
        start.wait(timeout=30)
        try:
            return action(each)
        except Exception as exc:  # noqa: BLE001 - the test looks at it
            return exc

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def test_fifty_shoppers_get_exactly_the_ten_that_are_there(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sim.register.set_stock(product_id, 10)
    any_shop.sync()
    shop = any_shop.shop
    line = OrderLine(product_id, "x", Decimal(1), Decimal(1))

    def shopper(number: int) -> str:
        with shop.app.app_context():
            try:
                shop.cova.reserve("s1", f"o{number}", [line])
                shop.db.session.commit()
            except InsufficientStock:
                shop.db.session.rollback()
                return "none left"
            return "got one"

    results = _all_at_once(50, shopper)

    assert sorted(map(str, results)) == ["got one"] * 10 + ["none left"] * 40
    assert sum(hold.quantity for hold in any_shop.holds()) == 10
    assert any_shop.quantity(product_id) == 0


def test_baskets_in_any_order_never_wait_for_each_other(any_shop: ConnectedShop) -> None:
    """Locks taken in the order of the basket would let two shoppers wait for ever."""
    products = any_shop.ordinary(4)
    for each in products:
        any_shop.sim.register.set_stock(each, 100)
    any_shop.sync()
    shop = any_shop.shop

    def shopper(number: int) -> None:
        basket = products[number % 4 :] + products[: number % 4]
        lines = [OrderLine(each, "x", Decimal(1), Decimal(1)) for each in basket]
        with shop.app.app_context():
            shop.cova.reserve("s1", f"o{number}", lines)
            shop.db.session.commit()

    results = _all_at_once(16, shopper)

    assert results == [None] * 16
    assert {any_shop.quantity(each) for each in products} == {Decimal(84)}


def test_shoppers_and_a_sync_at_the_same_time_keep_the_sum_right(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sim.register.set_stock(product_id, 10)
    any_shop.sync()
    any_shop.sim.register.rename(product_id, "Renamed")
    shop = any_shop.shop
    line = OrderLine(product_id, "x", Decimal(1), Decimal(1))

    def act(number: int) -> object:
        with shop.app.app_context():
            if number == 0:
                return sync_catalog(shop.services, "s1", full=True).status
            shop.cova.reserve("s1", f"o{number}", [line])
            shop.db.session.commit()
            return None

    results = _all_at_once(8, act)

    assert results == ["succeeded"] + [None] * 7
    assert any_shop.quantity(product_id) == 3


def test_a_cancel_waits_for_a_reservation_of_the_same_product(
    any_shop: ConnectedShop,
) -> None:
    """Reckoned beside it, the shop would be told more than is left."""
    (product_id,) = any_shop.ordinary()
    any_shop.sim.register.set_stock(product_id, 10)
    any_shop.sync()
    shop = any_shop.shop
    line = OrderLine(product_id, "x", Decimal(3), Decimal(1))
    with shop.app.app_context():
        shop.cova.reserve("s1", "o1", [line])
        shop.db.session.commit()

    def cancel() -> None:
        shop.send("aiq.order-cancelled", "o1")

    with shop.app.app_context():
        shop.cova.reserve("s1", "o2", [line])
        other = threading.Thread(target=cancel)
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive(), "it waits"
        shop.db.session.commit()
    other.join(timeout=20)

    assert [hold.order_id for hold in any_shop.holds()] == ["o2"]
    assert any_shop.quantity(product_id) == 7


# --- workers --------------------------------------------------------------------------------------


def _second_worker(database_url: str, first: ConnectedShop) -> Shop:
    """Another process of the same shop, as far as the database can tell."""
    return Shop(database_url, clock=first.clock, **settings_for(first.sim))


def test_two_workers_sync_a_store_once_at_a_time(
    any_shop: ConnectedShop, database_url: str
) -> None:
    other = _second_worker(database_url, any_shop)
    any_shop.sim.faults.add(FEED, action="delay", seconds=0.7)

    def work(number: int) -> str:
        shop = (any_shop.shop, other)[number]
        with shop.app.app_context():
            return sync_catalog(shop.services, "s1").status

    results = _all_at_once(2, work)
    other.close()

    assert sorted(type(result).__name__ for result in results) == ["LeaseHeld", "str"]
    assert [run.status for run in any_shop.runs()] == ["succeeded"]


def test_due_jobs_are_done_once_by_any_number_of_workers(
    any_shop: ConnectedShop, database_url: str
) -> None:
    other = _second_worker(database_url, any_shop)
    shops = [any_shop.shop, other]

    def work(number: int) -> int:
        shop = shops[number % 2]
        with shop.app.app_context():
            return run_due_catalogue_jobs(shop.services)

    for _ in range(3):
        results = _all_at_once(6, work)
        assert all(isinstance(result, int) for result in results), results
        any_shop.clock.advance(600)
    other.close()

    runs = any_shop.runs()
    assert [run.status for run in runs] == ["succeeded"] * 3
    assert len({run.started_at for run in runs}) == 3, "one run for each time it was due"


def test_a_claim_of_a_dead_worker_is_taken_over_when_it_has_run_out(
    any_shop: ConnectedShop,
) -> None:
    services = any_shop.shop.services
    with any_shop.shop.app.app_context():
        dead = services.schedule.claim_due(("catalog",))
        assert dead is not None
        assert services.schedule.claim_due(("catalog",)) is None

        any_shop.clock.advance(299)
        assert services.schedule.claim_due(("catalog",)) is None
        any_shop.clock.advance(301)
        taken = services.schedule.claim_due(("catalog",))

        assert taken is not None
        assert taken.fence == dead.fence + 1
        services.schedule.finish(dead, error="I am late")
        row = next(row for row in services.schedule.rows("s1") if row.job == "catalog")
        assert (row.owner, row.last_error) == (services.worker_id, "")


def test_what_was_missed_is_not_caught_up_and_the_rhythm_stays(any_shop: ConnectedShop) -> None:
    def due() -> object:
        with any_shop.shop.app.app_context():
            rows = any_shop.shop.services.schedule.rows("s1")
        return next(row.due_at for row in rows if row.job == "catalog")

    first_due = due()
    any_shop.clock.advance(3 * 600 + 17)

    with any_shop.shop.app.app_context():
        run_due_catalogue_jobs(any_shop.shop.services)

    assert [run.trigger for run in any_shop.runs()] == ["schedule"]
    # A sale may end before the next round; then that moment comes first.
    assert due() <= first_due + timedelta(seconds=4 * 600)  # type: ignore[operator]


def test_a_shorter_interval_takes_hold_when_a_worker_starts(
    sqlite_url: str, sim: Simulator
) -> None:
    with connected_shop(sqlite_url, sim, COVA_CATALOG_INTERVAL_SECONDS=86_400) as slow:
        with slow.shop.app.app_context():
            run_due_catalogue_jobs(slow.shop.services)
        quick = Shop(sqlite_url, clock=slow.clock, **settings_for(sim))
        slow.clock.advance(2)
        with quick.app.app_context():
            run_due_catalogue_jobs(quick.services)
            slow.clock.advance(600)
            run_due_catalogue_jobs(quick.services)
        quick.close()

        assert len(slow.runs()) == 2


def test_a_dead_workers_lease_is_taken_over_after_its_time(any_shop: ConnectedShop) -> None:
    leases = any_shop.shop.services.leases
    with any_shop.shop.app.app_context():
        dead = leases.take("catalog:s1")
        assert dead is not None
        any_shop.clock.advance(299)
        assert leases.take("catalog:s1") is None
        any_shop.clock.advance(1)
        taken = leases.take("catalog:s1")

        assert taken is not None
        assert taken.took_over
        with pytest.raises(LeaseHeld):
            leases.renew(dead)
        leases.give_back(dead)
        assert leases.is_held("catalog:s1", any_shop.clock.now()), "the new owner keeps it"


def test_a_lease_given_back_is_free_at_once(any_shop: ConnectedShop) -> None:
    leases = any_shop.shop.services.leases
    with any_shop.shop.app.app_context():
        with leases.hold("x", busy="busy"), pytest.raises(LeaseHeld), leases.hold("x", busy="b"):
            pass
        with leases.hold("x", busy="busy") as again:
            assert not again.took_over


def test_many_workers_take_one_lease_once(any_shop: ConnectedShop) -> None:
    shop = any_shop.shop

    def work(_number: int) -> bool:
        with shop.app.app_context():
            return shop.services.leases.take("x") is not None

    assert sorted(map(str, _all_at_once(12, work))) == ["False"] * 11 + ["True"]


def test_a_worker_that_lost_its_lease_while_reading_writes_nothing_more(
    any_shop: ConnectedShop, database_url: str
) -> None:
    """It hung for longer than its lease; another worker has done the sync meanwhile."""
    other = _second_worker(database_url, any_shop)
    any_shop.sim.register.rename(any_shop.ordinary()[0], "Old")
    begun, go_on = threading.Event(), threading.Event()
    host = any_shop.shop.host
    categories = host.categories

    def hang(store_id: str) -> Any:
        begun.set()
        go_on.wait(timeout=20)
        return categories(store_id)

    host.categories = hang  # type: ignore[method-assign]
    results: list[Any] = []

    def slow_worker() -> None:
        with any_shop.shop.app.app_context():
            results.append(sync_catalog(any_shop.shop.services, "s1"))

    thread = threading.Thread(target=slow_worker)
    thread.start()
    assert begun.wait(timeout=20)
    any_shop.clock.advance(301)
    with other.app.app_context():
        assert sync_catalog(other.services, "s1").status == "succeeded"
    told = len(host.applied)
    rows = {each: row.updated_at for each, row in any_shop.known().items()}
    go_on.set()
    thread.join(timeout=20)
    other.close()

    assert results[0].status == "failed"
    assert "taken its work over" in results[0].message
    assert len(host.applied) == told
    assert {each: row.updated_at for each, row in any_shop.known().items()} == rows
    assert sorted(run.status for run in any_shop.runs()) == ["failed", "succeeded"]


def test_a_worker_that_loses_its_lease_while_writing_stops_before_the_next_batch(
    database_url: str, sim: Simulator
) -> None:
    for number in range(230):
        sim.register.add_product(name=f"Extra {number}", price=5, stock=5)
    with connected_shop(database_url, sim) as shop:
        services, host = shop.shop.services, shop.shop.host
        tell, batches = host.apply_products, []

        def lose_the_lease(store_id: str, changes: Any) -> Any:
            batches.append(len(changes))
            shop.clock.advance(301)
            return tell(store_id, changes)

        host.apply_products = lose_the_lease  # type: ignore[method-assign]
        taken = []

        # Between two batches, when nothing is locked, another worker comes along.
        writer_note = services.leases.renew

        def come_along(lease: Any) -> None:
            if batches and not taken:
                taken.append(services.leases.take("catalog:s1"))
            writer_note(lease)

        services.leases.renew = come_along

        report = shop.sync()

        assert taken[0] is not None
        assert report.status == "failed"
        assert len(batches) == 1
        assert shop.state().cursor is None


def test_a_batch_of_a_worker_that_lost_its_lease_is_not_written(
    database_url: str, sim: Simulator
) -> None:
    """The host took longer over a batch than the lease lasts; its batch must not win."""
    with connected_shop(database_url, sim) as shop:
        services, host = shop.shop.services, shop.shop.host
        taken: list[Any] = []
        record = services.database.job_transaction

        def before_the_batch() -> Any:
            shop.clock.advance(301)
            taken.append(services.leases.take("catalog:s1"))
            return record()

        services.database.job_transaction = before_the_batch

        report = shop.sync()

        assert taken[0] is not None
        assert report.status == "failed"
        assert host.applied == []
        assert shop.shop.products() == {}
