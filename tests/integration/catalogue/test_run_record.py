"""What the record of a run says, in every ending, and that it stays small."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.services.catalogue import sync_catalog as module
from aiq_cova_plugin.services.catalogue.nightly_pass import PAUSE_BETWEEN_PAGES_SECONDS, last_turn
from aiq_cova_plugin.services.watch.show_runs import run_details
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import runs, specifications
from aiq_cova_plugin.store.models import Product, ProductSpecifications

from tests.support.connected import CHANGES, FEED, ConnectedShop, connected_shop


def _specifications_of(shop: ConnectedShop, product_id: str) -> ProductSpecifications | None:
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        return specifications.specifications_of(connection, "s1", product_id)


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["succeeded", "partial", "held", "failed", "crashed"])
def test_calls_cursors_and_duration_are_right_in_every_ending(
    shop: ConnectedShop, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sync()
    before = shop.state().cursor
    shop.change_settings(guard_percent=0, guard_at_least=1 if ending == "held" else 1000)
    first, second = shop.ordinary(2)
    shop.sim.clock.advance(60)
    shop.sim.register.archive(first)
    if ending == "partial":
        shop.sim.register.set_lifecycle(second, {})  # type: ignore[arg-type]
    if ending == "failed":
        shop.sim.faults.add(CHANGES, action="forbidden", times=None)
    if ending == "crashed":
        monkeypatch.setattr(module.ChangeDecider, "candidates", lambda *_a, **_k: 1 / 0)
    calls = len(shop.sim.requests())

    with shop.after_each_page(lambda _skip: shop.clock.advance(7)):
        if ending == "crashed":
            with pytest.raises(ZeroDivisionError):
                shop.sync()
        else:
            assert shop.sync().status == ending

    run = shop.runs()[0]
    assert run.status == ("failed" if ending == "crashed" else ending)
    assert run.api_calls == len(shop.sim.requests()) - calls
    assert run.cursor_before == before
    moved = run.cursor_after is not None
    assert moved is (ending == "succeeded")
    assert shop.state().cursor == (run.cursor_after if moved else before)
    assert run.finished_at is not None
    if ending != "failed":
        assert run.finished_at - run.started_at >= timedelta(seconds=7)
        assert run.fetched >= 1
    assert bool(run.message) is (ending != "succeeded")
    assert run.phase == ""


# --- issues ---------------------------------------------------------------------------------------


def test_fifty_thousand_issues_are_a_few_rows_and_counted_all_the_same(
    any_shop: ConnectedShop,
) -> None:
    any_shop.sync()
    run_id = any_shop.runs()[0].id
    issues = [
        FieldIssue(f"p{number}", f"field {cause}", "cannot be used")
        for number in range(10_000)
        for cause in range(5)
    ]
    with any_shop.shop.app.app_context():
        with any_shop.shop.services.database.short() as connection:
            runs.record_issues(connection, run_id, issues)
            rows = runs.issues_after(connection, run_id, 0, limit=100_000)
        details = run_details(any_shop.shop.services, "s1", run_id)

    assert len(rows) < 1000
    assert "and 9,900 more" in {row.cova_product_id for row in rows}
    assert details is not None
    counts = {group.field: group.number_of_products for group in details.issues}
    assert {counts[f"field {cause}"] for cause in range(5)} == {10_000}
    named = [each for group in details.issues for each, _ in group.named]
    assert not any("more" in each for each in named)


def test_as_many_causes_as_products_are_bounded_too(shop: ConnectedShop) -> None:
    shop.sync()
    run_id = shop.runs()[0].id
    issues = [FieldIssue(f"p{number}", "price", f"reason {number}") for number in range(3000)]
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        runs.record_issues(connection, run_id, issues)
        rows = runs.issues_after(connection, run_id, 0, limit=100_000)
        groups = runs.grouped_issues(connection, run_id)
    mine = [row for row in rows if row.reason.startswith("reason") or "more" in row.reason]
    assert len(mine) == 201
    assert max(number for _, _, number in groups) == 2800


# --- the rules products are read by ---------------------------------------------------------------


def test_other_names_of_specifications_make_every_product_be_read_and_mapped_anew(
    any_shop: ConnectedShop,
) -> None:
    shop = any_shop
    (product_id,) = shop.ordinary()
    shop.sim.register.set_specification(product_id, "Maker", "Harbour Farms")
    shop.sync()
    key = shop.state().specification_key
    assert key
    assert shop.sync().mode == "incremental"
    shop.change_settings(specification_names={"brand": {"names": ["Maker"], "field_ids": []}})

    report = shop.sync()

    assert (report.mode, report.status) == ("full", "succeeded")
    assert shop.in_shop(product_id)["brand"] == "Harbour Farms"
    assert shop.state().specification_key not in ("", key)
    assert shop.sync().mode == "incremental"


def test_a_run_that_could_not_read_all_reads_all_again(shop: ConnectedShop) -> None:
    shop.sync()
    shop.change_settings(specification_names={"brand": {"names": ["Maker"], "field_ids": []}})
    shop.sim.faults.add(FEED, action="server_error", times=None)
    assert shop.sync().status == "failed"
    shop.sim.faults.clear()
    assert shop.sync().mode == "full"


def test_the_raw_specifications_of_every_product_are_kept(any_shop: ConnectedShop) -> None:
    shop = any_shop
    (product_id,) = shop.ordinary()
    shop.sim.register.set_specification(product_id, "Odd one", "a & b", unit="g")

    shop.sync()

    found = _specifications_of(shop, product_id)
    assert found is not None
    (mine,) = (each for each in found.specifications if each["name"] == "Odd one")
    assert (mine["value"], mine["unit"]) == ("a & b", "g")
    assert set(mine) == {"field_id", "name", "value", "unit"}
    assert found.read_at == shop.runs()[0].started_at

    shop.sim.register.set_specification(product_id, "Odd one", "c")
    shop.preview()
    unchanged = _specifications_of(shop, product_id)
    assert unchanged is not None
    assert unchanged.specifications == found.specifications
    shop.sync()
    changed = _specifications_of(shop, product_id)
    assert changed is not None
    assert "c" in {each["value"] for each in changed.specifications}


def test_what_a_category_is_chosen_by_is_kept_in_columns(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_specification(product_id, "Online Menu Category", "Gummies")
    shop.sync()
    row: Product = shop.product(product_id)
    assert row.menu_category == "Gummies"


_BRAND_NAMES = ("Brand", "Brands", "Online Menu Brand")


def test_a_field_that_may_be_erased_is(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    for name in _BRAND_NAMES:
        shop.sim.register.set_specification(product_id, name, "Harbour Farms")
    shop.sync()
    assert shop.in_shop(product_id)["brand"] == "Harbour Farms"
    for name in _BRAND_NAMES:
        shop.sim.register.set_specification(product_id, name, "")
    shop.sync()
    assert shop.in_shop(product_id)["brand"] == "Harbour Farms"

    version = shop.product(product_id).applied_version + 1
    shop.change_settings(erasable_fields=["brand"], settings_version=version)
    shop.sync()

    assert not shop.in_shop(product_id)["brand"]


# --- the pass of the night ------------------------------------------------------------------------


def test_the_nightly_pass_goes_slowly_and_no_other_does(sqlite_url: str, sim: Simulator) -> None:
    from dataclasses import replace

    with connected_shop(sqlite_url, sim, COVA_PAGE_SIZE=10) as shop:
        waits: list[float] = []
        state = shop.shop.app.extensions["cova"]
        state.services = replace(state.services, sleep=waits.append)
        shop.sync(trigger="schedule")
        shop.sync(full=True, trigger="button")
        assert shop.sync(trigger="schedule").mode == "incremental"
        assert waits == []
        store = next(each for each in shop.shop.host.stores() if each.id == "s1")
        now = shop.clock.now()
        turn = last_turn(store, now + timedelta(days=1))
        shop.clock.advance((turn - now).total_seconds())

        report = shop.sync(trigger="schedule")

        assert (report.mode, report.status) == ("full", "succeeded")
        assert len(waits) >= 4
        assert set(waits) == {PAUSE_BETWEEN_PAGES_SECONDS}
        assert shop.sync(trigger="schedule").mode == "incremental", "once a night"
