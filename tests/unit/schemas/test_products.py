"""Products as COVA sends them, and how much of a broken one survives."""

import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiq_cova_plugin.errors import ContractBroken
from aiq_cova_plugin.schemas.products import (
    PriceSchema,
    ProductSchema,
    SalePriceField,
    load_product,
    load_tax_rate,
)
from aiq_cova_plugin.schemas.records import (
    Asset,
    Availability,
    Price,
    Product,
    SalePrice,
    Specification,
)


@pytest.fixture
def raw(payload) -> dict[str, Any]:
    return payload("product_page")["Products"][0]


def test_a_whole_product(raw):
    loaded = load_product(raw)

    assert loaded.problems == ()
    assert loaded.product == Product(
        product_id="0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0001",
        name="Northern Test Haze 3.5g",
        master_product_name="Northern Test Haze",
        catalog_sku="TEST0002",
        is_archived=False,
        measurement_type="SingleUnit",
        is_batch_tracked=True,
        is_non_stock=False,
        life_cycle="Active",
        classification_id=9002,
        classification_name="Sativa",
        classification_path="Flower > Sativa",
        short_description="Demo flower.",
        long_description="Demo flower, invented.",
        hero_shot_uri=None,
        manufacturer=None,
        supplier_skus=("SUP-77",),
        upcs=("00012345678905",),
        specifications=(
            Specification(101, "THC Max", "24.5", "Float", "%"),
            Specification(102, "COA Link", "https://labs.example/coa/1.pdf", "TextSingleLine", ""),
        ),
        assets=(
            Asset(
                "9a3d9c2e-3333-4a42-8d11-000000000001", "https://img.example/1.jpg", "Image", False
            ),
        ),
        availability=(Availability(1001, 31, "PKG-0001", Decimal(12), True),),
        prices=(
            Price(
                1001,
                1000,
                None,
                None,
                None,
                Decimal("32.10"),
                None,
                (
                    SalePrice(
                        Decimal("28.05"),
                        datetime(2026, 1, 1, tzinfo=UTC),
                        datetime(2026, 2, 1, tzinfo=UTC),
                    ),
                ),
            ),
        ),
        company_level_price=Price(None, None, None, None, None, Decimal(32), None, ()),
        applicable_tax_rates=("5d7f8d3e-4444-4c0e-9f3b-000000000001",),
        updated_at=datetime(2026, 1, 15, 17, 35, 33, 559628, tzinfo=UTC),
    )


def test_money_never_was_a_float(raw):
    product = load_product(raw).product
    assert str(product.prices[0].price) == "32.10"


def test_what_cova_leaves_out_is_none_and_what_it_sends_empty_is_empty(payload):
    product = load_product(payload("product_page")["Products"][1]).product
    assert product.specifications is None
    assert product.assets is None
    assert product.upcs is None
    assert product.availability == ()
    assert product.applicable_tax_rates == ()
    assert product.company_level_price is None
    assert [price.tier_quantity for price in product.prices] == [1, 3]


def test_an_id_alone_is_a_product():
    loaded = load_product({"ProductId": "A"})
    assert loaded.product == Product(product_id="a")
    assert loaded.problems == ()


@pytest.mark.parametrize(
    ("key", "broken", "where"),
    [
        ("ProductSpecifications", {"Value": {}}, "[0].Value"),
        ("ProductSpecifications", "text", "[0]"),
        ("ProductSpecifications", {"FieldId": "x"}, "[0].FieldId"),
        ("Assets", {"IsHidden": "perhaps"}, "[0].IsHidden"),
        ("Upcs", {"UPC": []}, "[0]"),
        ("SupplierSkus", None, "[0]"),
    ],
)
def test_a_broken_element_is_set_aside_alone(raw, key, broken, where):
    whole = load_product(raw).product
    raw[key] = [broken, *raw[key]]
    loaded = load_product(raw)
    assert [field for field, _ in loaded.problems] == [key + where]
    assert loaded.product == whole


@pytest.mark.parametrize(
    ("key", "attribute", "broken"),
    [
        ("Availability", "availability", {"InStockQuantity": "many"}),
        ("Availability", "availability", 5),
        ("Prices", "prices", {"Price": "NaN"}),
        ("Prices", "prices", {"TierQuantity": []}),
        ("ApplicableTaxRates", "applicable_tax_rates", 7),
    ],
)
def test_lists_that_add_up_are_kept_whole_or_not_at_all(raw, key, attribute, broken):
    """Stock without one row, or a tier list without one tier, would be a wrong number."""
    raw[key] = [*raw[key], broken]
    loaded = load_product(raw)
    assert getattr(loaded.product, attribute) is None
    ((field, reason),) = loaded.problems
    assert field.startswith(f"{key}[1]")
    assert reason.startswith("is ")


def test_all_broken_is_an_empty_list(raw):
    raw["Upcs"] = [3]
    loaded = load_product(raw)
    assert loaded.product.upcs == ()
    assert loaded.problems == (("Upcs[0]", "is not an object"),)


@pytest.mark.parametrize(
    ("key", "attribute", "broken"),
    [
        ("UpdatedDateUtc", "updated_at", "yesterday"),
        ("LongDescription", "long_description", ["a"]),
        ("Prices", "prices", {"Price": 3}),
        ("ClassificationId", "classification_id", "x"),
        ("CompanyLevelRegularPrice", "company_level_price", {"Price": "x"}),
    ],
)
def test_a_broken_plain_field_becomes_none(raw, key, attribute, broken):
    raw[key] = broken
    loaded = load_product(raw)
    assert getattr(loaded.product, attribute) is None
    assert [field for field, _ in loaded.problems] == [key]


@pytest.mark.parametrize("key", ["LifeCycle", "IsArchived", "IsNonStock", "MeasurementType"])
def test_without_the_fields_that_decide_about_showing_the_product_is_refused(raw, key):
    raw[key] = []
    with pytest.raises(ContractBroken) as caught:
        load_product(raw)
    assert caught.value.field == key
    assert raw["ProductId"] in caught.value.message
    assert key in caught.value.message


@pytest.mark.parametrize("product_id", [None, "", 5, [], "x" * 500])
def test_a_product_without_an_id_is_refused(raw, product_id):
    raw["ProductId"] = product_id
    with pytest.raises(ContractBroken) as caught:
        load_product(raw)
    assert caught.value.field == "ProductId"
    assert "without an id" in caught.value.message


@pytest.mark.parametrize("raw_product", [None, [], "text", 5])
def test_a_product_that_is_no_object_is_refused(raw_product):
    with pytest.raises(ContractBroken):
        load_product(raw_product)


SALE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw_sale", "expected"),
    [
        ({"SalePrice": 5, "Price": 6, "Amount": 7}, SalePrice(Decimal(5), None, None)),
        ({"SalePrice": None, "Price": 6}, SalePrice(Decimal(6), None, None)),
        ({"Amount": "7.5"}, SalePrice(Decimal("7.5"), None, None)),
        ({"SalePrice": 0}, SalePrice(Decimal(0), None, None)),
        ({"Price": 5, "StartDateUtc": "2026-01-01T00:00:00Z"}, SalePrice(Decimal(5), SALE, None)),
        ({"Price": 5, "StartDateUTC": "2026-01-01T00:00:00Z"}, SalePrice(Decimal(5), SALE, None)),
        ({"Price": 5, "StartDate": "2026-01-01"}, SalePrice(Decimal(5), SALE, None)),
        ({"Price": 5, "EndDateUtc": "2026-01-01"}, SalePrice(Decimal(5), None, SALE)),
        ({"Price": 5, "StopDateUtc": "2026-01-01"}, SalePrice(Decimal(5), None, SALE)),
        ({"Price": 5, "StopDateUTC": "2026-01-01"}, SalePrice(Decimal(5), None, SALE)),
        ({"Price": 5, "EndDate": "2026-01-01"}, SalePrice(Decimal(5), None, SALE)),
        (
            {"Price": 5, "DaysOfWeek": ["Monday"], "Zeta": 0},
            SalePrice(Decimal(5), None, None, ("DaysOfWeek", "Zeta")),
        ),
        (
            {"Price": 5, "DaysOfWeek": None, "TimeRules": [], "Note": ""},
            SalePrice(Decimal(5), None, None),
        ),
        ({"Price": 5, "EndDate": "some day"}, SalePrice(Decimal(5), None, None, ("EndDate",))),
        ({"Price": "cheap"}, SalePrice(None, None, None, ("Price",))),
        ({"Price": 5, "LocationId": 7}, SalePrice(Decimal(5), None, None, location_id=7)),
        ({"Price": 5, "LocationId": "x"}, SalePrice(Decimal(5), None, None, ("LocationId",))),
        ({}, SalePrice(None, None, None)),
        (5, SalePrice(None, None, None, ("an element that is not an object",))),
    ],
)
def test_sale_prices_are_read_by_tolerant_look_up(raw_sale, expected):
    assert SalePriceField("").read(raw_sale) == expected


def test_a_strange_sale_price_does_not_cost_the_price():
    price = PriceSchema().read({"Price": 5, "SalePrices": [7, {"SalePrice": 4}]})
    assert price.price == 5
    assert [sale.amount for sale in price.sale_prices] == [None, Decimal(4)]


def test_tax_rate(payload):
    rate = load_tax_rate(payload("product_page")["TaxRates"][0])
    assert (rate.name, rate.display_name, rate.rate, rate.locations) == (
        "State tax",
        None,
        Decimal("0.07"),
        (1001,),
    )
    with pytest.raises(ContractBroken):
        load_tax_rate({"Id": "a", "Rate": "much"})


# The machine that runs this may be busy with other things: slow is not wrong.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=80)
SHORT_TEXT = st.text(alphabet="aZ09.-+: é", max_size=6)
JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | SHORT_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SHORT_TEXT, inner, max_size=3),
    max_leaves=5,
)
PRODUCT_KEYS = [field.data_key for field in ProductSchema().fields.values()]


@UNHURRIED
@given(raw=st.dictionaries(st.sampled_from(PRODUCT_KEYS), JSON_VALUE, max_size=8))
def test_whatever_comes_a_product_is_read_or_refused(raw):
    raw.setdefault("ProductId", "a")
    with contextlib.suppress(ContractBroken):
        assert isinstance(load_product(raw).product, Product)


@UNHURRIED
@given(raw=st.dictionaries(st.sampled_from(PRODUCT_KEYS), JSON_VALUE, max_size=6))
def test_the_quick_reading_says_what_marshmallow_says(raw):
    schema = ProductSchema()
    try:
        quick = schema.quick(raw)
    except ValueError:
        assert schema.validate(raw)
    else:
        assert quick == Product(**schema.load(raw))
