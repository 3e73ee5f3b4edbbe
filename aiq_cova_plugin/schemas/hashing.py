"""The fingerprint of a raw product, so that an unchanged one need not be read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

LARGEST_PRODUCT = 2_000_000
"""Characters of JSON beyond which a product is not looked at; a real one has a few thousand."""

_LONGEST_PLAIN = 30
"""Digits up to which a number is written out: 1E+999999 would be a megabyte."""

CONFIDENTIAL_KEYS = frozenset({"UnitCost", "TotalCostInStock"})
"""What the retailer paid (cova-api.md section 4.7): never stored, shown or compared."""


def raw_product_hash(raw: Mapping[str, Any]) -> str:
    """32 hex digits: the same for the same content, whatever the order of the keys.

    Costs are ignored, and 10, 10.0 and 10.00 are the same number. Raises ValueError when the
    product is too large or too deeply nested to be looked at.
    """
    try:
        document = json.dumps(
            without_costs(raw), sort_keys=True, separators=(",", ":"), default=_number_form
        )
    except RecursionError as exc:
        raise ValueError("is nested too deeply") from exc
    if len(document) > LARGEST_PRODUCT:
        raise ValueError("is larger than any product can be")
    return hashlib.blake2b(document.encode(), digest_size=16).hexdigest()


def without_costs(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A shallow copy of a raw product without the confidential costs of its stock rows."""
    kept = {key: value for key, value in raw.items() if key not in CONFIDENTIAL_KEYS}
    rows = kept.get("Availability")
    if isinstance(rows, list):
        kept["Availability"] = [
            {key: value for key, value in row.items() if key not in CONFIDENTIAL_KEYS}
            if isinstance(row, dict)
            else row
            for row in rows
        ]
    return kept


def _number_form(value: object) -> Any:
    if not isinstance(value, Decimal):
        raise TypeError(f"not a JSON value: {type(value).__name__}")
    if not value.is_finite():
        return ["decimal", str(value)]
    if value == value.to_integral_value() and value.adjusted() < _LONGEST_PLAIN:
        return int(value)
    # A list, so that the number 1.5 and the text "1.5" do not look the same.
    if abs(value.adjusted()) < _LONGEST_PLAIN:
        return ["decimal", format(value.normalize(), "f")]
    return ["decimal", str(value)]
