"""A listing that broke off is gone on with behind the last page that was read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.services.catalogue import kept_pages
from aiq_cova_plugin.services.upkeep.prune import prune
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store.models import ReadPage
from aiq_cova_plugin.store.records import many

from tests.support.connected import (
    BY_ID,
    CHANGES,
    FEED,
    ConnectedShop,
    connected_shop,
    new_simulator,
    settings_for,
)

PAGE, NUMBER = 10, 80
_ROOT = Path(__file__).parents[3]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with new_simulator(products=NUMBER) as simulator:
        yield simulator


@pytest.fixture
def paged(sqlite_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    with connected_shop(sqlite_url, sim, COVA_PAGE_SIZE=PAGE) as shop:
        yield shop


@pytest.fixture
def any_paged(database_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    with connected_shop(database_url, sim, COVA_PAGE_SIZE=PAGE) as shop:
        yield shop


def _kept(shop: ConnectedShop) -> list[ReadPage]:
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        return many(connection, ReadPage, order_by=(ReadPage.listing, ReadPage.position))


@contextmanager
def _questions(shop: ConnectedShop) -> Iterator[list[tuple[str, int, int]]]:
    """(call, offset, page size) of every page the plugin asks for inside the block."""
    asked: list[tuple[str, int, int]] = []
    state = shop.shop.app.extensions["cova"]
    services = state.services

    def open_watched(*args: Any, **options: Any) -> Any:
        client = services.open_client(*args, **options)
        for call, name in ((FEED, "product_page"), (CHANGES, "product_page_updated_as_of")):
            setattr(client, name, _noting(asked, call, getattr(client, name)))
        return client

    state.services = replace(services, open_client=open_watched)
    try:
        yield asked
    finally:
        state.services = services


def _noting(asked: list[tuple[str, int, int]], call: str, read: Any) -> Any:
    def page(*, skip: int, top: int, **more: Any) -> Any:
        asked.append((call, skip, top))
        return read(skip=skip, top=top, **more)

    return page


def _skips(asked: list[tuple[str, int, int]], call: str) -> list[int]:
    return [skip for each, skip, _ in asked if each == call]


def _break_page(shop: ConnectedShop, number: int, operation: str = FEED) -> None:
    """COVA fails from this page on (the first is 1), however small it is asked for."""
    shop.sim.faults.add(operation, action="server_error", times=None, skip=number - 1)


def _menu(shop: ConnectedShop) -> dict[str, Decimal]:
    return {
        each: Decimal(fields["price"])
        for each, fields in shop.shop.products().items()
        if fields["enabled"] and fields.get("price") is not None
    }


def _in_cova(shop: ConnectedShop) -> dict[str, Decimal]:
    sim = shop.sim
    return {
        product.id: price
        for product in sim.state.products.values()
        if product.lifecycle == "Active"
        and not product.is_archived
        and not product.is_non_stock
        and (price := product.regular_price(sim.location_id)) is not None
    }


def test_the_next_run_goes_on_behind_the_last_page(any_paged: ConnectedShop) -> None:
    shop = any_paged
    _break_page(shop, 6)
    first = shop.sync()
    assert (first.status, first.fetched) == ("failed", 5 * PAGE)
    assert [page.next_skip for page in _kept(shop)] == [10, 20, 30, 40, 50]
    assert shop.shop.products() == {}, "nothing is written from half a menu"
    shop.sim.faults.clear()

    with _questions(shop) as asked:
        second = shop.sync()

    assert (second.status, second.mode) == ("succeeded", "full")
    assert second.fetched >= NUMBER
    # One step back, so that a list that has moved is noticed.
    assert _skips(asked, FEED)[0] == 49
    assert len(_skips(asked, FEED)) <= (second.fetched - 5 * PAGE) / PAGE + 3
    assert _menu(shop) == _in_cova(shop)
    assert _kept(shop) == [], "used pages are dropped"
    assert "went on where the run before stopped: 5 pages with 50 products" in second.message
    assert shop.runs()[0].message == second.message


def test_an_increment_goes_on_as_well_and_reads_what_changed_meanwhile(
    any_paged: ConnectedShop,
) -> None:
    shop = any_paged
    shop.sync()
    shop.sim.clock.advance(3600)
    for number, each in enumerate(_in_cova(shop), start=1):
        shop.sim.register.set_price(each, number)
    _break_page(shop, 4, CHANGES)
    assert shop.sync().status == "failed"
    kept = [row for row in _kept(shop) if row.listing.startswith("since:")]
    assert len(kept) == 3
    shop.sim.faults.clear()
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, "777")

    with _questions(shop) as asked:
        report = shop.sync()

    assert (report.status, report.mode) == ("succeeded", "incremental")
    skips = _skips(asked, CHANGES)
    assert skips[0] == 29
    assert 0 in skips[1:], "the changes since the listing began are read at its end"
    assert _menu(shop) == _in_cova(shop)
    assert _menu(shop)[product_id] == 777


def test_the_cursor_is_the_time_of_the_first_page(paged: ConnectedShop) -> None:
    began = paged.sim.clock.now()
    _break_page(paged, 3)
    paged.sync()
    paged.sim.faults.clear()
    paged.sim.clock.advance(900)

    paged.sync()

    cursor = paged.state().cursor
    assert cursor is not None
    assert cursor - began < timedelta(minutes=1)


def test_a_product_that_changes_between_the_two_halves_is_read_anew(
    paged: ConnectedShop,
) -> None:
    early = list(paged.sim.state.products)[:PAGE]
    changed = next(each for each in paged.ordinary(20) if each in early)
    _break_page(paged, 3)
    paged.sync()
    paged.sim.register.set_price(changed, "123.45")
    paged.sim.faults.clear()

    report = paged.sync()

    assert report.status == "succeeded"
    assert _menu(paged)[changed] == Decimal("123.45")


def test_a_product_that_moves_to_the_end_between_the_halves_hides_no_other_one(
    paged: ConnectedShop,
) -> None:
    """All products behind it move up by one, so that the seam does not fit any more."""
    paged.sim.switches.update({"order_of_products": "on_change"})
    _break_page(paged, 4)
    paged.sync()
    paged.sim.faults.clear()
    paged.sim.register.rename(list(paged.sim.state.products)[2], "Sold meanwhile")

    with _questions(paged) as asked:
        report = paged.sync()

    assert report.status == "succeeded"
    assert _menu(paged) == _in_cova(paged)
    assert _skips(asked, FEED).count(0) == 1, "the list was read again"


def test_a_list_without_any_order_is_read_again(paged: ConnectedShop) -> None:
    paged.sim.switches.update({"order_of_products": "every_call"})
    _break_page(paged, 4)
    paged.sync()
    paged.sim.faults.clear()

    paged.sync()
    paged.sync(full=True)

    assert _menu(paged) == _in_cova(paged)


def test_pages_of_a_whole_pass_hide_nothing_that_is_still_there(paged: ConnectedShop) -> None:
    paged.sync()
    before = _menu(paged)
    _break_page(paged, 3)
    assert paged.sync(full=True).status == "failed"
    paged.sim.faults.clear()

    report = paged.sync(full=True)

    assert (report.status, report.hidden) == ("succeeded", 0)
    assert _menu(paged) == before
    assert paged.calls(BY_ID) == 0


def test_a_second_break_goes_on_behind_the_second_half(paged: ConnectedShop) -> None:
    _break_page(paged, 3)
    paged.sync()
    paged.sim.faults.clear()
    _break_page(paged, 3)
    paged.sync()
    paged.sim.faults.clear()

    with _questions(paged) as asked:
        report = paged.sync()

    assert report.status == "succeeded"
    assert _skips(asked, FEED)[0] > 30
    assert _skips(asked, FEED).count(0) == 0, "the list counts as unmoved"
    assert _menu(paged) == _in_cova(paged)


def test_a_smaller_page_size_that_worked_is_kept(sqlite_url: str, sim: Simulator) -> None:
    sim.switches.update({"max_top": 30})
    with connected_shop(sqlite_url, sim, COVA_PAGE_SIZE=100) as shop:
        # Two refusals, then pages of 25: the third of them fails.
        _break_page(shop, 5)
        shop.sync()
        shop.sim.faults.clear()

        with _questions(shop) as asked:
            assert shop.sync().status == "succeeded"

        assert asked[0] == (FEED, 49, 25)
        assert {top for call, _, top in asked if call == FEED} == {25}


# --- what makes kept pages useless ----------------------------------------------------------------


def _broken_off(shop: ConnectedShop) -> None:
    """A run that broke off on page 4."""
    _break_page(shop, 4)
    assert shop.sync().status == "failed"
    shop.sim.faults.clear()
    assert len(_kept(shop)) == 3


def test_pages_older_than_twenty_minutes_are_not_used(paged: ConnectedShop) -> None:
    _broken_off(paged)
    paged.clock.advance(20 * 60)

    with _questions(paged) as asked:
        report = paged.sync()

    assert _skips(asked, FEED)[0] == 0
    assert (report.status, report.message) == ("succeeded", "")


def test_pages_read_by_other_names_of_specifications_are_not_used(paged: ConnectedShop) -> None:
    _broken_off(paged)
    paged.change_settings(specification_names={"brand": {"names": ["Maker"], "field_ids": []}})

    with _questions(paged) as asked:
        paged.sync()

    assert _skips(asked, FEED)[0] == 0
    assert _kept(paged) == []


def test_damaged_pages_are_dropped_and_the_list_is_read_from_the_beginning(
    paged: ConnectedShop,
) -> None:
    _broken_off(paged)
    with paged.shop.app.app_context(), paged.shop.services.database.short() as connection:
        connection.execute(sa.update(ReadPage).values(compressed=b"nonsense"))

    with _questions(paged) as asked:
        report = paged.sync()

    assert report.status == "succeeded"
    assert _skips(asked, FEED)[0] == 0


def test_a_held_run_leaves_no_pages_so_that_approving_reads_anew(paged: ConnectedShop) -> None:
    paged.sync()
    for each in list(_in_cova(paged))[:40]:
        paged.sim.register.archive(each)
    assert paged.sync(full=True).status == "held"
    assert _kept(paged) == []


def test_a_preview_neither_uses_nor_leaves_pages(paged: ConnectedShop) -> None:
    _broken_off(paged)
    before = [(page.position, page.compressed) for page in _kept(paged)]
    said: list[str] = []

    with _questions(paged) as asked:
        preview = paged.preview(on_progress=said.append)

    assert _skips(asked, FEED)[0] == 0
    assert preview.message == ""
    assert [(page.position, page.compressed) for page in _kept(paged)] == before
    assert said[0] == "Page 1, 10 products read"
    assert any("comparing" in each for each in said)


def test_what_is_kept_is_bounded(paged: ConnectedShop, monkeypatch: pytest.MonkeyPatch) -> None:
    _break_page(paged, 7)
    paged.sync()
    size = len(_kept(paged)[0].compressed)
    with paged.shop.app.app_context(), paged.shop.services.database.short() as connection:
        connection.execute(sa.delete(ReadPage))
    paged.sim.faults.clear()
    monkeypatch.setattr(kept_pages, "MOST_BYTES", int(2.5 * size))
    _break_page(paged, 7)
    paged.sync()

    assert 1 <= len(_kept(paged)) <= 3


def test_pages_nobody_came_back_for_are_pruned(paged: ConnectedShop) -> None:
    _broken_off(paged)
    paged.clock.advance(21 * 60)
    with paged.shop.app.app_context():
        prune(paged.shop.services)
    assert _kept(paged) == []


def test_kept_pages_hold_no_costs(paged: ConnectedShop) -> None:
    import gzip

    _broken_off(paged)
    for page in _kept(paged):
        text = gzip.decompress(page.compressed)
        assert b"InStockQuantity" in text
        assert b"UnitCost" not in text
        assert b"TotalCostInStock" not in text


def test_a_hold_settles_only_by_a_page_read_after_its_order_was_completed(
    paged: ConnectedShop,
) -> None:
    """A page from before the completion does not count the sale, however late it is used."""
    paged.sync()
    early = list(paged.sim.state.products)[:PAGE]
    product_id = next(each for each in paged.ordinary(20) if each in early)
    stock = paged.product(product_id).stock
    paged.shop.place("o1", [(product_id, "x", "1", "1.00")], send=["aiq.order-placed"])
    paged.clock.advance(1)
    _break_page(paged, 4)
    assert paged.sync(full=True).status == "failed"
    paged.sim.faults.clear()
    paged.clock.advance(1)
    paged.settle("o1")
    kept_at = max(page.read_began_at for page in _kept(paged))
    settling_since = paged.holds()[0].settling_since
    assert settling_since is not None
    assert kept_at < settling_since
    # COVA is silent about what changed since: the kept page is all there is of the product.
    product = paged.sim.state.products[product_id]
    for each in product.changed_at:
        product.changed_at[each] -= timedelta(days=2)

    paged.sync(full=True)

    assert [hold.state for hold in paged.holds()] == ["settling"]
    assert stock is not None
    assert paged.quantity(product_id) == stock - 1


# --- a worker that is killed ----------------------------------------------------------------------

_WORKER = """
import json, sys
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from tests.support.shop import Shop
told = json.loads(sys.stdin.readline())
shop = Shop(told["database_url"], **told["config"])
print("ready", flush=True)
with shop.app.app_context():
    sync_catalog(shop.services, "s1")
"""


@pytest.mark.slow
def test_a_killed_worker_s_listing_is_gone_on_with(database_url: str, sim: Simulator) -> None:
    with connected_shop(database_url, sim, COVA_PAGE_SIZE=PAGE) as shop:
        fault = sim.faults.add(FEED, action="timeout_before_effect", skip=5)
        config = settings_for(sim) | {"COVA_PAGE_SIZE": PAGE, "COVA_READ_TIMEOUT_SECONDS": 120}
        worker = _start_worker(database_url, config)
        try:
            _wait_for(lambda: fault.hits > 0 and worker.poll() is None)
            os.kill(worker.pid, signal.SIGKILL)
        finally:
            worker.kill()
            worker.wait(20)
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.close()
            worker.stdout.close()
        sim.faults.clear()
        assert len(_kept(shop)) == 5
        assert [run.status for run in shop.runs()] == ["running"]
        # The killed process went by the real clock; its lease has to run out first.
        shop.clock.advance(400)

        with _questions(shop) as asked:
            report = shop.sync()

        assert report.status == "succeeded"
        assert _skips(asked, FEED)[0] == 49
        assert _menu(shop) == _in_cova(shop)
        dead = next(run for run in shop.runs() if run.id != report.run_id)
        assert dead.status == "failed"
        assert "stopped before it was done" in dead.message
        assert "went on where the run before stopped" in report.message


def _start_worker(database_url: str, config: dict[str, Any]) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _WORKER],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin is not None
    worker.stdin.write(json.dumps({"database_url": database_url, "config": config}) + "\n")
    worker.stdin.flush()
    return worker


def _wait_for(condition: Any) -> None:
    import threading

    pause = threading.Event()
    for _ in range(3000):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it never happened")
