"""Does what is due: claims it and calls its service. Needs an application context."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from aiq_cova_plugin.errors import CovaPluginError, LeaseHeld
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.plan_jobs import (
    CATALOG,
    HOUSEKEEPING,
    SWEEP,
    plan_all_jobs,
)
from aiq_cova_plugin.services.poll_statuses import poll_statuses
from aiq_cova_plugin.services.prune import prune
from aiq_cova_plugin.services.push_orders import push_due_orders
from aiq_cova_plugin.services.sweep_orders import sweep_orders
from aiq_cova_plugin.services.sync_catalog import sync_catalog
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.schedule import ClaimedJob

_SERVICES: dict[str, Callable[[ServiceContext, str], Any]] = {
    CATALOG: lambda ctx, store_id: sync_catalog(ctx, store_id, trigger="schedule"),
    SWEEP: sweep_orders,
    HOUSEKEEPING: prune,
}
_ORDER_JOBS = (SWEEP,)
_CATALOGUE_JOBS = (CATALOG, HOUSEKEEPING)


def run_due_catalogue_jobs(ctx: ServiceContext) -> int:
    """Do every catalogue job that is due now; how many were done."""
    _plan_once(ctx)
    return _run_due(ctx, _CATALOGUE_JOBS)


def run_due_order_jobs(ctx: ServiceContext) -> int:
    """Send the orders that are due, read the statuses that are due, sweep; how many jobs."""
    pushed = _for_due_stores(ctx, "push", outbox.stores_with_due_pushes, push_due_orders)
    polled = _for_due_stores(ctx, "poll", outbox.stores_with_due_polls, _poll_due)
    return pushed + polled + _run_due(ctx, _ORDER_JOBS)


def run_everything_due(ctx: ServiceContext) -> int:
    """Orders first, then the catalogue; for cron and Celery."""
    return run_due_order_jobs(ctx) + run_due_catalogue_jobs(ctx)


def _plan_once(ctx: ServiceContext) -> None:
    """At its first tick a worker brings the schedule in line with settings and configuration."""
    if "schedule-planned" in ctx.marks:
        return
    try:
        plan_all_jobs(ctx)
    except Exception:  # noqa: BLE001 - one entry point per job; logged
        ctx.went_down("schedule")
        return
    ctx.marks.add("schedule-planned")


def _poll_due(ctx: ServiceContext, store_id: str) -> object:
    return poll_statuses(ctx, store_id, only_due=True)


def _for_due_stores(
    ctx: ServiceContext,
    job: str,
    due_stores: Callable[..., list[str]],
    service: Callable[[ServiceContext, str], object],
) -> int:
    try:
        with ctx.database.short() as connection:
            stores = due_stores(connection, now=ctx.clock.now())
    except Exception:  # noqa: BLE001 - the database is away; logged once
        ctx.went_down("outbox")
        return 0
    ctx.came_back("outbox")
    # Any order will do, but not always the same: a slow store must not always come first.
    random.shuffle(stores)
    for store_id in stores:
        _guarded(ctx, job, store_id, partial(service, ctx, store_id))
    return len(stores)


def _run_due(ctx: ServiceContext, jobs: tuple[str, ...]) -> int:
    done = 0
    while True:
        try:
            claimed = ctx.schedule.claim_due(jobs)
        except Exception:  # noqa: BLE001 - one entry point per job; logged
            # The tables may not be there yet, or the database is away: the next tick tries.
            ctx.went_down("schedule")
            return done
        ctx.came_back("schedule")
        if claimed is None:
            return done
        _run_claimed(ctx, claimed)
        done += 1


def _run_claimed(ctx: ServiceContext, claimed: ClaimedJob) -> None:
    service = _SERVICES[claimed.job]
    error = _guarded(ctx, claimed.job, claimed.store_id, lambda: service(ctx, claimed.store_id))
    ctx.schedule.finish(claimed, error=error)


def _guarded(ctx: ServiceContext, job: str, store_id: str, work: Callable[[], Any]) -> str:
    """Run one job; what went wrong as a sentence, empty when nothing did."""
    try:
        work()
    except LeaseHeld as exc:
        return exc.message
    except CovaPluginError as exc:
        log.warning(
            "job_failed", extra={"job": job, "store_id": store_id, "kind": type(exc).__name__}
        )
        return exc.message
    except Exception:  # noqa: BLE001 - one entry point per job; logged
        log.exception("job_failed_unexpectedly", extra={"job": job, "store_id": store_id})
        return "Something unexpected went wrong; the server's log has the details."
    finally:
        ctx.database.end_reading()
    return ""
