"""Which of COVA's customers is the shopper? The exact phone number, or a person decides.

Guessing a customer is worse than asking: the wrong one gets somebody else's order, name and
address (user-pains.md, number 9).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from aiq_cova_plugin.domain.phones import same_phone


@dataclass(frozen=True)
class Candidate:
    """One customer a search returned; `phones` and `emails` as COVA stores them."""

    customer_id: str
    phones: tuple[str, ...] = field(default=(), repr=False)
    emails: tuple[str, ...] = field(default=(), repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    date_of_birth: date | None = field(default=None, repr=False)
    is_disabled: bool = False
    merged_into: str | None = None


@dataclass(frozen=True)
class Wanted:
    """The shopper: `phone` as E.164, `country` of the store; the rest None when unknown."""

    phone: str = field(repr=False)
    country: str
    email: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    date_of_birth: date | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Match:
    """This one it is. `decided_by`: `phone`, or the tie-break `email`, `name`, `date_of_birth`."""

    customer_id: str
    decided_by: str


@dataclass(frozen=True)
class Ambiguous:
    """Several have the number and nothing tells them apart; a person must choose."""

    customer_ids: tuple[str, ...]


@dataclass(frozen=True)
class NoMatch:
    """Nobody has exactly this number."""


def merge_targets(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Ids of customers that candidates were merged into and that are not among them.

    Fetch these and call again with them added until it answers an empty tuple; then choose.
    """
    known = {each.customer_id for each in candidates}
    targets = (each.merged_into for each in candidates if each.merged_into is not None)
    return tuple(dict.fromkeys(each for each in targets if each not in known))


def choose_customer(candidates: Sequence[Candidate], wanted: Wanted) -> Match | Ambiguous | NoMatch:
    """The one candidate whose phone number is exactly `wanted.phone`.

    A customer merged into another stands for that other one, phone number included; a
    disabled one that was not merged, or whose successor is unknown, is skipped. When
    several remain, e-mail, then name, then date of birth narrow them down; each counts
    only where it fits at least one of them. Still several: `Ambiguous`.
    """
    remaining = _people_with_phone(candidates, wanted)
    if not remaining:
        return NoMatch()
    if len(remaining) == 1:
        return Match(remaining[0].customer_id, decided_by="phone")
    for name, fits in _TIE_BREAKS:
        fitting = [each for each in remaining if fits(each, wanted)]
        if len(fitting) == 1:
            return Match(fitting[0].customer_id, decided_by=name)
        remaining = fitting or remaining
    return Ambiguous(tuple(each.customer_id for each in remaining))


def is_surely(candidate: Candidate, wanted: Wanted) -> bool:
    """Is it the shopper, and not another of the household who share the number?

    The e-mail or the full name must agree, and nothing that both sides know may differ.
    """
    return (_same_email(candidate, wanted) or _same_name(candidate, wanted)) and not (
        _differs(candidate.first_name, wanted.first_name)
        or _differs(candidate.last_name, wanted.last_name)
        or (candidate.emails and wanted.email and not _same_email(candidate, wanted))
        or (
            candidate.date_of_birth is not None
            and wanted.date_of_birth is not None
            and not _same_date_of_birth(candidate, wanted)
        )
    )


def is_same_shopper(one: Wanted, other: Wanted) -> bool:
    """Did one person place both orders? All that each says must be equal, and say who it is."""
    return _identity(one) == _identity(other) and any(_identity(one)[2:5])


def _identity(wanted: Wanted) -> tuple[object, ...]:
    return (
        wanted.phone,
        wanted.country,
        (wanted.email or "").strip().casefold(),
        _plain(wanted.first_name),
        _plain(wanted.last_name),
        wanted.date_of_birth,
    )


def _differs(name: str, wanted: str | None) -> bool:
    """Are both known and unequal?"""
    return bool(_plain(name) and _plain(wanted)) and _plain(name) != _plain(wanted)


def _people_with_phone(candidates: Sequence[Candidate], wanted: Wanted) -> list[Candidate]:
    by_id = {each.customer_id: each for each in candidates}
    people: dict[str, Candidate] = {}
    for candidate in by_id.values():
        if any(same_phone(phone, wanted.phone, wanted.country) for phone in candidate.phones):
            survivor = _survivor(candidate, by_id)
            if survivor is not None and not survivor.is_disabled:
                people[survivor.customer_id] = survivor
    return list(people.values())


def _survivor(candidate: Candidate, by_id: dict[str, Candidate]) -> Candidate | None:
    """The end of the chain of mergers; None when it is unknown or runs in a circle."""
    seen: set[str] = set()
    current: Candidate | None = candidate
    while current is not None and current.merged_into is not None:
        if current.customer_id in seen:
            return None
        seen.add(current.customer_id)
        current = by_id.get(current.merged_into)
    return current


def _same_email(candidate: Candidate, wanted: Wanted) -> bool:
    email = (wanted.email or "").strip().casefold()
    return email != "" and any(each.strip().casefold() == email for each in candidate.emails)


def _same_name(candidate: Candidate, wanted: Wanted) -> bool:
    first, last = _plain(wanted.first_name), _plain(wanted.last_name)
    if not (first and last):
        return False
    return (_plain(candidate.first_name), _plain(candidate.last_name)) == (first, last)


def _same_date_of_birth(candidate: Candidate, wanted: Wanted) -> bool:
    born = wanted.date_of_birth
    return born is not None and candidate.date_of_birth == born


def _plain(name: str | None) -> str:
    decomposed = unicodedata.normalize("NFKD", (name or "").casefold())
    return " ".join("".join(each for each in decomposed if not unicodedata.combining(each)).split())


_TIE_BREAKS: tuple[tuple[str, Callable[[Candidate, Wanted], bool]], ...] = (
    ("email", _same_email),
    ("name", _same_name),
    ("date_of_birth", _same_date_of_birth),
)
