"""An order may be edited in the shop after it was queued: total, kind and holds follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from aiq_cova_plugin.host import Order
from aiq_cova_plugin.services.orders.enqueue_order import order_total
from aiq_cova_plugin.services.orders.push_row import PushRow
from aiq_cova_plugin.services.stock.reserve_stock import publish_quantities, quantities_of
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.holds import holds_of_order, replace_holds
from aiq_cova_plugin.store.models import Hold
from aiq_cova_plugin.store.products import lock_products


def follow_edit(row: PushRow, order: Order) -> None:
    """Take over what changed since the order was last looked at; commits."""
    total, is_delivery = order_total(order), order.delivery is not None
    if row.push.host_total != total or row.push.is_delivery != is_delivery:
        before = row.push.host_total
        if before is not None and total is not None and before != total:
            row.event(
                "order_edited",
                f"Edited in the shop: its total was {before:.2f} and is {total:.2f}.",
            )
        row.write(host_total=total, is_delivery=is_delivery)
    _hold_what_is_wanted_now(row, order)


def _hold_what_is_wanted_now(row: PushRow, order: Order) -> None:
    """Hold the edited lines. Holds that were released or are being settled stay as they are."""
    ctx, store_id = row.ctx, row.push.store_id
    wanted = quantities_of(order.lines)
    with ctx.database.short() as connection:
        before = holds_of_order(connection, store_id, order.id)
    if not _differ(before, wanted):
        return
    with ctx.database.job_transaction() as connection:
        # Locked, as whoever cancels does: a cancel frees the stock once and for all.
        fresh = outbox.lock_push(connection, store_id, order.id)
        if fresh is None or fresh.cancel_requested or fresh.fence != row.fence:
            return
        touched = set(wanted) | {each.cova_product_id for each in before}
        lock_products(connection, store_id, touched)
        held = holds_of_order(connection, store_id, order.id)
        if not _differ(held, wanted) or not {each.cova_product_id for each in held} <= touched:
            return
        replace_holds(connection, store_id, order.id, wanted, now=ctx.clock.now())
        publish_quantities(ctx, connection, store_id, touched)


def _differ(held: Sequence[Hold], wanted: Mapping[str, Decimal]) -> bool:
    """Is something else held than wanted, and all of it still free to be changed?"""
    if not held or any(each.state != "active" for each in held):
        return False
    return {each.cova_product_id: each.quantity for each in held} != wanted
