"""Field ownership, locked and excluded products, and which category a product lands in."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aiq_cova_plugin.host import PRODUCT_FIELDS
from aiq_cova_plugin.services.choices.pos_settings import save_pos_settings

from tests.support.connected import ConnectedShop


def _save(shop: ConnectedShop, *, staff: set[str] = frozenset(), rules=(), fallback=None) -> None:  # type: ignore[no-untyped-def, assignment]
    """Save POS settings as the page does."""
    with shop.shop.app.app_context():
        save_pos_settings(
            shop.shop.services,
            "s1",
            cova_fields=set(PRODUCT_FIELDS) - staff,
            rules=rules,
            fallback_category_id=fallback,
            by="a test",
        )


def _edit(shop: ConnectedShop, product_id: str, **fields: object) -> None:
    """Staff change the product in the shop."""
    from tests.support.shop import ShopProduct

    with shop.shop.app.app_context():
        session = shop.shop.db.session
        row = session.get_one(ShopProduct, ("s1", product_id))
        row.fields = {**row.fields, **fields}
        session.commit()


@pytest.mark.parametrize("field", PRODUCT_FIELDS)
def test_a_field_of_the_staff_is_never_mentioned(shop: ConnectedShop, field: str) -> None:
    shop.let_staff_own(field)
    first, second = shop.ordinary(2)

    with shop.told() as told:
        shop.sync()
        shop.sim.register.set_price(first, 1)
        shop.sim.register.put_on_sale(first, "0.50")
        shop.sim.register.set_stock(first, 1)
        shop.sim.register.rename(first, "Other name")
        shop.sim.register.archive(second)
        shop.sync()
        shop.sim.register.restore(second)
        shop.sync(full=True)

    assert told
    assert all(field not in change.fields for change in told)


def test_a_field_turned_on_is_applied_to_every_product_at_the_next_sync(
    any_shop: ConnectedShop,
) -> None:
    _save(any_shop, staff={"name", "price"})
    any_shop.sync()
    (product_id,) = any_shop.ordinary()
    assert "name" not in any_shop.in_shop(product_id)
    _edit(any_shop, product_id, name="Staff's own name", price="1")
    any_shop.sim.clock.advance(7200)

    _save(any_shop)
    report = any_shop.sync()

    assert report.fetched == 0, "COVA reported no change"
    assert report.updated == len(any_shop.shop.products())
    product = any_shop.sim.state.products[product_id]
    assert any_shop.in_shop(product_id)["name"] == product.name.strip()
    assert Decimal(any_shop.in_shop(product_id)["price"]) == product.regular_price(
        any_shop.sim.location_id
    )


def test_a_field_turned_off_is_frozen_and_on_again_follows_cova(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sim.register.set_price(product_id, 10)
    shop.sync()
    _save(shop, staff={"price"})
    shop.sync()
    _edit(shop, product_id, price="12")
    shop.sim.register.set_price(product_id, 11)

    shop.sync()
    assert shop.in_shop(product_id)["price"] == "12"

    _save(shop)
    shop.sync()
    assert shop.in_shop(product_id)["price"] == "11"


def test_turning_a_field_off_alone_writes_nothing_to_the_host(shop: ConnectedShop) -> None:
    shop.sync()
    _save(shop, staff={"brand"})

    with shop.told() as told:
        shop.sync()

    assert told == []


def test_an_empty_value_from_cova_erases_nothing(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(
        name="Branded", stock=3, specifications={"Brand": "Harbour Farms", "Tags": "new,dry"}
    )
    shop.sync()
    shop.sim.register.set_specification(product_id, "Brand", "")
    shop.sim.register.set_specification(product_id, "Tags", "")

    shop.sync()

    assert shop.in_shop(product_id)["brand"] == "Harbour Farms"
    assert shop.in_shop(product_id)["tags"] == ["new", "dry"]


def test_of_a_locked_product_only_the_quantity_moves(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()
    before = shop.in_shop(product_id)
    shop.change(product_id, is_locked=True)
    shop.sim.register.rename(product_id, "Other name")
    shop.sim.register.set_price(product_id, 1)
    shop.sim.register.set_stock(product_id, 2)

    shop.sync()
    assert shop.in_shop(product_id) == before | {"quantity": "2"}
    assert shop.product(product_id).is_locked

    shop.change(product_id, is_locked=False, is_dirty=True)
    shop.sync()
    assert shop.in_shop(product_id)["name"] == "Other name"
    assert shop.in_shop(product_id)["price"] == "1"


def test_an_excluded_product_leaves_the_menu_and_is_left_alone_then(shop: ConnectedShop) -> None:
    """Nobody may buy what is not synced any more; nothing else touches it until it is back."""
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.change(product_id, is_excluded=True, is_dirty=True)
    before = shop.in_shop(product_id)
    shop.sim.register.rename(product_id, "Other name")
    shop.sim.register.set_stock(product_id, 1)

    with shop.told() as told:
        shop.sync()
        shop.sync(full=True)
        shop.shop.place("o1", [(product_id, "A product", "1", "10.00")], send=["aiq.order-placed"])

    changes = [change for change in told if change.cova_product_id == product_id]
    assert [(change.action, change.fields) for change in changes] == [("hide", {"enabled": False})]
    assert shop.in_shop(product_id) == before | {"enabled": False}
    assert shop.product(product_id).is_excluded

    shop.change(product_id, is_excluded=False, is_dirty=True)
    shop.sync()
    assert shop.in_shop(product_id)["name"] == "Other name"
    assert shop.in_shop(product_id)["enabled"]


def test_an_excluded_product_that_was_never_there_is_not_created(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(name="Soon", lifecycle="Coming Soon")
    shop.sync()
    shop.change(product_id, is_excluded=True)
    shop.sim.register.set_lifecycle(product_id, "Active")

    shop.sync()

    assert product_id not in shop.shop.products()


def test_a_product_staff_show_again_by_hand_still_gets_its_stock_and_price(
    shop: ConnectedShop,
) -> None:
    """It was hidden while COVA owned the menu; since then staff decide what is on it."""
    (product_id,) = shop.ordinary()
    shop.sync()
    shop.sim.register.archive(product_id)
    shop.sync()
    _save(shop, staff={"enabled"})
    _edit(shop, product_id, enabled=True)
    shop.sim.register.restore(product_id)
    shop.sim.register.set_stock(product_id, 3)
    shop.sim.register.set_price(product_id, 44)

    with shop.told() as told:
        shop.sync()

    assert all("enabled" not in change.fields for change in told)
    assert shop.quantity(product_id) == 3
    assert shop.in_shop(product_id)["price"] == "44"


@pytest.mark.parametrize("lifecycle", ["Discontinued", "Archived"])
def test_staff_keep_a_discontinued_product_on_the_menu_with_the_stock_cova_says(
    any_shop: ConnectedShop, lifecycle: str
) -> None:
    shop = any_shop
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 5)
    shop.sync()
    shop.let_staff_own("enabled")
    shop.sync()
    shop.sim.register.set_stock(product_id, 2)
    shop.sim.register.set_lifecycle(product_id, lifecycle)
    with shop.told() as told:
        shop.sync()
    assert [dict(change.fields) for change in told] == [{"quantity": Decimal(2)}]

    shop.sim.register.set_stock(product_id, 0)
    shop.sync()

    assert shop.quantity(product_id) == 0
    assert shop.in_shop(product_id)["enabled"] is True
    assert shop.product(product_id).host_state == "shown"


def test_a_vanished_product_that_staff_keep_on_the_menu_has_nothing_to_sell(
    any_shop: ConnectedShop,
) -> None:
    shop = any_shop
    (product_id,) = shop.ordinary()
    shop.sim.register.set_stock(product_id, 5)
    shop.let_staff_own("enabled")
    shop.sync()
    with shop.sim.state.lock:
        gone = shop.sim.state.products.pop(product_id)

    shop.sync(full=True)
    assert shop.quantity(product_id) == 0
    assert shop.product(product_id).stock == 0, "no order or hold brings the old stock back"
    shop.shop.place("o1", [(product_id, "x", "1", "1.00")], send=["aiq.order-placed"])
    assert shop.quantity(product_id) == 0
    shop.shop.send("aiq.order-cancelled", "o1")
    assert shop.quantity(product_id) == 0

    with shop.sim.state.lock:
        shop.sim.state.products[product_id] = gone
    shop.sync(full=True)
    assert shop.quantity(product_id) == 5, "it is back, and so is its stock"


def test_a_rule_moves_products_at_the_next_sync_and_removing_it_moves_them_back(
    shop: ConnectedShop,
) -> None:
    product_id = shop.sim.register.add_product(name="Bud", classification="Flower > Indica")
    shop.sync()
    assert shop.in_shop(product_id)["category_id"] == "1", "the built-in rule"

    _save(shop, rules=[("Flower > Indica", "12")])
    shop.sync()
    assert shop.in_shop(product_id)["category_id"] == "12"
    assert shop.product(product_id).category_source != "built_in"

    _save(shop)
    shop.sync()
    assert shop.in_shop(product_id)["category_id"] == "1"


def test_built_in_rules_stay_when_a_custom_one_is_added(shop: ConnectedShop) -> None:
    indica = shop.sim.register.add_product(name="Indica", classification="Flower > Indica")
    edible = shop.sim.register.add_product(name="Gummies", classification="Edibles > Gummies")
    _save(shop, rules=[("Flower > Indica", "12")])

    shop.sync()

    assert shop.in_shop(indica)["category_id"] == "12"
    assert shop.in_shop(edible)["category_id"] == "5"


def test_what_no_rule_knows_goes_to_the_fallback_or_says_no_category(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(name="Odd", classification="Zzyzx > Qwerty")

    shop.sync()
    assert "category_id" not in shop.in_shop(product_id)
    assert shop.product(product_id).classification_path == "Zzyzx > Qwerty"

    _save(shop, fallback="11")
    shop.sync()
    assert shop.in_shop(product_id)["category_id"] == "11"
