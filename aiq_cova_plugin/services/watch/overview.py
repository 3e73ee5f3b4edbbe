"""What staff want to see of a store: is it connected, fresh, in agreement, and who must act.

Reads only, in one short transaction; how the facts are worded is the page's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiq_cova_plugin.domain.push_states import WAITING_STATES, PushState
from aiq_cova_plugin.services.choices.category_rules import UNMAPPED_SOURCES
from aiq_cova_plugin.services.compare.reports import RECONCILE
from aiq_cova_plugin.services.connection.connection_settings import SettingsView, read_settings
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.jobs.plan_jobs import CATALOG
from aiq_cova_plugin.services.watch.freshness import STALE_AFTER_INTERVALS
from aiq_cova_plugin.store import outbox, reports, runs
from aiq_cova_plugin.store.alerts import HOLD_GONE, open_alerts
from aiq_cova_plugin.store.connections import sync_state_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Alert, Product, Push, Run
from aiq_cova_plugin.store.products import classification_counts, state_counts
from aiq_cova_plugin.store.records import many
from aiq_cova_plugin.store.reports import ReportState

_RECENT_RUNS = 5
_URGENT_SHOWN = 10
_TROUBLED_SHOWN = 20


@dataclass(frozen=True)
class Overview:
    """One store at a glance. `next_sync_at` is None when nothing is planned.

    `waiting`, `urgent` and `warned` are orders, at most ten of each: on their way, needing a person, and in COVA
    with something a person must know (a driver's address); oldest first.
    `troubled` are products the shop could not take over, at most 20. `comparison` is how the
    last comparison of shop and COVA stands, None before the first; `expired` are open alerts of
    holds that ended without their order ever being confirmed or cancelled.
    """

    settings: SettingsView
    running: Run | None
    held: Run | None
    last_good_at: datetime | None
    next_sync_at: datetime | None
    is_fresh: bool
    products_shown: int
    products_hidden: int
    unmapped: int
    troubled: list[Product]
    order_counts: dict[str, int]
    waiting: list[Push]
    urgent: list[Push]
    warned: list[Push]
    recent_runs: list[Run]
    comparison: ReportState | None = None
    expired: list[Alert] = field(default_factory=list)

    @property
    def number_urgent(self) -> int:
        """How many orders need a person; `urgent` holds the first few of them."""
        return self.order_counts.get(PushState.NEEDS_ATTENTION.value, 0)

    @property
    def number_waiting(self) -> int:
        """How many orders are on their way; `waiting` holds the first few of them."""
        return sum(self.order_counts.get(state.value, 0) for state in WAITING_STATES)

    @property
    def has_differences(self) -> bool:
        """Did the last comparison of shop and COVA find any?"""
        last = self.comparison
        return last is not None and last.status == "ready" and bool(last.message)

    @property
    def agrees(self) -> bool:
        """Was everything COVA said taken over, does no order wait for a person, and did the last
        comparison find no difference?"""
        last = next((run for run in self.recent_runs if run.status != "running"), None)
        return (
            last is not None
            and last.status == "succeeded"
            and not self.troubled
            and not self.urgent
            and not self.has_differences
        )


def overview_of(ctx: ServiceContext, store_id: str) -> Overview:
    """Everything the store's first page shows. Raises `UnknownStore`."""
    settings = read_settings(ctx, store_id)
    now = ctx.clock.now()
    jobs = ctx.schedule.rows(store_id)
    with ctx.database.short() as connection:
        recent = runs.runs_of(connection, store_id, limit=_RECENT_RUNS)
        last_good_at = sync_state_of(connection, store_id).last_good_at
        products = state_counts(connection, store_id)
        urgent = _oldest(connection, store_id, [PushState.NEEDS_ATTENTION])
        waiting = _oldest(connection, store_id, WAITING_STATES)
        warned = many(
            connection,
            Push,
            Push.store_id == store_id,
            Push.warning != "",
            outbox.is_worth_a_warning(now),
            order_by=Push.id,
            limit=_URGENT_SHOWN,
        )
        unmapped = sum(
            number
            for _path, source, number in classification_counts(connection, store_id)
            if source in UNMAPPED_SOURCES
        )
        order_counts = outbox.state_counts(connection, store_id)
        troubled = many(
            connection,
            Product,
            Product.store_id == store_id,
            Product.last_error != "",
            order_by=Product.name,
            limit=_TROUBLED_SHOWN,
        )
        comparison = reports.state_of(connection, store_id, RECONCILE)
        expired = [each for each in open_alerts(connection, store_id) if each.kind == HOLD_GONE]
    allowed = timedelta(seconds=ctx.config.catalog_interval_seconds * STALE_AFTER_INTERVALS)
    return Overview(
        settings=settings,
        running=next((run for run in recent if run.status == "running"), None),
        held=recent[0] if recent and recent[0].status == "held" else None,
        last_good_at=last_good_at,
        next_sync_at=next((job.due_at for job in jobs if job.job == CATALOG), None),
        is_fresh=last_good_at is not None and now - last_good_at <= allowed,
        products_shown=products.get("shown", 0),
        products_hidden=products.get("hidden", 0),
        unmapped=unmapped,
        troubled=troubled,
        order_counts=order_counts,
        waiting=waiting,
        urgent=urgent,
        warned=warned,
        recent_runs=recent,
        comparison=comparison,
        expired=expired,
    )


def _oldest(
    connection: DatabaseConnection, store_id: str, states: Iterable[PushState]
) -> list[Push]:
    """The pushes in these states that have waited longest."""
    return many(
        connection,
        Push,
        Push.store_id == store_id,
        Push.state.in_([state.value for state in states]),
        order_by=(Push.queued_at, Push.id),
        limit=_URGENT_SHOWN,
    )
