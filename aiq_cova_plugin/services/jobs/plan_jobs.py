"""Puts a store's jobs on the schedule when it is switched on, and takes them off again."""

from __future__ import annotations

from datetime import timedelta

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import has_credentials, load_connection
from aiq_cova_plugin.store.connections import all_connections
from aiq_cova_plugin.store.models import Connection

CATALOG, SWEEP, HOUSEKEEPING, WATCH = "catalog", "sweep", "housekeeping", "watch"
"""The jobs with a rhythm of their own. Orders to send and statuses to ask about are due row by row."""
ALL_STORES = ""
"""In place of a store's id: the job looks at all stores at once."""
_SWEEP_SECONDS = 300.0
_HOUSEKEEPING_SECONDS = 24 * 3600.0
_WATCH_SECONDS = 60.0


def plan_store_jobs(ctx: ServiceContext, store_id: str, *, sync_now: bool = True) -> None:
    """Plan the jobs of a store that is on, the first sync at once; drop those of one that is off."""
    row = load_connection(ctx, store_id)
    intervals = _intervals_of(ctx, row)
    if not intervals:
        ctx.schedule.drop(store_id)
        return
    now = ctx.clock.now()
    known = {planned.job for planned in ctx.schedule.rows(store_id)}
    for job, seconds in intervals.items():
        is_first = job not in known
        due_now = is_first or (sync_now and job == CATALOG)
        # An earlier due time wins, so a job that is planned already keeps its own, unless the
        # interval has become shorter since.
        due_at = now if due_now else now + timedelta(seconds=seconds)
        ctx.schedule.plan(store_id, job, interval_seconds=seconds, due_at=due_at)


def plan_all_jobs(ctx: ServiceContext) -> None:
    """Bring the whole schedule in line with the settings; for the start of a worker."""
    now = ctx.clock.now()
    known = {planned.job for planned in ctx.schedule.rows(ALL_STORES)}
    for job, seconds in ((WATCH, _WATCH_SECONDS), (HOUSEKEEPING, _HOUSEKEEPING_SECONDS)):
        due_at = now + timedelta(seconds=seconds) if job in known else now
        ctx.schedule.plan(ALL_STORES, job, interval_seconds=seconds, due_at=due_at)
    planned: dict[str, dict[str, float]] = {}
    for job_row in ctx.schedule.rows():
        planned.setdefault(job_row.store_id, {})[job_row.job] = job_row.interval_seconds
    with ctx.database.short() as connection:
        rows = all_connections(connection)
    for row in rows:
        # Of a thousand stores hardly one has changed since: the others cost nothing.
        if planned.get(row.store_id, {}) != _intervals_of(ctx, row):
            plan_store_jobs(ctx, row.store_id, sync_now=False)


def _intervals_of(ctx: ServiceContext, row: Connection | None) -> dict[str, float]:
    """dict: job → seconds between two of them; empty for a store that is off."""
    if row is None or not row.enabled or not has_credentials(row):
        return {}
    return {CATALOG: ctx.config.catalog_interval_seconds, SWEEP: _SWEEP_SECONDS}
