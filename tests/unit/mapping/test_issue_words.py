"""What staff read about a value that could not be used, word for word, and of which field."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.schemas import records

from tests.unit.mapping.products import HERE, PRODUCT_ID, price, product, snapshot_of, with_specs

D = Decimal
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
PRICED = (price("10"),)


def stock_row(quantity: str | None) -> records.Availability:
    return records.Availability(HERE, 1, None, None if quantity is None else D(quantity), True)


def tax(rate: str | None, kind: str = "Percentage") -> records.TaxRate:
    return records.TaxRate("a", "GST", None, kind, None if rate is None else D(rate), 0, ())


UNCLEAR = (
    "{} stock row(s) without quantity, room or location were not counted. "
    "Check the product's rooms in COVA."
)


@pytest.mark.parametrize(
    ("cova_product", "taxes", "field", "reason"),
    [
        (
            product(prices=PRICED, life_cycle=None),
            {},
            "enabled",
            "COVA did not say the product's life cycle, so it is not shown. Set it to Active.",
        ),
        (
            product(prices=PRICED, availability=(stock_row(None),)),
            {},
            "quantity",
            UNCLEAR.format(1),
        ),
        (
            product(
                prices=PRICED, availability=(stock_row(None), stock_row("2"), stock_row("NaN"))
            ),
            {},
            "quantity",
            UNCLEAR.format(2),
        ),
        (
            product(prices=PRICED, applicable_tax_rates=("a",)),
            {},
            "tax_rates",
            "COVA did not describe one of the product's taxes.",
        ),
        (
            product(prices=PRICED, applicable_tax_rates=("a",)),
            {"a": tax(None)},
            "tax_rates",
            "The rate of the tax GST cannot be read.",
        ),
        (
            product(prices=PRICED, applicable_tax_rates=("a",)),
            {"a": tax("0.05", "FixedAmount")},
            "tax_rates",
            "The tax GST is not a percentage.",
        ),
        (product(prices=()), {}, "price", "COVA has no price for this location."),
        (
            product(prices=(price("NaN"),)),
            {},
            "price",
            "COVA's price cannot be read as an amount.",
        ),
        (
            product(prices=(price("0"),)),
            {},
            "price",
            "COVA's price is zero, so it is not used: set a price in COVA.",
        ),
        (
            product(prices=(price("10"), price("12"))),
            {},
            "price",
            "COVA has several prices here; the highest one is used.",
        ),
        (
            product(prices=(*PRICED, price("9", tier_id=1))),
            {},
            "price_tiers",
            "A price tier without a usable quantity was left out.",
        ),
        (
            product(prices=(*PRICED, price(None, tier_id=1, tier_quantity=D("3.50")))),
            {},
            "price_tiers",
            "The price tier from 3.50 on has no readable price.",
        ),
        (
            product(
                prices=(*PRICED, price("9", tier_id=1, tier_quantity=D(3), at_tier_price=D(0)))
            ),
            {},
            "price_tiers",
            "The total of the price tier from 3 on is zero in COVA; its price per unit is used.",
        ),
    ],
)
def test_an_issue_names_the_product_the_field_and_what_to_do(cova_product, taxes, field, reason):
    snapshot = snapshot_of(cova_product, tax_rates=taxes)

    assert snapshot.issues == (FieldIssue(PRODUCT_ID, field, reason),)


LONG = "123 5" + " 5" * 30
"""The fortieth character is a blank, the one behind it a digit."""


@pytest.mark.parametrize(
    ("value", "unit", "reason"),
    [
        ("3.5-7 g", "", "A weight cannot be a range."),
        ("3.5", "", "The unit is missing: set it in COVA, for example to g."),
        ("3.5 oz", "g", "The value says oz, the specification's unit is g."),
        ("Large", "g", "This is not a number."),
        ("9" * 201, "g", "The text is too long to be a number."),
        ("1 g - 2 oz", "", "The two ends of the range have different units."),
        ("1,234", "g", '"1,234" cannot be read for certain. Write it like 1234.5.'),
        (
            "1,234 - 2,345",
            "g",
            '"1,234 - 2,345" cannot be read for certain. Write it like 1234.5.',
        ),
        (LONG, "g", f'"{LONG[:40].strip()}" cannot be read for certain. Write it like 1234.5.'),
    ],
)
def test_a_weight_that_cannot_be_read_says_why(value, unit, reason):
    snapshot = snapshot_of(with_specs(("Net Weight", value, unit)))

    assert [each for each in snapshot.issues if each.field != "price"] == [
        FieldIssue(PRODUCT_ID, "Net Weight", reason)
    ]
    assert snapshot.weight is None


@pytest.mark.parametrize(
    ("value", "unit", "reason"),
    [
        ("24 mg", "%", "The value says mg, the specification's unit is %."),
        ("101", "%", "101 % is impossible: check the value and its unit."),
        ("20-1001", "mg/g", "1001 mg/g is impossible: check the value and its unit."),
        ("strong", "%", "This is not a number."),
    ],
)
def test_a_lab_value_that_cannot_be_read_says_why(value, unit, reason):
    snapshot = snapshot_of(with_specs((" Limonene ", value, unit)))

    assert [each for each in snapshot.issues if each.field != "price"] == [
        FieldIssue(PRODUCT_ID, "Limonene", reason)
    ]


@pytest.mark.parametrize(
    ("sale", "reason"),
    [
        (
            records.SalePrice(D(8), None, None, ("TimeOfDay", "DaysOfWeek")),
            (
                "A sale price was left out, since its rules are not understood "
                "(DaysOfWeek, TimeOfDay)."
            ),
        ),
        (
            records.SalePrice(D(8), None, None, ("X" * 300,)),
            f"A sale price was left out, since its rules are not understood ({'X' * 200}).",
        ),
        (
            records.SalePrice(None, None, None),
            "A sale price without a readable amount was left out.",
        ),
        (records.SalePrice(D(0), None, None), "A sale price of zero was left out."),
        (
            records.SalePrice(D(8), NOON, NOON),
            "A sale price that ends before it begins was left out.",
        ),
    ],
)
def test_a_sale_price_that_is_left_out_says_why(sale, reason):
    snapshot = snapshot_of(product(prices=(price("10", sale_prices=(sale,)),)))

    assert snapshot.issues == (FieldIssue(PRODUCT_ID, "sale_price", reason),)


def test_a_sale_price_on_a_tier_is_told_and_left_out():
    tier = price(
        "9", tier_id=1, tier_quantity=D(3), sale_prices=(records.SalePrice(D(8), None, None),)
    )
    snapshot = snapshot_of(product(prices=(*PRICED, tier)))

    assert snapshot.sale_windows == ()
    assert snapshot.issues == (
        FieldIssue(PRODUCT_ID, "price_tiers", "A sale price on a price tier was left out."),
    )


@pytest.mark.parametrize("name", ["COA", "COA Link"])
def test_a_certificate_that_is_no_link_says_what_to_write(name):
    snapshot = snapshot_of(with_specs((f" {name} ", "labs.example/1.pdf")))

    assert snapshot.coa_url is None
    assert [each for each in snapshot.issues if each.field != "price"] == [
        FieldIssue(
            PRODUCT_ID,
            name,
            "This is not a web address. Write the whole link in COVA, with https:// before it.",
        )
    ]
