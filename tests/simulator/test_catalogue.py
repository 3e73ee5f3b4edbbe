"""The seeded catalogue: deterministic, and every oddity of section 4 in it."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import requests

from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.simulator.vocabulary import LAB_NAMES, MESSY_VALUES

from .conftest import Caller


def test_the_same_seed_gives_the_same_products() -> None:
    one, two, other = (
        [product.name for product in Simulator(products=50, seed=seed).state.products.values()]
        for seed in (7, 7, 8)
    )

    assert one == two
    assert one != other


@pytest.mark.parametrize("count", [1, 2, 41, 400])
def test_the_count_is_exact_and_ids_are_unique(count: int) -> None:
    simulator = Simulator(products=count)

    assert len(simulator.state.products) == count
    assert simulator.delivery_fee_product_id in simulator.state.products


def test_ten_thousand_products_are_made() -> None:
    simulator = Simulator(products=10_000)

    assert len(simulator.state.products) == 10_000


def test_every_oddity_is_in_a_small_catalogue(sim: Simulator) -> None:
    products = list(sim.state.products.values())
    specifications = [field for product in products for field in product.specifications]
    names = {field.display_name for field in specifications}
    sales = [sale for product in products for row in product.prices for sale in row.sales]
    now = sim.clock.now()

    assert set(LAB_NAMES) <= names
    assert {"THC Min", "THC Max", "CBD Min", "CBD Max", "THC Potency", "THC Composition"} <= names
    assert {"COA", "COA Link", "Brand", "Brands", "Strain", "Net Weight", "Terpenes"} <= names
    assert {field.unit for field in specifications} >= {"%", "mg", "mg/g", "g", ""}
    assert any(sale.start and sale.end and sale.start <= now < sale.end for sale in sales)
    assert any(sale.end and sale.end < now for sale in sales)
    assert any(sale.start and sale.start > now for sale in sales)
    assert any(sale.recurrence for sale in sales)
    assert any(row.tier_quantity and row.at_tier_price for p in products for row in p.prices)
    assert any(row.group_name == "Employees" for p in products for row in p.prices)
    assert any(product.measurement == "Mass" for product in products)
    assert any(product.is_archived for product in products)
    assert any(not p.stock and not p.is_non_stock for p in products)
    assert any(row.quantity < 0 for product in products for row in product.stock)
    assert any(not product.prices for product in products)
    assert any(asset.is_hidden for product in products for asset in product.assets)
    assert any("<p>" in product.long_description for product in products)
    assert any(product.variation_id is None for product in products)
    assert all(upc.startswith("00") for product in products for upc in product.upcs)
    duplicates = [
        max(Counter(field.display_name for field in product.specifications).values(), default=0)
        for product in products
    ]
    assert max(duplicates) > 1


def test_untidy_values_are_in_a_large_catalogue() -> None:
    simulator = Simulator(products=1000)

    values = {
        field.value
        for product in simulator.state.products.values()
        for field in product.specifications
        if field.type == "Float"
    }

    assert set(MESSY_VALUES) <= values


def test_times_have_zero_to_seven_fractional_digits(caller: Caller) -> None:
    texts = re.findall(
        r'"(?:Created|Updated)DateUtc":"([^"]+)"',
        str(caller.products()).replace("'", '"').replace(": ", ":"),
    )

    assert texts
    digits = {len(text.rstrip("Z").partition(".")[2]) for text in texts}
    assert 0 in digits
    assert 7 in digits
    assert len(digits) >= 4


def test_pictures_come_from_the_simulator_itself(sim: Simulator, caller: Caller) -> None:
    products = caller.products()["Products"]
    uris = [asset["Uri"] for product in products for asset in product["Assets"]]

    assert uris
    assert all(uri.startswith(f"{sim.url}/assets/") for uri in uris)
    picture = requests.get(uris[0], timeout=5)
    assert picture.headers["Content-Type"].startswith("image/svg+xml")
    assert picture.text.startswith("<svg")
    for product in products:
        hidden = {asset["Id"] for asset in product["Assets"] if asset["IsHidden"]}
        assert product["HeroShotAssetId"] not in hidden
    assert requests.get(f"{sim.url}/assets/nothing.svg", timeout=5).status_code == 404


def test_an_added_product_is_in_the_feed(sim: Simulator, caller: Caller) -> None:
    created = sim.register.add_product(
        name="Fresh", price="3.25", stock=6, specifications={"THC Max": "20"}, upcs=["001"]
    )

    item = next(p for p in caller.products()["Products"] if p["ProductId"] == created)

    assert item["Name"] == "Fresh"
    assert item["Prices"][0]["Price"] == 3.25
    assert item["ProductSpecifications"][0]["Value"] == "20"
    assert item["Upcs"] == [{"UPC": "001", "Description": ""}]
    assert sum(row["InStockQuantity"] for row in item["Availability"]) == 6
