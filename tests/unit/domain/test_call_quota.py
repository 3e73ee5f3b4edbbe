"""Permits in slots: over any minute never more calls than the quota, however they are used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.domain.call_quota import (
    PERMIT_SECONDS,
    WINDOW_SECONDS,
    calls_that_count,
    seconds_until_free,
    slots_that_count,
    with_calls,
)

NOON = datetime(2026, 1, 20, 12, tzinfo=UTC)


def test_nothing_counts_at_first():
    assert calls_that_count([], NOON) == 0
    assert seconds_until_free([], NOON, allowed=1) == 0


def test_calls_of_one_slot_are_added_up():
    slots = with_calls(with_calls([], NOON, 3), NOON + timedelta(seconds=4), 2)

    assert [calls for _, calls in slots] == [5]


def test_old_slots_are_forgotten():
    slots = with_calls([], NOON, 3)
    later = NOON + timedelta(seconds=71)

    assert slots_that_count(slots, later) == []
    assert with_calls(slots, later, 1) == [[int(later.timestamp()) // 5, 1]]


def test_the_wait_ends_when_enough_slots_have_gone():
    slots = with_calls(with_calls([], NOON, 4), NOON + timedelta(seconds=10), 4)
    now = NOON + timedelta(seconds=20)

    assert seconds_until_free(slots, now, allowed=9) == 0
    until = now + timedelta(seconds=seconds_until_free(slots, now, allowed=8))
    assert calls_that_count(slots, until - timedelta(seconds=0.1)) == 8
    assert calls_that_count(slots, until) == 4
    until = now + timedelta(seconds=seconds_until_free(slots, now, allowed=4))
    assert calls_that_count(slots, until) == 0


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 20), st.integers(1, 10), st.floats(0, PERMIT_SECONDS)), max_size=60
    ),
    allowed=st.integers(1, 40),
)
def test_no_minute_holds_more_calls_than_allowed(
    steps: list[tuple[float, int, float]], allowed: int
) -> None:
    """Every permit is used as late as its holder likes."""
    slots: list[list[int]] = []
    now, used = NOON, []
    for pause, wanted, delay in steps:
        now += timedelta(seconds=pause)
        calls = min(wanted, allowed - calls_that_count(slots, now))
        if calls <= 0:
            continue
        slots = with_calls(slots, now, calls)
        used += [now + timedelta(seconds=delay)] * calls

    for end in used:
        began = end - timedelta(seconds=WINDOW_SECONDS)
        assert sum(began < each <= end for each in used) <= allowed
