"""One thing on which the shop, the plugin and COVA do not agree."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.field_values import decimal_text

SYNC, POLL, SWEEP, RETRY, FREE_STOCK = "sync", "poll", "sweep", "retry", "free_stock"
"""What puts a difference right at the press of a button. Empty: a person must look."""


@dataclass(frozen=True)
class Difference:
    """The contract's keys, and beside them why it is so and what puts it right.

    A side that has no say is None. `order_id` and `cova_product_id` name the thing, as far as
    there is one; `name` is how staff know it.
    """

    kind: str
    subject: str
    host: str | None
    plugin: str | None
    cova: str | None
    fix: str
    cause: str = ""
    action: str = ""
    name: str = ""
    order_id: str | None = None
    cova_product_id: str | None = None

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


LONGEST_VALUE = 120


def value_text(value: Any) -> str | None:
    """A field's value in its JSON form, for a difference, cut where it is long."""
    if value is None:
        return None
    if isinstance(value, list):
        return f"{len(value)} values"
    if isinstance(value, dict):
        text = " ".join(str(each) for each in value.values() if each not in (None, ""))
    else:
        text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def text_of(value: Decimal | None) -> str | None:
    """A quantity for a difference; None stays None."""
    return None if value is None else decimal_text(value)
