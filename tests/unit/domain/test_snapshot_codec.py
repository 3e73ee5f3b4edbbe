"""Snapshots survive storage unchanged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.domain.catalogue import FieldIssue, Presence, ProductSnapshot, SaleWindow
from aiq_cova_plugin.domain.snapshot_codec import snapshot_from_json, snapshot_to_json
from aiq_cova_plugin.domain.values import LabValue, PriceTier, TaxRate, Weight

from tests.unit.domain.snapshots import SILENT, snapshot

texts = st.text(max_size=20)
numbers = st.decimals(allow_nan=False, allow_infinity=False)
moments = st.datetimes(timezones=st.just(UTC))


def listed(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | st.lists(values, max_size=3).map(tuple)


snapshots = st.builds(
    ProductSnapshot,
    cova_product_id=texts,
    presence=st.sampled_from(Presence),
    **dict.fromkeys(
        (
            "name",
            "description",
            "brand",
            "subtype",
            "cannabis_type",
            "strain",
            "sku",
            "upc",
            "coa_url",
        ),
        st.none() | texts,
    ),
    regular_price=st.none() | numbers,
    price_tiers=listed(st.builds(PriceTier, numbers, numbers)),
    sale_windows=listed(st.builds(SaleWindow, numbers, st.none() | moments, st.none() | moments)),
    stock=st.none() | numbers,
    weight=st.none() | st.builds(Weight, numbers, texts),
    labs=listed(st.builds(LabValue, texts, st.none() | numbers, st.none() | numbers, texts, texts)),
    image_urls=listed(texts),
    tags=listed(texts),
    tax_rates=listed(st.builds(TaxRate, texts, numbers)),
    classification_path=texts,
    menu_category=texts,
    measurement_type=texts,
    product_type=texts,
    issues=st.lists(st.builds(FieldIssue, texts, texts, texts), max_size=3).map(tuple),
)


@given(snapshots)
def test_a_snapshot_comes_back_as_it_was(before):
    after = snapshot_from_json(json.loads(json.dumps(snapshot_to_json(before))))

    assert after == before
    assert snapshot_to_json(after) == snapshot_to_json(before)


def test_every_field_of_a_snapshot_is_stored():
    assert set(snapshot_to_json(SILENT)) == set(ProductSnapshot.__dataclass_fields__)


def test_none_zero_and_empty_stay_three_things():
    stored = snapshot_to_json(
        snapshot(stock=Decimal(0), labs=(), tags=None, regular_price=Decimal("10.50"))
    )

    assert stored["stock"] == "0"
    assert stored["labs"] == []
    assert stored["tags"] is None
    assert stored["regular_price"] == "10.50"


def test_what_an_older_version_did_not_store_reads_as_not_said():
    stored = {"cova_product_id": "a", "presence": "active"}

    assert snapshot_from_json(stored) == snapshot(cova_product_id="a")


def test_a_time_keeps_its_offset():
    window = SaleWindow(Decimal(1), datetime(2026, 1, 1, 8, 30, 0, 123456, tzinfo=UTC), None)

    stored = snapshot_to_json(snapshot(sale_windows=(window,)))

    assert stored["sale_windows"][0]["start"] == "2026-01-01T08:30:00.123456+00:00"
