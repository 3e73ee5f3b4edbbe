"""Draws the overview's charts: numbers in, places on an SVG out. No library: decision 0014."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from aiq_cova_plugin.services.watch.charts import DayNumbers
from aiq_cova_plugin.web.words.view_models import counted

WIDTH, HEIGHT = 320, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 6, 10, 24
_GAP = 3
_TICKS = 2
_SPANS = (10.0, 20.0, 60.0, 120.0, 240.0, 600.0, 1200.0, 3600.0, 7200.0)
"""Seconds: from ten of them to two hours."""


@dataclass(frozen=True)
class Series:
    """One kind of bar: `look` is how it is told apart (`a` solid, `b` striped, `c` dotted).

    `values` are the bar's heights, `said` what they stand for where that is something else.
    """

    label: str
    look: str
    tone: str
    values: list[float]
    said: list[float] | None = None


@dataclass(frozen=True)
class Segment:
    """One piece of a bar, in the SVG's units; `text` says what it stands for."""

    x: float
    y: float
    width: float
    height: float
    look: str
    tone: str
    text: str


@dataclass(frozen=True)
class Tick:
    """A line across the chart, and what it stands for."""

    y: float
    label: str


@dataclass(frozen=True)
class DayLabel:
    """A day written below its bar."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True)
class Chart:
    """A drawn chart, and the same as words and as a table. `key` makes ids on the page unique."""

    key: str
    title: str
    summary: str
    series: list[Series]
    segments: list[Segment]
    ticks: list[Tick]
    labels: list[DayLabel]
    header: list[str]
    rows: list[list[str]]
    width: int = WIDTH
    height: int = HEIGHT
    base: float = HEIGHT - _BOTTOM

    @property
    def is_empty(self) -> bool:
        return not self.segments


def charts_of(days: Sequence[DayNumbers]) -> list[Chart]:
    """The four charts of the overview."""
    dates = [each.day for each in days]
    lag = [each.lag_median_seconds for each in days]
    slow = [max(0.0, each.lag_p95_seconds - each.lag_median_seconds) for each in days]
    return [
        _chart(
            "runs",
            "Syncs a day",
            _runs_summary(days),
            dates,
            [
                Series("Went through", "a", "ok", [float(each.good) for each in days]),
                Series("With gaps, or waiting", "b", "attention", [float(d.gaps) for d in days]),
                Series("Failed", "c", "bad", [float(each.failed) for each in days]),
            ],
        ),
        _chart(
            "changes",
            "Products changed a day",
            _changes_summary(days),
            dates,
            [
                Series("Changed", "a", "busy", [float(each.updated) for each in days]),
                Series("New", "b", "ok", [float(each.created) for each in days]),
                Series("Hidden", "c", "attention", [float(each.hidden) for each in days]),
            ],
        ),
        _chart(
            "failures",
            "Products not taken over a day",
            _failures_summary(days),
            dates,
            [Series("Not taken over", "c", "bad", [float(each.not_taken) for each in days])],
        ),
        _chart(
            "lag",
            "From confirmed to the register",
            _lag_summary(days),
            dates,
            [
                Series("Half of the orders within", "a", "busy", lag),
                Series(
                    "95 of 100 within",
                    "b",
                    "attention",
                    slow,
                    said=[each.lag_p95_seconds for each in days],
                ),
            ],
            text_of=seconds_text,
            nice=_nice_span,
            rows=[
                [
                    _day_text(each.day),
                    f"{each.orders:,}",
                    seconds_text(each.lag_median_seconds) if each.orders else "–",
                    seconds_text(each.lag_p95_seconds) if each.orders else "–",
                ]
                for each in days
            ],
            header=["Day", "Orders", "Half within", "95 of 100 within"],
        ),
    ]


def seconds_text(seconds: float) -> str:
    """A span of time in its shortest words: `8 s`, `3 min`, `2.5 h`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{round(seconds / 3600, 1):g} h"


def _chart(
    key: str,
    title: str,
    summary: str,
    dates: Sequence[date],
    series: list[Series],
    *,
    text_of: Callable[[float], str] = lambda value: f"{value:,.0f}",
    nice: Callable[[float], float] | None = None,
    header: list[str] | None = None,
    rows: list[list[str]] | None = None,
) -> Chart:
    sums = [sum(values) for values in zip(*(each.values for each in series), strict=True)]
    top = (nice or _nice)(max(sums, default=0))
    table = rows or [
        [_day_text(day), *(text_of(each.values[place]) for each in series)]
        for place, day in enumerate(dates)
    ]
    return Chart(
        key=key,
        title=title,
        summary=summary,
        series=series,
        segments=_segments(dates, series, top, text_of) if top else [],
        ticks=[
            Tick(_height_of(top * part / _TICKS, top), text_of(top * part / _TICKS))
            for part in range(_TICKS + 1)
        ]
        if top
        else [],
        labels=_labels(dates),
        header=header or ["Day", *(each.label for each in series)],
        rows=table,
    )


def _segments(
    dates: Sequence[date], series: Sequence[Series], top: float, text_of: Callable[[float], str]
) -> list[Segment]:
    step = (WIDTH - _LEFT - _RIGHT) / len(dates)
    found = []
    for place, day in enumerate(dates):
        below = 0.0
        for each in series:
            value = each.values[place]
            if value <= 0:
                continue
            upper = _height_of(below + value, top)
            found.append(
                Segment(
                    x=round(_LEFT + step * place + _GAP / 2, 2),
                    y=upper,
                    width=round(step - _GAP, 2),
                    height=round(_height_of(below, top) - upper, 2),
                    look=each.look,
                    tone=each.tone,
                    text=f"{_day_text(day)}: {each.label}: "
                    f"{text_of((each.said or each.values)[place])}",
                )
            )
            below += value
    return found


def _height_of(value: float, top: float) -> float:
    return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value / top), 2)


def _labels(dates: Sequence[date]) -> list[DayLabel]:
    """The first day, the middle one and today: more would not fit on a phone."""
    right = WIDTH - _RIGHT
    middle = len(dates) // 2
    step = (right - _LEFT) / len(dates)
    return [
        DayLabel(_LEFT, _day_text(dates[0]), "start"),
        DayLabel(round(_LEFT + step * (middle + 0.5), 2), _day_text(dates[middle]), "middle"),
        DayLabel(right, "today", "end"),
    ]


def _nice(highest: float) -> float:
    """The end of the scale: the next 1, 2, 4, 5 or 10 times a power of ten; 0 for nothing."""
    if highest <= 0:
        return 0.0
    if highest <= _TICKS:
        return float(_TICKS)
    power = 10.0 ** math.floor(math.log10(highest))
    return next(each * power for each in (1, 2, 4, 5, 10) if each * power >= highest)


def _nice_span(highest: float) -> float:
    """The same for seconds: a span whose half is one that people say, too."""
    if highest <= 0:
        return 0.0
    return next((each for each in _SPANS if each >= highest), 7200 * _nice(highest / 7200))


def _day_text(day: date) -> str:
    return f"{day.day} {day:%b}"


def _runs_summary(days: Sequence[DayNumbers]) -> str:
    good, gaps, failed = (
        sum(getattr(d, name) for d in days) for name in ("good", "gaps", "failed")
    )
    if not good + gaps + failed:
        return "No sync has run in these two weeks."
    return (
        f"{counted(good + gaps + failed, 'sync', 'syncs')} in two weeks: {good:,} went through, "
        f"{gaps:,} with gaps or waiting, {failed:,} failed."
    )


def _changes_summary(days: Sequence[DayNumbers]) -> str:
    changed, new, hidden = (
        sum(getattr(d, name) for d in days) for name in ("updated", "created", "hidden")
    )
    if not changed + new + hidden:
        return "No product has changed in these two weeks."
    return f"In two weeks: {changed:,} changed, {new:,} new, {hidden:,} hidden."


def _failures_summary(days: Sequence[DayNumbers]) -> str:
    number = sum(each.not_taken for each in days)
    if not number:
        return "Every product was taken over."
    return f"{counted(number, 'time', 'times')} in two weeks a product could not be taken over."


def _lag_summary(days: Sequence[DayNumbers]) -> str:
    orders = sum(each.orders for each in days)
    if not orders:
        return "No order went to COVA in these two weeks."
    slowest = max(each.lag_p95_seconds for each in days)
    return (
        f"{counted(orders, 'order')} reached COVA in two weeks; on the slowest day 95 of 100 were "
        f"there within {seconds_text(slowest)}."
    )
