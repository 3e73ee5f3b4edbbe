"""A stock reading that comes between two syncs lowers what can be sold, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aiq_cova_plugin.host import OrderLine
from aiq_cova_plugin.services.orders.push_orders import push_due_orders
from aiq_cova_plugin.services.stock.reserve_stock import reserve
from aiq_cova_plugin.services.stock.take_stock_reading import take_stock_reading
from aiq_cova_plugin.store import outbox

from tests.support.connected import ConnectedShop


def read(shop: ConnectedShop, stock: dict[str, int]) -> tuple[str, ...]:
    shop.clock.advance(1)
    with shop.shop.app.app_context():
        return take_stock_reading(
            shop.shop.services,
            "s1",
            {each.upper(): Decimal(number) for each, number in stock.items()},
            read_began_at=shop.clock.now(),
            company_id=shop.sim.company_id,
            location_id=shop.sim.location_id,
        )


def test_what_fell_is_told_at_once_less_what_is_held(any_shop: ConnectedShop) -> None:
    shop = any_shop
    sold_out, fewer, more = shop.ordinary(3)
    for product_id in (sold_out, fewer, more):
        shop.sim.register.set_stock(product_id, 9)
    shop.sync()
    with shop.shop.app.app_context():
        reserve(shop.shop.services, "s1", "1042", [OrderLine(fewer, "x", Decimal(2), Decimal(9))])
        shop.shop.db.session.commit()

    with shop.told() as told:
        lowered = read(shop, {sold_out: 0, fewer: 5, more: 12})

    assert set(lowered) == {sold_out, fewer}
    assert {each.cova_product_id: set(each.fields) for each in told} == {
        sold_out: {"quantity"}, fewer: {"quantity"},
    }  # fmt: skip
    assert [shop.quantity(each) for each in (sold_out, fewer, more)] == [0, 3, 9]

    # COVA says at the next sync what it said before the reading: that is taken in again.
    shop.sync(full=True)
    assert [shop.quantity(each) for each in (sold_out, fewer, more)] == [9, 7, 9]


def test_a_look_without_news_from_cova_does_not_bring_the_old_stock_back(
    shop: ConnectedShop,
) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 9)
    shop.sync()
    shop.sim.clock.advance(3600)
    shop.sync()
    read(shop, {product_id: 0})
    shop.change(product_id, is_dirty=True)

    shop.sync()

    assert shop.quantity(product_id) == 0


def test_a_sale_that_the_reading_counts_is_not_taken_off_again(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 2)
    shop.sync()
    with shop.shop.app.app_context():
        reserve(
            shop.shop.services, "s1", "1042", [OrderLine(product_id, "x", Decimal(1), Decimal(9))]
        )
        shop.shop.db.session.commit()
    shop.settle("1042")

    read(shop, {product_id: 1})

    assert shop.quantity(product_id) == 1


@pytest.mark.parametrize("why", ["off", "held", "elsewhere", "excluded", "staff own it", "unknown"])
def test_where_a_sync_would_not_write_a_reading_does_not_either(
    shop: ConnectedShop, why: str
) -> None:
    product_id, *others = shop.ordinary(4)
    shop.sim.register.set_stock(product_id, 9)
    shop.sync()
    if why == "off":
        shop.change_settings(enabled=False)
    if why == "held":
        shop.change_settings(guard_percent=0, guard_at_least=1)
        for each in others:
            shop.sim.register.archive(each)
        assert shop.sync().status == "held"
    if why == "elsewhere":
        shop.change_settings(location_id=shop.sim.second_location_id)
    if why == "excluded":
        shop.change(product_id, is_excluded=True)
    if why == "staff own it":
        shop.let_staff_own("quantity")

    with shop.told() as told:
        read(shop, {"no-such-product" if why == "unknown" else product_id: 0})

    assert told == []
    assert shop.quantity(product_id) == 9


def test_a_reading_older_than_the_syncs_is_no_news(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 9)
    before = shop.clock.now()
    shop.sync()

    with shop.shop.app.app_context():
        lowered = take_stock_reading(
            shop.shop.services,
            "s1",
            {product_id: Decimal(0)},
            read_began_at=before,
            company_id=shop.sim.company_id,
            location_id=shop.sim.location_id,
        )

    assert lowered == ()
    assert shop.quantity(product_id) == 9


@pytest.mark.parametrize("does_the_shop_save_it", [True, False])
def test_the_look_before_an_order_is_sent_takes_off_sale_what_is_gone(
    any_shop: ConnectedShop, does_the_shop_save_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shop that cannot save it keeps no order from COVA."""
    shop, (gone, there) = any_shop, any_shop.ordinary(2)
    shop.change_settings(sync_orders=True)
    for product_id in (gone, there):
        shop.sim.register.set_stock(product_id, 9)
    shop.sync()
    for order_id, product_id in (("1", gone), ("2", there)):
        shop.shop.place(order_id, [(product_id, "x", "2", "10.00")])
    shop.sim.register.set_stock(gone, 0)
    shop.sim.register.set_stock(there, 6)
    shop.clock.advance(1)
    if not does_the_shop_save_it:
        monkeypatch.setattr(shop.shop.host, "apply_products", _full_disk)

    with shop.shop.app.app_context():
        push_due_orders(shop.shop.services, "s1")

    assert (_state(shop, "1"), _state(shop, "2")) == ("needs_attention", "in_pos")
    assert len(shop.sim.orders()) == 1
    expected = [0, 4] if does_the_shop_save_it else [7, 7]
    assert [shop.quantity(each) for each in (gone, there)] == expected


def _full_disk(*_anything: object) -> None:
    raise OSError("No space left on device")


def _state(shop: ConnectedShop, order_id: str) -> str:
    services = shop.shop.services
    with shop.shop.app.app_context(), services.database.short() as connection:
        push = outbox.push_of_order(connection, "s1", order_id)
        assert push is not None
        return push.state
