"""Tells the operator once when something needs them, and once when it is over.

What is wrong is looked up for all stores together, in a few statements, and compared with the
open rows of `cova_alert`. The database lets one row be open for each thing, so whichever worker
looks, however often and after whatever restart, it is told once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.stock.expire_holds import HOLD_EXPIRED, why_expired
from aiq_cova_plugin.services.watch.freshness import Freshness, read_freshness
from aiq_cova_plugin.services.watch.tell_alerts import tell_untold
from aiq_cova_plugin.store import alerts, monitoring
from aiq_cova_plugin.store.alerts import (
    CREDENTIALS,
    HELD_RUN,
    HOLD_GONE,
    ORDER_STUCK,
    ORDERS_LATE,
    STALE,
)
from aiq_cova_plugin.store.connections import all_connections
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Alert, Connection

LATE_AFTER = timedelta(minutes=15)
"""How long an order may be on its way before somebody is told."""
_HOLD_IS_NEWS_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Trouble:
    """Something a person should know: of which store, of what kind, about which thing."""

    store_id: str
    kind: str
    subject: str
    message: str
    fix: str


@dataclass
class WatchReport:
    """How many alerts were raised and resolved by this look, and of how many the host heard."""

    raised: int = 0
    resolved: int = 0
    told: int = 0


def watch(ctx: ServiceContext, _store_id: str = "") -> WatchReport:
    """Look at all stores once; raise what is new, resolve what is over, tell the host of both.

    The signals `cova.alert-raised` and `cova.alert-resolved` are sent once the rows are
    committed; what a worker that died did not tell, this look tells (`tell_alerts`).
    """
    now, report = ctx.clock.now(), WatchReport()
    with ctx.database.short() as connection:
        troubles = {
            alerts.open_key(each.store_id, each.kind, each.subject): each
            for each in _troubles(ctx, connection, now)
        }
        known = {str(each.open_key): each for each in alerts.open_alerts(connection)}
    for key, trouble in troubles.items():
        if key not in known:
            report.raised += _raise(ctx, trouble, now)
    for key, alert in known.items():
        if key not in troubles:
            report.resolved += _resolve(ctx, alert, now)
    report.told = tell_untold(ctx)
    return report


def open_alerts(ctx: ServiceContext, store_id: str | None = None) -> list[Alert]:
    """The alerts that are not over, oldest first; of one store, or of all."""
    with ctx.database.short() as connection:
        return alerts.open_alerts(connection, store_id)


def _raise(ctx: ServiceContext, trouble: Trouble, now: datetime) -> bool:
    with ctx.database.short() as connection:
        is_new = alerts.raise_alert(
            connection,
            trouble.store_id,
            trouble.kind,
            trouble.subject,
            message=trouble.message,
            fix=trouble.fix,
            at=now,
        )
    if is_new:
        log.warning("alert_raised", extra=_ids(trouble))
    return is_new


def _resolve(ctx: ServiceContext, alert: Alert, now: datetime) -> bool:
    with ctx.database.short() as connection:
        is_ours = alerts.resolve_alert(connection, alert.id, at=now)
    if is_ours:
        log.warning("alert_resolved", extra=_ids(alert))
    return is_ours


def _ids(thing: Trouble | Alert) -> dict[str, str]:
    return {"store_id": thing.store_id, "kind": thing.kind, "subject": thing.subject}


def _troubles(
    ctx: ServiceContext, connection: DatabaseConnection, now: datetime
) -> Iterator[Trouble]:
    """Everything that is wrong now, in the stores that are switched on."""
    enabled = {row.store_id: row for row in all_connections(connection) if row.enabled}
    if not enabled:
        return
    freshness = read_freshness(ctx, connection, now)
    for row in enabled.values():
        yield from _of_store(row, freshness)
    for store_id, last in monitoring.last_decided_runs(connection).items():
        if store_id in enabled and last.status == "held":
            yield Trouble(store_id, HELD_RUN, "", last.message, last.fix)
    waiting = monitoring.waiting_orders(connection, late_before=now - LATE_AFTER)
    for store_id, orders in waiting.items():
        if store_id in enabled and orders.late:
            yield _late(store_id, orders.late)
    for store_id, order_id, reason, fix in monitoring.orders_needing_attention(connection):
        if store_id in enabled:
            yield Trouble(store_id, ORDER_STUCK, order_id, reason, fix)
    expired = monitoring.expired_holds(
        connection, reason=HOLD_EXPIRED, since=now - _HOLD_IS_NEWS_FOR
    )
    for store_id, order_id, was_by_hand in expired:
        if store_id in enabled:
            yield _freed(enabled[store_id], order_id, was_by_hand=was_by_hand)


def _of_store(row: Connection, freshness: Freshness) -> Iterator[Trouble]:
    if row.check_ok is False:
        yield Trouble(
            row.store_id,
            CREDENTIALS,
            "",
            row.check_message or "COVA refuses the log-in of this store.",
            "Correct it under Store > Integrations > COVA.",
        )
    if not freshness.is_fresh(row):
        minutes = round(freshness.age_seconds(row) / 60)
        yield Trouble(
            row.store_id,
            STALE,
            "",
            f"The menu has not been wholly in step with COVA for {minutes} minutes.",
            "The page Syncs of this store says why.",
        )


def _freed(row: Connection, order_id: str, *, was_by_hand: bool) -> Trouble:
    reason = why_expired(sends_orders=row.sync_orders, was_queued=was_by_hand)
    if was_by_hand:
        fix = (
            "If it was sold, count its products in COVA: the next sync takes the stock from there."
        )
    elif row.sync_orders:
        fix = "Confirm or cancel the order in the shop."
    else:
        fix = "Ring the order up in COVA, or cancel it in the shop."
    return Trouble(row.store_id, HOLD_GONE, order_id, reason, fix)


def _late(store_id: str, number: int) -> Trouble:
    minutes = round(LATE_AFTER.total_seconds() / 60)
    one_or_many = "1 order has" if number == 1 else f"{number} orders have"
    return Trouble(
        store_id,
        ORDERS_LATE,
        "",
        f"{one_or_many} been on the way to COVA for more than {minutes} minutes.",
        "The page Orders of this store says why; they are tried again by themselves.",
    )
