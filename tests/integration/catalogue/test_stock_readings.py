"""Missing is not zero, and a zero that was not there before is asked for twice."""

from __future__ import annotations

from decimal import Decimal

from tests.support.connected import BY_ID, CHANGES, FEED, ConnectedShop


def test_stock_that_cova_leaves_out_stays_what_it_was(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    before = any_shop.quantity(product_id)
    assert before > 0
    any_shop.sim.register.rename(product_id, "Renamed")
    any_shop.sim.faults.add(CHANGES, action="nulls", keys=("Availability",), times=None)

    any_shop.sync()

    assert any_shop.in_shop(product_id)["name"] == "Renamed"
    assert any_shop.quantity(product_id) == before
    assert any_shop.product(product_id).stock == before


def test_a_new_product_without_a_word_about_its_stock_gets_no_quantity(
    shop: ConnectedShop,
) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.faults.add(FEED, action="nulls", keys=("Availability",), times=None)
    shop.sim.faults.add(CHANGES, action="nulls", keys=("Availability",), times=None)

    shop.sync()

    assert "quantity" not in shop.in_shop(product_id)
    assert shop.product(product_id).stock is None

    shop.sim.faults.clear()
    shop.sync(full=True)

    assert shop.quantity(product_id) > 0


def test_prices_and_specifications_left_out_erase_nothing(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    before = shop.in_shop(product_id)
    shop.sim.register.rename(product_id, "Renamed")
    shop.sim.faults.add(CHANGES, action="nulls", times=None)

    shop.sync()

    assert shop.in_shop(product_id) == before | {"name": "Renamed"}


def test_a_zero_that_cova_says_reaches_the_shop(any_shop: ConnectedShop) -> None:
    (product_id,) = any_shop.ordinary()
    any_shop.sync()
    any_shop.sim.register.set_stock(product_id, 0)

    any_shop.sync()

    assert any_shop.quantity(product_id) == 0
    assert any_shop.calls(BY_ID) == 1, "a product that was in stock is asked for once more"


def test_an_emptied_stock_list_is_confirmed_before_it_counts(shop: ConnectedShop) -> None:
    """The listing has lost the stock rows of a product; asked by id, COVA still has them."""
    (product_id,) = shop.ordinary()
    shop.sync()
    before = shop.quantity(product_id)
    shop.sim.register.rename(product_id, "Renamed")
    rows = shop.sim.state.products[product_id].stock
    shop.sim.state.products[product_id].stock = []
    shop.sim.faults.add(BY_ID, action="delay", seconds=0.5)
    put_back = _later(0.2, lambda: setattr(shop.sim.state.products[product_id], "stock", rows))

    shop.sync()

    put_back()
    assert shop.calls(BY_ID) == 1
    assert shop.in_shop(product_id)["name"] == "Renamed"
    assert shop.quantity(product_id) == before


def test_an_emptied_stock_list_that_stays_empty_is_zero(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.sim.state.products[product_id].stock = []
    shop.sim.register.rename(product_id, "Sold out")

    shop.sync()

    assert shop.quantity(product_id) == 0


def test_stock_that_went_to_zero_long_ago_is_not_asked_for_again(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.sim.register.set_stock(product_id, 0)
    shop.sync()
    asked = shop.calls(BY_ID)
    shop.sim.register.rename(product_id, "Still sold out")

    shop.sync()

    assert shop.calls(BY_ID) == asked


def test_negative_stock_is_none_to_sell(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, -4)

    shop.sync()

    assert shop.quantity(product_id) == 0


def test_grams_keep_their_decimals(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(
        name="Loose flower", measurement="Mass", stock="12.345"
    )

    shop.sync()

    assert shop.quantity(product_id) == Decimal("12.345")


def _later(seconds: float, action):  # type: ignore[no-untyped-def]
    """Do it after so many seconds on another thread; answers a way to wait for it."""
    import threading

    timer = threading.Timer(seconds, action)
    timer.start()
    return timer.join
