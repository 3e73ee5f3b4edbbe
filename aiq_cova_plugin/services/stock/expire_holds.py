"""Frees stock that is held for orders nobody ever confirmed or cancelled, and never in silence.

The operator is told by a signal, the log and an alert (`services.watch.alerts`); the Holds page lists
what expired. See decision 0006.
"""

from __future__ import annotations

from datetime import timedelta

from aiq_cova_plugin import signals
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.stock.reserve_stock import HOLD_EXPIRED, release_order
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.holds import forgotten_orders, holds_of_order
from aiq_cova_plugin.store.products import lock_products

FORGOTTEN_AFTER = timedelta(days=3)
"""How long a hold lives without its order ever being confirmed or cancelled."""

_UNDECIDED = (
    "Its stock was held for three days without the order being confirmed or cancelled, so it was "
    "freed."
)
_NOT_SENT = (
    "Its stock was held for three days, and this store does not send its orders to COVA, so what "
    "became of it cannot be seen there. It was freed: ring the order up in COVA, or cancel it."
)

_BY_HAND = (
    "It was entered at the register by hand, and nobody said within three days that it was sold, "
    "so its stock was freed."
)

__all__ = ["FORGOTTEN_AFTER", "HOLD_EXPIRED", "expire_forgotten_holds", "why_expired"]


def expire_forgotten_holds(ctx: ServiceContext, store_id: str) -> int:
    """Release the holds of every forgotten order; how many orders that were.

    One that cannot be released is logged and does not keep the others.
    """
    before, expired = ctx.clock.now() - FORGOTTEN_AFTER, 0
    with ctx.database.short() as connection:
        forgotten = forgotten_orders(connection, store_id, before=before)
        settings = connection_of(connection, store_id)
        sends_orders = settings is not None and settings.sync_orders

    def was_queued(order_id: str) -> bool:
        with ctx.database.short() as connection:
            return outbox.push_of_order(connection, store_id, order_id) is not None

    for order_id in forgotten:
        try:
            was_released = _release(ctx, store_id, order_id)
        except Exception:  # noqa: BLE001 - one order must not stop the others; logged
            log.exception("hold_not_expired", extra={"store_id": store_id, "order_id": order_id})
            continue
        if was_released:
            expired += 1
            reason = why_expired(sends_orders=sends_orders, was_queued=was_queued(order_id))
            _tell(ctx, store_id, order_id, reason)
    return expired


def why_expired(*, sends_orders: bool, was_queued: bool) -> str:
    """Why an order's stock was freed, for whoever must decide about it.

    `sends_orders`: does its store send orders to COVA? `was_queued`: was the order itself? Then
    only one that was entered by hand can still have held stock.
    """
    if was_queued:
        return _BY_HAND
    return _UNDECIDED if sends_orders else _NOT_SENT


def _release(ctx: ServiceContext, store_id: str, order_id: str) -> bool:
    with ctx.database.job_transaction() as connection:
        held = holds_of_order(connection, store_id, order_id)
        lock_products(connection, store_id, [hold.cova_product_id for hold in held])
        # Whoever confirmed it in the meantime had these locks: now its order can be seen.
        push = outbox.push_of_order(connection, store_id, order_id)
        if push is not None and push.finished_at is None:
            return False
        if push is not None and all(hold.state != "active" for hold in held):
            # Somebody has just said that it was sold.
            return False
        release_order(ctx, store_id, order_id, reason=HOLD_EXPIRED)
    return True


def _tell(ctx: ServiceContext, store_id: str, order_id: str, reason: str) -> None:
    log.warning("hold_expired", extra={"store_id": store_id, "order_id": order_id})
    ctx.emit(
        signals.order_needs_attention,
        store_id=store_id,
        order_id=order_id,
        reason=reason,
    )
