"""What templates show: times in the store's zone, states and events in words, numbers as text.

Pure functions: values in, words out. Local time exists here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiq_cova_plugin.domain.field_values import decimal_text

Tone = Literal["ok", "busy", "attention", "bad", "quiet"]


def zone_of(name: str) -> tzinfo:
    """The time zone of this name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


@dataclass(frozen=True)
class Words:
    """A state as staff read it: a short label, a colour, and what it means."""

    label: str
    tone: Tone
    meaning: str = ""


@dataclass(frozen=True)
class Moment:
    """A time: for machines, in the store's zone, and seen from now."""

    iso: str
    local: str
    exact: str
    relative: str


def moment(at: datetime | None, *, zone: str, now: datetime) -> Moment | None:
    """The time as the store's clock shows it; None stays None.

    A zone this machine does not know is shown as UTC, and says so.
    """
    if at is None:
        return None
    try:
        local, name = at.astimezone(ZoneInfo(zone)), zone
    except (ZoneInfoNotFoundError, ValueError):
        local, name = at, "UTC"
    here = now.astimezone(local.tzinfo)
    clock = f"{local:%H:%M}"
    if local.date() == here.date():
        shown = f"today at {clock}"
    elif local.date() == here.date() - timedelta(days=1):
        shown = f"yesterday at {clock}"
    elif local.date() == here.date() + timedelta(days=1):
        shown = f"tomorrow at {clock}"
    else:
        year = f" {local.year}" if local.year != here.year else ""
        shown = f"{local.day} {local:%b}{year}, {clock}"
    return Moment(
        iso=at.isoformat(timespec="seconds"),
        local=shown,
        exact=f"{local.day} {local:%b %Y, %H:%M:%S} ({name})",
        relative=relative_time(at, now),
    )


_STEPS = (
    (60, 1, "second"),
    (3600, 60, "minute"),
    (86_400, 3600, "hour"),
    (30 * 86_400, 86_400, "day"),
    (365 * 86_400, 30 * 86_400, "month"),
)


def relative_time(at: datetime, now: datetime) -> str:
    """How long ago, or how soon: `3 minutes ago`, `in 2 hours`, `just now`."""
    seconds = (at - now).total_seconds()
    size = abs(seconds)
    if size < 5:
        return "just now" if seconds <= 0 else "any moment"
    for limit, unit_seconds, unit in _STEPS:
        if size < limit:
            span = counted(int(size // unit_seconds), unit)
            break
    else:
        span = counted(int(size // (365 * 86_400)), "year")
    return f"in {span}" if seconds > 0 else f"{span} ago"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """The number with its noun: `1 product`, `1,204 products`."""
    word = noun if number == 1 else (plural or f"{noun}s")
    return f"{number:,} {word}"


def quantity_text(value: Decimal | None) -> str:
    """A quantity without needless zeros; `unknown` when there is none."""
    return "unknown" if value is None else decimal_text(value)


CONNECTION_WORDS: dict[str, Words] = {
    "not_connected": Words(
        "Not connected", "quiet", "COVA's six fields are not filled in for this store yet."
    ),
    "not_ready": Words(
        "Not ready", "attention", "The credentials are saved, but something is still missing."
    ),
    "ready": Words("Connected", "ok", "COVA accepts this store's credentials."),
    "frozen": Words(
        "Switched off",
        "quiet",
        "Nothing is read or sent. The credentials and the menu stay as they are.",
    ),
}

RUN_WORDS: dict[str, Words] = {
    "starting": Words("Starting", "busy", "The sync is about to begin."),
    "running": Words("Running", "busy", "The sync is reading or writing products."),
    "succeeded": Words("Done", "ok", "Every product COVA told of was taken over."),
    "partial": Words("Done, with gaps", "attention", "Some products could not be taken over."),
    "held": Words(
        "Waiting for you", "attention", "The sync stopped before changing unusually much."
    ),
    "settled": Words("Held back, settled", "quiet", "Another sync came after it."),
    "failed": Words("Failed", "bad", "Nothing is lost: the next sync starts from the same place."),
}

PUSH_WORDS: dict[str, Words] = {
    "queued": Words("Waiting to be sent", "busy", "The order will be sent to COVA shortly."),
    "sending": Words("Being sent", "busy", "The order is on its way to COVA."),
    "checking": Words(
        "Checking with COVA",
        "busy",
        "COVA is asked how the order stands, before anything is sent again.",
    ),
    "in_pos": Words("In COVA", "ok", "The order is at the register."),
    "needs_attention": Words("Needs you", "bad", "The order waits until a person has acted."),
    "withdrawn": Words("Withdrawn", "quiet", "The order is not in COVA, or not any more."),
    "completed": Words("Completed", "ok", "The sale was completed at the register."),
    "cancelled": Words("Cancelled in COVA", "quiet", "The order was cancelled at the register."),
}

HOLD_WORDS: dict[str, Words] = {
    "active": Words("Held", "busy", "Promised to this order; still counted in COVA's stock."),
    "settling": Words(
        "Sold, being counted",
        "quiet",
        "The register completed the sale; the hold ends when COVA's stock shows it.",
    ),
}

TRIGGER_WORDS = {
    "schedule": "by itself",
    "button": "by the Sync button",
    "command": "from the command line",
}
MODE_WORDS = {"full": "Whole catalogue", "incremental": "Changes only"}
PHASE_WORDS = {"reading": "Reading products from COVA", "applying": "Writing products to the shop"}

ACTION_WORDS = {
    "create": Words("New", "ok"),
    "update": Words("Changed", "busy"),
    "hide": Words("Hidden", "attention"),
    "restore": Words("Back", "ok"),
    "sold_out": Words("Down to zero", "attention"),
}

EVENT_WORDS = {
    "queued": "Queued",
    "sending": "Sending",
    "submitting": "Handed to COVA",
    "submitted": "Received by COVA",
    "outcome_unknown": "No clear answer",
    "checking": "Checking with COVA",
    "resending": "Sending again",
    "in_pos": "At the register",
    "needs_attention": "Needs a person",
    "waiting": "Waiting for the next try",
    "retry_asked": "Retry",
    "withdraw_asked": "Withdrawal asked for",
    "cancel_asked": "Cancelled in the shop",
    "withdrawn": "Withdrawn",
    "customer": "Customer",
    "creating_customer": "New customer",
    "customer_chosen": "Customer chosen",
    "phone_entered": "Phone number entered",
    "address": "Delivery address",
    "overwriting_address": "Address overwritten",
    "address_missing": "Address not in COVA",
    "cova_status": "COVA's status",
    "host_told": "Shop updated",
    "host_lost_order": "Order gone from the shop",
    "total_differs": "Totals differ",
    "taken_over": "Taken over",
    "tax_style_changed": "Tax setting",
    "new_cova_order_id": "New COVA order id",
    "completed": "Completed",
    "cancelled": "Cancelled in COVA",
    "known_to_cova": "COVA has this order id",
    "unreadable_answer": "Unreadable answer",
    "address_failed": "Address not saved yet",
    "transient_failure": "COVA could not process it",
    "customer_candidates": "Possible customers",
    "cova_failed": "COVA failed",
    "surprise": "Unexpected answer",
    "total": "To pay",
    "late": "Waiting for long",
    "resumed": "Goes on",
    "resumed_by_itself": "Goes on by itself",
    "not_resumed": "Left to a person",
    "unexpected": "Something unexpected",
    "other_delivery": "Another delivery",
    "paid_in_shop": "Paid in the shop",
    "paying": "Payment sent",
    "paid": "Payment in COVA",
    "payment_unknown": "No clear answer to the payment",
    "payment_refused": "Payment refused",
    "payment_waits": "Payment waits",
    "entered_by_hand": "Entered by hand",
    "sold_by_hand": "Sold at the register",
    "stock_freed": "Stock freed",
    "address_restored": "Address put back",
    "order_edited": "Edited in the shop",
    "paused": "Paused",
    "unknown_status": "Status nobody knows",
}

_BAD_EVENTS = {"needs_attention", "address_missing", "host_lost_order", "payment_refused"}
_GOOD_EVENTS = {"in_pos", "completed", "host_told"}


def words_of(table: dict[str, Words], key: str) -> Words:
    """The words for a state; one this version does not know is shown as it is."""
    return table.get(key) or Words(key.replace("_", " ").capitalize(), "quiet")


def event_words(event: str) -> Words:
    """A step of an order's timeline: its title and colour."""
    label = EVENT_WORDS.get(event) or event.replace("_", " ").capitalize()
    if event in _BAD_EVENTS:
        return Words(label, "bad")
    return Words(label, "ok" if event in _GOOD_EVENTS else "quiet")
