"""Product snapshots for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiq_cova_plugin.domain.catalogue import Presence, ProductSnapshot

SILENT = ProductSnapshot(
    cova_product_id="0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0001",
    presence=Presence.ACTIVE,
    name=None,
    description=None,
    brand=None,
    subtype=None,
    cannabis_type=None,
    strain=None,
    sku=None,
    upc=None,
    regular_price=None,
    price_tiers=None,
    sale_windows=None,
    stock=None,
    weight=None,
    labs=None,
    coa_url=None,
    image_urls=None,
    tags=None,
    tax_rates=None,
    classification_path="",
    menu_category="",
    measurement_type="",
)
"""A product of which COVA said nothing but that it is active."""


def snapshot(**values: Any) -> ProductSnapshot:
    """`SILENT` with these values."""
    return replace(SILENT, **values)
