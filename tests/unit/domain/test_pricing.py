"""What a product costs at a moment and in a quantity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.domain.catalogue import SaleWindow
from aiq_cova_plugin.domain.pricing import (
    active_sale_price,
    line_total_for,
    money,
    next_price_change,
    readable_amount,
)
from aiq_cova_plugin.domain.values import PriceTier

D = Decimal
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

amounts = st.decimals("0", "100000", places=2, allow_nan=False)
moments = st.datetimes(
    # Hypothesis takes naive bounds and adds the zone itself.
    datetime(2025, 1, 1),  # noqa: DTZ001
    datetime(2027, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
windows = st.lists(
    st.builds(SaleWindow, amounts, st.none() | moments, st.none() | moments), max_size=5
)


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ("0", "0.00"),
        ("2.345", "2.35"),
        ("2.3449", "2.34"),
        ("2.355", "2.36"),
        ("-2.345", "-2.35"),
        ("3.333333", "3.33"),
        ("1000.0", "1000.00"),
        ("0.005", "0.01"),
    ],
)
def test_money_is_rounded_half_away_from_zero(amount, cents):
    assert str(money(D(amount))) == cents


def test_the_hosts_decimal_context_changes_no_price():
    with localcontext(prec=5, rounding=ROUND_DOWN):
        assert str(money(D("1234567.895"))) == "1234567.90"
        assert line_total_for(TIERS, None, D("12345.5")) == D("35272.86")


@pytest.mark.parametrize(
    "amount", [None, "NaN", "sNaN", "Infinity", "-0.01", "1000000000.01", "1E+10", "1E+999999"]
)
def test_an_amount_that_cannot_be_a_price_is_none(amount):
    assert readable_amount(None if amount is None else D(amount)) is None


@pytest.mark.parametrize(
    ("amount", "read"),
    [
        ("0", "0.00"),
        ("-0", "0.00"),
        ("1E+2", "100.00"),
        ("1E-999999", "0.00"),
        ("1E+9", "1000000000.00"),
    ],
)
def test_zero_is_an_amount(amount, read):
    assert str(readable_amount(D(amount))) == read


@pytest.mark.parametrize(
    ("start", "end", "is_on"),
    [
        (None, None, True),
        (NOON, None, True),
        (NOON, NOON + HOUR, True),
        (NOON - HOUR, NOON, False),
        (NOON - HOUR, NOON + timedelta(microseconds=1), True),
        (NOON + timedelta(microseconds=1), None, False),
        (None, NOON, False),
        (None, NOON + HOUR, True),
        (NOON - 2 * HOUR, NOON - HOUR, False),
        (NOON + HOUR, NOON + 2 * HOUR, False),
    ],
)
def test_a_sale_holds_from_its_start_until_just_before_its_end(start, end, is_on):
    sale = active_sale_price((SaleWindow(D(8), start, end),), D(10), NOON)

    assert sale == (D(8) if is_on else None)


@pytest.mark.parametrize(
    ("prices", "regular", "sale"),
    [
        ([], D(10), None),
        ([D(8)], D(10), D(8)),
        ([D(8), D(7), D(9)], D(10), D(7)),
        ([D(10)], D(10), None),
        ([D(12)], D(10), None),
        ([D(8)], None, None),
        ([D(8)], D(0), None),
    ],
)
def test_the_lowest_sale_below_the_regular_price_counts(prices, regular, sale):
    on = tuple(SaleWindow(each, None, None) for each in prices)

    assert active_sale_price(on, regular, NOON) == sale


def test_unknown_sales_are_no_sale():
    assert active_sale_price(None, D(10), NOON) is None


@pytest.mark.parametrize(
    ("sales", "moment"),
    [
        (None, None),
        ((), None),
        ((SaleWindow(D(1), None, None),), None),
        ((SaleWindow(D(1), NOON - HOUR, NOON),), None),
        ((SaleWindow(D(1), NOON, NOON + HOUR),), NOON + HOUR),
        (
            (SaleWindow(D(1), NOON + 3 * HOUR, None), SaleWindow(D(1), None, NOON + 2 * HOUR)),
            NOON + 2 * HOUR,
        ),
    ],
)
def test_the_next_change_is_the_first_start_or_end_after_now(sales, moment):
    assert next_price_change(sales, NOON) == moment


TIERS = (PriceTier(D(3), D("10.00")), PriceTier(D(7), D("20.00")))


@pytest.mark.parametrize(
    ("quantity", "total"),
    [
        ("1", "4.00"),
        ("2", "8.00"),
        ("3", "10.00"),
        ("4", "13.33"),
        ("6", "20.00"),
        ("7", "20.00"),
        ("8", "22.86"),
        ("0", "0.00"),
        ("2.5", "10.00"),
        ("3.5", "11.67"),
    ],
)
def test_the_highest_tier_reached_sets_the_price_and_the_line_is_rounded_once(quantity, total):
    assert line_total_for(TIERS, D(4), D(quantity)) == D(total)


@pytest.mark.parametrize(
    ("tiers", "regular", "quantity", "total"),
    [
        (None, None, "1", None),
        ((), None, "1", None),
        ((), D(4), "2", D(8)),
        (TIERS, None, "2", None),
        (TIERS, None, "3", D(10)),
        ((PriceTier(D(0), D(5)),), D(4), "2", D(8)),
        ((), D(4), "1E+90", None),
    ],
)
def test_without_a_price_there_is_no_total(tiers, regular, quantity, total):
    assert line_total_for(tiers, regular, D(quantity)) == total


@given(windows, st.none() | amounts, moments)
def test_a_sale_price_is_always_lower_than_the_regular_one(sales, regular, now):
    sale = active_sale_price(tuple(sales), regular, now)

    assert sale is None or (regular is not None and sale < regular)


@given(windows, amounts, moments)
def test_nothing_changes_before_the_next_price_change(sales, regular, now):
    change = next_price_change(tuple(sales), now)

    if change is None:
        later = now + timedelta(days=3650)
    else:
        assert change > now
        later = change - timedelta(microseconds=1)
    assert active_sale_price(tuple(sales), regular, now) == active_sale_price(
        tuple(sales), regular, later
    )


@given(st.decimals("0.5", "100", places=1), amounts, st.integers(min_value=1, max_value=50))
def test_whole_multiples_of_a_tier_cost_exactly_that_many_tiers(minimum, total, times):
    tier = PriceTier(minimum, total)

    assert line_total_for((tier,), None, minimum * times) == total * times
