"""Does what is due: claims it and calls its service. Needs an application context."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Hashable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from aiq_cova_plugin.errors import CovaPluginError, LeaseHeld
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.crew import Crew, Piece, Source, Wait
from aiq_cova_plugin.services.jobs.plan_jobs import (
    CATALOG,
    HOUSEKEEPING,
    SWEEP,
    WATCH,
    plan_all_jobs,
)
from aiq_cova_plugin.services.orders.push_orders import push_due_orders
from aiq_cova_plugin.services.orders.sweep_orders import sweep_orders
from aiq_cova_plugin.services.products.compare_products import compare_store
from aiq_cova_plugin.services.statuses.poll_statuses import poll_statuses
from aiq_cova_plugin.services.stores import enabled_stores
from aiq_cova_plugin.services.upkeep.prune import prune
from aiq_cova_plugin.services.watch.alerts import watch
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.connections import companies_of
from aiq_cova_plugin.store.database import explain_trouble
from aiq_cova_plugin.store.schedule import ClaimedJob


def _keep_house(ctx: ServiceContext, store_id: str) -> None:
    """One job for all stores: forget what is old, and see where the shop was edited meanwhile."""
    prune(ctx, store_id)
    for each in enabled_stores(ctx):
        try:
            compare_store(ctx, each)
        except CovaPluginError as exc:
            # One store's shop that cannot be read keeps the others from nothing.
            log.warning("comparison_failed", extra={"store_id": each, "kind": type(exc).__name__})


_SERVICES: dict[str, Callable[[ServiceContext, str], Any]] = {
    CATALOG: lambda ctx, store_id: sync_catalog(ctx, store_id, trigger="schedule"),
    SWEEP: sweep_orders,
    HOUSEKEEPING: _keep_house,
    WATCH: watch,
}
PUSH, POLL = "push", "poll"
ORDER_CREW, CATALOGUE_CREW = "orders", "catalogue"
_ORDER_JOBS = (SWEEP, WATCH)
_CATALOGUE_JOBS = (CATALOG, HOUSEKEEPING)
_AFTER_DATABASE_TROUBLE = timedelta(seconds=30)
"""When a job that the database broke off is due again, instead of after its whole interval."""


def run_due_catalogue_jobs(ctx: ServiceContext, *, wait: Wait = "all") -> int:
    """Do every catalogue job that is due now; how many were done by the end of the wait."""
    _plan_once(ctx)
    return _work_off(ctx, CATALOGUE_CREW, _DueJobs(ctx, _CATALOGUE_JOBS), wait)


def run_due_order_jobs(ctx: ServiceContext, *, wait: Wait = "all") -> int:
    """Send the orders that are due, read the statuses that are due, sweep; how many jobs."""
    lifetime = None if wait == "all" else 2 * ctx.config.tick_seconds
    return _work_off(ctx, ORDER_CREW, _DueOrders(ctx, lifetime), wait)


def run_everything_due(ctx: ServiceContext) -> int:
    """Orders first, then the catalogue; for cron. A store that hangs keeps no other waiting."""
    done = run_due_order_jobs(ctx, wait="quick") + run_due_catalogue_jobs(ctx)
    _crew(ctx, ORDER_CREW).wait_until_idle()
    return done


def _work_off(ctx: ServiceContext, name: str, source: Source, wait: Wait) -> int:
    return _crew(ctx, name).work_off(source, in_context=ctx.sender().app_context, wait=wait)


def _crew(ctx: ServiceContext, name: str) -> Crew:
    """This process's crew; orders and the catalogue have one each, so that neither waits for
    the other."""
    places = ctx.config.workers if name == ORDER_CREW else max(1, ctx.config.workers // 2)
    if not ctx.database.allows_threads:
        places = 1
    return ctx.crews.setdefault(name, Crew(name, places))


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


class _DueJobs:
    """The jobs that are due on the schedule, claimed one by one, longest due first."""

    def __init__(self, ctx: ServiceContext, jobs: tuple[str, ...]) -> None:
        self._ctx = ctx
        self._jobs = jobs

    def next_piece(self, *, busy: Collection[Hashable], full: Collection[Hashable]) -> Piece | None:
        del busy  # a claimed job is due no more
        ctx = self._ctx
        try:
            claimed = ctx.schedule.claim_due(
                self._jobs, except_companies=[each for each in full if isinstance(each, int)]
            )
        except Exception:  # noqa: BLE001 - one entry point per job; logged
            # The tables may not be there yet, or the database is away: the next tick tries.
            ctx.went_down("schedule")
            return None
        ctx.came_back("schedule")
        if claimed is None:
            return None
        return Piece(
            key=(claimed.job, claimed.store_id),
            group=claimed.company_id,
            work=partial(_run_claimed, ctx, claimed),
        )


class _DueOrders:
    """Stores with orders to send, then with statuses to ask about, then what is on the schedule.

    After `lifetime_seconds` it gives nothing out any more: the next tick looks anew, so that an
    order confirmed meanwhile does not wait behind a thousand sweeps.
    """

    def __init__(self, ctx: ServiceContext, lifetime_seconds: float | None) -> None:
        self._ctx = ctx
        lifetime = None if lifetime_seconds is None else timedelta(seconds=lifetime_seconds)
        self._ends_at = None if lifetime is None else ctx.clock.now() + lifetime
        self._jobs = _DueJobs(ctx, _ORDER_JOBS)
        self._stores: list[tuple[str, str, int | None]] | None = None

    def next_piece(self, *, busy: Collection[Hashable], full: Collection[Hashable]) -> Piece | None:
        if self._ends_at is not None and self._ctx.clock.now() > self._ends_at:
            return None
        if self._stores is None:
            self._stores = self._look()
        for place in self._stores:
            job, store_id, company_id = place
            if (job, store_id) in busy or company_id in full:
                continue  # its turn comes with a later look
            self._stores.remove(place)
            service = push_due_orders if job == PUSH else _poll_due
            work = partial(
                _guarded, self._ctx, job, store_id, partial(service, self._ctx, store_id)
            )
            return Piece(key=(job, store_id), group=company_id, work=work)
        return self._jobs.next_piece(busy=busy, full=full)

    def _look(self) -> list[tuple[str, str, int | None]]:
        ctx = self._ctx
        try:
            with ctx.database.short() as connection:
                now = ctx.clock.now()
                pushes = outbox.stores_with_due_pushes(connection, now=now)
                polls = outbox.stores_with_due_polls(connection, now=now)
                companies = companies_of(connection, {*pushes, *polls})
        except Exception:  # noqa: BLE001 - the database is away; logged once
            ctx.went_down("outbox")
            return []
        ctx.came_back("outbox")
        # Any order will do, but not always the same: a slow store must not always come first.
        random.shuffle(pushes)
        random.shuffle(polls)
        return [
            (job, store_id, companies.get(store_id))
            for job, stores in ((PUSH, pushes), (POLL, polls))
            for store_id in stores
        ]


def _run_claimed(ctx: ServiceContext, claimed: ClaimedJob) -> None:
    service = _SERVICES[claimed.job]
    outcome = _guarded(ctx, claimed.job, claimed.store_id, lambda: service(ctx, claimed.store_id))
    again = ctx.clock.now() + _AFTER_DATABASE_TROUBLE if outcome.is_database_trouble else None
    try:
        ctx.schedule.finish(claimed, error=outcome.error, again_at=again)
    except Exception:  # noqa: BLE001 - the database is away; logged, and said once it is back
        ctx.went_down("schedule")


class _Outcome(NamedTuple):
    """What went wrong with a job as a sentence, empty when nothing did."""

    error: str = ""
    is_database_trouble: bool = False


def _guarded(ctx: ServiceContext, job: str, store_id: str, work: Callable[[], Any]) -> _Outcome:
    """Run one job, whatever happens."""
    try:
        work()
    except LeaseHeld as exc:
        return _Outcome(exc.message)
    except CovaPluginError as exc:
        log.warning(
            "job_failed", extra={"job": job, "store_id": store_id, "kind": type(exc).__name__}
        )
        return _Outcome(exc.message)
    except Exception as exc:  # noqa: BLE001 - one entry point per job; logged
        trouble = explain_trouble(exc)
        if trouble is not None:
            log.warning(
                "job_met_database_trouble",
                extra={"job": job, "store_id": store_id},
                exc_info=True,
            )
            return _Outcome(trouble[0], is_database_trouble=True)
        log.exception("job_failed_unexpectedly", extra={"job": job, "store_id": store_id})
        return _Outcome("Something unexpected went wrong; the server's log has the details.")
    finally:
        with suppress(Exception):  # the connection may be gone, and with it the transaction
            ctx.database.end_reading()
    return _Outcome()
