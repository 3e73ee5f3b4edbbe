"""What every form of the shop checks the same way: how long a text may be, what is an amount."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from aiq_cova_plugin.demo.columns import is_storable


def read_texts(posted: Mapping[str, str], lengths: Mapping[str, int]) -> dict[str, str]:
    """What was typed into these fields, trimmed and else as it is; empty for what is missing."""
    return {name: posted.get(name, "").strip() for name in lengths}


def length_errors(typed: Mapping[str, str], lengths: Mapping[str, int]) -> dict[str, str]:
    """dict: field that is too long, or holds what no page can show → what to say beside it.

    A `maxlength` in the page would cut off what is pasted without a word, so there is none.
    """
    errors = {}
    for name, longest in lengths.items():
        if len(typed[name]) > longest:
            errors[name] = (
                f"Please shorten this to {longest:,} characters; it has {len(typed[name]):,}."
            )
        elif "\x00" in typed[name]:
            errors[name] = "This holds a character that cannot be saved. Please type it again."
    return errors


def read_amount(text: str) -> Decimal | None:
    """The amount of money somebody typed, or None when it is none."""
    try:
        amount = Decimal(text.strip().lstrip("$"))
    except InvalidOperation:
        return None
    return amount if is_storable(amount) and amount >= 0 else None
