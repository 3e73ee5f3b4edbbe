"""One order push a worker has claimed: what may be written to it, and how it is given back.

Every write checks the fence of the claim, so a worker that was overtaken writes nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Any

from aiq_cova_plugin import signals
from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.push_states import PushState, require_move
from aiq_cova_plugin.errors import AmbiguousCustomer, BadCredentials, CovaPluginError
from aiq_cova_plugin.redaction import without_words
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.typed_phone import typed_phone
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.models import Connection, Push
from aiq_cova_plugin.store.push_times import TAX_CHANGED
from aiq_cova_plugin.store.push_warnings import LATE, with_warning

RETRY_ASKED = "retry_asked"
"""The `kind` of a push that a person has sent on its way again."""

RETRY_ELSEWHERE = "retry_elsewhere"
"""The same by a person who had read that it was sent to another company or location."""

REPAIRED = frozenset({RETRY_ASKED, RETRY_ELSEWHERE, TAX_CHANGED})
"""The `kind` of a push that was refused and may be another time: what was wrong was put right."""

PAUSED = "paused"
"""The `kind` of a push that is held back because Sync Orders is off."""

PAUSED_REASON = "Paused: Sync Orders is off for this store."
PAUSED_FIX = (
    "Switch Sync Orders on under Store > Integrations > COVA; the order then goes by itself."
)

_FIRST_RETRY_SECONDS = 10
_LONGEST_RETRY_SECONDS = 2 * 3600
_PAUSE_SECONDS = 600

_CANCEL_SECONDS = 2
"""How soon an order is taken back that the shop cancelled while a worker had it."""

_LATE_AFTER = timedelta(minutes=15)
"""How long an order may wait for COVA before it is shown as late."""

_LOG_IN_PAUSE_SECONDS = 600
"""How long orders wait after a refused log-in: trying it for each would lock the account."""


class ClaimLost(Exception):
    """Another worker took this order over; nothing more may be written to it."""


class Finished(Exception):
    """The order reached its end in the middle of a step; there is nothing left to do."""


def customer_words_of(ctx: ServiceContext, push: Push) -> tuple[str, ...]:
    """What names, reaches or describes the order's customer."""
    number = typed_phone(ctx, push)
    typed = () if number is None else (number, number.lstrip("+"), number[-10:])
    try:
        order = ctx.host.get_order(push.store_id, push.order_id)
    except Exception:  # noqa: BLE001 - whoever needs the order says what is wrong with it
        return typed
    finally:
        ctx.database.end_reading()
    who = order.customer
    address = order.delivery.address if order.delivery is not None else None
    born = who.date_of_birth.isoformat() if who.date_of_birth is not None else None
    words = [who.first_name, who.last_name, who.phone, who.email, born]
    if address is not None:
        words += [address.line1, address.line2, address.postal_code]
    return (*(word for word in words if word), *typed)


class PushRow:
    """One claimed order, until it is settled or given back."""

    def __init__(
        self,
        ctx: ServiceContext,
        settings: Connection,
        client: CovaClient,
        claim: outbox.PushClaim,
    ) -> None:
        self.ctx = ctx
        self.settings = settings
        self.client = client
        self.fence = claim.fence
        self.took_over = claim.took_over
        self.push = claim.push
        self.had_failure = False
        self.has_submitted = False
        self.log_in_refused: BadCredentials | None = None
        self.pause_seconds: float | None = None

    def event(self, event: str, detail: str, *, private: str | None = None) -> None:
        """Add a step to the timeline; `private` is kept encrypted and never shown."""
        sealed = self.ctx.vault.encrypt(private) if private is not None else None
        with self.ctx.database.short() as connection:
            outbox.add_event(
                connection,
                self.push.id,
                event,
                without_words(detail, self.customer_words),
                at=self.ctx.clock.now(),
                private_encrypted=sealed,
            )

    @cached_property
    def customer_words(self) -> tuple[str, ...]:
        """What names, reaches or describes the order's customer: COVA's reasons may repeat it."""
        return customer_words_of(self.ctx, self.push)

    def event_names(self) -> list[str]:
        """The timeline so far, names alone, oldest first."""
        with self.ctx.database.short() as connection:
            return [each.event for each in outbox.events_of(connection, self.push.id)]

    def times(self, event: str) -> int:
        """How often this is in the timeline since a person last pressed Retry."""
        names = self.event_names()
        if RETRY_ASKED in names:
            names = names[len(names) - names[::-1].index(RETRY_ASKED) :]
        return names.count(event)

    def write(self, **values: Any) -> None:
        """Write to the row and prolong the claim. Raises `ClaimLost` when it was taken over."""
        if "lease_until" not in values:
            now = self.ctx.clock.now()
            values["lease_until"] = now + timedelta(seconds=self.ctx.config.lease_seconds)
            values["lease_owner"] = self.ctx.worker_id
        if "reason" in values:
            values["reason"] = without_words(values["reason"], self.customer_words)
        with self.ctx.database.short() as connection:
            if not outbox.change_claimed(connection, self.push.id, self.fence, values):
                raise ClaimLost
        for name, value in values.items():
            setattr(self.push, name, value)

    def change_warnings(self, change: Callable[[str], str]) -> bool:
        """Write what `change` makes of the order's warnings, others' included; was it anything
        new? Raises `ClaimLost` when it was taken over.

        Whoever adds one takes the customer's words out of what COVA said in it, and no more: a
        warning is known by its text later, whatever the customer is called.
        """
        with self.ctx.database.short() as connection:
            is_new = outbox.change_warnings(connection, self.push, change)
        self.refresh_warning()
        self.write()
        return is_new

    def move(self, target: PushState, event: str, detail: str) -> None:
        current = PushState(self.push.state)
        if current is not target:
            require_move(current, target)
        self.write(state=target.value)
        self.event(event, detail)

    def as_it_is_now(self) -> Push | None:
        """The row as the database has it; the shop may have written to it meanwhile."""
        with self.ctx.database.short() as connection:
            return outbox.push_of_order(connection, self.push.store_id, self.push.order_id)

    def refresh_warning(self) -> None:
        """Read again what the order is warned of: it was written past this claim."""
        fresh = self.as_it_is_now()
        if fresh is not None:
            self.push.warning = fresh.warning

    # --- giving it back ------------------------------------------------------------------

    def give_back(
        self,
        reason: str,
        *,
        seconds: float,
        kind: str = "",
        fix: str = "",
        counts: bool = True,
        may_hurry: bool = True,
    ) -> None:
        """Let go of the order until `seconds` have passed.

        A cancel that came while we had it is seen to at once, unless `may_hurry` is False.
        """
        if self.push.kind in REPAIRED and not self.has_submitted:
            # What was asked for is still to be done.
            kind = self.push.kind
        state = PushState(self.push.state)
        if state is PushState.SENDING:
            sent = self.push.submitted_at is not None
            state = PushState.CHECKING if sent else PushState.QUEUED
        self.write(
            state=state.value,
            attempts=self.push.attempts + counts,
            next_attempt_at=self.ctx.clock.now() + timedelta(seconds=seconds),
            reason=reason,
            fix=fix,
            kind=kind,
            lease_owner=None,
            lease_until=None,
        )
        if may_hurry and not self.push.cancel_requested:
            self._hurry_if_cancelled()

    def _hurry_if_cancelled(self) -> None:
        """The shop made it due when it cancelled, and we have just put it off again."""
        soon = self.ctx.clock.now() + timedelta(seconds=_CANCEL_SECONDS)
        with self.ctx.database.short() as connection:
            outbox.bring_cancel_on(connection, self.push.id, self.fence, soon=soon)

    def postpone(self, reason: str, kind: str, *, at_least: float | None = None) -> None:
        """Give the order back, to be tried again after a growing, slightly random delay."""
        # Not by `attempts`, which also counts how often COVA was merely asked.
        exponent = min(self.times("waiting"), 12)
        delay = min(_FIRST_RETRY_SECONDS * 2**exponent, _LONGEST_RETRY_SECONDS)
        delay *= random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards no secret
        seconds = max(delay, at_least or 0)
        self.event("waiting", f"{reason} Next try in about {round(seconds)} seconds.")
        self._say_once_that_it_is_late()
        self.give_back(reason, seconds=seconds, kind=kind)

    def pause(self) -> None:
        """Hold the order back until Sync Orders is switched on again."""
        if self.push.kind != PAUSED:
            self.event(PAUSED, PAUSED_REASON)
        self.push.kind = PAUSED
        self.give_back(
            PAUSED_REASON, seconds=_PAUSE_SECONDS, kind=PAUSED, fix=PAUSED_FIX, counts=False
        )

    def wait_for_budget(self, reason: str, seconds: float) -> None:
        """COVA, or our own budget, asks for patience: the whole store waits so long.

        The order keeps its place, and this is no failure of its own that makes delays grow.
        """
        self.event("waiting", f"{reason} Next try in about {round(seconds)} seconds.")
        self._say_once_that_it_is_late()
        self.give_back(reason, seconds=seconds, kind="RateLimited")
        self.pause_seconds = seconds

    def wait_for_log_in(self, refused: BadCredentials) -> None:
        """Another order has just seen the log-in refused: wait, and do not try it again."""
        self.give_back(
            refused.message,
            seconds=_LOG_IN_PAUSE_SECONDS,
            kind=type(refused).__name__,
            counts=False,
            may_hurry=False,
        )

    def _say_once_that_it_is_late(self) -> None:
        """Show an order that waits for long on the overview and in `/health`.

        It goes on by itself, so nobody is called: in an outage that would be one call an order.
        """
        if self.ctx.clock.now() - self.push.queued_at < _LATE_AFTER or LATE in self.push.warning:
            return
        self.change_warnings(lambda before: with_warning(before, LATE))
        self.event("late", LATE)

    # --- calling a person ----------------------------------------------------------------

    def needs_attention(self, exc: CovaPluginError) -> None:
        """Leave the order to a person, with what happened and what to do."""
        if isinstance(exc, AmbiguousCustomer):
            told = self.ctx.vault.encrypt(json.dumps(exc.candidates))
            self.write(candidates_encrypted=told)
        if self._is_cancelled_meanwhile():
            # Nobody need repair an order that is to be taken back anyway.
            self.event("waiting", f"{exc.message} But it is being taken back.")
            self.give_back("The order is being taken back.", seconds=0, counts=False)
            return
        self.event("needs_attention", exc.message + (f" {exc.fix}" if exc.fix else ""))
        if isinstance(exc, AmbiguousCustomer):
            self.event("customer_candidates", ", ".join(each["id"] for each in exc.candidates))
        if self.push.submitted_at is None:
            # Nothing was sent; but this is the company that it stopped at.
            self.write(company_id=self.settings.company_id)
        self.write(
            state=PushState.NEEDS_ATTENTION.value,
            attempts=self.push.attempts + 1,
            next_attempt_at=None,
            reason=exc.message,
            fix=exc.fix,
            kind=type(exc).__name__,
            lease_owner=None,
            lease_until=None,
        )
        self.call_for_attention(exc.message)

    def call_for_attention(self, reason: str) -> None:
        """Tell whoever listens that a person should look at the order."""
        self.ctx.emit(
            signals.order_needs_attention,
            store_id=self.push.store_id,
            order_id=self.push.order_id,
            reason=without_words(reason, self.customer_words),
        )

    def _is_cancelled_meanwhile(self) -> bool:
        """Has the shop cancelled the order since this worker took it up?"""
        fresh = self.as_it_is_now()
        return fresh is not None and fresh.cancel_requested and not self.push.cancel_requested
