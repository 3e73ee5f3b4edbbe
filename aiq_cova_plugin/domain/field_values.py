"""Product field values to and from JSON, so that they can be stored, compared and shown.

`Decimal` becomes text (never a float), written without trailing zeros so that 10 and
10.00 compare equal; `Weight`, `LabValue` and `PriceTier` become objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.values import LabValue, PriceTier, TaxRate, Weight


def decimal_text(value: Decimal) -> str:
    """The number as plain text, no exponent and no trailing zeros: 10.50 → `10.5`."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def _optional_decimal(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)


def encode_value(value: Any) -> Any:
    """The JSON form of one field value; texts, booleans, numbers and None stay as they are."""
    match value:
        case Decimal():
            return decimal_text(value)
        case Weight():
            return {"value": decimal_text(value.value), "unit": value.unit}
        case LabValue():
            return {
                "name": value.name,
                "value": _optional_decimal(value.value),
                "max_value": _optional_decimal(value.max_value),
                "unit": value.unit,
                "text": value.text,
            }
        case PriceTier():
            return {
                "min_quantity": decimal_text(value.min_quantity),
                "total_price": decimal_text(value.total_price),
            }
        case TaxRate():
            return {"name": value.name, "rate": decimal_text(value.rate)}
        case list() | tuple():
            return [encode_value(each) for each in value]
        case Mapping():
            return {str(key): encode_value(each) for key, each in value.items()}
        case _:
            return value


def encode_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form of a `ProductChange`'s fields."""
    return {name: encode_value(value) for name, value in fields.items()}
