"""A store's own mapping, from the page's services through a sync into the shop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.host import PRODUCT_FIELDS
from aiq_cova_plugin.services.choices.category_rules import (
    CLASSIFICATION,
    SPECIFICATION,
    count_rule,
)
from aiq_cova_plugin.services.choices.field_owners import ERASABLE
from aiq_cova_plugin.services.choices.pos_settings import read_pos_settings, save_pos_settings
from aiq_cova_plugin.services.choices.specification_mapping import (
    MappingEntry,
    save_mapping,
    unused_names,
    use_name,
)
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.products.specifications import (
    UnknownProduct,
    ask_cova,
    explain_product,
)

from tests.support.connected import BY_ID, ConnectedShop
from tests.support.shop import ShopProduct


@contextmanager
def services(shop: ConnectedShop) -> Iterator[ServiceContext]:
    with shop.shop.app.app_context():
        yield shop.shop.services


def save(shop: ConnectedShop, *, staff: frozenset[str] = frozenset(), **more: Any) -> None:
    """Save POS settings as the page does."""
    with services(shop) as ctx:
        save_pos_settings(
            ctx,
            "s1",
            cova_fields=set(PRODUCT_FIELDS) - staff,
            rules=more.pop("rules", ()),
            fallback_category_id=more.pop("fallback", None),
            by="a test",
            **more,
        )


def edit(shop: ConnectedShop, product_id: str, **fields: Any) -> None:
    """Staff change the product in the shop."""
    with shop.shop.app.app_context():
        session = shop.shop.db.session
        row = session.get_one(ShopProduct, ("s1", product_id))
        row.fields = {**row.fields, **fields}
        session.commit()


# --- specifications -------------------------------------------------------------------------------


def test_a_name_given_a_meaning_reaches_the_shop_though_cova_reports_no_change(
    any_shop: ConnectedShop,
) -> None:
    product_id = any_shop.sim.register.add_product(
        name="Odd", stock=3, specifications={"House reading": "21,5 %", "Maker": "Acme"}
    )
    any_shop.sync()
    assert not any(lab["name"] == "THC" for lab in any_shop.in_shop(product_id).get("labs", []))
    any_shop.sim.clock.advance(7200)
    with services(any_shop) as ctx:
        assert {"House reading", "Maker"} <= {each.name for each in unused_names(ctx, "s1")}
        entries = [MappingEntry("THC", "house-reading"), MappingEntry("brand", "Maker")]
        save_mapping(ctx, "s1", entries, by="a test")

    any_shop.sync()

    [lab] = any_shop.in_shop(product_id)["labs"]
    assert (lab["name"], lab["value"], lab["unit"]) == ("THC", "21.5", "%")
    assert any_shop.in_shop(product_id)["brand"] == "Acme"
    with services(any_shop) as ctx:
        names = {each.name for each in unused_names(ctx, "s1")}
        assert not names & {"House reading", "Maker"}


def test_a_field_id_keeps_counting_when_the_name_changes(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(name="Odd", specifications={"Maker": "Acme"})
    shop.sync()
    with services(shop) as ctx:
        [reading] = [
            each
            for each in explain_product(ctx, "s1", product_id).readings
            if each.display_name == "Maker"
        ]
        assert reading.field_id is not None
        save_mapping(ctx, "s1", [MappingEntry("brand", "", str(reading.field_id))], by="a test")

    shop.sync()

    assert shop.in_shop(product_id)["brand"] == "Acme"


def test_the_explanation_agrees_with_what_the_shop_got(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(
        name="Odd",
        specifications={
            "THC Min": "18", "THC Max": "24,5", "CBD": "ND", "Brand": "Acme", "Net Weight": "3.5 g",
            "COA Link": "https://labs.example/1.pdf", "Colour": "green",
        },
    )  # fmt: skip
    shop.sync()

    with services(shop) as ctx:
        explained = explain_product(ctx, "s1", product_id)
    gets = {(each.field, each.shop_gets) for each in explained.readings if each.used}
    in_shop = shop.in_shop(product_id)

    assert ("brand", in_shop["brand"]) in gets
    assert ("coa_url", in_shop["coa_url"]) in gets
    assert ("weight", "3.5 g") in gets
    assert in_shop["weight"] == {"value": "3.5", "unit": "g"}
    labs = {text for field, text in gets if field == "labs"}
    assert labs == {"THC 18 to 24.5", "CBD ND"}
    assert {lab["name"] for lab in in_shop["labs"]} == {"THC", "CBD"}
    assert explained.read_at is not None


def test_cova_can_be_asked_about_one_product_and_nothing_changes(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(name="Odd", specifications={"Brand": "Acme"})
    shop.sync()
    shop.sim.register.set_specification(product_id, "Brand", "Newer")

    with services(shop) as ctx:
        fresh = ask_cova(ctx, "s1", product_id.upper())
        stored = explain_product(ctx, "s1", product_id)

    assert fresh.is_fresh
    assert [each.raw for each in fresh.readings if each.display_name == "Brand"] == ["Newer"]
    assert [each.raw for each in stored.readings if each.display_name == "Brand"] == ["Acme"]
    assert shop.in_shop(product_id)["brand"] == "Acme"


def test_what_cova_does_not_have_or_cannot_answer_is_said(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()

    with services(shop) as ctx:
        with pytest.raises(UnknownProduct, match="COVA has no product"):
            ask_cova(ctx, "s1", "00000000-0000-4000-8000-000000000000")
        with pytest.raises(UnknownProduct, match="has been read from COVA"):
            explain_product(ctx, "s1", "00000000-0000-4000-8000-000000000000")
        shop.sim.faults.add(BY_ID, action="server_error", times=None)
        with pytest.raises(CovaPluginError) as caught:
            ask_cova(ctx, "s1", product_id)
    assert caught.value.message


# --- categories -----------------------------------------------------------------------------------


def test_a_menu_category_goes_through_the_inbox_into_a_rule_and_the_shop(
    any_shop: ConnectedShop,
) -> None:
    ids = [
        any_shop.sim.register.add_product(
            name=f"Odd {number}",
            classification="Zzyzx",
            specifications={"Online Menu Category": "Qwerty" if number < 3 else ""},
        )
        for number in range(4)
    ]
    any_shop.sync()
    with services(any_shop) as ctx:
        before = read_pos_settings(ctx, "s1")
        inbox = {(each.kind, each.path): each.number_of_products for each in before.unmapped}
        count = count_rule(ctx, "s1", SPECIFICATION, "qwerty")
        wider = count_rule(ctx, "s1", CLASSIFICATION, "Zzyzx")
    assert inbox[SPECIFICATION, "Qwerty"] == 3
    assert inbox[CLASSIFICATION, "Zzyzx"] == 4
    assert (count.matches, count.decides) == (3, 3)
    assert (wider.matches, wider.decides) == (4, 4)

    save(any_shop, specification_rules=[("Qwerty", "11")], rules=[("Zzyzx", "12")])
    any_shop.sync()

    assert [any_shop.in_shop(each)["category_id"] for each in ids] == ["11", "11", "11", "12"]
    with services(any_shop) as ctx:
        after = read_pos_settings(ctx, "s1")
    assert not {"Qwerty", "Zzyzx"} & {each.path for each in after.unmapped}
    [rule] = after.specification_rules
    assert (rule.matches, rule.decides) == (3, 3)
    [rule] = after.rules
    assert (rule.matches, rule.decides) == (4, 1)


def test_every_number_a_rule_claims_is_what_the_next_sync_does(shop: ConnectedShop) -> None:
    rules = [("Flower", "12"), ("Indica", "11"), ("Edibles", "10")]
    shop.sync()
    save(shop, rules=rules, specification_rules=[("Dried Cannabis", "9")])
    with services(shop) as ctx:
        told = read_pos_settings(ctx, "s1")
    claimed = {each.category_id: each.decides for each in (*told.rules, *told.specification_rules)}

    shop.sync()

    landed = dict.fromkeys(claimed, 0)
    for row in shop.known().values():
        if row.presence == "active" and row.category_source.endswith("_rule"):
            landed[shop.in_shop(row.cova_product_id)["category_id"]] += 1
    assert landed == claimed
    assert sum(claimed.values()) > 0


# --- field owners ---------------------------------------------------------------------------------


@pytest.mark.parametrize("field", PRODUCT_FIELDS)
def test_each_field_turned_on_reaches_every_product_and_off_freezes_it(
    shop: ConnectedShop, field: str
) -> None:
    save(shop, staff=frozenset({field}))
    shop.sync()
    mine = {"name": "Mine", "price": "1", "sale_price": "0.5", "quantity": "1"}.get(field, "mine")
    edited = next(iter(shop.shop.products()))
    assert all(field not in fields for fields in shop.shop.products().values())

    save(shop)
    shop.sim.clock.advance(7200)
    report = shop.sync()
    given = {key: row.applied[field] for key, row in shop.known().items() if field in row.applied}
    assert report.fetched == 0, "COVA reported no change"
    assert given, "no product of the simulator has this field"
    for product_id, value in given.items():
        assert shop.in_shop(product_id)[field] == value

    save(shop, staff=frozenset({field}))
    edit(shop, edited, **{field: mine})
    with shop.told() as told:
        shop.sync()
        shop.sync(full=True)
    assert all(field not in change.fields for change in told)
    assert shop.in_shop(edited)[field] == mine


def test_what_cova_may_empty_is_emptied_and_the_rest_is_kept(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(
        name="Branded",
        stock=3,
        specifications={
            "Brand": "Acme", "Net Weight": "3.5 g", "THC": "20 %", "Tags": "new",
            "COA": "https://labs.example/1.pdf", "Strain": "Indica", "Sub Type": "Singles",
        },
    )  # fmt: skip
    shop.sync()
    before = shop.in_shop(product_id)
    names = ("Brand", "Net Weight", "THC", "Tags", "COA", "Strain", "Sub Type")
    for name in names:
        shop.sim.register.set_specification(product_id, name, "")
    shop.sync()
    fields = ("brand", "weight", "labs", "tags", "coa_url", "cannabis_type", "subtype")
    assert {name: shop.in_shop(product_id)[name] for name in fields} == {
        name: before[name] for name in fields
    }

    save(shop, erasable_fields=["brand", "weight", "labs", "coa_url"])
    shop.sync()

    after = shop.in_shop(product_id)
    assert (after["brand"], after["weight"], after["labs"], after["coa_url"]) == ("", None, [], "")
    assert (after["tags"], after["subtype"]) == (["new"], "Singles")
    assert set(ERASABLE) >= {*fields}


def test_an_unreadable_value_empties_nothing(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(
        name="Weighed", specifications={"Net Weight": "3.5 g", "COA": "https://labs.example/1.pdf"}
    )
    save(shop, erasable_fields=list(ERASABLE))
    shop.sync()
    shop.sim.register.set_specification(product_id, "Net Weight", "large")
    shop.sim.register.set_specification(product_id, "COA", "in the drawer")

    shop.sync()

    assert shop.in_shop(product_id)["weight"] == {"value": "3.5", "unit": "g"}
    assert shop.in_shop(product_id)["coa_url"] == "https://labs.example/1.pdf"


def test_one_press_gives_a_name_its_meaning(shop: ConnectedShop) -> None:
    product_id = shop.sim.register.add_product(
        name="Odd", specifications={"Package contents": "3,5 g"}
    )
    shop.sync()
    with services(shop) as ctx:
        use_name(ctx, "s1", "Package contents", "weight", by="a test")

    shop.sync()

    assert Decimal(shop.in_shop(product_id)["weight"]["value"]) == Decimal("3.5")
