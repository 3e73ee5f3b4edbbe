"""Did the shop change after shop and COVA were compared? What was found then may be over."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.models import AuditEntry, Run
from aiq_cova_plugin.store.records import many

Changed = Literal["", "sync", "person"]

_TOUCHES_WHAT_IS_COMPARED = (
    "product_restored",
    "product_category_set",
    "product_excluded",
    "product_included",
    "order_retried",
    "orders_retried",
    "order_withdrawn",
    "order_entered_by_hand",
    "order_sold_by_hand",
    "order_stock_freed",
    "customer_chosen",
    "statuses_read",
    "orders_swept",
    "stock_freed",
)


def changed_since(ctx: ServiceContext, store_id: str, at: datetime) -> Changed:
    """Whether a sync wrote something after `at`, or else a person did something; empty if not."""
    with ctx.database.short() as connection:
        synced = many(
            connection,
            Run,
            Run.store_id == store_id,
            Run.finished_at > at,
            Run.created + Run.updated + Run.hidden > 0,
            order_by=Run.started_at,
            limit=1,
        )
        if synced:
            return "sync"
        acted = many(
            connection,
            AuditEntry,
            AuditEntry.store_id == store_id,
            AuditEntry.at > at,
            AuditEntry.action.in_(_TOUCHES_WHAT_IS_COMPARED),
            order_by=AuditEntry.id,
            limit=1,
        )
    return "person" if acted else ""
