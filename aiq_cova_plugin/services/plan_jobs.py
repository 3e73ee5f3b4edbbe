"""Puts a store's jobs on the schedule when it is switched on, and takes them off again."""

from __future__ import annotations

from datetime import timedelta

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import has_credentials, load_connection
from aiq_cova_plugin.store.connections import all_connections

CATALOG, SWEEP, HOUSEKEEPING = "catalog", "sweep", "housekeeping"
"""The jobs with a rhythm of their own. Orders to send and statuses to ask about are due row by row."""
_SWEEP_SECONDS = 300.0
_HOUSEKEEPING_SECONDS = 24 * 3600.0


def plan_store_jobs(ctx: ServiceContext, store_id: str, *, sync_now: bool = True) -> None:
    """Plan the jobs of a store that is on, the first sync at once; drop those of one that is off."""
    row = load_connection(ctx, store_id)
    if row is None or not row.enabled or not has_credentials(row):
        ctx.schedule.drop(store_id)
        return
    now, config = ctx.clock.now(), ctx.config
    intervals = {
        CATALOG: config.catalog_interval_seconds,
        SWEEP: _SWEEP_SECONDS,
        HOUSEKEEPING: _HOUSEKEEPING_SECONDS,
    }
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
    with ctx.database.short() as connection:
        stores = [row.store_id for row in all_connections(connection)]
    for store_id in stores:
        plan_store_jobs(ctx, store_id, sync_now=False)
