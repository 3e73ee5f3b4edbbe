"""When a field of the shop counts as different from COVA's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.domain.differences import (
    MAY_BECOME_EMPTY,
    FieldComparison,
    Verdict,
    compare_fields,
    differing_names,
)
from aiq_cova_plugin.domain.values import PRODUCT_FIELDS, LabValue, PriceTier, TaxRate, Weight

THC = LabValue("THC", Decimal("24.50"), None, "%", "")
CBD = LabValue("CBD", None, None, "%", "<LOQ")


def compared(name: str, cova: dict[str, Any], shop: dict[str, Any], **more: Any) -> FieldComparison:
    found = compare_fields(cova, shop, following={name}, **more)
    return next(each for each in found if each.name == name)


@pytest.mark.parametrize(
    ("name", "cova", "shop"),
    [
        pytest.param("price", Decimal("10"), Decimal("10.00"), id="trailing zeros"),
        pytest.param("price", Decimal("1E+1"), "10", id="exponent and text"),
        pytest.param("price", Decimal("10.5"), 10.5, id="a float of a careless host"),
        pytest.param("quantity", Decimal("0"), Decimal("0.000"), id="zeros"),
        pytest.param("quantity", Decimal("-0"), 0, id="negative zero"),
        pytest.param("sale_price", None, None, id="no sale on both sides"),
        pytest.param("brand", "", None, id="empty text and none"),
        pytest.param("upc", None, "", id="none and empty text"),
        pytest.param("tags", [], None, id="empty list and none"),
        pytest.param("name", "Haze", " Haze\n", id="outer spaces"),
        pytest.param("tags", ["new", "dry"], ["dry", "new"], id="tags in any order"),
        pytest.param("labs", [THC, CBD], [CBD, THC], id="labs in any order"),
        pytest.param(
            "labs",
            [THC],
            [{"name": "THC", "value": "24.5", "max_value": None, "unit": "%", "text": ""}],
            id="labs as stored",
        ),
        pytest.param(
            "price_tiers",
            [PriceTier(Decimal(1), Decimal("9.00")), PriceTier(Decimal(3), Decimal(25))],
            [PriceTier(Decimal(3), Decimal("25.0")), PriceTier(Decimal("1.0"), Decimal(9))],
            id="tiers in any order",
        ),
        pytest.param(
            "weight", Weight(Decimal("3.50"), "g"), Weight(Decimal("3.5"), "g"), id="weight"
        ),
        pytest.param(
            "tax_rates",
            [TaxRate("State", Decimal("0.0700"))],
            [{"name": "State", "rate": "0.07"}],
            id="tax rates",
        ),
        pytest.param("enabled", True, True, id="both on the menu"),
    ],
)
def test_two_spellings_of_one_value_do_not_differ(name: str, cova: Any, shop: Any) -> None:
    assert compared(name, {name: cova}, {name: shop}).verdict is Verdict.SAME


@pytest.mark.parametrize(
    ("name", "cova", "shop"),
    [
        pytest.param("price", Decimal("10.00"), Decimal("10.01"), id="a cent"),
        pytest.param("price", Decimal("10"), None, id="the shop has none"),
        pytest.param("quantity", Decimal(0), Decimal(3), id="zero is a value"),
        pytest.param("quantity", Decimal(3), Decimal(0), id="zero in the shop"),
        pytest.param("quantity", Decimal(0), None, id="zero is not nothing"),
        pytest.param("sale_price", None, Decimal("8"), id="the sale is over"),
        pytest.param("price_tiers", [], [PriceTier(Decimal(1), Decimal(9))], id="tiers are gone"),
        pytest.param("enabled", False, True, id="off the menu"),
        pytest.param("enabled", True, None, id="false is not nothing"),
        pytest.param("name", "Haze", "haze", id="capitals"),
        pytest.param("image_urls", ["a", "b"], ["b", "a"], id="the first picture is the main one"),
        pytest.param("labs", [THC], [THC, CBD], id="one lab value more"),
        pytest.param(
            "labs", [CBD], [LabValue("CBD", None, None, "%", "ND")], id="the laboratory's words"
        ),
        pytest.param("weight", Weight(Decimal(1), "g"), Weight(Decimal(1), "oz"), id="the unit"),
        pytest.param("upc", "00123", "123", id="a barcode is no number"),
    ],
)
def test_what_differs(name: str, cova: Any, shop: Any) -> None:
    assert compared(name, {name: cova}, {name: shop}).verdict is Verdict.DIFFERS


def test_a_description_the_shop_has_sanitised_once_more_is_the_same() -> None:
    ours = (
        '<p>Grown by the sea.</p>\n<p><a href="https://example.com/a?b=1&amp;c=2" '
        'rel="noopener noreferrer nofollow">Certificate</a></p>'
    )
    theirs = (
        '<p>Grown by the sea.</p>\r\n<p><a href="https://example.com/a?b=1&amp;c=2" '
        'rel="noopener noreferrer">Certificate</a></p>'
    )
    other = theirs.replace("/a?", "/other?")

    assert compared("description", {"description": ours}, {"description": theirs}).verdict is (
        Verdict.SAME
    )
    assert compared("description", {"description": ours}, {"description": other}).verdict is (
        Verdict.DIFFERS
    )
    assert compared("name", {"name": "<b>A</b>"}, {"name": "A"}).verdict is Verdict.DIFFERS


def test_what_cova_does_not_say_differs_from_nothing() -> None:
    assert compared("strain", {}, {"strain": "Haze"}).verdict is Verdict.SILENT
    assert compared("strain", {}, {}).verdict is Verdict.SILENT


def test_what_the_shop_has_may_be_unknown() -> None:
    assert compared("strain", {"strain": "Haze"}, {}).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("name", sorted(set(PRODUCT_FIELDS) - MAY_BECOME_EMPTY))
@pytest.mark.parametrize("empty", [None, "", []])
def test_empty_in_cova_keeps_the_shops_value_unless_staff_let_it_be_erased(
    name: str, empty: Any
) -> None:
    cova, shop = {name: empty}, {name: "written by staff"}

    assert compared(name, cova, shop).verdict is Verdict.KEPT
    assert compared(name, cova, shop, erasable={name}).verdict is Verdict.DIFFERS


@pytest.mark.parametrize("name", sorted(MAY_BECOME_EMPTY))
def test_none_is_a_statement_where_it_means_something(name: str) -> None:
    assert compared(name, {name: None}, {name: "5"}).verdict is Verdict.DIFFERS


def test_every_field_is_told_in_the_contracts_order_with_its_owner() -> None:
    found = compare_fields({"name": "A"}, {"name": "B"}, following={"name", "price"})

    assert [each.name for each in found] == list(PRODUCT_FIELDS)
    assert {each.name for each in found if each.follows_cova} == {"name", "price"}
    assert differing_names(found) == ("name",)
    assert found[0] == FieldComparison("name", "A", "B", Verdict.DIFFERS, follows_cova=True)


def test_values_come_back_in_their_json_form() -> None:
    each = compared("weight", {"weight": Weight(Decimal("3.50"), "g")}, {"weight": None})

    assert each.cova == {"value": "3.5", "unit": "g"}
    assert each.shop is None
