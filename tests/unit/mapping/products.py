"""COVA products for tests, and the one line that maps them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.catalogue import ProductSnapshot
from aiq_cova_plugin.mapping.product_from_cova import product_from_cova
from aiq_cova_plugin.schemas import records

HERE = 1001
ELSEWHERE = 1002
COMPANY = 1000
PRODUCT_ID = "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0001"


def product(**values: Any) -> records.Product:
    """An active product of which COVA says only this."""
    return records.Product(product_id=PRODUCT_ID, **({"life_cycle": "Active"} | values))


def spec(
    display_name: str, value: str, unit: str = "", field_id: int | None = None
) -> records.Specification:
    """One specification."""
    return records.Specification(field_id, display_name, value, "TextSingleLine", unit)


def with_specs(*specs: tuple[str, ...] | records.Specification) -> records.Product:
    """A product with these specifications, each `(name, value[, unit])`."""
    return product(
        specifications=tuple(
            each if isinstance(each, records.Specification) else spec(*each) for each in specs
        )
    )


def price(amount: str | None, **values: Any) -> records.Price:
    """A price row of this location, inherited from the company."""
    defaults: dict[str, Any] = {
        "location_id": HERE,
        "from_entity_id": COMPANY,
        "tier_id": None,
        "tier_quantity": None,
        "group_id": None,
        "price": None if amount is None else Decimal(amount),
        "at_tier_price": None,
    }
    return records.Price(**(defaults | values))


def snapshot_of(cova_product: records.Product, **arguments: Any) -> ProductSnapshot:
    """The product mapped for this location."""
    return product_from_cova(cova_product, **({"location_id": HERE, "tax_rates": {}} | arguments))
