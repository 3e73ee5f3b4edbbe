"""Tells COVA that an order was paid in the shop: exactly `SaleTotal`, and never twice.

cova-api.md section 9.4: allowed only once COVA is ready for payment, must equal COVA's own
total, and cannot be taken back: afterwards the order can neither be cancelled nor changed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.errors import CovaPluginError, NeedsOperator, OutcomeUnknown, Rejected
from aiq_cova_plugin.schemas.records import SalesOrderPayment, SalesOrderStatus
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.orders.ask_register import COVA_TAKES_SECONDS
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.store.push_warnings import with_warning

REQUESTED, SENDING, PAID, REFUSED = "requested", "sending", "paid", "refused"
"""`payment_state` of a push; empty when the shopper pays at the register."""

_READY = "ReadyForPayment"
DONE = frozenset({"PaymentApplied", "PaymentSubmittedForProcessing"})
_AT_LEAST = timedelta(seconds=60)


def request_payment(
    ctx: ServiceContext,
    store_id: str,
    order_id: str,
    *,
    reference: str = "N/A",
    last4: str | None = None,
) -> None:
    """Note, in the host's session, that the order was paid; it is told to COVA in time.

    `reference` is the payment provider's or the driver's, `last4` the card's last digits.
    Repeating it changes nothing. Raises `NeedsOperator` for an order that was not queued,
    and ValueError for a `last4` that is not four digits.
    """
    if last4 is not None and not (len(last4) == 4 and last4.isascii() and last4.isdigit()):
        raise ValueError("last4 must be exactly four digits")
    connection = ctx.database.shared()
    # Locked: of two who say so at a time the second must see what the first has said.
    push = outbox.lock_push(connection, store_id, order_id)
    if push is None:
        raise NeedsOperator(f"Order {order_id} was not queued for COVA.", field="order")
    if push.payment_state:
        return
    now = ctx.clock.now()
    values: dict[str, Any] = {
        "payment_state": REQUESTED,
        "payment_reference": reference[:100] or "N/A",
        "payment_last4": last4,
    }
    if push.in_pos_at is not None:
        values["poll_due_at"] = now
    outbox.change_push(connection, push.id, values)
    outbox.add_event(connection, push.id, "paid_in_shop", "COVA will be told.", at=now)


def pay_if_due(
    ctx: ServiceContext, client: CovaClient, push: Push, status: SalesOrderStatus
) -> None:
    """Tell COVA of a payment if one is to be told and COVA is ready for it.

    `status` is what COVA has just said of the order. An answer that never came is looked up
    here the next time, before anything is sent again. Raises nothing for COVA's answers:
    they go into the timeline.
    """
    if push.payment_state not in (REQUESTED, SENDING):
        return
    if status.payment_status in DONE:
        _record(ctx, push, PAID, "paid", "COVA has the payment.")
        return
    if status.payment_status != _READY or status.sale_total is None:
        return
    if not _begin(ctx, push, f"{status.sale_total:.2f} is sent to COVA."):
        return
    try:
        client.pay_order(
            order_id=push.cova_order_id,
            payments=[
                SalesOrderPayment(
                    pre_authorization_token=push.payment_reference,
                    amount=status.sale_total,
                    time_taken=ctx.clock.now(),
                    last4_digits=push.payment_last4,
                )
            ],
            tracking_number=push.payment_reference,
        )
    except OutcomeUnknown as exc:
        _record(ctx, push, SENDING, "payment_unknown", f"{exc.message} COVA is asked first.")
    except Rejected as exc:
        log.warning("payment_refused", extra={"push_id": push.id})
        _record(ctx, push, REFUSED, "payment_refused", exc.message, warning=exc.message)
    except CovaPluginError as exc:
        # It certainly did not arrive: the next reading tries again.
        _record(ctx, push, REQUESTED, "payment_waits", exc.message)
    else:
        _record(ctx, push, PAID, "paid", "COVA has the payment.")


def _begin(ctx: ServiceContext, push: Push, detail: str) -> bool:
    """Note that the payment is about to be sent; False when another worker may be at it, or
    COVA may not have counted an earlier sending yet.

    Looked at and written under one lock: of two workers that find an old sending without an
    answer one alone sends it again.
    """
    with ctx.database.short() as connection:
        fresh = outbox.lock_push(connection, push.store_id, push.order_id)
        if fresh is None or fresh.payment_state not in (REQUESTED, SENDING):
            return False
        if fresh.cancel_requested:
            # Cancelled since it was read. Once it is paid COVA lets nobody take it back.
            return False
        now = ctx.clock.now()
        events = outbox.events_of(connection, push.id)
        sent = [event.at for event in events if event.event == "paying"]
        if fresh.payment_state == SENDING and sent and now - sent[-1] < _takes(ctx):
            return False
        outbox.change_push(connection, push.id, {"payment_state": SENDING})
        outbox.add_event(connection, push.id, "paying", detail, at=now)
    push.payment_state = SENDING
    return True


def _takes(ctx: ServiceContext) -> timedelta:
    """How long a payment may be on its way: as long as a worker waits for the answer, and COVA
    works on it after that."""
    config = ctx.config
    patience = config.connect_timeout_seconds + config.read_timeout_seconds + COVA_TAKES_SECONDS
    return max(_AT_LEAST, timedelta(seconds=patience))


def _record(
    ctx: ServiceContext, push: Push, state: str, event: str, detail: str, *, warning: str = ""
) -> bool:
    """Move the payment on; False when another worker did so meanwhile."""
    before = push.payment_state
    values = {"payment_state": state}
    with ctx.database.short() as connection:
        if warning:
            fresh = outbox.lock_push(connection, push.store_id, push.order_id)
            values["warning"] = with_warning((fresh or push).warning, warning)
        moved = outbox.change_push(connection, push.id, values, outbox.payment_state_is(before))
        if moved:
            outbox.add_event(connection, push.id, event, detail, at=ctx.clock.now())
            push.payment_state = state
    return moved
