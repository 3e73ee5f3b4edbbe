"""The audit trail of a store, a page at a time. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.audit import entries_page, number_of_entries
from aiq_cova_plugin.store.models import AuditEntry
from aiq_cova_plugin.store.products import names_of

ACTS_PER_PAGE = 50


@dataclass(frozen=True)
class Activity:
    """One page of acts, newest first; `product_names` is dict: COVA product id → name,
    `order_numbers` order id → number, for the orders that were queued for COVA."""

    entries: list[AuditEntry]
    number_found: int
    product_names: dict[str, str]
    order_numbers: dict[str, str]


def activity_of(ctx: ServiceContext, store_id: str, *, page: int = 1) -> Activity:
    """What staff did in the store; `page` counts from 1."""
    with ctx.database.short() as connection:
        found = entries_page(
            connection, store_id, limit=ACTS_PER_PAGE, offset=ACTS_PER_PAGE * (page - 1)
        )
        number = number_of_entries(connection, store_id)
        subjects = {each.subject for each in found if each.subject}
        names = names_of(connection, store_id, subjects)
        numbers = {
            push.order_id: push.order_number
            for push in outbox.pushes_of_orders(connection, store_id, subjects)
            if push.order_number
        }
    return Activity(found, number, names, numbers)
