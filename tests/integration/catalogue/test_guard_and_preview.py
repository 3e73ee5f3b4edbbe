"""A run that would empty the menu waits for a person; a preview shows what a run would do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.domain.field_values import encode_fields
from aiq_cova_plugin.services.products.change_product import exclude_product
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import ConnectedShop, connected_shop, new_simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A menu large enough that the guard looks at it."""
    with new_simulator(products=90) as simulator:
        yield simulator


def _shown(shop: ConnectedShop) -> list[str]:
    return [each for each, fields in shop.shop.products().items() if fields["enabled"]]


def _in_stock(shop: ConnectedShop) -> list[str]:
    return [
        each for each, f in shop.shop.products().items() if f.get("quantity") not in (None, "0")
    ]


def test_a_run_that_would_hide_much_of_the_menu_is_held_and_changes_nothing(
    any_shop: ConnectedShop,
) -> None:
    any_shop.sync()
    before, cursor = any_shop.shop.products(), any_shop.state().cursor
    rows = {each: row.updated_at for each, row in any_shop.known().items()}
    doomed = _shown(any_shop)[: len(before) // 2]
    for each in doomed:
        any_shop.sim.register.archive(each)

    with any_shop.told() as told:
        report = any_shop.sync()

    assert report.status == "held"
    assert str(len(doomed)) in report.message
    assert "--approve" in report.fix
    assert told == []
    assert any_shop.shop.products() == before
    assert {each: row.updated_at for each, row in any_shop.known().items()} == rows
    assert any_shop.state().cursor == cursor
    assert any_shop.runs()[0].status == "held"
    assert report.fetched >= len(doomed), "what was read is told, though nothing was done"
    assert report.hidden == 0


def test_it_stays_held_until_somebody_approves(shop: ConnectedShop) -> None:
    shop.sync()
    doomed = _shown(shop)[:40]
    for each in doomed:
        shop.sim.register.archive(each)
    assert shop.sync().status == "held"
    assert shop.sync(trigger="schedule").status == "held"

    report = shop.sync(approve=True)

    assert (report.status, report.hidden) == ("succeeded", 40)
    assert not set(doomed) & set(_shown(shop))
    assert shop.sync().status == "succeeded", "the next run needs no approval any more"


def test_an_approval_covers_what_the_held_run_showed_and_not_much_more(
    any_shop: ConnectedShop,
) -> None:
    any_shop.sync()
    shown = _shown(any_shop)
    for each in shown[:40]:
        any_shop.sim.register.archive(each)
    assert any_shop.sync().status == "held"
    assert any_shop.runs()[0].to_apply == 40
    for each in shown[40:61]:
        any_shop.sim.register.archive(each)

    report = any_shop.sync(approve=True)

    assert report.status == "held"
    assert "40 products" in report.message
    assert f"61 of the {len(shown)}" in report.message
    assert _shown(any_shop) == shown
    again = any_shop.sync(approve=True)
    assert (again.status, again.hidden) == ("succeeded", 61), "now that is what was shown"


def test_an_approval_allows_for_a_few_that_sold_out_meanwhile(shop: ConnectedShop) -> None:
    shop.sync()
    shown = _shown(shop)
    for each in shown[:40]:
        shop.sim.register.archive(each)
    shop.sync()
    for each in shown[40:60]:
        shop.sim.register.archive(each)

    report = shop.sync(approve=True)

    assert (report.status, report.hidden) == ("succeeded", 60)


def test_an_approval_without_a_held_run_accepts_what_is_found(shop: ConnectedShop) -> None:
    shop.sync()
    for each in _shown(shop)[:40]:
        shop.sim.register.archive(each)

    assert shop.sync(approve=True).hidden == 40


@pytest.mark.parametrize("was_held", [True, False])
def test_no_approval_takes_an_empty_list_for_the_menu(shop: ConnectedShop, was_held: bool) -> None:
    shop.sync()
    before = shop.shop.products()
    with shop.sim.state.lock:
        shop.sim.state.products.clear()
    if was_held:
        assert shop.sync(full=True).status == "held"

    report = shop.sync(full=True, approve=True)

    assert report.status == "held"
    assert "no products at all" in report.message
    assert "--approve" not in report.fix
    assert shop.shop.products() == before


def test_what_staff_exclude_is_no_mass_change(shop: ConnectedShop) -> None:
    shop.sync()
    chosen = _shown(shop)[:40]
    with shop.shop.app.app_context():
        for each in chosen:
            exclude_product(shop.shop.services, "s1", each, by="Robin Quay")

    report = shop.sync()

    assert (report.status, report.hidden) == ("succeeded", 40)
    assert not set(chosen) & set(_shown(shop))


def test_a_sale_ends_on_time_while_a_run_waits_and_nothing_else_changes(
    any_shop: ConnectedShop,
) -> None:
    (on_sale,) = any_shop.ordinary()
    now = any_shop.clock.now()
    any_shop.sim.register.set_price(on_sale, 20)
    any_shop.sim.register.put_on_sale(on_sale, 15, end=now + timedelta(minutes=5))
    any_shop.sync()
    before, shown = any_shop.shop.products(), _shown(any_shop)
    assert before[on_sale]["sale_price"] == "15"
    for each in [each for each in shown if each != on_sale][:40]:
        any_shop.sim.register.archive(each)
    any_shop.sim.register.rename(on_sale, "Renamed")
    any_shop.clock.advance(300)

    with any_shop.told() as told:
        report = any_shop.sync()

    assert report.status == "held"
    assert "Sales that were due" in report.message
    assert [(each.cova_product_id, dict(each.fields)) for each in told] == [
        (on_sale, {"sale_price": None})
    ]
    after = any_shop.shop.products()
    assert {each for each in after if after[each] != before[each]} == {on_sale}
    assert any_shop.product(on_sale).applied["sale_price"] is None
    assert any_shop.sync().updated == 0, "it is done once"
    assert any_shop.sync(approve=True).status == "succeeded"
    assert any_shop.in_shop(on_sale)["name"] == "Renamed", "the rest follows"


def test_a_run_that_would_zero_much_of_the_menu_is_held(any_shop: ConnectedShop) -> None:
    any_shop.sync()
    before = any_shop.shop.products()
    for each in _in_stock(any_shop)[:40]:
        any_shop.sim.register.set_stock(each, 0)

    assert any_shop.sync().status == "held"
    assert any_shop.shop.products() == before


def test_lost_stock_rows_of_all_products_are_held(shop: ConnectedShop) -> None:
    shop.sync()
    before = shop.shop.products()
    for product in shop.sim.state.products.values():
        product.stock = []

    assert shop.sync(full=True).status == "held"
    assert shop.shop.products() == before


def test_a_menu_that_vanished_altogether_is_held(shop: ConnectedShop) -> None:
    shop.sync()
    before = shop.shop.products()
    with shop.sim.state.lock:
        shop.sim.state.products.clear()

    assert shop.sync(full=True).status == "held"
    assert shop.shop.products() == before


def test_nineteen_products_are_not_many(shop: ConnectedShop) -> None:
    shop.sync()
    for each in _shown(shop)[:19]:
        shop.sim.register.archive(each)

    report = shop.sync()

    assert (report.status, report.hidden) == ("succeeded", 19)


def test_thirty_percent_are_not_more_than_thirty_percent(shop: ConnectedShop) -> None:
    shop.sync()
    shown = _shown(shop)
    allowed = int(0.3 * len(shown))
    assert allowed >= 20
    for each in shown[:allowed]:
        shop.sim.register.archive(each)
    assert shop.sync().status == "succeeded"


def test_a_full_shop_that_sells_out_by_its_own_orders_is_not_held(shop: ConnectedShop) -> None:
    """Holds took the stock; the sync finds nothing new to take away."""
    shop.sync()
    for number, each in enumerate(_in_stock(shop)[:40]):
        stock = str(shop.product(each).stock)
        shop.shop.place(f"o{number}", [(each, "x", stock, "1.00")], send=["aiq.order-placed"])

    assert shop.sync(full=True).status == "succeeded"


# --- preview --------------------------------------------------------------------------------------


def _all_tables(shop: ConnectedShop) -> dict[str, list[tuple[str, ...]]]:
    """Everything the shop and the plugin have stored, leaving out tokens, claims and
    the count of calls to COVA."""
    everything = sa.MetaData()
    with shop.shop.app.app_context(), shop.shop.db.engine.connect() as connection:
        everything.reflect(connection)
        return {
            name: sorted(tuple(map(str, row)) for row in connection.execute(sa.select(table)))
            for name, table in everything.tables.items()
            if name not in ("cova_token", "cova_lease", "cova_call_budget", "cova_breaker")
        }


def test_a_preview_of_the_first_sync_writes_nothing(any_shop: ConnectedShop) -> None:
    before = _all_tables(any_shop)

    report = any_shop.preview()

    assert _all_tables(any_shop) == before
    assert any_shop.shop.host.applied == []
    assert report.changes is not None
    assert {plan.change.action for plan in report.changes if plan.change} == {"create"}
    assert report.created == len(report.changes) > 0


def test_a_preview_shows_old_and_new_and_is_what_the_run_then_does(shop: ConnectedShop) -> None:
    shop.sync()
    priced, gone, renamed = shop.ordinary(3)
    old_price = shop.in_shop(priced)["price"]
    shop.sim.register.set_price(priced, "77.70")
    shop.sim.register.archive(gone)
    shop.sim.register.rename(renamed, "Renamed")
    added = shop.sim.register.add_product(name="Added")
    before = _all_tables(shop)

    preview = shop.preview()
    document = preview.as_document()

    assert _all_tables(shop) == before
    changes = {change["cova_product_id"]: change for change in document["changes"]}
    assert changes[priced] == {
        "cova_product_id": priced,
        "action": "update",
        "fields": {"price": {"old": old_price, "new": "77.7"}},
    }
    assert changes[gone]["action"] == "hide"
    assert changes[gone]["fields"] == {"enabled": {"old": True, "new": False}}
    assert changes[added]["action"] == "create"
    assert changes[added]["fields"]["name"] == {"old": None, "new": "Added"}
    assert set(changes) == {priced, gone, renamed, added}

    with shop.told() as told:
        report = shop.sync()

    assert {c.cova_product_id: c.action for c in told} == {
        each: change["action"] for each, change in changes.items()
    }
    for change in told:
        shown = changes[change.cova_product_id]["fields"]
        told_values = encode_fields(change.fields)
        assert {name: value["new"] for name, value in shown.items()} == {
            name: told_values[name] for name in shown
        }
    for name in ("created", "updated", "hidden", "failed", "fetched", "unchanged", "mode"):
        assert getattr(preview, name) == getattr(report, name), name
    assert preview.status == report.status


def test_a_preview_is_held_where_the_run_would_be(shop: ConnectedShop) -> None:
    shop.sync()
    for each in _shown(shop)[:40]:
        shop.sim.register.archive(each)

    preview = shop.preview()

    assert preview.status == "held"
    assert preview.changes is not None
    assert len(preview.changes) == 40, "what it would have done is shown all the same"
    assert shop.runs()[0].status == "succeeded", "a preview is no run"


def test_a_preview_counts_what_cannot_be_read(shop: ConnectedShop) -> None:
    shop.sim.register.set_lifecycle(shop.ordinary()[0], ["Active"])  # type: ignore[arg-type]

    preview = shop.preview()

    assert (preview.status, preview.failed) == ("partial", 1)


def test_a_preview_frees_the_holds_that_the_run_would_free(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 10)
    shop.sync()
    shop.shop.place("o1", [(product_id, "x", "4", "1.00")], send=["aiq.order-placed"])
    shop.settle("o1")
    shop.sim.register.set_stock(product_id, 6)
    shop.clock.advance(1)

    preview = shop.preview()
    shop.sync()

    assert preview.changes == [], "six in stock, none held: six is what the shop shows"
    assert shop.quantity(product_id) == 6


def test_a_preview_works_beside_a_running_sync(shop: ConnectedShop) -> None:
    with shop.shop.app.app_context():
        lease = shop.shop.services.leases.take("catalog:s1")
        assert lease is not None
        assert shop.preview().status == "succeeded"


def test_small_menus_in_two_stores_are_guarded_each_for_itself(
    sqlite_url: str, sim: Simulator
) -> None:
    with connected_shop(sqlite_url, sim, COVA_PAGE_SIZE=20) as shop:
        shop.sync()
        shop.shop.cova.connect_store(
            shop.shop.app,
            "s2",
            check=False,
            enabled=True,
            company_id=sim.company_id,
            location_id=sim.second_location_id,
            username=sim.username,
            password=sim.password,
            client_id=sim.client_id,
            client_secret=sim.client_secret,
        )
        for each in _shown(shop)[:40]:
            sim.register.archive(each)

        assert shop.sync(store_id="s2").status == "succeeded"
        assert shop.sync().status == "held"
