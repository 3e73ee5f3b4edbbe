"""Marks an order as entered at the register by hand, when COVA certainly has nothing of it."""

from __future__ import annotations

from collections.abc import Sequence

from aiq_cova_plugin.domain.push_states import FINAL_STATES, PushState, require_move
from aiq_cova_plugin.errors import CovaPluginError, IllegalMove, LeaseHeld, NeedsOperator
from aiq_cova_plugin.mapping.order_status_from_cova import Phase
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.ask_register import ask, may_still_arrive
from aiq_cova_plugin.services.orders.other_deliveries import forget_delivery
from aiq_cova_plugin.services.orders.where_sent import require_same_company
from aiq_cova_plugin.services.stock.reserve_stock import release_order
from aiq_cova_plugin.services.stores import credentials_of, load_connection
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.holds import holds_of_order, start_settling
from aiq_cova_plugin.store.models import Hold, Push

LONGEST_NOTE = 100

_NOT_IN_REGISTER = (Phase.REFUSED, Phase.TRANSIENT_FAILURE)
"""COVA knows the order id, but says itself that the order did not reach the register."""


def may_enter_by_hand(push: Push) -> bool:
    """Is there anything to enter by hand? The service has the last word."""
    state = PushState(push.state)
    return (
        state not in FINAL_STATES
        and state is not PushState.IN_POS
        and push.in_pos_at is None
        and not push.cancel_requested
    )


def waits_for_sale(push: Push, holds: Sequence[Hold]) -> bool:
    """Was it entered by hand, with its stock still held because nobody said it was sold?"""
    return push.state == PushState.COMPLETED and any(each.state == "active" for each in holds)


def say_sold(ctx: ServiceContext, push: Push, *, by: str) -> None:
    """An order entered by hand was handed over: the next stock reading counts it.

    Raises `IllegalMove` for any other order.
    """
    with ctx.database.job_transaction() as connection:
        now = ctx.clock.now()
        _require_waiting_for_sale(connection, push)
        start_settling(connection, push.store_id, push.order_id, now=now)
        outbox.add_event(
            connection, push.id, "sold_by_hand", f"{by} says it was sold at the register.", at=now
        )
    audit.note(ctx, push.store_id, "order_sold_by_hand", push.order_id, by=by)


def free_stock(ctx: ServiceContext, push: Push, *, by: str) -> None:
    """An order entered by hand was not sold after all: its stock is for sale again.

    Raises `IllegalMove` for any other order.
    """
    with ctx.database.job_transaction() as connection:
        _require_waiting_for_sale(connection, push)
        release_order(ctx, push.store_id, push.order_id, reason=f"freed by {by}")
        outbox.add_event(
            connection,
            push.id,
            "stock_freed",
            f"{by} says it was not sold: its stock is free.",
            at=ctx.clock.now(),
        )
    audit.note(ctx, push.store_id, "order_stock_freed", push.order_id, by=by)


def _require_waiting_for_sale(connection: DatabaseConnection, push: Push) -> None:
    fresh = outbox.lock_push(connection, push.store_id, push.order_id)
    held = holds_of_order(connection, push.store_id, push.order_id)
    if fresh is None or not waits_for_sale(fresh, held):
        raise IllegalMove(
            f"Order {push.order_number} is not one that was entered by hand and holds stock.",
            fix="Reload the order's page: its state has changed meanwhile.",
        )


def enter_by_hand(
    ctx: ServiceContext, push: Push, *, by: str, note: str = "", sold: bool = False
) -> None:
    """Finish an order that somebody has entered, or sold, at the register.

    COVA counts an order at its sale (cova-api.md section 5): with `sold` its holds wait for
    the next stock reading; without, they stay until somebody says what became of the order
    (`say_sold`, `free_stock`), or expire. The shop's order is left as it is: COVA will never
    say anything of it. `note` is for the timeline, such as the receipt's number.

    Where the order was ever sent, COVA is asked first. Raises `IllegalMove` when COVA has it,
    may have it, or is about to be told of a cancel, `LeaseHeld` while a worker has it, and
    `NeedsOperator` when COVA does not answer; then nothing is changed.
    """
    if not may_enter_by_hand(push):
        raise _refusal(push)
    claim = _claim(ctx, push)
    try:
        _require_absent_in_cova(ctx, claim.push)
        _finish(ctx, claim, by=by, note=" ".join(note.split())[:LONGEST_NOTE], sold=sold)
    except BaseException:
        with ctx.database.short() as connection:
            outbox.change_claimed(
                connection, push.id, claim.fence, {"lease_owner": None, "lease_until": None}
            )
        raise
    audit.note(ctx, push.store_id, "order_entered_by_hand", push.order_id, by=by, sold=sold)


def _claim(ctx: ServiceContext, push: Push) -> outbox.PushClaim:
    """Keep every worker away from the order while COVA is asked."""
    ctx.database.end_reading()
    with ctx.database.short() as connection:
        claim = outbox.claim_for_person(
            connection,
            push.id,
            owner=ctx.worker_id,
            now=ctx.clock.now(),
            seconds=ctx.config.lease_seconds,
        )
    if claim is None:
        raise LeaseHeld(
            f"Order {push.order_number} is being sent right now.", fix="Look again in a minute."
        )
    return claim


def _require_absent_in_cova(ctx: ServiceContext, push: Push) -> None:
    if not may_enter_by_hand(push):
        raise _refusal(push)
    if push.submitted_at is None:
        return
    settings = load_connection(ctx, push.store_id)
    if settings is None:
        raise _refusal(push)
    require_same_company(push, settings)
    try:
        with ctx.open_client(credentials_of(ctx, settings)) as client:
            reading = ask(client, push, settings)
    except CovaPluginError as exc:
        raise NeedsOperator(
            f"Order {push.order_number} was sent to COVA once, and COVA cannot be asked now "
            f"whether it has it: {exc.message}",
            fix="Try again when COVA answers; until then it might be at the register twice.",
        ) from exc
    if reading is not None and reading.phase not in _NOT_IN_REGISTER:
        raise IllegalMove(
            f"COVA has order {push.order_number} already; it says: {reading.raw_status}.",
            fix="Press Retry: the order is then taken over as COVA has it. Do not enter it "
            "a second time.",
        )
    if reading is None and may_still_arrive(ctx, push):
        raise IllegalMove(
            f"Order {push.order_number} was sent a moment ago and may still arrive.",
            fix="Try again in a minute.",
        )


def _finish(
    ctx: ServiceContext, claim: outbox.PushClaim, *, by: str, note: str, sold: bool
) -> None:
    push = claim.push
    with ctx.database.job_transaction() as connection:
        now = ctx.clock.now()
        fresh = outbox.lock_push(connection, push.store_id, push.order_id)
        if fresh is None or fresh.fence != claim.fence or not may_enter_by_hand(fresh):
            raise _refusal(fresh or push)
        require_move(PushState(fresh.state), PushState.COMPLETED)
        outbox.change_push(
            connection,
            push.id,
            {
                "state": PushState.COMPLETED.value,
                "finished_at": now,
                "next_attempt_at": None,
                "poll_due_at": None,
                "reason": "",
                "fix": "",
                "kind": "",
                "warning": "",
                "candidates_encrypted": None,
                "phone_encrypted": None,
                "lease_owner": None,
                "lease_until": None,
            },
        )
        did = "sold" if sold else "entered"
        said = "" if sold else " Its stock stays held until it is sold."
        said += f" Note: {note}" if note else ""
        outbox.add_event(
            connection,
            push.id,
            "entered_by_hand",
            f"{by} {did} it at the register by hand; it is not sent any more.{said}",
            at=now,
        )
        if sold:
            start_settling(connection, push.store_id, push.order_id, now=now)
    forget_delivery(ctx, push)


def _refusal(push: Push) -> IllegalMove:
    if push.cancel_requested:
        return IllegalMove(
            f"Order {push.order_number} is being taken back from COVA.",
            fix="Look at the order's page in a minute.",
        )
    if push.in_pos_at is not None and PushState(push.state) not in FINAL_STATES:
        return IllegalMove(
            f"COVA has order {push.order_number} already.",
            fix="Finish it at the register. Do not enter it a second time.",
        )
    return IllegalMove(f"Order {push.order_number} is {push.state.replace('_', ' ')} already.")
