"""Each store's slow whole pass has its own moment of the night, where the store is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aiq_cova_plugin.host import Store
from aiq_cova_plugin.services.catalogue.nightly_pass import is_whole_pass_due, last_turn, zone_of


def _store(store_id: str = "s1", zone: str = "America/Denver") -> Store:
    return Store(store_id, "Harbour Street", zone, "US", "USD")


def _at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize("zone", ["America/Denver", "Asia/Tokyo", "Pacific/Kiritimati", "UTC"])
def test_the_turn_is_by_night_in_the_store_s_zone(zone: str) -> None:
    for number in range(50):
        turn = last_turn(_store(f"s{number}", zone), _at("2026-05-20T12:00"))
        assert 1 <= turn.astimezone(ZoneInfo(zone)).hour < 5


def test_stores_are_spread_over_the_night_and_each_keeps_its_moment() -> None:
    now = _at("2026-05-20T12:00")
    turns = [last_turn(_store(f"s{number}"), now) for number in range(400)]
    begins = _at("2026-05-20T01:00", "America/Denver")
    by_quarter = [0] * 16
    for turn in turns:
        by_quarter[int((turn - begins) / timedelta(minutes=15))] += 1
    assert all(8 <= number <= 60 for number in by_quarter)
    assert turns == [last_turn(_store(f"s{number}"), now) for number in range(400)]
    assert last_turn(_store(), now + timedelta(days=1)) - last_turn(_store(), now) == timedelta(
        days=1
    )


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01"])
def test_a_night_in_which_the_clocks_change_has_one_turn(day: str) -> None:
    store = _store()
    noon = _at(f"{day}T12:00", "America/Denver")
    turns = {last_turn(store, noon - timedelta(minutes=minutes)) for minutes in range(0, 1440, 5)}
    assert len(turns) == 2, "this night's and the one before"
    assert timedelta(hours=22) < max(turns) - min(turns) < timedelta(hours=26)


def test_it_is_due_once_a_night() -> None:
    store = _store()
    turn = last_turn(store, _at("2026-05-20T12:00"))
    last = turn - timedelta(hours=10)
    assert not is_whole_pass_due(store, last_full_at=last, now=turn - timedelta(seconds=1))
    assert is_whole_pass_due(store, last_full_at=last, now=turn)
    done = turn + timedelta(minutes=5)
    assert not is_whole_pass_due(store, last_full_at=done, now=turn + timedelta(hours=23))
    assert is_whole_pass_due(store, last_full_at=done, now=turn + timedelta(hours=24))


def test_one_that_was_missed_by_night_is_made_up_for_by_day() -> None:
    store = _store()
    turn = last_turn(store, _at("2026-05-20T12:00"))
    assert is_whole_pass_due(
        store, last_full_at=turn - timedelta(hours=20), now=turn + timedelta(hours=8)
    )


@pytest.mark.parametrize("zone", ["", "Nowhere/At_All", "../../etc", "Mountain Standard Time"])
def test_a_zone_that_does_not_exist_is_utc(zone: str) -> None:
    assert zone_of(_store(zone=zone)).key == "UTC"
    assert last_turn(_store(zone=zone), _at("2026-05-20T12:00")) <= _at("2026-05-20T12:00")
