"""Sales begin and end at instants: midnight in the store's zone, clock changes, the very edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.domain.catalogue import SaleWindow
from aiq_cova_plugin.domain.pricing import active_sale_price, money, next_price_change
from aiq_cova_plugin.schemas.fields import to_instant

TICK = timedelta(microseconds=1)


def local(zone: str, *when: int) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Denver", (2026, 3, 8), 23),
        ("America/Denver", (2026, 11, 1), 25),
        ("America/Denver", (2026, 6, 1), 24),
        ("America/Toronto", (2026, 3, 8), 23),
        ("America/Phoenix", (2026, 3, 8), 24),
        ("America/St_Johns", (2026, 11, 1), 25),
    ],
)
def test_a_sale_from_midnight_to_midnight_lasts_the_day_of_the_stores_clock(zone, day, hours):
    start, end = local(zone, *day), local(zone, day[0], day[1], day[2] + 1)
    windows = [SaleWindow(Decimal(8), start, end)]

    def price(now):
        return active_sale_price(windows, Decimal(10), now)

    assert end - start == timedelta(hours=hours)
    assert [price(start - TICK), price(start), price(end - TICK), price(end)] == [
        None, Decimal(8), Decimal(8), None,
    ]  # fmt: skip
    assert next_price_change(windows, start - TICK) == start
    assert next_price_change(windows, start) == end
    assert next_price_change(windows, end) is None


def test_the_hour_that_comes_twice_is_two_hours():
    """01:30 on the first of November 2026 in Denver: a sale that ends at the first one is over."""
    first = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/Denver")).astimezone(UTC)
    second = first + timedelta(hours=1)
    windows = [SaleWindow(Decimal(8), None, first)]

    assert second.astimezone(ZoneInfo("America/Denver")).hour == 1
    assert active_sale_price(windows, Decimal(10), first) is None
    assert active_sale_price(windows, Decimal(10), second) is None


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-08T07:00:00Z", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        ("2026-03-08T07:00:00.1234567Z", datetime(2026, 3, 8, 7, 0, 0, 123456, tzinfo=UTC)),
        ("2026-03-08T00:00:00-07:00", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        ("2026-03-08T07:00:00", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ],
)
def test_covas_ways_to_write_an_edge_are_one_instant(text, instant):
    assert to_instant(text) == instant


def test_one_sale_may_follow_another_without_a_gap():
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    windows = [SaleWindow(Decimal(8), None, noon), SaleWindow(Decimal(7), noon, None)]

    prices = [active_sale_price(windows, Decimal(10), noon + step) for step in (-TICK, 0 * TICK)]
    assert prices == [Decimal(8), Decimal(7)]


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9),
)
def test_rounding_twice_is_rounding_once(amount):
    once = money(amount)

    assert money(once) == once
    assert abs(once - amount) <= Decimal("0.005")
    assert money(-amount) == -once
