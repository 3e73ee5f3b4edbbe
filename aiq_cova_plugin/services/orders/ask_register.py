"""Asks COVA about our order id, and decides what its answer means for a claimed push.

Nothing here sends an order. Where an answer asks for another sending, that is the result.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.errors import NeedsOperator, NotFound, NotPermitted, Rejected, Retryable
from aiq_cova_plugin.mapping.order_status_from_cova import (
    Phase,
    StatusReading,
    reading_from_cova,
)
from aiq_cova_plugin.redaction import without_words
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.push_row import PushRow
from aiq_cova_plugin.services.orders.refusal_words import what_to_do
from aiq_cova_plugin.services.orders.settle_status import settle_reading
from aiq_cova_plugin.services.orders.tax_pricing import reread_tax_pricing
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.models import Connection, Push
from aiq_cova_plugin.store.push_warnings import without_unknown_words

TRANSIENT = "transient_failure"
COVA_FAILED = "cova_failed"
"""The step of a submission that COVA itself says has not reached the register."""

TAX_STYLE_CHANGED = "COVA's tax setting has changed; sent accordingly."

UNEXPLAINED_TRIES = 6

COVA_TAKES_SECONDS = 35
"""COVA may work up to 30 seconds on a submission (cova-api.md section 9.2). An order sent less
long ago than this that COVA does not know may still be on its way: it is not sent again."""

_PATIENCE_SECONDS = (0.0, 0.5, 1.0, 1.5)
"""How long a worker waits between looks right after a submission, before it moves on."""

_ASKING_SECONDS = (2, 5, 10, 30, 60)
"""How long until an order COVA is still working on is asked about again, time by time."""

_TAX_STYLE_TRIES = 2
"""So often an order follows a changing tax setting; then a person should see it."""


def ask(client: CovaClient, push: Push, settings: Connection) -> StatusReading | None:
    """What COVA says of our order id; None when neither of its two answers knows it."""
    try:
        status = client.order_status(push.cova_order_id)
        return reading_from_cova(
            status, is_delivery=push.is_delivery, store_words=settings.status_map
        )
    except NotFound:
        pass
    try:
        client.read_order(push.cova_order_id)
    except Rejected:
        # Not there either, or not for us to read: then the status call has spoken.
        return None
    except NotPermitted:
        return None
    raise Retryable("COVA has the order but cannot say yet how it stands.", retry_after=5)


def may_still_arrive(ctx: ServiceContext, push: Push) -> bool:
    """Was it sent so short a time ago that COVA may not have it yet?"""
    sent = push.submitted_at
    if sent is None or ctx.clock.now() - sent >= timedelta(seconds=COVA_TAKES_SECONDS):
        return False
    with ctx.database.short() as connection:
        names = [each.event for each in outbox.events_of(connection, push.id)]
    answers = [name for name in names if name in ("submitting", COVA_FAILED)]
    return not answers or answers[-1] != COVA_FAILED


def ask_about(row: PushRow) -> StatusReading | None:
    """`ask` for a claimed push; COVA's reason without what it repeats of the customer."""
    reading = ask(row.client, row.push, row.settings)
    if reading is None or not reading.message:
        return reading
    return replace(reading, message=without_words(reading.message, row.customer_words))


def ask_about_it_later(row: PushRow) -> None:
    """COVA may not have it yet: look again before anything is sent."""
    row.give_back(
        "COVA does not know the order yet; it is asked again before anything is resent.",
        seconds=COVA_TAKES_SECONDS / 3,
        counts=False,
    )


def wait_for_verdict(row: PushRow) -> bool:
    """Look a few times right away; most orders are in the register within seconds.

    True when the order must be sent once more.
    """
    reading: StatusReading | None = None
    for pause in _PATIENCE_SECONDS:
        row.ctx.sleep(pause)
        reading = ask_about(row)
        if reading is not None and reading.phase not in (Phase.ACCEPTED, Phase.PROCESSING):
            break
    if reading is None:
        row.had_failure = True
        row.postpone(
            "COVA does not know the order yet; it is asked again before anything is resent.",
            "OutcomeUnknown",
        )
        return False
    if reading.phase is Phase.TRANSIENT_FAILURE:
        said = note_transient_failure(row, reading)
        row.had_failure = True
        row.postpone(f"COVA could not process the order and asks for it again.{said}", TRANSIENT)
        return False
    return settle(row, reading)


def note_transient_failure(row: PushRow, reading: StatusReading) -> str:
    """Count it, and raise NeedsOperator when it happens too often; what COVA says of it."""
    said = f" It says: {reading.message}" if reading.message else ""
    row.event("transient_failure", f"COVA could not process the order.{said}")
    if row.times("transient_failure") > UNEXPLAINED_TRIES:
        raise NeedsOperator(
            f"COVA failed to process order {row.push.order_number} again and again.{said}",
            fix="Ask COVA's support about it, or enter the order at the register by hand.",
        )
    return said


def settle(row: PushRow, reading: StatusReading) -> bool:
    """Take in what COVA says of an order it has; True when it must be sent once more.

    Raises `Rejected` with COVA's reason when COVA refused the order.
    """
    if reading.phase in (Phase.ACCEPTED, Phase.PROCESSING):
        ask_again_later(row, reading)
        return False
    if reading.phase is not Phase.REFUSED:
        settled = settle_reading(row.ctx, row.push, reading, fence=row.fence)
        row.push.state = settled.state.value
        if settled.is_undecided:
            # A word nobody knows is no proof that the register has it: it may yet be refused.
            row.refresh_warning()
            _ask_in_a_while(row, "COVA has the order, but says nothing known of it yet.")
        return False
    _forget_unknown_words(row)
    if _tax_style_has_changed(row):
        row.event("tax_style_changed", TAX_STYLE_CHANGED)
        return True
    row.write(refusals=row.push.refusals + 1)
    raise Rejected(
        f"COVA refused order {row.push.order_number}"
        + (f": {reading.message}" if reading.message else "."),
        reason=reading.message,
        fix=what_to_do(reading.message),
    )


def ask_again_later(row: PushRow, reading: StatusReading) -> None:
    """COVA is still working on it."""
    _forget_unknown_words(row)
    if row.push.cova_status != reading.raw_status:
        row.event("cova_status", f"COVA says: {reading.raw_status}.")
    row.write(cova_status=reading.raw_status, kind="")
    _ask_in_a_while(row, "COVA is still working on the order.")


def _ask_in_a_while(row: PushRow, reason: str) -> None:
    step = min(row.push.attempts, len(_ASKING_SECONDS) - 1)
    row.give_back(reason, seconds=_ASKING_SECONDS[step])


def _forget_unknown_words(row: PushRow) -> None:
    """COVA says something known again."""
    if without_unknown_words(row.push.warning) != row.push.warning:
        row.change_warnings(without_unknown_words)


def _tax_style_has_changed(row: PushRow) -> bool:
    """Is COVA's tax setting another than the one this very order was sent by?"""
    sent_by = row.push.tax_pricing or row.settings.tax_pricing
    if not sent_by or row.times("tax_style_changed") >= _TAX_STYLE_TRIES:
        return False
    return reread_tax_pricing(row.ctx, row.settings, row.client) != sent_by
