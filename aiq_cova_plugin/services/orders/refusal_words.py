"""What staff should do about an order that COVA refused, with or without a cause."""

from __future__ import annotations

import re

_SAYS_NOTHING = frozenset(
    {"a", "an", "bad", "be", "because", "been", "could", "cova", "error", "failed", "for", "has"}
    | {"in", "invalid", "is", "not", "occurred", "of", "order", "process", "processed", "rejected"}
    | {"refused", "request", "sales", "saved", "submitted", "the", "this", "to", "unknown"}
    | {"valid", "validation", "was"}
)
"""COVA's words of which no combination says what is wrong."""


def what_to_do(message: str) -> str:
    """What to do about an order that COVA refused with this message; usual causes where it
    names none."""
    words = set(re.findall(r"\w+", message.casefold()))
    if words - _SAYS_NOTHING:
        return "Repair what COVA names, then press Retry, or enter it at the register by hand."
    return (
        "COVA names no cause. Usual ones: a product that was archived or deleted in COVA, a price "
        "or discount COVA does not allow, a blocked customer, a purchase limit. Look for it in "
        "COVA and press Retry; or enter the order at the register by hand, or withdraw it."
    )
