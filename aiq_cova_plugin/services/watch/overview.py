"""What staff want to see of a store: is it connected, fresh, in agreement, and who must act.

Reads only, in one short transaction; how the facts are worded is the page's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiq_cova_plugin.domain.push_states import WAITING_STATES, PushState
from aiq_cova_plugin.mapping.order_to_cova import NO_FEE_PRODUCT
from aiq_cova_plugin.services.choices.category_rules import UNMAPPED_SOURCES
from aiq_cova_plugin.services.compare.reports import RECONCILE
from aiq_cova_plugin.services.connection.connection_settings import SettingsView, read_settings
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.jobs.plan_jobs import CATALOG
from aiq_cova_plugin.services.watch.freshness import STALE_AFTER_INTERVALS
from aiq_cova_plugin.store import outbox, reports, runs
from aiq_cova_plugin.store.alerts import HOLD_GONE, open_alerts
from aiq_cova_plugin.store.breakers import all_breakers
from aiq_cova_plugin.store.connections import sync_state_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Alert, Product, Push, Run
from aiq_cova_plugin.store.products import classification_counts, state_counts
from aiq_cova_plugin.store.push_warnings import is_wrong_address
from aiq_cova_plugin.store.records import many
from aiq_cova_plugin.store.reports import ReportState

_RECENT_RUNS = 5
_URGENT_SHOWN = 10
_TROUBLED_SHOWN = 20
_WARNED_COUNTED = 200


@dataclass(frozen=True)
class Overview:
    """One store at a glance. `next_sync_at` is None when nothing is planned.

    `waiting`, `urgent` and `warned` are orders, at most ten of each: on their way, needing a person, and in COVA
    with something a person must know (a driver's address); oldest first. An order that needs a
    person is not among `warned` as well. `number_warned` are all of those, `wrong_addresses` the
    deliveries among them whose driver may have another address (of either at most 200).
    `away_since` is when COVA stopped answering, None while it answers. `is_fee_missing`: orders
    stopped because no product of COVA stands for the delivery fee. `order_numbers` is dict:
    order id → number, for the orders of `expired`.
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
    number_warned: int = 0
    wrong_addresses: int = 0
    away_since: datetime | None = None
    is_fee_missing: bool = False
    order_numbers: dict[str, str] = field(default_factory=dict)

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
        sync_state = sync_state_of(connection, store_id)
        products = state_counts(connection, store_id)
        urgent = _oldest(connection, store_id, [PushState.NEEDS_ATTENTION])
        waiting = _oldest(connection, store_id, WAITING_STATES)
        warned = many(
            connection,
            Push,
            Push.store_id == store_id,
            Push.warning != "",
            Push.state != PushState.NEEDS_ATTENTION.value,
            outbox.is_worth_a_warning(now),
            order_by=Push.id,
            limit=_WARNED_COUNTED,
        )
        is_fee_missing = bool(
            urgent
            and not settings.delivery_fee_product
            and many(
                connection,
                Push,
                Push.store_id == store_id,
                Push.state == PushState.NEEDS_ATTENTION.value,
                Push.reason.contains(NO_FEE_PRODUCT),
                limit=1,
            )
        )
        away_since = _away_since(connection, settings, sync_state.last_outage_at)
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
        numbers = {
            push.order_id: push.order_number or push.order_id
            for push in outbox.pushes_of_orders(
                connection, store_id, [each.subject for each in expired]
            )
        }
    last_good_at = sync_state.last_good_at
    allowed = timedelta(seconds=ctx.config.catalog_interval_seconds * STALE_AFTER_INTERVALS)
    return Overview(
        settings=settings,
        running=next((run for run in recent if run.status == "running"), None),
        held=_held_of(recent),
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
        warned=warned[:_URGENT_SHOWN],
        recent_runs=recent,
        comparison=comparison,
        expired=expired,
        number_warned=len(warned),
        wrong_addresses=sum(is_wrong_address(push.warning) for push in warned),
        away_since=away_since,
        is_fee_missing=is_fee_missing,
        order_numbers=numbers,
    )


def _held_of(recent: list[Run]) -> Run | None:
    """The run that waits for a person: a failed one after it decides nothing, one that is
    under way may."""
    last = next((run for run in recent if run.status != "failed"), None)
    return last if last is not None and last.status == "held" else None


def _away_since(
    connection: DatabaseConnection, settings: SettingsView, outage_at: datetime | None
) -> datetime | None:
    """When COVA stopped answering, as the syncs and every other call of this company found."""
    if not settings.enabled:
        return None
    opened = [
        state.opened_at
        for state in all_breakers(connection)
        if state.is_open and str(state.company_id) == settings.company_id
    ]
    return min((each for each in [*opened, outage_at] if each is not None), default=None)


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
