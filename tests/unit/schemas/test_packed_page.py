"""A kept page comes back digit by digit, without what must not be stored."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.schemas.hashing import raw_product_hash
from aiq_cova_plugin.schemas.json_text import parse_json
from aiq_cova_plugin.schemas.packed_page import pack_page, unpack_page
from aiq_cova_plugin.schemas.records import ProductPage, TaxRate

MOMENT = datetime(2026, 5, 20, 12, tzinfo=UTC)
RATE = TaxRate("t1", "State", None, "Percentage", Decimal("0.0725"), 0, (1, 2))

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_infinity=False, allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(_json))
def test_it_comes_back_as_it_was(products):
    page = ProductPage(tuple(products), (RATE,), MOMENT)
    back = unpack_page(pack_page(page), server_time=MOMENT)
    assert back.tax_rates == page.tax_rates
    assert repr(back.products) == repr(page.products)


def test_the_hash_of_a_product_is_the_same_afterwards():
    raw = parse_json(
        b'{"ProductId": "a", "Prices": [{"Price": 10.50, "X": NaN, "Y": 1E+400}],'
        b' "Availability": [{"InStockQuantity": 3, "UnitCost": 7.25}], "UnitCost": 1}'
    )
    (back,) = unpack_page(pack_page(ProductPage((raw,))), server_time=None).products
    assert raw_product_hash(back) == raw_product_hash(raw)
    assert str(back["Prices"][0]["Price"]) == "10.50"


def test_costs_are_not_kept():
    raw = {"Availability": [{"UnitCost": 7, "TotalCostInStock": 9, "RoomId": 1}], "UnitCost": 3}
    text = gzip.decompress(pack_page(ProductPage((raw,))))
    assert b"Cost" not in text
    assert b"RoomId" in text


@pytest.mark.parametrize(
    "packed",
    [b"", b"nonsense", gzip.compress(b"{"), gzip.compress(b"[]"), gzip.compress(b"{}")],
    ids=["nothing", "no gzip", "no JSON", "a list", "no page"],
)
def test_what_is_no_packed_page_is_a_value_error(packed):
    with pytest.raises(ValueError):
        unpack_page(packed, server_time=None)


def test_a_page_nested_without_end_is_not_kept():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueError):
        pack_page(ProductPage((deep,)))
