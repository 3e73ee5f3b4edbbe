"""Takes in what COVA says of an order: our row, the holds and the host's order, together.

One transaction for all of it. The host's order moves forward and never back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiq_cova_plugin import signals
from aiq_cova_plugin.domain.order_progress import is_forward
from aiq_cova_plugin.domain.push_states import FINAL_STATES, UNKNOWN_WORD, PushState
from aiq_cova_plugin.errors import Rejected
from aiq_cova_plugin.host import OrderNotFound, OrderStatus
from aiq_cova_plugin.mapping.order_status_from_cova import Phase, StatusReading
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.orders.other_deliveries import forget_delivery
from aiq_cova_plugin.services.orders.refusal_words import what_to_do
from aiq_cova_plugin.services.orders.where_sent import SentElsewhere
from aiq_cova_plugin.services.stock.reserve_stock import (
    CANCELLED_IN_SHOP,
    WITHDRAWN_FROM_COVA,
    publish_quantities,
    release_order,
)
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.holds import holds_of_order, settle_after_all, start_settling
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.store.push_warnings import (
    LATE,
    is_withdrawn_here,
    unknown_words_said,
    with_warning,
    without_other_deliveries,
    without_surprises,
    without_unknown_words,
    without_warning,
    without_withdrawn_here,
)

FRESH, _RECENT = timedelta(minutes=5), timedelta(days=1)
ON_DEMAND_AFTER = timedelta(days=7)
"""From then on COVA is asked about an order when somebody wants to know."""


@dataclass(frozen=True)
class Settled:
    """What a reading changed; `status` is the status the host was told, if any."""

    state: PushState
    is_change: bool
    status: OrderStatus | None = None
    is_undecided: bool = False
    """COVA's word was an unknown one, of an order that is not known to be in the register."""


def next_poll_at(ctx: ServiceContext, in_pos_at: datetime, now: datetime) -> datetime:
    """When to ask about an order again: often while fresh, rarely when old."""
    age, usual = now - in_pos_at, ctx.config.status_interval_seconds
    if age < FRESH:
        seconds = min(usual, 30.0)
    elif age < _RECENT:
        seconds = usual
    elif age < ON_DEMAND_AFTER:
        seconds = usual * 5
    else:
        seconds = usual * 60
    return now + timedelta(seconds=seconds)


def settle_reading(
    ctx: ServiceContext, push: Push, reading: StatusReading, *, fence: int | None = None
) -> Settled:
    """Record what COVA says of an order that it has; commits.

    For a reading in phase `in_pos`, `completed` or `cancelled`, or an unknown one, which is
    said, never guessed: an order in COVA stays there, one that was never seen in the register
    stays where it is. `fence` is given by a worker that claimed the push. A push that moved on
    meanwhile is left alone.
    """
    with ctx.database.job_transaction() as connection:
        # Locked: the shop may be writing its cancel at this very moment.
        current = outbox.lock_push(connection, push.store_id, push.order_id)
        if (
            current is None
            or PushState(current.state) in FINAL_STATES
            or (fence is not None and current.fence != fence)
        ):
            return Settled(PushState(push.state), is_change=False)
        settling = _Settling(ctx, connection, current, reading, is_claimed=fence is not None)
        settled = settling.carry_out()
    _announce(ctx, current, settled, settling)
    return settled


def refuse_after_all(ctx: ServiceContext, push: Push, reading: StatusReading) -> bool:
    """COVA says that an order it seemed to have did not reach the register: a person sees to
    it, with COVA's reason, as if it had been refused at once. Its holds are kept; commits.

    False when the push has moved on meanwhile; nothing is changed then. `reading.message` must
    not repeat anything of the customer.
    """
    now = ctx.clock.now()
    said = f": {reading.message}" if reading.message else "."
    reason = f"COVA no longer has order {push.order_number} in the register{said}"
    fix = what_to_do(reading.message)
    with ctx.database.job_transaction() as connection:
        fresh = outbox.lock_push(connection, push.store_id, push.order_id)
        if (
            fresh is None
            or fresh.state != PushState.IN_POS
            or fresh.cancel_requested
            or fresh.fence != push.fence
        ):
            return False
        values: dict[str, Any] = {
            "state": PushState.NEEDS_ATTENTION.value,
            # It is not in the register: it may be sent again as decision 0005 says.
            "in_pos_at": None,
            "poll_due_at": None,
            "polled_at": now,
            "next_attempt_at": None,
            "cova_status": reading.raw_status,
            "refusals": fresh.refusals + (reading.phase is Phase.REFUSED),
            "reason": reason,
            "fix": fix,
            "kind": Rejected.__name__,
            "warning": without_surprises(without_unknown_words(fresh.warning)),
        }
        outbox.change_push(connection, push.id, values)
        outbox.add_event(connection, push.id, "needs_attention", f"{reason} {fix}", at=now)
    ctx.emit(
        signals.order_needs_attention,
        store_id=push.store_id,
        order_id=push.order_id,
        reason=reason,
    )
    return True


class _Settling:
    def __init__(
        self,
        ctx: ServiceContext,
        connection: DatabaseConnection,
        push: Push,
        reading: StatusReading,
        *,
        is_claimed: bool,
    ) -> None:
        self._ctx = ctx
        self._is_claimed = is_claimed
        self._connection = connection
        self._push = push
        self._reading = reading
        self._now = ctx.clock.now()
        self.is_newly_in_pos = False
        self.is_new_word = False
        self.new_warning = ""

    def carry_out(self) -> Settled:
        push, before = self._push, PushState(self._push.state)
        target = self._target()
        in_pos_at = push.in_pos_at or (None if self._is_undecided() else self._now)
        self.is_newly_in_pos = push.in_pos_at is None and in_pos_at is not None
        status = self._status_for_host(target)
        # Our row first: the host may answer the new status with a signal of its own, and
        # that echo must find us in the new state already.
        outbox.change_push(self._connection, push.id, self._values(target, in_pos_at, status))
        self._record_events(before, target)
        self._move_holds(before, target)
        if status is not None:
            self._tell_host(status)
        return Settled(
            target,
            is_change=target != before or status is not None,
            status=status,
            is_undecided=in_pos_at is None,
        )

    def _is_undecided(self) -> bool:
        """Is it a word nobody knows, of an order that was never seen in the register?"""
        reading = self._reading
        return (
            reading.phase is Phase.UNKNOWN
            and reading.host_status is None
            and self._push.in_pos_at is None
        )

    def _target(self) -> PushState:
        phase = self._reading.phase
        if self._is_undecided():
            return PushState(self._push.state)
        if phase is Phase.COMPLETED:
            return PushState.COMPLETED
        if phase is Phase.CANCELLED:
            wanted = self._push.cancel_requested
            return PushState.WITHDRAWN if wanted else PushState.CANCELLED
        if (
            self._push.state == PushState.NEEDS_ATTENTION
            and self._push.in_pos_at is not None
            and self._push.kind != SentElsewhere.__name__
        ):
            return PushState.NEEDS_ATTENTION
        return PushState.IN_POS

    def _status_for_host(self, target: PushState) -> OrderStatus | None:
        """The status to tell the host; None when it knows, or has itself cancelled."""
        new = self._reading.host_status
        old = OrderStatus(self._push.host_status) if self._push.host_status else None
        if new is None or target is PushState.WITHDRAWN or not is_forward(old, new):
            return None
        return new

    def _values(
        self, target: PushState, in_pos_at: datetime | None, status: OrderStatus | None
    ) -> dict[str, Any]:
        reading, push = self._reading, self._push
        is_final = target in FINAL_STATES
        values: dict[str, Any] = {
            "state": target.value,
            "in_pos_at": in_pos_at,
            "cova_status": reading.raw_status,
            "polled_at": self._now,
            "poll_due_at": None
            if is_final or in_pos_at is None
            else next_poll_at(self._ctx, in_pos_at, self._now),
        }
        is_undecided = in_pos_at is None
        if (self._is_claimed and not is_undecided) or is_final:
            # Who merely polls must not take a claim away from the worker that has it.
            values |= {"lease_owner": None, "lease_until": None}
        if self.is_newly_in_pos:
            values["attempts"] = push.attempts + 1
        if reading.sale_total is not None:
            values["sale_total"] = reading.sale_total
        if status is not None:
            values["host_status"] = status.value
        if is_final:
            values |= {"finished_at": self._now, "phone_encrypted": None}
        if target is not PushState.NEEDS_ATTENTION and not is_undecided:
            values |= {"reason": "", "fix": "", "kind": ""}
            if not (push.cancel_requested and not is_final):
                values["next_attempt_at"] = None
        self._go_through_warnings(values)
        if push.cancel_requested and target is PushState.COMPLETED:
            self._warn(values, _sold_all_the_same(push))
        return values

    def _go_through_warnings(self, values: dict[str, Any]) -> None:
        """End those whose time is over; add what COVA says that nobody knows."""
        reading, before = self._reading, self._push.warning
        known = without_surprises(before)
        if self.is_newly_in_pos:
            known = without_warning(known, LATE)
        said = unknown_words_said(reading.unknown_values) if reading.unknown_values else ""
        if not said or said not in known:
            # COVA has gone on, or staff have said what it means.
            known = without_unknown_words(known)
        if values["state"] in FINAL_STATES:
            # Nobody drives it any more.
            known = without_other_deliveries(known)
        if values["state"] == PushState.COMPLETED:
            known = without_withdrawn_here(known)
        if known != before:
            values["warning"] = known
        if said:
            self.is_new_word = said not in before
            self._warn(values, said)

    def _warn(self, values: dict[str, Any], warning: str) -> None:
        """Add a warning to those the order has; each is announced once."""
        if warning not in self._push.warning:
            known = values.get("warning", self._push.warning)
            values["warning"] = with_warning(known, warning)
            self.new_warning = warning

    def _record_events(self, before: PushState, target: PushState) -> None:
        reading, push = self._reading, self._push
        if self.is_new_word:
            for word in reading.unknown_values:
                self._event(UNKNOWN_WORD, word)
        if self.is_newly_in_pos and target is PushState.IN_POS:
            self._event("in_pos", "COVA has the order and shows it at the register.")
            self._record_total()
        elif target != before:
            self._event(target.value, _WHAT_HAPPENED.get(target, ""))
        elif reading.raw_status != push.cova_status:
            self._event("cova_status", f"COVA now says: {reading.raw_status}.")

    def _record_total(self) -> None:
        """COVA's total is what the customer pays; where it holds tax on top, it differs."""
        told, ours = self._reading.sale_total, self._push.host_total
        if told is None or ours is None or told == ours:
            return
        settings = connection_of(self._connection, self._push.store_id)
        if settings is not None and settings.tax_pricing == "Exclusive" and told > ours:
            self._event("total", f"To pay: {told:.2f}, which is {ours:.2f} and the tax.")
        else:
            self._event(
                "total_differs",
                f"COVA's total is {told:.2f}, the shop's {ours:.2f}.",
            )

    def _move_holds(self, before: PushState, target: PushState) -> None:
        push = self._push
        if target is PushState.COMPLETED and before is not PushState.COMPLETED:
            start_settling(self._connection, push.store_id, push.order_id, now=self._now)
            if push.cancel_requested:
                self._hold_what_was_sold()
        elif target in (PushState.CANCELLED, PushState.WITHDRAWN):
            release_order(
                self._ctx, push.store_id, push.order_id, reason="the order was cancelled in COVA"
            )

    def _hold_what_was_sold(self) -> None:
        """This stock was freed when the order was taken back, but the register had sold it already."""
        push, connection = self._push, self._connection
        held = holds_of_order(connection, push.store_id, push.order_id)
        products: list[str] = []
        for reason in {each.reason for each in held}:
            if reason == CANCELLED_IN_SHOP or reason.startswith(WITHDRAWN_FROM_COVA):
                products += settle_after_all(
                    connection, push.store_id, push.order_id, now=self._now, reason=reason
                )
        publish_quantities(self._ctx, connection, push.store_id, products)

    def _tell_host(self, status: OrderStatus) -> None:
        push, note = self._push, self._reading.message or None
        try:
            self._ctx.host.set_order_status(push.store_id, push.order_id, status, note)
        except OrderNotFound:
            self._event("host_lost_order", "The shop no longer has this order.")
            return
        self._event("host_told", f"The shop's order is now {status.value.replace('_', ' ')}.")

    def _event(self, event: str, detail: str) -> None:
        outbox.add_event(self._connection, self._push.id, event, detail, at=self._now)


def _announce(ctx: ServiceContext, push: Push, settled: Settled, settling: _Settling) -> None:
    ids = {"store_id": push.store_id, "order_id": push.order_id}
    if settling.is_newly_in_pos:
        ctx.emit(signals.order_pushed, **ids, cova_order_id=push.cova_order_id)
    if settled.state is PushState.COMPLETED and settled.is_change and push.cancel_requested:
        ctx.emit(signals.order_needs_attention, **ids, reason=_sold_all_the_same(push))
    if settled.status is not None:
        log.info("order_status_changed", extra=ids | {"order_status": settled.status.value})
        ctx.emit(signals.order_status_changed, **ids, status=settled.status.value)
    if settling.new_warning:
        ctx.emit(signals.order_needs_attention, **ids, reason=settling.new_warning)
    if settled.state in FINAL_STATES:
        # Last: nobody hears a signal a second time that trouble here would swallow.
        forget_delivery(ctx, push)


def _sold_all_the_same(push: Push) -> str:
    """What to tell of an order that was to be taken back, as it was before the sale."""
    if is_withdrawn_here(push.warning):
        return "This order was to be withdrawn from COVA, but the register completed the sale."
    return "The shop cancelled this order, but the register completed the sale."


_WHAT_HAPPENED = {
    PushState.COMPLETED: "The sale was completed at the register.",
    PushState.CANCELLED: "The order was cancelled in COVA.",
    PushState.WITHDRAWN: "COVA has cancelled the order, as it was asked to.",
    PushState.IN_POS: "COVA has the order and shows it at the register.",
}
