"""Prices: the right rows, tiers by AtTierPrice, sales only where understood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.domain.catalogue import SaleWindow
from aiq_cova_plugin.domain.pricing import active_sale_price, line_total_for
from aiq_cova_plugin.domain.values import PriceTier
from aiq_cova_plugin.mapping.prices_from_cova import (
    price_tiers,
    prices_from_cova,
    regular_price,
    sale_windows,
)
from aiq_cova_plugin.schemas.records import Price, SalePrice

from tests.unit.mapping.products import COMPANY, ELSEWHERE, HERE, price, product

D = Decimal

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def priced(*rows: Price):
    return product(prices=rows)


@pytest.mark.parametrize(
    ("rows", "regular"),
    [
        ([price("32.0")], D("32.00")),
        # Zero is a field nobody filled in.
        ([price("0")], None),
        ([price("0"), price("32")], D(32)),
        (
            [price("0"), price("3", tier_id=1, tier_quantity=D(2), at_tier_price=D(6))],
            D("3.00"),
        ),
        ([price("0"), price(None, tier_id=1, tier_quantity=D(2), at_tier_price=D(0))], None),
        ([price("3.3333")], D("3.33")),
        ([price("3.335")], D("3.34")),
        ([], None),
        ([price(None)], None),
        ([price("NaN")], None),
        ([price("Infinity")], None),
        ([price("-1")], None),
        ([price("1E+30")], None),
        # Other locations and rows without one.
        ([price("9", location_id=ELSEWHERE)], None),
        ([price("9", location_id=None)], None),
        ([price("9", location_id=ELSEWHERE), price("32")], D(32)),
        # Customer groups, cheaper or dearer.
        ([price("1", group_id=7)], None),
        ([price("1", group_id=7), price("32"), price("99", group_id=0)], D(32)),
        # The location's own price over the inherited one, whichever is higher or first.
        ([price("32"), price("30", from_entity_id=HERE)], D(30)),
        ([price("34", from_entity_id=HERE), price("32")], D(34)),
        # Among equals the highest.
        ([price("30"), price("32"), price("31")], D(32)),
        ([price("NaN"), price("32")], D(32)),
        # Tier rows are not the regular price, unless there is nothing else.
        ([price("1", tier_id=1, tier_quantity=D(7)), price("32")], D(32)),
        (
            [price("3.33", tier_id=1, tier_quantity=D(3), at_tier_price=D(10))],
            D("3.33"),
        ),
        (
            [
                price(None, tier_id=2, tier_quantity=D(7), at_tier_price=D(50)),
                price(None, tier_id=1, tier_quantity=D(1), at_tier_price=D(10)),
            ],
            D(10),
        ),
    ],
)
def test_the_regular_price_is_the_locations_own(rows, regular):
    assert regular_price(priced(*rows), HERE) == regular


def test_prices_that_were_left_out_are_not_known():
    reading = prices_from_cova(product(company_level_price=price("32")), HERE)

    assert reading == (None, None, None, ())


def test_an_empty_price_list_has_neither_tiers_nor_sales():
    reading = prices_from_cova(product(prices=(), company_level_price=price("32")), HERE)

    assert reading.regular is None
    assert (reading.tiers, reading.sale_windows) == ((), ())
    assert [each.reason for each in reading.issues] == ["COVA has no price for this location."]


def test_contradicting_prices_are_told():
    reading = prices_from_cova(priced(price("30"), price("32")), HERE)

    assert [each.field for each in reading.issues] == ["price"]


@pytest.mark.parametrize(
    ("rows", "tiers"),
    [
        ([price("4")], ()),
        (
            [
                price("3.33", tier_id=1, tier_quantity=D(3), at_tier_price=D("10.00")),
                price("2.86", tier_id=2, tier_quantity=D(7), at_tier_price=D("20.00")),
            ],
            (PriceTier(D(3), D(10)), PriceTier(D(7), D(20))),
        ),
        # Any order in, rising out; a tier without an id is one all the same.
        (
            [
                price("2", tier_quantity=D(7), at_tier_price=D(14)),
                price("4", tier_quantity=D("3.5"), at_tier_price=D(14)),
            ],
            (PriceTier(D("3.5"), D(14)), PriceTier(D(7), D(14))),
        ),
        # Only without AtTierPrice the unit price counts.
        ([price("3.335", tier_id=1, tier_quantity=D(3))], (PriceTier(D(3), D("10.01")),)),
        # Zero is a total nobody filled in.
        (
            [price("9", tier_id=1, tier_quantity=D(3), at_tier_price=D(0))],
            (PriceTier(D(3), D(27)),),
        ),
        ([price("0", tier_id=1, tier_quantity=D(3), at_tier_price=D(0))], ()),
        ([price(None, tier_id=1, tier_quantity=D(3), at_tier_price=D(0))], ()),
        ([price(None, tier_id=1, tier_quantity=D(3))], ()),
        ([price("4", tier_id=1)], ()),
        ([price("4", tier_id=1, tier_quantity=D(0))], ()),
        ([price("4", tier_id=1, tier_quantity=D(-3))], ()),
        ([price("4", tier_id=1, tier_quantity=D("NaN"))], ()),
        ([price("4", tier_id=1, tier_quantity=D("1E+30"))], ()),
        ([price("4", tier_id=1, tier_quantity=D(10) ** 6)], ()),
        ([price("1", tier_id=1, tier_quantity=D(999_999))], (PriceTier(D(999_999), D(999_999)),)),
        ([price(None, tier_id=1, tier_quantity=D(0), at_tier_price=D(9))], ()),
        ([price("sNaN", tier_id=1, tier_quantity=D(3))], ()),
        ([price("4", tier_id=1, tier_quantity=D(3), group_id=7)], ()),
        ([price("4", tier_id=1, tier_quantity=D(3), location_id=ELSEWHERE)], ()),
        (
            [
                price(None, tier_id=1, tier_quantity=D(3), at_tier_price=D(12)),
                price(None, tier_id=1, tier_quantity=D(3), at_tier_price=D(9), from_entity_id=HERE),
            ],
            (PriceTier(D(3), D(9)),),
        ),
        (
            [
                price(None, tier_id=1, tier_quantity=D(3), at_tier_price=D(9)),
                price(None, tier_id=2, tier_quantity=D("3.0"), at_tier_price=D(12)),
            ],
            (PriceTier(D(3), D(12)),),
        ),
    ],
)
def test_tiers_are_the_locations_by_rising_quantity(rows, tiers):
    assert price_tiers(priced(*rows), HERE) == tiers


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (price("0"), "price"),
        (price("9", tier_id=1, tier_quantity=D(3), at_tier_price=D(0)), "price_tiers"),
    ],
)
def test_zeros_are_told(row, field):
    (issue,) = prices_from_cova(priced(row), HERE).issues

    assert issue.field == field
    assert "zero" in issue.reason


def test_three_for_ten_stays_ten():
    cova_product = priced(
        price("4"), price("3.33", tier_id=1, tier_quantity=D(3), at_tier_price=D("10.00"))
    )

    tiers, regular = price_tiers(cova_product, HERE), regular_price(cova_product, HERE)

    assert line_total_for(tiers, regular, D(3)) == D("10.00")
    assert line_total_for(tiers, regular, D(6)) == D("20.00")
    assert line_total_for(tiers, regular, D(2)) == D("8.00")


@pytest.mark.parametrize(
    ("sale", "window"),
    [
        (SalePrice(D(8), None, None), SaleWindow(D(8), None, None)),
        (SalePrice(D("7.995"), NOON, None), SaleWindow(D("8.00"), NOON, None)),
        (SalePrice(D(8), NOON, NOON + HOUR), SaleWindow(D(8), NOON, NOON + HOUR)),
        (SalePrice(D(40), None, None), SaleWindow(D(40), None, None)),
        (SalePrice(None, NOON, None), None),
        (SalePrice(D(0), NOON, None), None),
        (SalePrice(D(-8), NOON, None), None),
        (SalePrice(D("NaN"), NOON, None), None),
        (SalePrice(D(8), NOON, NOON), None),
        (SalePrice(D(8), NOON, NOON - HOUR), None),
        (SalePrice(D(8), None, None, ("DaysOfWeek",)), None),
    ],
)
def test_a_sale_price_is_used_only_when_all_of_it_is_understood(sale, window):
    reading = prices_from_cova(priced(price("32", sale_prices=(sale,))), HERE)

    assert reading.sale_windows == (() if window is None else (window,))
    assert [each.field for each in reading.issues] == ([] if window else ["sale_price"])


def test_unknown_rules_are_named():
    sale = SalePrice(D(8), None, None, ("TimeOfDay", "DaysOfWeek"))

    reading = prices_from_cova(priced(price("32", sale_prices=(sale,))), HERE)

    assert "(DaysOfWeek, TimeOfDay)" in reading.issues[0].reason


@pytest.mark.parametrize(
    "row",
    [
        price("32", location_id=ELSEWHERE, sale_prices=(SalePrice(D(8), None, None),)),
        price("32", group_id=7, sale_prices=(SalePrice(D(8), None, None),)),
        price(
            "32",
            tier_id=1,
            tier_quantity=D(3),
            at_tier_price=D(90),
            sale_prices=(SalePrice(D(8), None, None),),
        ),
    ],
)
def test_sales_of_other_rows_do_not_count(row):
    assert sale_windows(priced(price("32"), row), HERE) == ()


def test_a_price_of_the_location_brings_its_own_sales_only():
    inherited = price("32", sale_prices=(SalePrice(D(20), None, None),))
    own = price("30", from_entity_id=HERE, sale_prices=(SalePrice(D(25), None, None),) * 2)

    assert sale_windows(priced(inherited, own), HERE) == (SaleWindow(D(25), None, None),)


@pytest.mark.parametrize(("location", "counts"), [(None, True), (HERE, True), (ELSEWHERE, False)])
def test_a_sale_that_names_another_location_is_not_ours(location, counts):
    sale = SalePrice(D(20), None, None, location_id=location)
    reading = prices_from_cova(priced(price("32", sale_prices=(sale,))), HERE)

    assert bool(reading.sale_windows) is counts
    assert reading.issues == ()


amounts = st.none() | st.decimals(allow_nan=True, allow_infinity=True)
rows = st.builds(
    Price,
    location_id=st.sampled_from([HERE, ELSEWHERE, None]),
    from_entity_id=st.sampled_from([HERE, COMPANY, None]),
    tier_id=st.none() | st.integers(1, 3),
    tier_quantity=amounts,
    group_id=st.none() | st.integers(0, 2),
    price=amounts,
    at_tier_price=amounts,
    sale_prices=st.lists(
        st.builds(
            SalePrice,
            amounts,
            st.none() | st.just(NOON),
            st.none() | st.just(NOON + HOUR),
            st.just(()) | st.just(("Days",)),
        ),
        max_size=2,
    ).map(tuple),
)


@given(st.lists(rows, max_size=6))
def test_every_amount_is_whole_cents_and_never_negative(price_rows):
    reading = prices_from_cova(priced(*price_rows), HERE)
    said = [reading.regular] if reading.regular is not None else []
    said += [each.total_price for each in reading.tiers or ()]
    said += [each.price for each in reading.sale_windows or ()]

    for amount in said:
        assert amount >= 0
        assert amount.as_tuple().exponent == -2
    quantities = [each.min_quantity for each in reading.tiers or ()]
    assert quantities == sorted(set(quantities))
    sale = active_sale_price(reading.sale_windows, reading.regular, NOON)
    assert sale is None or 0 < sale < reading.regular


@given(st.lists(rows, max_size=6))
def test_rows_of_other_locations_and_groups_change_nothing(price_rows):
    ours = [each for each in price_rows if each.location_id == HERE and each.group_id is None]

    assert prices_from_cova(priced(*price_rows), HERE) == prices_from_cova(priced(*ours), HERE)


def test_a_sale_of_another_location_hides_none_of_ours():
    elsewhere = SalePrice(D(7), None, None, location_id=ELSEWHERE)
    row = price("32", sale_prices=(elsewhere, SalePrice(D(8), None, None)))

    assert prices_from_cova(priced(row), HERE).sale_windows == (SaleWindow(D(8), None, None),)
