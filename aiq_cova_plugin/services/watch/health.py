"""Is every store fresh, and is any order stuck? For monitoring.

Each number is read for all stores in one statement, so that a thousand stores cost what one does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiq_cova_plugin.services.connection.connection_settings import state_of
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.watch.alerts import LATE_AFTER
from aiq_cova_plugin.services.watch.freshness import Freshness, read_freshness
from aiq_cova_plugin.services.watch.service_states import breaker_states, quota_left
from aiq_cova_plugin.store import alerts, monitoring
from aiq_cova_plugin.store.connections import all_connections
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Alert, Connection

_WINDOW = timedelta(hours=1)
"""The time over which failures are counted."""
_WAITING = ("queued", "sending", "checking")


def health_of(ctx: ServiceContext) -> dict[str, Any]:
    """`status` (`ok`, `attention` or `down`) and, per store, freshness, lag and queue.

    `attention`: a store is not ready or not fresh, or an order needs a person. `down`: the
    database does not answer, or the plugin's tables are not there. Never raises.
    """
    try:
        with ctx.database.short() as connection:
            numbers = _read(ctx, connection)
        stores = [_store_health(ctx, row, numbers) for row in numbers.connections]
        breakers, quota = breaker_states(ctx), quota_left(ctx)
    except Exception:  # noqa: BLE001 - monitoring must get an answer, whatever is wrong
        ctx.went_down("health")
        return {"status": "down", "reason": "The plugin's tables cannot be read."}
    ctx.came_back("health")
    is_fine = all(
        store["is_fresh"]
        and store["state"] != "not_ready"
        and not store["needs_attention"]
        and not store["warnings"]
        for store in stores
        if store["is_enabled"]
    )
    return {
        "status": "ok" if is_fine else "attention",
        "stores": stores,
        "services": [
            {
                "company_id": each.company_id,
                "service": each.service,
                "failures": each.failures,
                "is_open": each.is_open,
                "open_until": None if each.open_until is None else each.open_until.isoformat(),
            }
            for each in breakers
        ],
        "quota": [
            {
                "company_id": each.company_id,
                "service": each.service,
                "per_minute": each.per_minute,
                "left": each.left,
                "is_closed": each.closed_until is not None,
            }
            for each in quota
        ],
        "alerts": [
            {
                "store_id": alert.store_id,
                "kind": alert.kind,
                "subject": alert.subject,
                "since": alert.raised_at.isoformat(),
            }
            for alert in numbers.alerts
        ],
    }


@dataclass(frozen=True)
class _Numbers:
    now: datetime
    connections: list[Connection]
    freshness: Freshness
    orders: dict[str, dict[str, int]]
    waiting: dict[str, monitoring.WaitingOrders]
    warnings: dict[str, int]
    runs: dict[str, dict[str, int]]
    alerts: list[Alert]
    alerts_by_store: Counter[str]


def _read(ctx: ServiceContext, connection: DatabaseConnection) -> _Numbers:
    now, found = ctx.clock.now(), alerts.open_alerts(connection)
    return _Numbers(
        now=now,
        connections=all_connections(connection),
        freshness=read_freshness(ctx, connection, now),
        orders=monitoring.open_order_counts(connection),
        waiting=monitoring.waiting_orders(connection, late_before=now - LATE_AFTER),
        warnings=monitoring.warning_counts(connection, now=now),
        runs=monitoring.run_counts(connection, since=now - _WINDOW),
        alerts=found,
        alerts_by_store=Counter(alert.store_id for alert in found),
    )


def _store_health(ctx: ServiceContext, row: Connection, numbers: _Numbers) -> dict[str, Any]:
    store_id, now = row.store_id, numbers.now
    counts = numbers.orders.get(store_id, {})
    last_good = numbers.freshness.last_good_at(row)
    waiting = numbers.waiting.get(store_id)
    runs = numbers.runs.get(store_id, {})
    jobs = numbers.freshness.jobs.get(store_id, {})
    # A job that is being done is not behind; its next due time lies ahead already.
    lag = max((now - job.due_at).total_seconds() for job in jobs.values()) if jobs else 0.0
    return {
        "store_id": store_id,
        "state": state_of(ctx, row),
        "is_enabled": row.enabled,
        "last_good_sync_at": None if last_good is None else last_good.isoformat(),
        "sync_age_seconds": None if last_good is None else (now - last_good).total_seconds(),
        "is_fresh": numbers.freshness.is_fresh(row),
        "schedule_lag_seconds": max(0.0, lag),
        "failing_jobs": sorted(name for name, job in jobs.items() if job.last_error),
        "runs_last_hour": sum(runs.values()),
        "failed_runs_last_hour": runs.get("failed", 0),
        "queue_depth": sum(counts.get(each, 0) for each in _WAITING),
        "queue_age_seconds": 0.0
        if waiting is None
        else max(0.0, (now - waiting.oldest_at).total_seconds()),
        "late_orders": 0 if waiting is None else waiting.late,
        "in_pos": counts.get("in_pos", 0),
        "needs_attention": counts.get("needs_attention", 0),
        "warnings": numbers.warnings.get(store_id, 0),
        "open_alerts": numbers.alerts_by_store[store_id],
    }
