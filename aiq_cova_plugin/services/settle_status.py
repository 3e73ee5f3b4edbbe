"""Takes in what COVA says of an order: our row, the holds and the host's order, together.

One transaction for all of it. The host's order moves forward and never back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiq_cova_plugin import signals
from aiq_cova_plugin.domain.order_progress import is_forward
from aiq_cova_plugin.domain.push_states import FINAL_STATES, PushState
from aiq_cova_plugin.host import OrderNotFound, OrderStatus
from aiq_cova_plugin.mapping.order_status_from_cova import Phase, StatusReading
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.reserve_stock import (
    CANCELLED_IN_SHOP,
    publish_quantities,
    release_order,
)
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.holds import settle_after_all, start_settling
from aiq_cova_plugin.store.models import Push

FRESH, _RECENT = timedelta(minutes=5), timedelta(days=1)
ON_DEMAND_AFTER = timedelta(days=7)
"""From then on COVA is asked about an order when somebody wants to know."""


@dataclass(frozen=True)
class Settled:
    """What a reading changed; `status` is the status the host was told, if any."""

    state: PushState
    is_change: bool
    status: OrderStatus | None = None


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
    kept as "in COVA" and said, never guessed. `fence` is given by a worker that claimed the
    push. A push that moved on meanwhile is left alone.
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
        in_pos_at = push.in_pos_at or self._now
        self.is_newly_in_pos = push.in_pos_at is None
        status = self._status_for_host(target)
        # Our row first: the host may answer the new status with a signal of its own, and
        # that echo must find us in the new state already.
        outbox.change_push(self._connection, push.id, self._values(target, in_pos_at, status))
        self._record_events(before, target)
        self._move_holds(before, target)
        if status is not None:
            self._tell_host(status)
        return Settled(target, is_change=target != before or status is not None, status=status)

    def _target(self) -> PushState:
        phase = self._reading.phase
        if phase is Phase.COMPLETED:
            return PushState.COMPLETED
        if phase is Phase.CANCELLED:
            wanted = self._push.cancel_requested
            return PushState.WITHDRAWN if wanted else PushState.CANCELLED
        if self._push.state == PushState.NEEDS_ATTENTION and self._push.in_pos_at is not None:
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
        self, target: PushState, in_pos_at: datetime, status: OrderStatus | None
    ) -> dict[str, Any]:
        reading, push = self._reading, self._push
        is_final = target in FINAL_STATES
        values: dict[str, Any] = {
            "state": target.value,
            "in_pos_at": in_pos_at,
            "cova_status": reading.raw_status,
            "polled_at": self._now,
            "poll_due_at": None if is_final else next_poll_at(self._ctx, in_pos_at, self._now),
        }
        if self._is_claimed or is_final:
            # Who merely polls must not take a claim away from the worker that has it.
            values |= {"lease_owner": None, "lease_until": None}
        if self.is_newly_in_pos:
            values["attempts"] = push.attempts + 1
            if push.warning == LATE:
                values["warning"] = ""
        if reading.sale_total is not None:
            values["sale_total"] = reading.sale_total
        if status is not None:
            values["host_status"] = status.value
        if is_final:
            values["finished_at"] = self._now
        if target is not PushState.NEEDS_ATTENTION:
            values |= {"reason": "", "fix": "", "kind": ""}
            if not (push.cancel_requested and not is_final):
                values["next_attempt_at"] = None
        if reading.unknown_values:
            said = _unknown_said(reading.unknown_values)
            self.is_new_word = said not in push.warning
            self._warn(values, said)
        elif _UNKNOWN_SAID.search(push.warning):
            # COVA has gone on, or staff have said what it means.
            values["warning"] = _UNKNOWN_SAID.sub("", push.warning).strip()
        if push.cancel_requested and target is PushState.COMPLETED:
            self._warn(
                values, "The shop cancelled this order, but the register completed the sale."
            )
        return values

    def _warn(self, values: dict[str, Any], warning: str) -> None:
        """Add a warning to those the order has; each is announced once."""
        if warning not in self._push.warning:
            known = values.get("warning", self._push.warning)
            values["warning"] = f"{known} {warning}".strip()
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
        """The shop freed this stock when it cancelled, but the register had sold it already."""
        push, connection = self._push, self._connection
        products = settle_after_all(
            connection, push.store_id, push.order_id, now=self._now, reason=CANCELLED_IN_SHOP
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
        ctx.emit(signals.order_needs_attention, **ids, reason=_SOLD_THOUGH_CANCELLED)
    if settled.status is not None:
        log.info("order_status_changed", extra=ids | {"order_status": settled.status.value})
        ctx.emit(signals.order_status_changed, **ids, status=settled.status.value)
    if settling.new_warning:
        ctx.emit(signals.order_needs_attention, **ids, reason=settling.new_warning)


LATE = "The order has been waiting for COVA for more than 15 minutes."
"""The warning of an order that is on its way for long; gone once COVA has it."""

UNKNOWN_WORD = "unknown_status"
"""The step of the timeline whose detail is a status of COVA's that nobody knows."""

_UNKNOWN_SAID = re.compile(
    r"COVA says “[^”]*”, which nobody here knows\.( Say what it means [^.]*\.)?"
)


def _unknown_said(words: Sequence[str]) -> str:
    return (
        f"COVA says “{', '.join(words)}”, which nobody here knows. "
        "Say what it means under Order settings."
    )


_SOLD_THOUGH_CANCELLED = "The shop cancelled this order, but the register completed the sale."
_WHAT_HAPPENED = {
    PushState.COMPLETED: "The sale was completed at the register.",
    PushState.CANCELLED: "The order was cancelled in COVA.",
    PushState.WITHDRAWN: "COVA has cancelled the order, as the shop asked.",
    PushState.IN_POS: "COVA has the order and shows it at the register.",
}
