"""Brings confirmed orders to COVA, each exactly once.

Claim (commit) → calls, with no transaction open → settle (commit). `submitted_at` is
committed before the submission leaves. Whoever finds it set, because the answer never came
or the worker died, asks COVA about our order id before anything is sent again, and only
ever sends that same id (decision 0005).
"""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any
from uuid import uuid4

from aiq_cova_plugin import signals
from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.push_states import PushState, require_move
from aiq_cova_plugin.errors import (
    AmbiguousCustomer,
    BadCredentials,
    ContractBroken,
    CovaPluginError,
    LeaseHeld,
    NeedsOperator,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Rejected,
    Retryable,
    VersionConflict,
)
from aiq_cova_plugin.host import Order, OrderNotFound
from aiq_cova_plugin.mapping.order_status_from_cova import (
    Phase,
    StatusReading,
    reading_from_cova,
)
from aiq_cova_plugin.mapping.order_to_cova import order_to_cova
from aiq_cova_plugin.schemas.records import Customer, SalesOrder
from aiq_cova_plugin.services.check_stock import require_stock
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.match_customer import match_customer, remember_choice
from aiq_cova_plugin.services.order_report import OrderReport
from aiq_cova_plugin.services.place_address import place_address
from aiq_cova_plugin.services.settle_status import LATE, settle_reading
from aiq_cova_plugin.services.stores import (
    credentials_of,
    require_enabled,
    require_integrator_id,
    require_store,
)
from aiq_cova_plugin.services.tax_pricing import TaxPricing, reread_tax_pricing, tax_pricing_of
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.models import Connection

_PATIENCE_SECONDS = (0.0, 0.5, 1.0, 1.5)
"""How long a worker waits between looks right after a submission, before it moves on."""

_ASKING_SECONDS = (2, 5, 10, 30, 60)
"""How long until an order COVA is still working on is asked about again, time by time."""

_FIRST_RETRY_SECONDS = 10
_LONGEST_RETRY_SECONDS = 2 * 3600
_GIVE_UP_AFTER = 5
"""So many orders in a row that COVA did not take for now: it is away, the rest waits."""

_COVA_TAKES_SECONDS = 35
"""COVA may work up to 30 seconds on a submission (cova-api.md section 9.2). An order sent less
long ago than this that COVA does not know may still be on its way: it is not sent again."""

_NOT_IN_POS = frozenset({500, 503})
"""COVA's own "not in the register, send again" (section 9.2). A gateway's 502 or 504 says less:
COVA behind it may still be at work."""
_COVA_FAILED = "cova_failed"

_LATE_AFTER = timedelta(minutes=15)
"""How long an order may wait for COVA before it is shown as late."""

_LOG_IN_PAUSE_SECONDS = 600
"""How long orders wait after a refused log-in: trying it for each would lock the account."""

_ADDRESS_TRIES = 4
RETRY_ASKED = "retry_asked"
"""The `kind` of a push that a person has sent on its way again."""
_UNEXPLAINED_TRIES = 6
_TRANSIENT = "transient_failure"
_TAX_STYLE_CHANGED = "COVA's tax setting has changed; sent accordingly."


class PushReport(OrderReport):
    """The numbers of the contract's `orders push` document for one store."""


def push_due_orders(ctx: ServiceContext, store_id: str, *, limit: int = 500) -> PushReport:
    """Act on every order of the store that is due, oldest first.

    Raises `UnknownStore` and `NotConnected`. What goes wrong with one order is recorded on
    that order, and the next one is handled.
    """
    require_store(ctx, store_id)
    settings = require_enabled(ctx, store_id)
    report = PushReport(store_id)
    with ctx.database.short() as connection:
        due = outbox.due_push_ids(connection, now=ctx.clock.now(), store_id=store_id, limit=limit)
    if not due:
        return report
    ctx.database.end_reading()
    outages = 0
    refused: BadCredentials | None = None
    with ctx.open_client(credentials_of(ctx, settings)) as client:
        for position, push_id in enumerate(due):
            if outages >= _GIVE_UP_AFTER:
                # COVA is away: the rest stays due, and other stores get their turn.
                report.waiting += len(due) - position
                break
            failed_before = report.failed
            refused = _push_one(ctx, settings, client, push_id, report=report, refused=refused)
            outages = outages + 1 if report.failed > failed_before else 0
    return report


def _push_one(
    ctx: ServiceContext,
    settings: Connection,
    client: CovaClient,
    push_id: int,
    *,
    report: PushReport,
    refused: BadCredentials | None,
) -> BadCredentials | None:
    """Act on one order; the refused log-in if there was one, in this order or before."""
    with ctx.database.short() as connection:
        claim = outbox.claim_push(
            connection,
            push_id,
            owner=ctx.worker_id,
            now=ctx.clock.now(),
            seconds=ctx.config.lease_seconds,
        )
    if claim is None:
        return refused
    report.handled += 1
    state_before = claim.push.state
    worker = _PushWorker(ctx, settings, client, claim)
    worker.log_in_refused = refused
    try:
        if refused is None:
            worker.work()
        else:
            worker.wait_for_log_in(refused)
    except _Finished:
        pass
    except ClaimLost:
        log.warning("push_claim_lost", extra={"push_id": push_id})
        return worker.log_in_refused
    except Exception:  # noqa: BLE001 - one order must not stop the others; logged and kept
        log.exception("push_failed_unexpectedly", extra={"push_id": push_id})
        worker.had_failure = True
        try:
            worker.postpone(
                "Something unexpected went wrong; it will be tried again.", "unexpected"
            )
        except Exception:  # noqa: BLE001 - the database is away too; the lease will run out
            log.exception("push_not_given_back", extra={"push_id": push_id})
    report.changed += worker.push.state != state_before
    report.waiting += worker.push.state in ("queued", "sending", "checking")
    report.needs_attention += worker.push.state == "needs_attention"
    report.failed += worker.had_failure
    return worker.log_in_refused


class ClaimLost(Exception):
    """Another worker took this order over; nothing more may be written to it."""


class _Finished(Exception):
    """The order reached its end in the middle of a step; there is nothing left to do."""


class _PushWorker:
    """One claimed order, until it is settled or given back."""

    def __init__(
        self,
        ctx: ServiceContext,
        settings: Connection,
        client: CovaClient,
        claim: outbox.PushClaim,
    ) -> None:
        self._ctx = ctx
        self._settings = settings
        self._client = client
        self._fence = claim.fence
        self._took_over = claim.took_over
        self.push = claim.push
        self.had_failure = False
        self.log_in_refused: BadCredentials | None = None
        self._has_submitted = False

    def work(self) -> None:
        if self._took_over:
            self._event("taken_over", "The worker that had this order stopped; another goes on.")
        try:
            if self.push.cancel_requested:
                self._withdraw()
            elif self._took_over or self.push.submitted_at is not None:
                self._look_up_then_go_on()
            else:
                self._send()
        except (ClaimLost, _Finished):
            raise
        except LeaseHeld as exc:
            self._give_back(exc.message, seconds=3, counts=False)
        except BadCredentials as exc:
            self.log_in_refused = exc
            self._needs_attention(exc)
        except NeedsOperator as exc:
            self._needs_attention(exc)
        except Retryable as exc:
            self.had_failure = True
            self.postpone(exc.message, type(exc).__name__, at_least=exc.retry_after)
        except OutcomeUnknown as exc:
            self.had_failure = True
            self.postpone(exc.message, type(exc).__name__)
        except ContractBroken as exc:
            self.had_failure = True
            self._event("unreadable_answer", exc.message)
            if self._times("unreadable_answer") > _UNEXPLAINED_TRIES:
                self._needs_attention(exc)
            else:
                self.postpone(exc.message, type(exc).__name__)
        except Rejected as exc:
            self._needs_attention(exc)

    # --- sending -------------------------------------------------------------------------

    def _send(self) -> None:
        order = self._read_order()
        integrator_id = require_integrator_id(self._ctx, self._settings)
        if self.push.state == PushState.CHECKING:
            self._event("resending", "COVA does not have the order: it is sent again.")
        self._move(PushState.SENDING, "sending", "A worker has begun to send the order.")
        pricing = tax_pricing_of(self._ctx, self._settings, self._client)
        require_stock(self._client, order, location_id=self._settings.location_id or 0)
        customer_id = self._bring_customer(order)
        sales_order = order_to_cova(
            order,
            push_id=self.push.cova_order_id,
            company_id=self._settings.company_id or 0,
            location_id=self._settings.location_id or 0,
            integrator_id=integrator_id,
            customer_id=customer_id,
            delivery_fee_product=self._settings.delivery_fee_product,
        )
        self._stop_if_cancelled()
        sent_before = self.push.submitted_at
        self._write(submitted_at=self._ctx.clock.now())
        self._has_submitted = True
        self._event("submitting", f"Sent to COVA as order {self.push.cova_order_id}.")
        try:
            self._submit(sales_order, pricing)
        except OutcomeUnknown as exc:
            self._move(
                PushState.CHECKING,
                _COVA_FAILED if exc.status in _NOT_IN_POS else "outcome_unknown",
                f"{exc.message} COVA is asked whether it has the order.",
            )
        except VersionConflict as exc:
            # COVA has an order of this id already: ours, from a sending without an answer.
            self._move(PushState.CHECKING, "known_to_cova", exc.message)
            if self._times("known_to_cova") > _UNEXPLAINED_TRIES:
                raise
        except (Rejected, Retryable, NeedsOperator):
            # This sending certainly did not arrive and leaves no trace; an earlier one does.
            self._write(submitted_at=sent_before)
            raise
        else:
            self._move(PushState.CHECKING, "submitted", "COVA has taken the order in.")
        self._wait_for_verdict()

    def _submit(self, sales_order: SalesOrder, pricing: TaxPricing) -> None:
        """Submit once; again in the other tax style when COVA's setting has changed."""
        try:
            self._client.submit_order(sales_order, tax_pricing=pricing)
        except VersionConflict:
            raise
        except Rejected:
            other = reread_tax_pricing(self._ctx, self._settings, self._client)
            if other == pricing:
                raise
            self._event("tax_style_changed", _TAX_STYLE_CHANGED)
            self._client.submit_order(sales_order, tax_pricing=other)

    def _tax_style_has_changed(self) -> bool:
        """Is COVA's tax setting another than the one we remembered, and sent by?"""
        remembered = self._settings.tax_pricing
        if not remembered:
            return False
        return reread_tax_pricing(self._ctx, self._settings, self._client) != remembered

    def _read_order(self) -> Order:
        ctx, push = self._ctx, self.push
        try:
            return ctx.host.get_order(push.store_id, push.order_id)
        except OrderNotFound as exc:
            raise NeedsOperator(
                f"The shop no longer has order {push.order_number or push.order_id}.",
                fix="If it was deleted on purpose, press Withdraw.",
            ) from exc
        finally:
            ctx.database.end_reading()

    def _bring_customer(self, order: Order) -> str:
        """The id of the order's customer in COVA, address put right."""
        country = require_store(self._ctx, order.store_id).country
        self._ctx.database.end_reading()
        chosen = self.push.chosen_customer_id
        if chosen is not None:
            customer, how = self._client.customer(chosen), "chosen by a person"
            remember_choice(
                self._ctx,
                order,
                customer.id,
                country=country,
                company_id=self._settings.company_id or 0,
            )
        else:
            found = match_customer(
                self._ctx,
                self._client,
                order,
                country=country,
                company_id=self._settings.company_id or 0,
                on_step=self._event,
            )
            customer, how = found.customer, found.how
        if self.push.cova_customer_id != customer.id:
            self._write(cova_customer_id=customer.id)
            self._event("customer", f"COVA customer {customer.id}: {how}.")
        if order.delivery is not None:
            self._bring_address(order, customer)
        return customer.id

    def _bring_address(self, order: Order, customer: Customer) -> None:
        """Put the address right; an order is not lost over it, but never silently either."""
        try:
            done = place_address(
                self._client,
                order,
                customer,
                on_step=self._event,
                policy=self._settings.address_policy,
            )
        except (Retryable, OutcomeUnknown) as exc:
            self._event("address_failed", exc.message)
            if self._times("address_failed") < _ADDRESS_TRIES:
                raise
            self._flag_address(exc.message)
        except (Rejected, ContractBroken, NotPermitted, BadCredentials) as exc:
            self._flag_address(getattr(exc, "reason", "") or exc.message)
        else:
            self._event("address", done)
            if self.push.warning:
                # An earlier try had to give the address up.
                self._write(warning="")

    def _flag_address(self, reason: str) -> None:
        warning = (
            "The delivery address could not be put on the customer in COVA "
            f"({reason.rstrip('.')}). Tell the driver the address from the shop's order."
        )
        if self.push.warning == warning:
            return
        self._write(warning=warning)
        self._event("address_missing", warning)
        self._call_for_attention(warning)

    # --- asking --------------------------------------------------------------------------

    def _look_up_then_go_on(self) -> None:
        """It may have been sent: ask COVA first, send only what COVA does not have."""
        if self.push.state != PushState.CHECKING:
            self._move(PushState.CHECKING, "checking", "COVA is asked whether it has the order.")
        reading = self._ask()
        if reading is None and self._may_still_arrive():
            self._ask_about_it_later()
        elif reading is None or reading.phase is Phase.TRANSIENT_FAILURE:
            if reading is not None and self.push.kind != _TRANSIENT:
                self._note_transient_failure(reading)
            self._send()
        elif reading.phase is Phase.REFUSED and self.push.kind == RETRY_ASKED:
            self._send_repaired()
        else:
            self._settle(reading)

    def _may_still_arrive(self) -> bool:
        """Was it sent so short a time ago that COVA may not have it yet?"""
        sent = self.push.submitted_at
        if sent is None or self._ctx.clock.now() - sent >= timedelta(seconds=_COVA_TAKES_SECONDS):
            return False
        with self._ctx.database.short() as connection:
            names = [each.event for each in outbox.events_of(connection, self.push.id)]
        answers = [name for name in names if name in ("submitting", _COVA_FAILED)]
        return not answers or answers[-1] != _COVA_FAILED

    def _ask_about_it_later(self) -> None:
        self._give_back(
            "COVA does not know the order yet; it is asked again before anything is resent.",
            seconds=_COVA_TAKES_SECONDS / 3,
            counts=False,
        )

    def _send_repaired(self) -> None:
        """A person has repaired what COVA refused: send it again.

        The same id first. When COVA keeps refusing that one, a new id is safe, because the
        old order is known to have failed.
        """
        if self.push.refusals > 1:
            self._event(
                "new_cova_order_id",
                f"COVA has refused {self.push.cova_order_id} for good; a new id is used.",
            )
            self._write(cova_order_id=str(uuid4()), submitted_at=None, refusals=0)
        self._send()

    def _wait_for_verdict(self) -> None:
        """Look a few times right away; most orders are in the register within seconds."""
        reading: StatusReading | None = None
        for pause in _PATIENCE_SECONDS:
            self._ctx.sleep(pause)
            reading = self._ask()
            if reading is not None and reading.phase not in (Phase.ACCEPTED, Phase.PROCESSING):
                break
        if reading is None:
            self.had_failure = True
            self.postpone(
                "COVA does not know the order yet; it is asked again before anything is resent.",
                "OutcomeUnknown",
            )
        elif reading.phase is Phase.TRANSIENT_FAILURE:
            self._not_processed(reading)
        else:
            self._settle(reading)

    def _not_processed(self, reading: StatusReading) -> None:
        said = self._note_transient_failure(reading)
        self.had_failure = True
        self.postpone(f"COVA could not process the order and asks for it again.{said}", _TRANSIENT)

    def _note_transient_failure(self, reading: StatusReading) -> str:
        """Count it, and raise NeedsOperator when it happens too often; what COVA says of it."""
        said = f" It says: {reading.message}" if reading.message else ""
        self._event("transient_failure", f"COVA could not process the order.{said}")
        if self._times("transient_failure") > _UNEXPLAINED_TRIES:
            raise NeedsOperator(
                f"COVA failed to process order {self.push.order_number} again and again.{said}",
                fix="Ask COVA's support about it, or enter the order at the register by hand.",
            )
        return said

    def _ask(self) -> StatusReading | None:
        """What COVA says of our order id; None when neither of its two answers knows it."""
        try:
            status = self._client.order_status(self.push.cova_order_id)
            return reading_from_cova(
                status,
                is_delivery=self.push.is_delivery,
                store_words=self._settings.status_map,
            )
        except NotFound:
            pass
        try:
            self._client.read_order(self.push.cova_order_id)
        except Rejected:
            # Not there either, or not for us to read: then the status call has spoken.
            return None
        except NotPermitted:
            return None
        raise Retryable("COVA has the order but cannot say yet how it stands.", retry_after=5)

    def _settle(self, reading: StatusReading) -> None:
        if reading.phase in (Phase.ACCEPTED, Phase.PROCESSING):
            self._ask_again_later(reading)
        elif reading.phase is Phase.REFUSED and self._tax_style_has_changed():
            self._event("tax_style_changed", _TAX_STYLE_CHANGED)
            self._send()
        elif reading.phase is Phase.REFUSED:
            self._write(refusals=self.push.refusals + 1)
            raise Rejected(
                f"COVA refused order {self.push.order_number}"
                + (f": {reading.message}" if reading.message else "."),
                reason=reading.message,
                fix="Repair what COVA names, then press Retry.",
            )
        else:
            settled = settle_reading(self._ctx, self.push, reading, fence=self._fence)
            self.push.state = settled.state.value

    def _ask_again_later(self, reading: StatusReading) -> None:
        step = min(self.push.attempts, len(_ASKING_SECONDS) - 1)
        if self.push.cova_status != reading.raw_status:
            self._event("cova_status", f"COVA says: {reading.raw_status}.")
        self._write(cova_status=reading.raw_status, kind="")
        self._give_back("COVA is still working on the order.", seconds=_ASKING_SECONDS[step])

    # --- withdrawing ---------------------------------------------------------------------

    def _stop_if_cancelled(self) -> None:
        """The shop may have cancelled while the customer was being looked up."""
        with self._ctx.database.short() as connection:
            fresh = outbox.push_of_order(connection, self.push.store_id, self.push.order_id)
        if fresh is None or not fresh.cancel_requested:
            return
        if self.push.submitted_at is None:
            self.push.cancel_requested = True
            self._finish_withdrawn("It had not been sent.")
        else:
            self._give_back("The shop has cancelled the order.", seconds=0, counts=False)
        raise _Finished

    def _is_cancelled_meanwhile(self) -> bool:
        """Has the shop cancelled the order since this worker took it up?"""
        with self._ctx.database.short() as connection:
            fresh = outbox.push_of_order(connection, self.push.store_id, self.push.order_id)
        return fresh is not None and fresh.cancel_requested and not self.push.cancel_requested

    def _withdraw(self) -> None:
        if self.push.submitted_at is None:
            self._finish_withdrawn("It had not been sent.")
            return
        reading = self._ask()
        if reading is None and self._may_still_arrive():
            self._ask_about_it_later()
        elif reading is None or reading.phase in (Phase.REFUSED, Phase.TRANSIENT_FAILURE):
            self._finish_withdrawn("COVA does not have the order.")
        elif reading.phase in (Phase.COMPLETED, Phase.CANCELLED):
            self._settle(reading)
        elif reading.phase in (Phase.ACCEPTED, Phase.PROCESSING):
            self._ask_again_later(reading)
        else:
            self._cancel_in_cova()

    def _cancel_in_cova(self) -> None:
        try:
            self._client.cancel_order(self.push.cova_order_id)
        except Rejected as exc:
            raise NeedsOperator(
                f"COVA did not cancel order {self.push.order_number}: {exc.reason}",
                fix="Cancel it at the register; once it is paid COVA allows no other way.",
            ) from exc
        reading = self._ask()
        if reading is None:
            self._finish_withdrawn("COVA has removed the order.")
        elif reading.phase in (Phase.COMPLETED, Phase.CANCELLED):
            self._settle(reading)
        else:
            self._give_back("COVA is cancelling the order.", seconds=5)

    def _finish_withdrawn(self, detail: str) -> None:
        now = self._ctx.clock.now()
        self._move(PushState.WITHDRAWN, "withdrawn", detail)
        self._write(
            next_attempt_at=None,
            finished_at=now,
            reason="",
            fix="",
            lease_owner=None,
            lease_until=None,
        )

    # --- the row -------------------------------------------------------------------------

    def postpone(self, reason: str, kind: str, *, at_least: float | None = None) -> None:
        """Give the order back, to be tried again after a growing, slightly random delay."""
        # Not by `attempts`, which also counts how often COVA was merely asked.
        exponent = min(self._times("waiting"), 12)
        delay = min(_FIRST_RETRY_SECONDS * 2**exponent, _LONGEST_RETRY_SECONDS)
        delay *= random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards no secret
        seconds = max(delay, at_least or 0)
        self._event("waiting", f"{reason} Next try in about {round(seconds)} seconds.")
        self._say_once_that_it_is_late()
        self._give_back(reason, seconds=seconds, kind=kind)

    def _say_once_that_it_is_late(self) -> None:
        """Show an order that waits for long on the overview and in `/health`.

        It goes on by itself, so nobody is called: in an outage that would be one call an order.
        """
        if self._ctx.clock.now() - self.push.queued_at < _LATE_AFTER or self.push.warning:
            return
        self._write(warning=LATE)
        self._event("late", LATE)

    def wait_for_log_in(self, refused: BadCredentials) -> None:
        """Another order has just seen the log-in refused: wait, and do not try it again."""
        self._give_back(
            refused.message,
            seconds=_LOG_IN_PAUSE_SECONDS,
            kind=type(refused).__name__,
            counts=False,
        )

    def _give_back(
        self, reason: str, *, seconds: float, kind: str = "", counts: bool = True
    ) -> None:
        if self.push.kind == RETRY_ASKED and not self._has_submitted:
            # What a person asked for is still to be done.
            kind = RETRY_ASKED
        state = PushState(self.push.state)
        if state is PushState.SENDING:
            sent = self.push.submitted_at is not None
            state = PushState.CHECKING if sent else PushState.QUEUED
        self._write(
            state=state.value,
            attempts=self.push.attempts + counts,
            next_attempt_at=self._ctx.clock.now() + timedelta(seconds=seconds),
            reason=reason,
            kind=kind,
            lease_owner=None,
            lease_until=None,
        )

    def _needs_attention(self, exc: CovaPluginError) -> None:
        if isinstance(exc, AmbiguousCustomer):
            told = self._ctx.vault.encrypt(json.dumps(exc.candidates))
            self._write(candidates_encrypted=told)
        if self._is_cancelled_meanwhile():
            # Nobody need repair an order that is to be taken back anyway.
            self._event("waiting", f"{exc.message} But the shop has cancelled the order.")
            self._give_back("The shop has cancelled the order.", seconds=0, counts=False)
            return
        self._event("needs_attention", exc.message + (f" {exc.fix}" if exc.fix else ""))
        if isinstance(exc, AmbiguousCustomer):
            self._event("customer_candidates", ", ".join(each["id"] for each in exc.candidates))
        self._write(
            state=PushState.NEEDS_ATTENTION.value,
            attempts=self.push.attempts + 1,
            next_attempt_at=None,
            reason=exc.message,
            fix=exc.fix,
            kind=type(exc).__name__,
            lease_owner=None,
            lease_until=None,
        )
        self._call_for_attention(exc.message)

    def _call_for_attention(self, reason: str) -> None:
        self._ctx.emit(
            signals.order_needs_attention,
            store_id=self.push.store_id,
            order_id=self.push.order_id,
            reason=reason,
        )

    def _move(self, target: PushState, event: str, detail: str) -> None:
        current = PushState(self.push.state)
        if current is not target:
            require_move(current, target)
        self._write(state=target.value)
        self._event(event, detail)

    def _times(self, event: str) -> int:
        """How often this is in the timeline since a person last pressed Retry."""
        with self._ctx.database.short() as connection:
            names = [each.event for each in outbox.events_of(connection, self.push.id)]
        if RETRY_ASKED in names:
            names = names[len(names) - names[::-1].index(RETRY_ASKED) :]
        return names.count(event)

    def _write(self, **values: Any) -> None:
        """Write to the row and prolong the claim. Raises `ClaimLost` when it was taken over."""
        if "lease_until" not in values:
            now = self._ctx.clock.now()
            values["lease_until"] = now + timedelta(seconds=self._ctx.config.lease_seconds)
            values["lease_owner"] = self._ctx.worker_id
        with self._ctx.database.short() as connection:
            if not outbox.change_claimed(connection, self.push.id, self._fence, values):
                raise ClaimLost
        for name, value in values.items():
            setattr(self.push, name, value)

    def _event(self, event: str, detail: str, *, private: str | None = None) -> None:
        sealed = self._ctx.vault.encrypt(private) if private is not None else None
        with self._ctx.database.short() as connection:
            outbox.add_event(
                connection,
                self.push.id,
                event,
                detail,
                at=self._ctx.clock.now(),
                private_encrypted=sealed,
            )
