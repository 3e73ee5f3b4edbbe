"""Where a shop's product differs from what COVA says, field by field.

Pure, and the only place that decides it: the product pages, the list's filter, the macros and
the command line all ask here. Two spellings of one value are no difference: 10 and 10.00,
an empty text and none, lab values in another order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

import nh3

from aiq_cova_plugin.domain.field_values import decimal_text, encode_fields
from aiq_cova_plugin.domain.values import PRODUCT_FIELDS

MAY_BECOME_EMPTY = frozenset({"sale_price", "quantity", "enabled", "price_tiers"})
"""COVA saying "none" means something for these; for every other field an empty value from
COVA never erases what is there, unless staff say so for that field."""

_NUMBERS = frozenset({"price", "sale_price", "quantity"})
_IN_ANY_ORDER = frozenset({"labs", "price_tiers", "tags", "tax_rates"})


class Verdict(StrEnum):
    """How one field of the shop stands to COVA's."""

    SAME = "same"
    DIFFERS = "differs"
    SILENT = "silent"
    """COVA says nothing about the field, so there is nothing to differ from."""
    KEPT = "kept"
    """COVA's value is empty and the shop's is not; empty from COVA erases nothing."""
    UNKNOWN = "unknown"
    """What the shop has is not known."""


@dataclass(frozen=True)
class FieldComparison:
    """One field on both sides, in JSON form; None where a side has or says nothing.

    `follows_cova`: a sync overwrites it. Not so for a field of the staff, or of a locked product.
    """

    name: str
    cova: Any
    shop: Any
    verdict: Verdict
    follows_cova: bool


def compare_fields(
    cova: Mapping[str, Any],
    shop: Mapping[str, Any],
    *,
    following: Collection[str],
    erasable: Collection[str] = (),
) -> list[FieldComparison]:
    """Every product field, in the contract's order.

    `cova` and `shop` are dict: field → value (as in `ProductChange`, or its JSON form); a field
    that is not there is one COVA says nothing about, or one whose value in the shop is not
    known. `following` are the fields a sync overwrites, `erasable` those that an empty value
    from COVA may erase.
    """
    may_be_erased = MAY_BECOME_EMPTY | set(erasable)
    said, found = encode_fields(cova), encode_fields(shop)
    return [
        FieldComparison(
            name=name,
            cova=said.get(name),
            shop=found.get(name),
            verdict=_verdict(name, said, found, may_be_erased=name in may_be_erased),
            follows_cova=name in following,
        )
        for name in PRODUCT_FIELDS
    ]


def differing_names(compared: Iterable[FieldComparison]) -> tuple[str, ...]:
    """The names of the fields that differ."""
    return tuple(each.name for each in compared if each.verdict is Verdict.DIFFERS)


def _verdict(
    name: str, cova: Mapping[str, Any], shop: Mapping[str, Any], *, may_be_erased: bool
) -> Verdict:
    if name not in cova:
        return Verdict.SILENT
    if name not in shop:
        return Verdict.UNKNOWN
    if cova[name] == shop[name]:
        return Verdict.SAME
    wanted, found = _comparable(name, cova[name]), _comparable(name, shop[name])
    if wanted == found:
        return Verdict.SAME
    return Verdict.KEPT if wanted is None and not may_be_erased else Verdict.DIFFERS


def _comparable(name: str, value: Any) -> Any:
    """The value in a form in which equal things are equal; None for every kind of empty."""
    encoded = _plain(value)
    if encoded is None or encoded in ("", []):
        return None
    if name in _NUMBERS:
        return _number(encoded)
    if name == "description" and isinstance(encoded, str):
        return _html(encoded)
    if name in _IN_ANY_ORDER and isinstance(encoded, list):
        return sorted(encoded, key=repr)
    return encoded


def _html(text: str) -> str:
    """The HTML as a shop may store it that sanitises what it is given once more.

    It may break lines as a text field does, and say of links what its own rules want.
    """
    clean = nh3.clean(text, attributes={"a": {"href"}}, link_rel=None)
    return " ".join(clean.split())


def _plain(encoded: Any) -> Any:
    """JSON values whose numbers are all written the same way, texts without outer spaces."""
    match encoded:
        case bool():
            return encoded
        case int() | float():
            return decimal_text(Decimal(str(encoded)))
        case str():
            return encoded.strip()
        case list():
            return [_plain(each) for each in encoded]
        case dict():
            return {key: _plain(each) for key, each in sorted(encoded.items())}
        case _:
            return encoded


def _number(text: Any) -> Any:
    try:
        return Decimal(text)
    except (InvalidOperation, TypeError, ValueError):
        return text
