"""Locations (cova-api.md section 3.1) and the tax pricing configuration (section 7)."""

from __future__ import annotations

from typing import Any, Literal

from aiq_cova_plugin.errors import ContractBroken
from aiq_cova_plugin.schemas.base import RecordSchema
from aiq_cova_plugin.schemas.fields import ListOf, Text, Whole
from aiq_cova_plugin.schemas.records import (
    Location,
    LocationTaxPricing,
    TaxPricingConfiguration,
)

TaxPricing = Literal["Inclusive", "Exclusive"]


class LocationSchema(RecordSchema[Location]):
    """One location of the company tree."""

    record = Location
    noun = "a location"

    id = Whole("Id", required=True)
    name = Text("Name", nothing="")
    status = Text("LocationStatus")


class LocationTaxPricingSchema(RecordSchema[LocationTaxPricing]):
    """One `Configurations` element of the tax pricing configuration."""

    record = LocationTaxPricing
    noun = "a tax pricing entry"

    location_id = Whole("LocationId", required=True)
    tax_pricing = Text("TaxPricing", nothing="")


class TaxPricingConfigurationSchema(RecordSchema[TaxPricingConfiguration]):
    """One element of the tax pricing configuration."""

    record = TaxPricingConfiguration
    noun = "a tax pricing configuration"

    company_id = Whole("CompanyId")
    configurations = ListOf(
        "Configurations", LocationTaxPricingSchema(), nothing=(), all_or_nothing=True
    )


def load_location(raw: Any) -> Location:
    """Read one location. Raises ContractBroken."""
    return _LOCATION.read(raw)


def load_tax_pricing(elements: list[Any], *, location_id: int) -> TaxPricing:
    """How this location's prices stand to tax; Exclusive when it has no entry (section 7).

    Raises ContractBroken for an entry that cannot be read: guessing would send the order by
    the wrong call, with the wrong amounts.
    """
    for raw in elements:
        configuration, problems = _TAX_PRICING.gather(raw)
        if problems:
            where, why = problems[0]
            raise ContractBroken(
                f"COVA sent a tax pricing configuration that cannot be read: {where} {why}.",
                field="TaxPricing",
            )
        for entry in configuration.configurations:
            if entry.location_id == location_id:
                return _named(entry.tax_pricing)
    return "Exclusive"


def _named(text: str) -> TaxPricing:
    match text.strip().lower():
        case "inclusive":
            return "Inclusive"
        case "exclusive":
            return "Exclusive"
    raise ContractBroken(
        "COVA sent a tax pricing that is neither Inclusive nor Exclusive, so it is not known "
        "whether prices hold the tax.",
        field="TaxPricing",
    )


_LOCATION = LocationSchema()
_TAX_PRICING = TaxPricingConfigurationSchema()
