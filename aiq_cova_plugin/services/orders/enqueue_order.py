"""Writes down that a confirmed order must reach COVA; and takes that back.

Works on the host's own session: the row commits with the host's order, or not at all.
COVA's order id is chosen here, before anything is sent, and never changes.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.host import Order, OrderNotFound
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stock.reserve_stock import (
    CANCELLED_IN_SHOP,
    WITHDRAWN_FROM_COVA,
    hold_expired_again,
    hold_order,
    release_order,
)
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.holds import holds_of_order
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.store.push_warnings import (
    is_withdrawn_here,
    with_warning,
    withdrawn_here,
    without_other_deliveries,
    without_withdrawn_here,
)

_NO_MONEY = Decimal(10) ** 9


def order_total(order: Order) -> Decimal | None:
    """What the host charges: its lines, the delivery fee and every other fee.

    None for amounts that are no money: such an order is queued all the same, and a person is
    told which line it is when it is sent.
    """
    total = order.delivery.fee if order.delivery is not None else Decimal(0)
    total += sum((fee.amount for fee in order.fees), start=Decimal(0))
    total = sum((line.line_total for line in order.lines), start=total)
    return total if total.is_finite() and abs(total) < _NO_MONEY else None


def enqueue_order(ctx: ServiceContext, order: Order, *, found_by: str = "signal") -> bool:
    """Hold the order's stock and queue its push; True when it was queued just now.

    Nothing is queued when the store does not send its orders to COVA, or when the order was
    queued before. `found_by` goes into the timeline: `signal` or `sweep`.
    """
    connection = ctx.database.shared()
    settings = connection_of(connection, order.store_id)
    if settings is None or not settings.enabled:
        return False
    if outbox.push_of_order(connection, order.store_id, order.id) is not None:
        return False
    hold_order(ctx, order.store_id, order.id, order.lines)
    if not settings.sync_orders:
        return False
    now = ctx.clock.now()
    added = outbox.add_push(connection, _new_push(order, now))
    if added:
        hold_expired_again(ctx, order.store_id, order.id)
        push = outbox.push_of_order(connection, order.store_id, order.id)
        if push is not None:
            how = "Its signal was missed; the sweep found it." if found_by == "sweep" else ""
            outbox.add_event(connection, push.id, "queued", how, at=now)
    return added


def _new_push(order: Order, now: datetime) -> dict[str, Any]:
    return {
        "store_id": order.store_id,
        "order_id": order.id,
        "order_number": order.number,
        "cova_order_id": str(uuid4()),
        "state": PushState.QUEUED.value,
        "attempts": 0,
        "next_attempt_at": now,
        "reason": "",
        "fix": "",
        "kind": "",
        "fence": 0,
        "refusals": 0,
        "is_delivery": order.delivery is not None,
        "host_total": order_total(order),
        "cova_status": "",
        "host_status": "confirmed",
        "warning": "",
        "cancel_requested": False,
        "payment_state": "",
        "payment_reference": "",
        "queued_at": order.confirmed_at or now,
    }


def withdraw_order(
    ctx: ServiceContext, store_id: str, order_id: str, *, withdrawn_by: str = ""
) -> None:
    """Free the order's stock and take it back from COVA: the host cancelled it, or a person asked,
    who is `withdrawn_by`; the host's order then goes on, and staff are warned of that.

    An order that never left is withdrawn at once; for one that may be in COVA a worker is
    asked to cancel it there.
    """
    connection = ctx.database.shared()
    push = outbox.lock_push(connection, store_id, order_id)
    if push is None:
        release_order(ctx, store_id, order_id, reason=CANCELLED_IN_SHOP)
        _keep_from_sweep(ctx, store_id, order_id)
        return
    if not withdrawn_by:
        _end_own_withdrawal(ctx, push)
    state = PushState(push.state)
    if state in (PushState.WITHDRAWN, PushState.COMPLETED, PushState.CANCELLED):
        held = holds_of_order(connection, store_id, order_id)
        # An order entered by hand keeps its holds active until somebody says it was sold.
        if state is not PushState.COMPLETED or any(each.state == "active" for each in held):
            release_order(ctx, store_id, order_id, reason=CANCELLED_IN_SHOP)
        return
    if push.cancel_requested:
        return
    reason = f"{WITHDRAWN_FROM_COVA} by {withdrawn_by}" if withdrawn_by else CANCELLED_IN_SHOP
    release_order(ctx, store_id, order_id, reason=reason)
    now = ctx.clock.now()
    warning = push.warning
    host_status = push.host_status if withdrawn_by else "cancelled"
    if withdrawn_by:
        warning = with_warning(warning, withdrawn_here(withdrawn_by, push.host_status))
    else:
        _note_cancel(ctx, push)
    if _never_left(push):
        outbox.change_push(
            connection,
            push.id,
            {
                **_withdrawn_at(now),
                "host_status": host_status,
                "reason": "",
                "fix": "",
                "warning": without_other_deliveries(warning),
                "phone_encrypted": None,
            },
        )
        said = "It had not been sent."
        if withdrawn_by:
            said += " The shop's own order stays as it is: cancel it there if it is not coming."
        outbox.add_event(connection, push.id, "withdrawn", said, at=now)
        return
    values = {
        "cancel_requested": True,
        "next_attempt_at": now,
        "host_status": host_status,
        "warning": warning,
        # What kept it from being sent matters no more; `kind` does, to where it was sent.
        "reason": "",
        "fix": "",
    }
    if state is PushState.NEEDS_ATTENTION:
        values["state"] = PushState.CHECKING.value
    outbox.change_push(connection, push.id, values)


def _end_own_withdrawal(ctx: ServiceContext, push: Push) -> None:
    """The shop cancels what a person had taken back from COVA: nobody need be warned any more."""
    if not is_withdrawn_here(push.warning):
        return
    values = {"warning": without_withdrawn_here(push.warning), "host_status": "cancelled"}
    outbox.change_push(ctx.database.shared(), push.id, values)
    _note_cancel(ctx, push)


def _note_cancel(ctx: ServiceContext, push: Push) -> None:
    said, now = "The shop cancelled the order.", ctx.clock.now()
    outbox.add_event(ctx.database.shared(), push.id, "cancel_asked", said, at=now)


def _withdrawn_at(now: datetime) -> dict[str, Any]:
    return {
        "state": PushState.WITHDRAWN.value,
        "cancel_requested": True,
        "next_attempt_at": None,
        "finished_at": now,
        "host_status": "cancelled",
    }


def _keep_from_sweep(ctx: ServiceContext, store_id: str, order_id: str) -> None:
    """Note down a cancelled order whose confirmation was missed, or the sweep would send it."""
    connection = ctx.database.shared()
    settings = connection_of(connection, store_id)
    if settings is None or not (settings.enabled and settings.sync_orders):
        return
    try:
        order = ctx.host.get_order(store_id, order_id)
    except OrderNotFound:
        return
    if order.confirmed_at is None:
        return
    now = ctx.clock.now()
    if outbox.add_push(connection, {**_new_push(order, now), **_withdrawn_at(now)}):
        push = outbox.push_of_order(connection, store_id, order_id)
        if push is not None:
            outbox.add_event(
                connection,
                push.id,
                "withdrawn",
                "The shop cancelled it before it was queued.",
                at=now,
            )


def _never_left(push: Push) -> bool:
    return push.submitted_at is None and push.lease_owner is None
