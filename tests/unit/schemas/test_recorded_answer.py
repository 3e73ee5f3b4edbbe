"""The one real answer at hand loads without a problem (it is not part of the project)."""

from decimal import Decimal
from pathlib import Path

import pytest

from aiq_cova_plugin.schemas.hashing import raw_product_hash
from aiq_cova_plugin.schemas.json_text import parse_json
from aiq_cova_plugin.schemas.products import load_product, load_tax_rate

PROJECT = Path(__file__).parents[3]
RECORDING = PROJECT.parent / "shared" / "recordings" / "detailed_product_data.json"


@pytest.fixture(scope="module")
def recorded():
    if not RECORDING.exists():
        pytest.skip(f"[no recordings] the recorded answer is not at {RECORDING}")
    return parse_json(RECORDING.read_bytes())


def test_every_product_loads_without_a_problem(recorded):
    loaded = [load_product(raw) for raw in recorded["Products"]]
    assert len(loaded) == 10
    assert [each.problems for each in loaded] == [()] * 10
    for raw, each in zip(recorded["Products"], loaded, strict=True):
        product = each.product
        assert product.product_id == raw["ProductId"].lower()
        assert product.name == raw["Name"]
        assert len(product.specifications) == len(raw["ProductSpecifications"])
        assert [one.value for one in product.specifications] == [
            one["Value"] for one in raw["ProductSpecifications"]
        ]
        assert product.supplier_skus == tuple(one["SKU"] for one in raw["SupplierSkus"])
        assert product.upcs == tuple(one["UPC"] for one in raw["Upcs"])
        assert [one.price for one in product.prices] == [one["Price"] for one in raw["Prices"]]
        assert product.availability == ()
        assert product.life_cycle == "Active"
        assert product.updated_at is not None


def test_tax_rates_are_those_the_products_name(recorded):
    rates = [load_tax_rate(raw) for raw in recorded["TaxRates"]]
    assert {rate.rate for rate in rates} >= {Decimal("0.05"), Decimal("0.07")}
    named = {
        rate_id
        for raw in recorded["Products"]
        for rate_id in load_product(raw).product.applicable_tax_rates
    }
    assert named <= {rate.id for rate in rates}


def test_every_product_has_its_own_hash(recorded):
    assert len({raw_product_hash(raw) for raw in recorded["Products"]}) == 10
