"""What a person can do with an order push: retry, withdraw, choose the customer."""

from __future__ import annotations

from typing import Any

from aiq_cova_plugin.domain.push_states import FINAL_STATES, PushState
from aiq_cova_plugin.errors import IllegalMove, LeaseHeld, NeedsOperator
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.enqueue_order import withdraw_order
from aiq_cova_plugin.services.orders.push_row import RETRY_ASKED, RETRY_ELSEWHERE
from aiq_cova_plugin.services.orders.where_sent import SentElsewhere
from aiq_cova_plugin.services.stores import require_store
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Connection, Push, PushEvent


def find_push(ctx: ServiceContext, order_id: str, store_id: str | None = None) -> Push:
    """The push of this order. Raises `NeedsOperator` when there is none, or several stores
    have an order of this id and none was named."""
    if store_id is not None:
        require_store(ctx, store_id)
        ctx.database.end_reading()
    with ctx.database.short() as connection:
        found = [
            push
            for push in outbox.pushes_with_order_id(connection, order_id)
            if store_id in (None, push.store_id)
        ]
    if not found:
        raise NeedsOperator(
            f"No order {order_id!r} has been sent or queued for COVA.",
            field="order",
            fix="See flask cova orders list, or run flask cova orders sweep.",
        )
    if len(found) > 1:
        stores = ", ".join(push.store_id for push in found)
        raise NeedsOperator(
            f"Several stores have an order {order_id!r}.",
            field="store",
            fix=f"Name the store with --store: {stores}.",
        )
    return found[0]


def timeline_of(ctx: ServiceContext, push: Push) -> list[PushEvent]:
    """Every step of the order so far, oldest first."""
    with ctx.database.short() as connection:
        return outbox.events_of(connection, push.id)


def retry_order(ctx: ServiceContext, push: Push, *, by: str) -> str:
    """Make the order due at once, whatever its delay, taking over a claim that has run out;
    what happens next, as a sentence.

    Raises `IllegalMove` for an order that is finished or in COVA, and `LeaseHeld` while
    another worker is sending it.
    """
    with ctx.database.short() as connection:
        settings = connection_of(connection, push.store_id)
        retry_push(ctx, connection, push, by=by)
    audit.note(ctx, push.store_id, "order_retried", push.order_id, by=by, state=push.state)
    return _what_comes_next(push, settings)


def retry_push(ctx: ServiceContext, connection: DatabaseConnection, push: Push, *, by: str) -> None:
    """`retry_order` for one of many, in the caller's transaction, without a word of its own."""
    push = _as_it_is_now(connection, push)
    now, state = ctx.clock.now(), PushState(push.state)
    if state in FINAL_STATES or (state is PushState.IN_POS and not push.cancel_requested):
        raise IllegalMove(
            f"Order {push.order_number} is {state.value.replace('_', ' ')}; there is nothing to "
            "send again.",
        )
    has_read = push.kind in (SentElsewhere.__name__, RETRY_ELSEWHERE)
    kind = RETRY_ELSEWHERE if has_read else RETRY_ASKED
    values: dict[str, Any] = {"next_attempt_at": now, "kind": kind, "attempts": 0}
    if state is PushState.NEEDS_ATTENTION:
        if push.in_pos_at is not None and push.cancel_requested:
            values["state"] = PushState.CHECKING.value
        else:
            was_sent = push.submitted_at is not None
            values["state"] = (PushState.CHECKING if was_sent else PushState.QUEUED).value
    if not outbox.change_unclaimed(connection, push.id, values, now=now):
        raise LeaseHeld(
            f"Order {push.order_number} is being sent right now.",
            fix="Look again in a minute.",
        )
    outbox.add_event(connection, push.id, "retry_asked", f"Retry asked by {by}.", at=now)


def _what_comes_next(push: Push, settings: Connection | None) -> str:
    if push.cancel_requested:
        return (
            "This order is being taken back: COVA is asked again to give it back. It is not sent."
        )
    if settings is None or not settings.enabled:
        return "COVA is switched off for this store: the order goes when it is switched on."
    if not settings.sync_orders:
        if push.submitted_at is not None:
            return "COVA is asked again. Sync Orders is off, so nothing new is sent."
        return "Sync Orders is off for this store: the order goes when it is switched on."
    if push.submitted_at is not None:
        return "COVA is asked how the order stands; if it does not have it, it is sent again."
    return "The order is on its way to COVA again."


def cancel_order(ctx: ServiceContext, push: Push, *, by: str) -> None:
    """Take the order back from COVA and free its stock; a worker does the call, if any.

    Raises `IllegalMove` for an order that is finished.
    """
    state = PushState(push.state)
    if state in FINAL_STATES:
        raise IllegalMove(f"Order {push.order_number} is {state.value.replace('_', ' ')} already.")
    if state is PushState.NEEDS_ATTENTION and push.cancel_requested:
        # COVA refused it once: ask again.
        retry_order(ctx, push, by=by)
        return
    with ctx.database.job_transaction() as connection:
        now = ctx.clock.now()
        outbox.add_event(connection, push.id, "withdraw_asked", f"Asked by {by}.", at=now)
        withdraw_order(ctx, push.store_id, push.order_id, withdrawn_by=by)
    audit.note(ctx, push.store_id, "order_withdrawn", push.order_id, by=by, state=state.value)


def choose_customer(ctx: ServiceContext, push: Push, cova_customer_id: str, *, by: str) -> str:
    """Send the order to this COVA customer, as a person decided, and retry it; what happens
    next, as a sentence.

    Raises `IllegalMove` for an order that does not wait for a person, and `LeaseHeld` while
    a worker has it; then nothing was written.
    """
    now = ctx.clock.now()
    with ctx.database.short() as connection:
        push = _as_it_is_now(connection, push)
        if push.state != PushState.NEEDS_ATTENTION or push.cancel_requested or push.in_pos_at:
            state = "being taken back" if push.cancel_requested else push.state.replace("_", " ")
            raise IllegalMove(
                f"Order {push.order_number} does not wait for a customer to be chosen; it is "
                f"{state}.",
                fix="Look at the order again; nothing was changed.",
            )
        retry_push(ctx, connection, push, by=by)
        chosen = {"chosen_customer_id": cova_customer_id.lower(), "candidates_encrypted": None}
        outbox.change_push(connection, push.id, chosen)
        outbox.add_event(
            connection,
            push.id,
            "customer_chosen",
            f"{by} chose COVA customer {cova_customer_id}.",
            at=now,
        )
        settings = connection_of(connection, push.store_id)
    audit.note(
        ctx, push.store_id, "customer_chosen", push.order_id, by=by, customer=cova_customer_id
    )
    audit.note(ctx, push.store_id, "order_retried", push.order_id, by=by, state=push.state)
    return _what_comes_next(push, settings)


def _as_it_is_now(connection: DatabaseConnection, push: Push) -> Push:
    """The row, locked until the transaction ends: ours may have been read long ago."""
    return outbox.lock_push(connection, push.store_id, push.order_id) or push
