"""The fingerprint changes with the content and with nothing else."""

from decimal import Decimal

import pytest

from aiq_cova_plugin.schemas.hashing import raw_product_hash, without_costs


def test_order_of_keys_and_trailing_zeros_do_not_matter():
    one = {"a": Decimal("10.00"), "b": [1, {"c": None, "d": Decimal("0.50")}]}
    other = {"b": [Decimal("1.0"), {"d": Decimal("0.5"), "c": None}], "a": 10}
    assert raw_product_hash(one) == raw_product_hash(other)
    assert len(raw_product_hash(one)) == 32


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 0}, {"a": None}),
        ({"a": ""}, {"a": None}),
        ({"a": []}, {}),
        ({"a": Decimal("1.5")}, {"a": "1.5"}),
        ({"a": Decimal("1.5")}, {"a": Decimal("1.51")}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": True}, {"a": 1}),
    ],
)
def test_what_differs_has_another_hash(one, other):
    assert raw_product_hash(one) != raw_product_hash(other)


def test_costs_do_not_matter(payload):
    raw = payload("product_page")["Products"][0]
    before = raw_product_hash(raw)
    raw["Availability"][0]["UnitCost"] = Decimal(99)
    del raw["Availability"][0]["TotalCostInStock"]
    raw["UnitCost"] = 3
    assert raw_product_hash(raw) == before
    raw["Availability"][0]["InStockQuantity"] = Decimal(11)
    assert raw_product_hash(raw) != before


def test_without_costs_leaves_the_original_alone(payload):
    raw = payload("product_page")["Products"][0]
    bare = without_costs(raw)
    assert "UnitCost" not in str(bare)
    assert "TotalCostInStock" not in str(bare)
    assert raw["Availability"][0]["UnitCost"] == 15


@pytest.mark.parametrize("rows", [None, "text", [5, None], {}])
def test_strange_stock_rows_are_hashed_as_they_are(rows):
    assert raw_product_hash({"Availability": rows})


@pytest.mark.parametrize("number", ["1E+999999", "-1E-999999", "0E+9"])
def test_a_number_beyond_reason_is_hashed_without_being_written_out(number):
    assert raw_product_hash({"a": Decimal(number)})


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1E+999999999", "1E-999999999", "-0", "9E+29"]
)
def test_odd_numbers_are_hashed_in_no_time(number):
    assert len(raw_product_hash({"a": Decimal(number)})) == 32


def test_a_product_too_large_or_too_deep_is_refused():
    with pytest.raises(ValueError, match="larger"):
        raw_product_hash({"a": "x" * 2_000_001})
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        raw_product_hash({"a": deep})
