"""Asks COVA how the orders that are in the register stand, and moves the shop's on.

One call settles whatever was completed; the rest are asked about one by one, within a share of
the calls a minute may have, fresh orders first and then those not asked for the longest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.cova.rate_limit import DEFAULT_CALLS_PER_MINUTE
from aiq_cova_plugin.errors import (
    BadCredentials,
    CovaPluginError,
    LeaseHeld,
    NotFound,
    RateLimited,
    Retryable,
)
from aiq_cova_plugin.mapping.order_status_from_cova import (
    Phase,
    StatusReading,
    reading_from_cova,
)
from aiq_cova_plugin.redaction import without_words
from aiq_cova_plugin.schemas.records import SalesOrderStatus
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.orders.order_report import OrderReport
from aiq_cova_plugin.services.orders.push_row import customer_words_of
from aiq_cova_plugin.services.orders.settle_status import (
    FRESH,
    ON_DEMAND_AFTER,
    next_poll_at,
    refuse_after_all,
    settle_reading,
)
from aiq_cova_plugin.services.orders.where_sent import (
    is_elsewhere,
    require_same_company,
    stop_elsewhere,
)
from aiq_cova_plugin.services.statuses.pay_orders import DONE, PAID, SENDING, pay_if_due
from aiq_cova_plugin.services.stores import credentials_of, require_enabled, require_store
from aiq_cova_plugin.store import outbox, push_times
from aiq_cova_plugin.store.models import Connection, Push
from aiq_cova_plugin.store.push_warnings import (
    NO_LONGER_KNOWN,
    taken_no_longer,
    with_warning,
    without_surprises,
)

_SETTLED_PHASES = (Phase.IN_POS, Phase.COMPLETED, Phase.CANCELLED, Phase.UNKNOWN)
_SHORTEST_PAUSE_SECONDS = 10.0
"""How long statuses are left alone at least when COVA asks us to call less often."""

_GIVE_UP_AFTER = 3
_MANY = 10
"""From so many orders on, one call for all completed ones comes first."""

CALLS_A_MINUTE = int(DEFAULT_CALLS_PER_MINUTE * 0.28)
"""So many single questions a minute one company's orders get: the quota is for sending, too."""
_WINDOW = timedelta(minutes=1)

_PASS = timedelta(seconds=20)
"""So long one pass may take: new orders wait to be sent meanwhile."""


@dataclass
class PollReport(OrderReport):
    """The numbers of the contract's `orders poll` document for one store, and why some failed."""

    reasons: list[str] = field(default_factory=list)
    is_log_in_refused: bool = False
    pause_seconds: float = 0

    def as_document(self) -> dict[str, Any]:
        inner = ("is_log_in_refused", "pause_seconds")
        return {name: value for name, value in vars(self).items() if name not in inner}


def poll_statuses(ctx: ServiceContext, store_id: str, *, only_due: bool = False) -> PollReport:
    """Ask about every open order of the store; with `only_due` about those whose time it is.

    With `only_due` the calls are kept within their share of the minute; the orders that must
    wait come first in the next one. After a week COVA is asked about an order on demand
    alone; that it was completed is still noticed. One order's failure leaves the others
    alone; when COVA itself is down the rest waits.
    Raises `UnknownStore`, `NotConnected`, and `LeaseHeld` when another worker is at it.
    """
    require_store(ctx, store_id)
    settings = require_enabled(ctx, store_id)
    with ctx.leases.hold(
        f"poll:{store_id}", busy="The order statuses of this store are being read right now."
    ) as lease:
        now = ctx.clock.now()
        with ctx.database.short() as connection:
            due_at = now if only_due else None
            orders = outbox.open_in_pos(connection, store_id, due_at=due_at)
        report = PollReport(store_id)
        orders = _of_this_company(ctx, settings, orders, report)
        if not orders:
            return report
        ctx.database.end_reading()
        with ctx.open_client(credentials_of(ctx, settings)) as client:
            completed = _completed(client, orders, now)
            if only_due:
                orders = _within_budget(ctx, settings, orders, completed, report)
            until = now + _PASS if only_due else None
            _poll_each(
                ctx,
                settings,
                client,
                orders,
                report,
                completed=completed,
                until=until,
                keep=lambda: ctx.leases.renew(lease),
            )
    return report


def ask_about_order(ctx: ServiceContext, push: Push) -> PollReport:
    """Ask about this one order now, because a person wants to know; `reasons` when it failed.

    Raises `NotConnected`, and `SentElsewhere` when it is at the register of another company.
    """
    settings = require_enabled(ctx, push.store_id)
    require_same_company(push, settings)
    ctx.database.end_reading()
    report = PollReport(push.store_id)
    with ctx.open_client(credentials_of(ctx, settings)) as client:
        _poll_one(ctx, client, push, report, known=None, store_words=settings.status_map)
    return report


def _of_this_company(
    ctx: ServiceContext, settings: Connection, orders: list[Push], report: PollReport
) -> list[Push]:
    """Those that COVA can be asked about; the others wait for a person, who is told."""
    for push in orders:
        # One that is being taken back is left to the worker that does so.
        if is_elsewhere(push, settings) and not push.cancel_requested:
            report.handled += 1
            report.changed += stop_elsewhere(ctx, push, settings)
            report.needs_attention += 1
    return [push for push in orders if not is_elsewhere(push, settings)]


def _poll_each(
    ctx: ServiceContext,
    settings: Connection,
    client: CovaClient,
    orders: list[Push],
    report: PollReport,
    *,
    completed: Mapping[str, SalesOrderStatus],
    until: datetime | None,
    keep: Callable[[], object],
) -> None:
    outages = 0
    for position, push in enumerate(orders):
        if outages >= _GIVE_UP_AFTER or report.is_log_in_refused or report.pause_seconds:
            # COVA is away, or a refused log-in would lock the account: all wait.
            report.waiting += len(orders) - position
            _ask_all_later(ctx, settings.store_id, report.pause_seconds)
            return
        if until is not None and ctx.clock.now() > until:
            # The rest is still due: the next tick goes on with it.
            report.waiting += len(orders) - position
            return
        known = completed.get(push.cova_order_id)
        asked = _poll_one(ctx, client, push, report, known=known, store_words=settings.status_map)
        outages = 0 if asked else outages + 1
        keep()


def _completed(
    client: CovaClient, orders: list[Push], now: datetime
) -> dict[str, SalesOrderStatus]:
    """dict: COVA order id → "completed", for those of many orders that one call can settle.

    An answer that does not come costs nothing: every order is then asked about by itself.
    """
    if len(orders) < _MANY and not any(_is_on_demand(push, now) for push in orders):
        return {}
    since = min(push.in_pos_at for push in orders if push.in_pos_at is not None)
    try:
        completed = client.completed_orders(since=since)
    except CovaPluginError:
        return {}
    return {
        each.order_id: SalesOrderStatus(
            order_id=each.order_id, order_status="Completed", sale_total=each.total
        )
        for each in completed
    }


def _within_budget(
    ctx: ServiceContext,
    settings: Connection,
    orders: list[Push],
    completed: Mapping[str, SalesOrderStatus],
    report: PollReport,
) -> list[Push]:
    """Those that are settled already and as many others as the minute allows; the rest waits."""
    now = ctx.clock.now()
    with ctx.database.short() as connection:
        used = push_times.polled_since(connection, settings.company_id, since=now - _WINDOW)
    allowed = max(0, CALLS_A_MINUTE - used)
    free = [push for push in orders if push.cova_order_id in completed]
    others = [push for push in orders if push.cova_order_id not in completed]
    old = [push for push in others if _is_on_demand(push, now)]
    asked = sorted((push for push in others if not _is_on_demand(push, now)), key=_urgency(now))
    later = asked[allowed:]
    report.waiting += len(later) + len(old)
    with ctx.database.short() as connection:
        push_times.poll_these_at(connection, [push.id for push in later], at=now + _WINDOW)
        for push in old:
            due_at = next_poll_at(ctx, push.in_pos_at or now, now)
            outbox.change_push(connection, push.id, {"poll_due_at": due_at})
    return free + asked[:allowed]


def _urgency(now: datetime) -> Callable[[Push], tuple[bool, datetime]]:
    """Fresh orders first, then those that were not asked about for the longest."""

    def key(push: Push) -> tuple[bool, datetime]:
        entered = push.in_pos_at or now
        return now - entered >= FRESH, push.polled_at or entered

    return key


def _is_on_demand(push: Push, now: datetime) -> bool:
    """Is it so old that COVA wants to be asked about it on demand alone (section 10.7)?"""
    return push.in_pos_at is not None and now - push.in_pos_at >= ON_DEMAND_AFTER


def _poll_one(
    ctx: ServiceContext,
    client: CovaClient,
    push: Push,
    report: PollReport,
    *,
    known: SalesOrderStatus | None,
    store_words: Mapping[str, str],
) -> bool:
    """Ask about one order, unless `known` says it all; False when COVA is out of reach."""
    report.handled += 1
    try:
        status = known or client.order_status(push.cova_order_id)
        reading = reading_from_cova(status, is_delivery=push.is_delivery, store_words=store_words)
        if reading.phase is Phase.IN_POS:
            pay_if_due(ctx, client, push, status)
        if reading.phase in _SETTLED_PHASES:
            settled = settle_reading(ctx, push, reading)
            report.changed += settled.is_change
            report.waiting += settled.state.value in ("in_pos", "needs_attention")
            report.needs_attention += settled.state.value == "needs_attention"
        elif _is_refused_after_all(push, reading, status):
            said = without_words(reading.message, customer_words_of(ctx, push))
            is_moved = refuse_after_all(ctx, push, replace(reading, message=said))
            report.changed += is_moved
            report.waiting += 1
            report.needs_attention += is_moved
        else:
            _note_surprise(ctx, push, taken_no_longer(reading.raw_status))
            report.waiting += 1
    except NotFound:
        _note_surprise(ctx, push, NO_LONGER_KNOWN)
        report.failed += 1
        report.reasons.append(f"Order {push.order_number}: COVA no longer knows it.")
    except LeaseHeld:
        raise
    except CovaPluginError as exc:
        report.is_log_in_refused = isinstance(exc, BadCredentials)
        if isinstance(exc, RateLimited):
            report.pause_seconds = exc.retry_after or _WINDOW.total_seconds()
        _ask_later(ctx, push)
        report.failed += 1
        report.reasons.append(f"Order {push.order_number}: {exc.message}")
        return not isinstance(exc, Retryable)
    except Exception:  # noqa: BLE001 - one order must not stop the others; logged
        # One order's trouble in the host must not keep the others from moving on.
        log.exception("poll_failed_unexpectedly", extra={"push_id": push.id})
        _ask_later(ctx, push)
        report.failed += 1
        report.reasons.append(f"Order {push.order_number}: something unexpected went wrong.")
    return True


def _is_refused_after_all(push: Push, reading: StatusReading, status: SalesOrderStatus) -> bool:
    """Does COVA say that an order it seemed to have is not in the register? A paid one, or
    one that is being taken back, is left to those who see to that."""
    return (
        reading.phase in (Phase.REFUSED, Phase.TRANSIENT_FAILURE)
        and status.payment_status not in DONE
        and push.payment_state not in (SENDING, PAID)
        and not push.cancel_requested
    )


def _ask_later(ctx: ServiceContext, push: Push) -> None:
    """It did not work: not again with the next tick, but when it is this order's turn."""
    now = ctx.clock.now()
    with ctx.database.short() as connection:
        due_at = next_poll_at(ctx, push.in_pos_at or now, now)
        outbox.change_push(connection, push.id, {"poll_due_at": due_at})


def _ask_all_later(ctx: ServiceContext, store_id: str, pause_seconds: float) -> None:
    interval = ctx.config.status_interval_seconds
    # "In one second" would mean a refused call with every tick: a little longer is as good.
    seconds = (
        max(pause_seconds, min(interval, _SHORTEST_PAUSE_SECONDS)) if pause_seconds else interval
    )
    due_at = ctx.clock.now() + timedelta(seconds=seconds)
    with ctx.database.short() as connection:
        push_times.postpone_polls(connection, store_id, until=due_at)


def _note_surprise(ctx: ServiceContext, push: Push, warning: str) -> None:
    now = ctx.clock.now()
    with ctx.database.short() as connection:
        fresh = outbox.lock_push(connection, push.store_id, push.order_id) or push
        known = fresh.warning if warning in fresh.warning else without_surprises(fresh.warning)
        values = {
            "warning": with_warning(known, warning),
            "polled_at": now,
            "poll_due_at": next_poll_at(ctx, push.in_pos_at or now, now),
        }
        outbox.change_push(connection, push.id, values)
        if warning not in fresh.warning:
            outbox.add_event(connection, push.id, "surprise", warning, at=now)
