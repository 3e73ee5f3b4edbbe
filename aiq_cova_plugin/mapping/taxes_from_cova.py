"""The taxes that apply to a product at a location (cova-api.md section 4.9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.domain.values import TaxRate
from aiq_cova_plugin.schemas import records


class TaxesReading(NamedTuple):
    """`rates` is None when COVA did not say, or not all of it; empty when no tax applies."""

    rates: tuple[TaxRate, ...] | None
    issues: tuple[FieldIssue, ...]


def taxes_from_cova(
    product: records.Product, location_id: int, tax_rates: Mapping[str, records.TaxRate]
) -> TaxesReading:
    """The product's rates at the location, by layer; `tax_rates` maps lower-case id → rate.

    All or nothing: when one rate is unknown, unreadable or no percentage, half a list would
    be a wrong tax, so the field is left alone and an issue says which one.
    """
    if product.applicable_tax_rates is None:
        return TaxesReading(None, ())
    found: list[records.TaxRate] = []
    for tax_id in product.applicable_tax_rates:
        rate = tax_rates.get(tax_id.lower())
        if rate is None:
            return _unreadable(product, "COVA did not describe one of the product's taxes.")
        if rate.locations and location_id not in rate.locations:
            continue
        if rate.rate is None or not rate.rate.is_finite() or not 0 <= rate.rate <= 10:
            return _unreadable(product, f"The rate of the tax {_name(rate)} cannot be read.")
        if rate.type.strip().casefold() not in ("percentage", ""):
            return _unreadable(product, f"The tax {_name(rate)} is not a percentage.")
        found.append(rate)
    found.sort(key=lambda each: each.layer or 0)
    taxes = tuple(TaxRate(_name(each), each.rate) for each in found if each.rate is not None)
    return TaxesReading(taxes, ())


def _unreadable(product: records.Product, reason: str) -> TaxesReading:
    return TaxesReading(None, (FieldIssue(product.product_id, "tax_rates", reason),))


def _name(rate: records.TaxRate) -> str:
    return (rate.display_name or "").strip() or rate.name.strip()
