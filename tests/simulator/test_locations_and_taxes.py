"""Sections 3, 5, 6 and 7: locations, stock and prices outside the feed, taxes."""

from __future__ import annotations

from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator

from .conftest import Caller

STOCK = "/availability/v1/Companies({c})"


def test_locations_and_tree(sim: Simulator, caller: Caller) -> None:
    found = caller.get("/entitymanager/v1/Companies({c})/Locations").json()

    assert [item["Id"] for item in found] == [sim.location_id, sim.second_location_id]
    assert list(found[0])[:3] == ["LocationStatus", "LocationType", "LocationSubType"]
    assert found[0]["TimeZone"]["Id"] == "Mountain Standard Time"
    assert isinstance(found[0]["Address"]["Zip"], str)
    one = caller.get("/entitymanager/v1/Companies({c})/Locations({l})").json()
    assert one == found[0]
    assert caller.get("/entitymanager/v1/Companies({c})/Locations(5)").status_code == 404
    tree = caller.get("/entitymanager/v1/Companies({c})/Tree").json()
    assert tree["Id"] == sim.company_id
    assert {node["Id"] for node in tree["Nodes"]} == {sim.location_id, sim.second_location_id}


@pytest.mark.parametrize("main", ["Exclusive", "Inclusive", "absent"])
def test_tax_configuration_of_each_location(sim: Simulator, caller: Caller, main: Any) -> None:
    sim.switches.tax_pricing = main

    (answer,) = caller.get("/taxes/v1/Companies({c})/TaxPricingConfiguration").json()

    assert answer["CompanyId"] == sim.company_id
    pricing = {item["LocationId"]: item["TaxPricing"] for item in answer["Configurations"]}
    assert pricing.get(sim.location_id, "absent") == main
    assert pricing[sim.second_location_id] == "Inclusive"


def test_tax_rates(caller: Caller) -> None:
    rates = caller.get("/taxes/v1/Companies({c})/TaxRates").json()

    assert [rate["Rate"] for rate in rates] == [0.05, 0.1, 0.01]


def test_tax_calculation_adds_layers(sim: Simulator, caller: Caller) -> None:
    product = sim.ordinary_products(1)[0]
    sim.state.products[product].tax_rate_ids = [rate.id for rate in sim.state.tax_rates]
    line = {"LineNumber": 1, "ProductCatalogId": product, "Quantity": 2, "Price": 10.0}
    body = {"CompanyId": sim.company_id, "EntityId": sim.location_id, "LineItems": [line]}

    answer = caller.call("POST", "/taxes/v2/TaxCalculation", body).json()

    assert answer["TotalTaxAmount"] == 3.0
    assert answer["LineItems"][0]["LineNumber"] == "1"
    assert [detail["Tax"] for detail in answer["LineItems"][0]["TaxDetails"]] == [1.0, 2.0]

    second = {**body, "EntityId": sim.second_location_id}
    layered = caller.call("POST", "/taxes/v2/TaxCalculation", second).json()
    assert layered["TotalTaxAmount"] == 1.21
    assert (
        caller.call("POST", "/taxes/v2/TaxCalculation", {**body, "EntityId": 5}).status_code == 500
    )
    assert (
        caller.call("POST", "/taxes/v2/TaxCalculation", {**body, "CompanyId": 5}).status_code == 403
    )


def test_inclusive_calculation_takes_the_tax_out(sim: Simulator, caller: Caller) -> None:
    product = sim.ordinary_products(1)[0]
    sim.state.products[product].tax_rate_ids = [sim.state.tax_rates[0].id]
    line = {"CatalogId": product, "Quantity": 1, "LineDollarAmount": 10.5}
    body = {"CompanyId": sim.company_id, "EntityId": sim.second_location_id, "LineItems": [line]}

    answer = caller.call("POST", "/taxes/v2/TaxInclusiveCalculation", body).json()

    assert answer["TotalTaxAmount"] == 0.5
    assert answer["LineItems"][0]["Taxes"][0]["LineTax"] == 0.5


def test_availability_counts_all_rooms_or_selling_rooms(sim: Simulator, caller: Caller) -> None:
    product = sim.ordinary_products(1)[0]
    vault = next(room for room in sim.account.rooms if not room.is_selling)
    sim.register.set_stock(product, 4)
    sim.register.set_stock(product, 10, room_id=vault.id)

    def quantity(path: str) -> float:
        rows = caller.get(STOCK + path).json()
        return float(next(row["Quantity"] for row in rows if row["Id"] == product))

    assert quantity("/Entities({l})/CatalogItems") == 14
    assert quantity("/Entities({l})/CatalogItems/SellingRoomOnly") == 4
    one = caller.get(f"{STOCK}/Entities({{l}})/CatalogItems({product})").json()
    assert one["Quantity"] == 14
    rows = caller.get(f"{STOCK}/CatalogItems({product})/Availability").json()
    assert rows[0]["EntityId"] == sim.location_id


def test_availability_without_record_is_a_404_and_foreign_location_a_500(
    sim: Simulator, caller: Caller
) -> None:
    bare = sim.register.add_product(stock=0)

    missing = caller.get(f"{STOCK}/Entities({{l}})/CatalogItems({bare})")
    assert missing.status_code == 404
    assert missing.json() == {"Message": "Resource cannot be found"}
    foreign = caller.get(STOCK + "/Entities(5)/CatalogItems")
    assert foreign.status_code == 500
    assert foreign.json()["Message"] == "Entity is not related to company"


def test_price_list(sim: Simulator, caller: Caller) -> None:
    path = "/pricing/v1/Companies({c})/ProductPrices"

    rows = caller.get(path + "?$filter=EntityId eq {l}&$skip=0&$top=1000").json()

    assert {"CatalogItemId", "RegularPrice", "AtTierPrice", "PricingGroupId"} <= set(rows[0])
    assert len(caller.get(path + "?$top=3").json()) == 3
    assert caller.get(path + "?$filter=Name eq 1").status_code == 400
    assert caller.get(path + "?$top=x").status_code == 400


def test_legacy_catalogue(sim: Simulator, caller: Caller) -> None:
    base = "/catalogs/v1/Companies({c})/Catalog/Items"
    product = sim.ordinary_products(1)[0]

    assert len(caller.get(base).json()) == 80
    details = caller.get(f"{base}({product})/ProductDetails").json()
    assert details["Specifications"][0]["Fields"][0]["DisplayName"]
    bulk = caller.call("POST", base + "/ProductDetails/Bulk", {"CatalogItemIds": [product]}).json()
    assert bulk == {"CatalogItems": {product: details}}
    assert caller.call("POST", base + "/ProductDetails/Bulk", {}).status_code == 400
    assert caller.get(f"{base}(1)/ProductDetails").status_code == 404
