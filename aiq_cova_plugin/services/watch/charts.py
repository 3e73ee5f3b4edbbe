"""The numbers of the last days, for the charts of the overview: one element for each day."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from statistics import median

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store import reports
from aiq_cova_plugin.store.reports import RunNumbers

DAYS = 14


@dataclass
class DayNumbers:
    """One day of the store's own calendar.

    Runs by how they ended; products by what became of them, summed over the day's runs;
    `orders` that reached COVA, and how many seconds half and 95 % of them took at most.
    """

    day: date
    good: int = 0
    gaps: int = 0
    failed: int = 0
    created: int = 0
    updated: int = 0
    hidden: int = 0
    not_taken: int = 0
    orders: int = 0
    lag_median_seconds: float = 0.0
    lag_p95_seconds: float = 0.0

    def add_run(self, run: RunNumbers) -> None:
        if run.status == "succeeded":
            self.good += 1
        elif run.status == "failed":
            self.failed += 1
        else:
            self.gaps += 1
        self.created += run.created
        self.updated += run.updated
        self.hidden += run.hidden
        self.not_taken += run.failed


def last_days(ctx: ServiceContext, store_id: str, *, zone: tzinfo) -> list[DayNumbers]:
    """The last two weeks, oldest day first, today last; days without anything are there too."""
    today = ctx.clock.now().astimezone(zone).date()
    days = {
        today - timedelta(days=back): DayNumbers(today - timedelta(days=back))
        for back in range(DAYS - 1, -1, -1)
    }
    since = datetime.combine(min(days), datetime.min.time(), tzinfo=zone)
    with ctx.database.short() as connection:
        runs = reports.run_numbers(connection, store_id, since=since)
        lags = reports.order_lags(connection, store_id, since=since)
    for run in runs:
        day = days.get(run.started_at.astimezone(zone).date())
        if day is not None:
            day.add_run(run)
    for day_of, seconds in _by_day(lags, zone).items():
        if day_of in days:
            number = days[day_of]
            number.orders = len(seconds)
            number.lag_median_seconds = median(seconds)
            number.lag_p95_seconds = percentile(seconds, 95)
    return list(days.values())


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that at least so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def _by_day(lags: Sequence[tuple[datetime, float]], zone: tzinfo) -> dict[date, list[float]]:
    found: dict[date, list[float]] = defaultdict(list)
    for at, seconds in lags:
        found[at.astimezone(zone).date()].append(seconds)
    return found
