"""A sale begins and ends on time, whether or not COVA reports a change."""

from __future__ import annotations

from datetime import timedelta

from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs

from tests.support.connected import ConnectedShop


def _price_of(shop: ConnectedShop, product_id: str) -> tuple[str, str | None]:
    shown = shop.in_shop(product_id)
    return shown["price"], shown["sale_price"]


def test_a_sale_begins_and_ends_without_any_change_in_cova(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    now = any_shop.clock.now()
    any_shop.sim.register.set_price(product_id, 20)
    any_shop.sim.register.put_on_sale(
        product_id, 15, start=now + timedelta(hours=1), end=now + timedelta(hours=3)
    )
    any_shop.sync()
    any_shop.sim.clock.advance(3600)
    assert _price_of(any_shop, product_id) == ("20", None)

    any_shop.clock.advance(3600)
    begun = any_shop.sync()
    assert begun.updated == _number_of_edges(any_shop, now, hours=1)
    assert _price_of(any_shop, product_id) == ("20", "15")

    any_shop.clock.advance(1800)
    with any_shop.told() as told:
        any_shop.sync()
    assert told == [], "in the middle of the sale there is nothing to tell"

    any_shop.clock.advance(5400)
    any_shop.sync()
    assert _price_of(any_shop, product_id) == ("20", None)
    assert any_shop.product(product_id).next_price_change_at is None


def _number_of_edges(shop: ConnectedShop, began, *, hours: int) -> int:  # type: ignore[no-untyped-def]
    """How many sales of the menu begin or end within so many hours."""
    until = began + timedelta(hours=hours, seconds=2)
    return sum(
        any(
            edge is not None and began < edge <= until
            for row in product.prices
            if row.location_id == shop.sim.location_id
            for sale in row.sales
            for edge in (sale.start, sale.end)
        )
        for product in shop.sim.state.products.values()
    )


def test_the_edge_of_a_sale_makes_a_sync_due_at_that_moment(shop: ConnectedShop) -> None:
    """Ten minutes between two syncs would end a sale up to ten minutes late."""
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15, end=shop.clock.now() + timedelta(minutes=4))
    _tick(shop)
    assert _price_of(shop, product_id) == ("20", "15")

    shop.clock.advance(239)
    assert _tick(shop) == 0
    shop.clock.advance(2)
    assert _tick(shop) == 1

    assert _price_of(shop, product_id) == ("20", None)


def _tick(shop: ConnectedShop) -> int:
    with shop.shop.app.app_context():
        return run_due_catalogue_jobs(shop.shop.services)


def test_a_sale_ends_on_time_though_cova_cannot_be_read(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15, end=shop.clock.now() + timedelta(minutes=5))
    shop.sync()
    before = shop.shop.products()
    shop.sim.faults.add(action="server_error", times=None)
    shop.clock.advance(300)

    report = shop.sync(full=True)

    assert report.status == "failed"
    assert _price_of(shop, product_id) == ("20", None)
    after = shop.shop.products()
    assert {each for each in after if after[each] != before[each]} == {product_id}
    assert shop.sync().updated == 0, "it is done once"


def test_a_sale_that_is_no_cheaper_is_no_sale(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 20)

    shop.sync()

    assert _price_of(shop, product_id) == ("20", None)


def test_a_sale_taken_away_in_cova_ends(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15)
    shop.sync()
    assert _price_of(shop, product_id) == ("20", "15")
    shop.sim.register.end_sale(product_id)

    shop.sync()

    assert _price_of(shop, product_id) == ("20", None)


def test_a_sale_with_days_and_hours_is_left_out_and_said(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 20)
    shop.sim.register.put_on_sale(product_id, 15, recurrence={"DaysOfWeek": ["Friday"]})

    report = shop.sync()

    assert _price_of(shop, product_id) == ("20", None)
    reasons = [i.reason for i in report.issues if i.cova_product_id == product_id]
    assert len(reasons) == 1
    assert "DaysOfWeek" in reasons[0]


def test_a_sale_of_a_locked_price_owner_is_not_told(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.let_staff_own("sale_price")
    shop.sim.register.put_on_sale(product_id, 1)

    with shop.told() as told:
        shop.sync()

    assert all("sale_price" not in change.fields for change in told)
