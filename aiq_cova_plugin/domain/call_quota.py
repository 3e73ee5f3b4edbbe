"""How many calls of a quota are left, when several processes take them in small batches.

What was given out is kept in slots of five seconds. A permit may be used for a while after it
was given out, so a slot counts until every permit in it has been dead for the length of the
quota's window. That is stricter than the quota by a few seconds, and never laxer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

WINDOW_SECONDS = 60.0
SLOT_SECONDS = 5
PERMIT_SECONDS = 5.0
"""How long a permit is good after it was given out."""

Slots = list[list[int]]
"""[number of the slot since the epoch, calls given out in it], oldest first."""


@dataclass(frozen=True)
class Quota:
    """What is known of one company's quota for one service; times are UTC.

    `closed_until`: COVA wants no call before then. `catalogue_closed_until`: what is left of the
    quota belongs to orders.
    """

    per_minute: int
    recent: Sequence[Sequence[int]] = ()
    closed_until: datetime | None = None
    catalogue_closed_until: datetime | None = None


@dataclass(frozen=True)
class Grant:
    """So many calls may be made now; with none, `wait_seconds` says when to ask again."""

    calls: int
    wait_seconds: float = 0.0


def slots_that_count(slots: Iterable[Sequence[int]], now: datetime) -> Slots:
    """The slots whose calls may still fall into the same minute as a call made now."""
    moment = now.timestamp()
    return sorted([int(slot), int(calls)] for slot, calls in slots if _counts_until(slot) > moment)


def calls_that_count(slots: Iterable[Sequence[int]], now: datetime) -> int:
    """How many calls were given out that still count."""
    return sum(calls for _, calls in slots_that_count(slots, now))


def seconds_until_free(slots: Iterable[Sequence[int]], now: datetime, *, allowed: int) -> float:
    """How long until fewer than `allowed` calls count; 0 when that is so now."""
    counting = slots_that_count(slots, now)
    surplus = sum(calls for _, calls in counting) - allowed
    wait = 0.0
    for slot, calls in counting:
        if surplus < 0:
            break
        surplus -= calls
        wait = _counts_until(slot) - now.timestamp()
    return wait


def with_calls(slots: Iterable[Sequence[int]], now: datetime, calls: int) -> Slots:
    """The slots that count, with so many more calls given out now."""
    number_by_slot = {slot[0]: slot[1] for slot in slots_that_count(slots, now)}
    current = int(now.timestamp()) // SLOT_SECONDS
    number_by_slot[current] = number_by_slot.get(current, 0) + calls
    return sorted([slot, given] for slot, given in number_by_slot.items())


def _counts_until(slot: int) -> float:
    return (slot + 1) * SLOT_SECONDS + PERMIT_SECONDS + WINDOW_SECONDS
