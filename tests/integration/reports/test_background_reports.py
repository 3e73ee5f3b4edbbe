"""Reports made in the background: one at a time, followed while they go, survived when they die."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.errors import LeaseHeld, NotConnected, UnknownStore
from aiq_cova_plugin.services.compare.preview_document import CHANGES_KEPT, preview_document
from aiq_cova_plugin.services.compare.reports import (
    KINDS,
    PREVIEW,
    RECONCILE,
    BackgroundReport,
    report_of,
    start_report,
)
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import reports
from aiq_cova_plugin.store.holds import take_holds

from tests.support.connected import ConnectedShop


def start(shop: ConnectedShop, kind: str, *, store_id: str = "s1", full: bool = False) -> None:
    with shop.shop.app.app_context():
        start_report(shop.shop.services, store_id, kind, "Robin", full=full)


def wait(kind: str) -> None:
    """Until the thread that makes the report has ended."""
    for thread in threading.enumerate():
        if thread.name == f"cova-{kind}-s1":
            thread.join(60)
            assert not thread.is_alive()


def look(shop: ConnectedShop, kind: str) -> BackgroundReport:
    with shop.shop.app.app_context():
        return report_of(shop.shop.services, "s1", kind)


def made(shop: ConnectedShop, kind: str, **options: Any) -> BackgroundReport:
    start(shop, kind, **options)
    wait(kind)
    return look(shop, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_runs_to_its_end_and_is_kept(any_shop: ConnectedShop, kind: str) -> None:
    any_shop.sync()

    report = made(any_shop, kind)

    assert report.state is not None
    assert (report.state.status, report.is_running, report.is_dead) == ("ready", False, False)
    assert report.state.finished_at is not None
    assert report.document["made_at"]
    assert report.document["store_id"] == "s1"


def test_a_preview_works_before_cova_is_switched_on_and_writes_nothing(
    shop: ConnectedShop,
) -> None:
    shop.change_settings(enabled=False)

    report = made(shop, PREVIEW)

    assert report.document["status"] == "succeeded"
    assert report.document["kinds"] == {"create": report.document["created"]}
    assert report.document["created"] == len(report.document["changes"]) > 0
    assert all(each["name"] for each in report.document["changes"])
    assert shop.shop.host.applied == []
    assert shop.known() == {}


def test_comparing_needs_a_store_that_is_switched_on(shop: ConnectedShop) -> None:
    shop.change_settings(enabled=False)

    with pytest.raises(NotConnected):
        start(shop, RECONCILE)

    assert look(shop, RECONCILE).state is None


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_starts_for_a_store_that_cannot(shop: ConnectedShop, kind: str) -> None:
    with pytest.raises(NotConnected):
        start(shop, kind, store_id="s2")
    with pytest.raises(UnknownStore):
        start(shop, kind, store_id="nowhere")


def test_progress_is_told_while_it_goes(shop: ConnectedShop, sim: Simulator) -> None:
    """COVA is stopped in the middle of the reading, and the page asked how far it is."""
    shop.sync()
    has_begun, may_go_on = threading.Event(), threading.Event()

    def hold_up(skip: int) -> None:
        has_begun.set()
        assert may_go_on.wait(60)

    with shop.after_each_page(hold_up):
        start(shop, RECONCILE)
        assert has_begun.wait(60)
        during = look(shop, RECONCILE)
        may_go_on.set()
        wait(RECONCILE)

    assert during.is_running
    assert during.state is not None
    assert during.state.progress, "somebody who waits is told for what"
    assert "Reading products" in _last_progress(shop, RECONCILE) or "Comparing" in _last_progress(
        shop, RECONCILE
    )
    assert not look(shop, RECONCILE).is_running


def _last_progress(shop: ConnectedShop, kind: str) -> str:
    state = look(shop, kind).state
    assert state is not None
    return state.progress


def test_a_second_starter_is_told_that_one_is_being_made(any_shop: ConnectedShop) -> None:
    has_begun, may_go_on = threading.Event(), threading.Event()

    def hold_up(skip: int) -> None:
        has_begun.set()
        assert may_go_on.wait(60)

    with any_shop.after_each_page(hold_up):
        start(any_shop, PREVIEW)
        assert has_begun.wait(60)
        with pytest.raises(LeaseHeld) as refused:
            start(any_shop, PREVIEW)
        may_go_on.set()
        wait(PREVIEW)

    assert "already" in refused.value.message
    assert refused.value.fix
    assert made(any_shop, PREVIEW).state is not None, "once it is over, another may start"


def _dead(shop: ConnectedShop, kind: str) -> None:
    """A worker took the lease, wrote its row, and was killed."""
    services = shop.shop.services
    with shop.shop.app.app_context():
        assert services.leases.take(f"{kind}:s1") is not None
        with services.database.short() as connection:
            reports.open_report(connection, "s1", kind, now=shop.clock.now())


def test_a_dead_worker_is_recognised_and_its_report_started_again(any_shop: ConnectedShop) -> None:
    shop = any_shop
    _dead(shop, PREVIEW)
    assert look(shop, PREVIEW).is_running
    with pytest.raises(LeaseHeld):
        start(shop, PREVIEW)

    shop.clock.advance(shop.shop.services.config.lease_seconds)
    dead = look(shop, PREVIEW)
    report = made(shop, PREVIEW)

    assert (dead.is_running, dead.is_dead) == (False, True)
    assert report.state is not None
    assert report.state.status == "ready"


def test_a_worker_that_was_too_slow_does_not_overwrite_its_successor(
    shop: ConnectedShop,
) -> None:
    """Its lease ran out in the middle; another made the report; then it woke up."""
    shop.sync()
    has_begun, may_go_on = threading.Event(), threading.Event()
    pages = 0

    def hold_up(skip: int) -> None:
        nonlocal pages
        pages += 1
        if pages == 1:
            has_begun.set()
            assert may_go_on.wait(60)

    with shop.after_each_page(hold_up):
        start(shop, RECONCILE)
        assert has_begun.wait(60)
        slow = next(t for t in threading.enumerate() if t.name == "cova-reconcile-s1")
        shop.clock.advance(shop.shop.services.config.lease_seconds + 1)
        start(shop, RECONCILE)
        for thread in threading.enumerate():
            if thread.name == "cova-reconcile-s1" and thread is not slow:
                thread.join(60)
        after_successor = look(shop, RECONCILE)
        shop.clock.advance(1)
        may_go_on.set()
        slow.join(60)

    assert after_successor.state is not None
    assert after_successor.state.status == "ready"
    assert look(shop, RECONCILE) == after_successor


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_keeps_the_last_result_and_says_why(
    shop: ConnectedShop, sim: Simulator, kind: str
) -> None:
    shop.sync()
    good = made(shop, kind)
    sim.faults.add("product_data", action="forbidden", times=None)
    sim.faults.add("product_data_updated", action="forbidden", times=None)

    report = made(shop, kind)

    assert report.state is not None
    assert report.has_failed
    assert report.state.message
    assert report.state.fix
    assert report.document == good.document


def test_a_running_report_is_cheap_to_ask_about(shop: ConnectedShop) -> None:
    shop.sync()
    made(shop, RECONCILE)

    with shop.shop.app.app_context():
        report = report_of(shop.shop.services, "s1", RECONCILE, with_document=False)

    assert report.document == {}


def test_a_large_preview_is_kept_small_and_counts_everything(shop: ConnectedShop) -> None:
    from aiq_cova_plugin.host import ProductChange
    from aiq_cova_plugin.services.catalogue.plan_product import ProductPlan
    from aiq_cova_plugin.services.catalogue.sync_catalog import SyncReport

    def plan(number: int, action: str, new: dict[str, Any]) -> ProductPlan:
        return ProductPlan(ProductChange(f"p-{number}", action, new), "shown", new, {}, new)

    text = {"description": "x" * 50_000, "tags": ["t"] * 500, "name": "Long"}
    plans = [plan(number, "create", text) for number in range(CHANGES_KEPT + 200)]
    plans += [plan(number, "hide", {"enabled": False}) for number in range(9000, 9005)]
    report = SyncReport("s1", "r", "full", status="succeeded", created=1200, changes=plans)

    with shop.shop.app.app_context():
        document = preview_document(shop.shop.services, report)

    assert document["kinds"] == {"hide": 5, "create": CHANGES_KEPT + 200}
    assert len(document["changes"]) == CHANGES_KEPT + 5
    assert document["changes"][0]["kind"] == "hide", "what disappears comes first"
    assert len(repr(document)) < 1_500_000


def test_what_leaves_the_menu_says_why_and_whether_an_order_has_it(shop: ConnectedShop) -> None:
    shop.sync()
    archived, sold = shop.ordinary(2)
    shop.sim.register.archive(archived)
    shop.sim.register.set_stock(sold, 0)
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        now = shop.shop.services.clock.now()
        take_holds(connection, "s1", "o-1", {archived: Decimal(1)}, now=now)

    document = made(shop, PREVIEW).document

    changes = {each["cova_product_id"]: each for each in document["changes"]}
    assert changes[archived]["why_gone"] == "archived"
    assert changes[archived]["is_in_orders"] is True
    assert changes[sold]["why_gone"] == ""
    assert document["in_orders"] == 1


def test_an_update_to_zero_is_a_kind_of_its_own(shop: ConnectedShop) -> None:
    shop.sync()
    sold, priced = shop.ordinary(2)
    shop.sim.register.set_stock(sold, 0)
    shop.sim.register.set_price(priced, "77.70")

    document = made(shop, PREVIEW).document

    kinds = {each["cova_product_id"]: each["kind"] for each in document["changes"]}
    assert (kinds[sold], kinds[priced]) == ("sold_out", "update")
    assert all(each["name"] != each["cova_product_id"] for each in document["changes"])
