"""The overview's charts: the right numbers on the right day, drawn so that everybody can read them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from aiq_cova_plugin.services.watch.charts import DAYS, DayNumbers, last_days, percentile
from aiq_cova_plugin.web.charts import HEIGHT, WIDTH, charts_of, seconds_text

from tests.unit.web.kit import NORTH, Browser, Records

DENVER = ZoneInfo("America/Denver")


def days_of(records: Records, zone: ZoneInfo = DENVER) -> list[DayNumbers]:
    with records.app.app_context():
        return last_days(records.ctx, NORTH, zone=zone)


def test_there_are_two_weeks_ending_today_even_when_nothing_happened(records: Records) -> None:
    days = days_of(records)

    assert len(days) == DAYS
    assert days[-1].day == datetime.now(DENVER).date()
    assert days[0].day == days[-1].day - timedelta(days=DAYS - 1)
    assert all(chart.is_empty for chart in charts_of(days))


def test_runs_are_counted_by_how_they_ended(records: Records) -> None:
    for status in ("succeeded", "succeeded", "partial", "held", "failed"):
        records.run(status=status, created=2, updated=3, hidden=1, failed=4, started_at=records.now)
    records.run(status="running", started_at=records.now, finished_at=None)

    today = days_of(records)[-1]

    assert (today.good, today.gaps, today.failed) == (2, 2, 1)
    assert (today.created, today.updated, today.hidden, today.not_taken) == (10, 15, 5, 20)


def test_a_day_is_the_stores_day(records: Records) -> None:
    """A quarter past midnight in Denver is still the day before in UTC terms, or after."""
    today = datetime.now(DENVER).date()
    midnight = datetime.combine(today, datetime.min.time(), tzinfo=DENVER).astimezone(UTC)
    records.run(started_at=midnight - timedelta(minutes=1))
    records.run(started_at=midnight)

    days = days_of(records)

    assert (days[-2].good, days[-1].good) == (1, 1)


def test_what_is_older_is_left_out(records: Records) -> None:
    records.run(started_at=records.now - timedelta(days=DAYS + 1))

    assert sum(day.good for day in days_of(records)) == 0


def test_lag_is_median_and_95th_percentile(records: Records) -> None:
    for number in range(1, 21):
        queued = records.now - timedelta(hours=1)
        in_pos = records.now
        records.order(
            str(number), "in_pos", queued_at=in_pos - timedelta(seconds=number), in_pos_at=in_pos
        )
        assert queued < in_pos

    today = days_of(records)[-1]

    assert (today.orders, today.lag_median_seconds, today.lag_p95_seconds) == (20, 10.5, 19)


@pytest.mark.parametrize(
    ("values", "expected"), [([5.0], 5.0), ([3, 1, 2], 3), (list(range(1, 101)), 95)]
)
def test_percentile(values: list[float], expected: float) -> None:
    assert percentile(values, 95) == expected


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (8.4, "8 s"), (99, "99 s"), (180, "3 min"), (9000, "2.5 h")]
)
def test_spans_are_short(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def _week() -> list[DayNumbers]:
    first = date(2026, 3, 1)
    days = [DayNumbers(first + timedelta(days=each)) for each in range(DAYS)]
    days[0].good, days[0].gaps, days[0].failed = 144, 3, 1
    days[5].good = 70
    days[5].updated = 3
    days[3].orders, days[3].lag_median_seconds, days[3].lag_p95_seconds = 7, 8.0, 95.0
    return days


def test_bars_stand_on_each_other_inside_the_drawing() -> None:
    runs, changes, failures, lag = charts_of(_week())

    assert [each.text for each in runs.segments] == [
        "1 Mar: Went through: 144",
        "1 Mar: With gaps, or waiting: 3",
        "1 Mar: Failed: 1",
        "6 Mar: Went through: 70",
    ]
    low, middle, high, _other = runs.segments
    assert low.y == pytest.approx(middle.y + middle.height, abs=0.02)
    assert middle.y == pytest.approx(high.y + high.height, abs=0.02)
    assert low.y + low.height == pytest.approx(runs.base, abs=0.02)
    for chart in (runs, changes, failures, lag):
        for each in chart.segments:
            assert each.x >= 0
            assert each.x + each.width <= WIDTH
            assert 0 <= each.y <= HEIGHT
            assert each.height >= 0
    assert [each.text for each in lag.segments] == [
        "4 Mar: Half of the orders within: 8 s",
        "4 Mar: 95 of 100 within: 95 s",
    ]
    assert failures.is_empty
    assert failures.summary == "Every product was taken over."
    assert runs.summary.startswith("218 syncs in two weeks: 214 went through")


@pytest.mark.parametrize(
    ("slowest", "scale"),
    [
        (7, ["0 s", "5 s", "10 s"]),
        (85, ["0 s", "60 s", "2 min"]),
        (200, ["0 s", "2 min", "4 min"]),
        (3000, ["0 s", "30 min", "60 min"]),
        (80_000, ["0 s", "20 h", "40 h"]),
    ],
)
def test_the_scale_of_a_time_is_one_that_people_say(slowest: float, scale: list[str]) -> None:
    days = _week()
    days[3].lag_median_seconds, days[3].lag_p95_seconds = slowest / 2, slowest

    assert [tick.label for tick in charts_of(days)[3].ticks] == scale


def test_no_two_kinds_of_one_chart_look_alike() -> None:
    for chart in charts_of(_week()):
        assert len({each.look for each in chart.series}) == len(chart.series)
        assert len(chart.rows) == DAYS
        assert all(len(row) == len(chart.header) for row in chart.rows)


def test_the_overview_has_each_chart_as_drawing_sentence_and_table(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    records.run(updated=12, started_at=records.now)

    markup = browser_without_js.get(f"/cova/{NORTH}/").text
    section = markup.split('id="cova-charts-title"')[1]

    assert "Syncs a day" in section
    assert "1 sync in two weeks: 1 went through" in section
    assert 'role="img"' in section
    assert section.count("<caption") == 2, "syncs and changes; the others have nothing to draw"
    assert " style=" not in section, "a strict policy forbids it"
    ids = re.findall(r' id="([^"]+)"', section)
    assert len(ids) == len(set(ids))
    for used in re.findall(r"url\(#([^)]+)\)", section):
        assert used in ids


def test_before_the_first_day_the_place_of_the_charts_is_explained(
    browser_without_js: Browser,
) -> None:
    markup = browser_without_js.get(f"/cova/{NORTH}/").text

    assert "appear here after the first day" in " ".join(markup.split())
