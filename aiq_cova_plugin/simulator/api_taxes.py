"""Tax style of the locations, tax rates and tax calculation (section 7)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, Response

from .orders import new_id
from .product_json import tax_rates as tax_rate_documents
from .taxes import TaxShare, exclusive_taxes, included_taxes, to_cents, total
from .wire import ApiError, Fields, answer, number, read_body, wire_time
from .world import World, the_world

blueprint = Blueprint("api_taxes", __name__)
_V1 = "/taxes/v1/companies(<int:company>)"


@blueprint.get(_V1 + "/taxpricingconfiguration")
def tax_configuration(company: int) -> Response:
    """Which locations price with tax; one without an entry is Exclusive."""
    world = the_world()
    entries = [
        {
            "Id": 400 + position,
            "LocationId": location_id,
            "CompanyId": company,
            "TaxPricing": pricing,
        }
        for position, location_id in enumerate(world.account.location_ids, start=1)
        if (pricing := world.register.sales.tax_pricing(location_id)) is not None
    ]
    return answer([{"Id": 40, "CompanyId": company, "Configurations": entries}])


@blueprint.get(_V1 + "/taxrates")
def tax_rates(company: int) -> Response:
    """All tax rates of the company."""
    return answer(tax_rate_documents(the_world().state.tax_rates))


@blueprint.post("/taxes/v2/taxcalculation")
def tax_calculation() -> Response:
    """The taxes on top of prices without tax, per line and in total."""
    world, body = the_world(), read_body()
    location_id = _location(world, body)
    lines, sums = [], Decimal(0)
    for item in body.objects("LineItems"):
        quantity, price = _need(item, "Quantity"), _need(item, "Price")
        product_id = item.guid("ProductCatalogId") or ""
        rates = world.register.sales.rates_for(product_id, location_id)
        shares = exclusive_taxes(quantity * price, rates)
        tax = total(shares)
        sums += to_cents(tax) if world.switches.tax_rounding == "line" else tax
        lines.append(
            {
                "LineNumber": item.text("LineNumber"),
                "ProductCatalogId": product_id,
                "Quantity": number(quantity),
                "Price": number(price),
                "Tax": number(to_cents(tax)),
                "UnroundedTax": number(tax),
                "Taxable": bool(rates),
                "TaxDetails": [_detail(share) for share in shares],
            }
        )
    return answer(
        {
            "Id": new_id(),
            "SaleId": None,
            "CompanyId": world.account.company_id,
            "EntityId": location_id,
            "LineItems": lines,
            "Status": "Success",
            "TaxCalculationDateUtc": wire_time(world.clock.now()),
            "TaxTotals": [],
            "TotalTaxAmount": number(to_cents(sums)),
        }
    )


@blueprint.post("/taxes/v2/taxinclusivecalculation")
def tax_inclusive_calculation() -> Response:
    """The taxes contained in line amounts that have them in."""
    world, body = the_world(), read_body()
    location_id = _location(world, body)
    lines, sums = [], Decimal(0)
    for item in body.objects("LineItems"):
        amount = _need(item, "LineDollarAmount")
        product_id = item.guid("CatalogId") or ""
        rates = world.register.sales.rates_for(product_id, location_id)
        shares = included_taxes(amount, rates)
        tax = total(shares)
        sums += to_cents(tax) if world.switches.tax_rounding == "line" else tax
        lines.append(
            {
                "CatalogId": product_id,
                "Quantity": number(_need(item, "Quantity")),
                "LineDollarAmount": number(amount),
                "PerUnitBasePriceListPrice": number(item.decimal("PerUnitBasePriceListPrice")),
                "Tax": number(to_cents(tax)),
                "UnroundedTax": number(tax),
                "Taxable": bool(rates),
                "Taxes": [
                    {
                        "TaxId": share.rate.id,
                        "TaxRateType": "Percentage",
                        "TaxCalculatedOn": share.rate.calculated_on,
                        "Layer": share.rate.layer,
                        "Rate": number(share.rate.rate),
                        "TaxName": share.rate.name,
                        "TaxDisplayName": share.rate.display_name,
                        "LineTax": number(to_cents(share.amount)),
                        "LineUnroundedTax": number(share.amount),
                    }
                    for share in shares
                ],
            }
        )
    return answer(
        {
            "Id": world.state.next_number(),
            "CompanyId": world.account.company_id,
            "EntityId": location_id,
            "LineItems": lines,
            "Status": "Success",
            "TaxCalculationDateUtc": wire_time(world.clock.now()),
            "TotalTaxAmount": number(to_cents(sums)),
        }
    )


def _location(world: World, body: Fields) -> int:
    if body.integer("CompanyId") != world.account.company_id:
        raise ApiError(world.switches.wrong_company_status, "You do not have access.")
    location_id = body.integer("EntityId")
    if location_id not in world.account.location_ids:
        raise ApiError(world.switches.unknown_location_status, "Entity is not related to company")
    return location_id


def _need(item: Fields, key: str) -> Decimal:
    value = item.decimal(key)
    if value is None:
        raise ApiError(400, f"{key} is required.")
    return value


def _detail(share: TaxShare) -> dict[str, Any]:
    return {
        "TaxId": share.rate.id,
        "Rate": number(share.rate.rate),
        "TaxName": share.rate.name,
        "Tax": number(to_cents(share.amount)),
        "UnroundedTax": number(share.amount),
    }
