"""Applies retention: what is old and finished goes, what is open stays.

How long is the configuration's business (`COVA_KEEP_…_DAYS`). It goes in small steps, each in a
transaction of its own, so that nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from aiq_cova_plugin.services.catalogue.kept_pages import KEPT_FOR
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store import retention
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.read_pages import drop_pages

_KEEP_LEASES = timedelta(days=1)
_KEEP_REPORTS = timedelta(days=30)

_Step = Callable[[DatabaseConnection, datetime], int]


@dataclass
class Pruned:
    """How many rows went."""

    runs: int = 0
    orders: int = 0
    personal_values: int = 0
    customers: int = 0
    holds: int = 0
    tokens: int = 0
    leases: int = 0
    audit_entries: int = 0
    alerts: int = 0
    reports: int = 0
    kept_pages: int = 0

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


def prune(ctx: ServiceContext, _store_id: str | None = None) -> Pruned:
    """Delete what retention says, in all stores."""
    now, keep, gone = ctx.clock.now(), ctx.config, Pruned()

    def everything(step: _Step, *, before: datetime) -> int:
        taken = 0
        while True:
            with ctx.database.short() as connection:
                count = step(connection, before)
            taken += count
            if not count:
                return taken

    def days_ago(days: int) -> datetime:
        return now - timedelta(days=days)

    personal, audited = days_ago(keep.keep_personal_days), days_ago(keep.keep_audit_days)
    everything(retention.old_run_rows, before=days_ago(keep.keep_runs_days))
    gone.runs = everything(retention.old_runs, before=days_ago(keep.keep_runs_days))
    gone.personal_values = everything(retention.old_addresses, before=personal)
    gone.personal_values += everything(retention.old_candidates, before=personal)
    gone.personal_values += everything(retention.old_typed_phones, before=personal)
    gone.orders = everything(retention.old_orders, before=days_ago(keep.keep_orders_days))
    gone.customers = everything(
        retention.unused_customers, before=days_ago(keep.keep_customers_days)
    )
    gone.holds = everything(retention.old_holds, before=days_ago(keep.keep_runs_days))
    gone.tokens = everything(retention.expired_tokens, before=now)
    gone.leases = everything(retention.left_leases, before=now - _KEEP_LEASES)
    gone.audit_entries = everything(retention.old_audit, before=audited)
    gone.alerts = everything(retention.old_alerts, before=audited)
    gone.reports = everything(retention.old_reports, before=now - _KEEP_REPORTS)
    with ctx.database.short() as connection:
        gone.kept_pages = drop_pages(connection, read_before=now - KEPT_FOR)
    return gone
