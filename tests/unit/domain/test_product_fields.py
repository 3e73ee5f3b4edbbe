"""What a product would give the host's fields now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from aiq_cova_plugin.domain.catalogue import Presence, SaleWindow
from aiq_cova_plugin.domain.product_fields import fields_of
from aiq_cova_plugin.domain.values import (
    PRODUCT_FIELDS,
    LabValue,
    PriceTier,
    TaxRate,
    Weight,
)

from tests.unit.domain.snapshots import SILENT, snapshot

D = Decimal

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def test_what_cova_did_not_say_is_left_out():
    assert fields_of(SILENT, category_id=None, sellable=None, now=NOW) == {"enabled": True}


def test_every_product_field_can_be_told():
    lab = LabValue("THC", D(20), None, "%", "")
    tier = PriceTier(D(3), D(10))
    full = snapshot(
        name="Haze",
        description="<p>x</p>",
        brand="B",
        subtype="S",
        cannabis_type="SATIVA",
        strain="Haze",
        sku="K",
        upc="0012",
        regular_price=D(10),
        price_tiers=(tier,),
        sale_windows=(SaleWindow(D(8), None, None),),
        stock=D(9),
        weight=Weight(D("3.5"), "g"),
        labs=(lab,),
        coa_url="https://labs.example/1",
        image_urls=("https://img.example/1",),
        tags=("new",),
        tax_rates=(TaxRate("GST", D("0.05")),),
    )

    fields = fields_of(full, category_id="c1", sellable=D(7), now=NOW)

    assert set(fields) == set(PRODUCT_FIELDS)
    assert fields["price"] == D(10)
    assert fields["sale_price"] == D(8)
    assert fields["quantity"] == D(7)
    assert fields["category_id"] == "c1"
    assert fields["labs"] == [lab]
    assert fields["price_tiers"] == [tier]
    assert fields["image_urls"] == ["https://img.example/1"]
    assert fields["tags"] == ["new"]
    assert fields["tax_rates"] == [TaxRate("GST", D("0.05"))]


def test_zero_and_empty_are_told():
    fields = fields_of(
        snapshot(regular_price=D(0), price_tiers=(), labs=(), tags=(), sale_windows=()),
        category_id=None,
        sellable=D(0),
        now=NOW,
    )

    assert fields == {
        "price": D(0),
        "sale_price": None,
        "price_tiers": [],
        "labs": [],
        "tags": [],
        "quantity": D(0),
        "enabled": True,
    }


@pytest.mark.parametrize(
    ("moment", "sale"),
    [(NOW, D(8)), (NOW + timedelta(days=1), None), (NOW - timedelta(days=1), None)],
)
def test_a_sale_that_is_over_is_told_as_none(moment, sale):
    window = SaleWindow(D(8), NOW, NOW + timedelta(days=1))
    product = snapshot(regular_price=D(10), sale_windows=(window,))

    fields = fields_of(product, category_id=None, sellable=None, now=moment)

    assert fields["sale_price"] == sale


def test_without_a_regular_price_nothing_is_said_about_a_sale():
    product = snapshot(sale_windows=(SaleWindow(D(8), None, None),))

    assert "sale_price" not in fields_of(product, category_id=None, sellable=None, now=NOW)


@pytest.mark.parametrize("presence", list(Presence))
def test_only_an_active_product_is_enabled(presence):
    fields = fields_of(snapshot(presence=presence), category_id=None, sellable=None, now=NOW)

    assert fields["enabled"] is (presence is Presence.ACTIVE)
