"""What a product is for the shop, before the store's own choices are applied to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from aiq_cova_plugin.domain.values import LabValue, PriceTier, TaxRate, Weight


class Presence(StrEnum):
    """May this product be on the menu at all (cova-api.md section 4.5)?

    Only `ACTIVE` ones are shown. The others are never created, and hidden if they were.
    """

    ACTIVE = "active"
    NOT_ACTIVE = "not_active"
    ARCHIVED = "archived"
    NON_STOCK = "non_stock"


@dataclass(frozen=True)
class SaleWindow:
    """A sale price from `start` until just before `end`; None is open on that side."""

    price: Decimal
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class FieldIssue:
    """One thing about a product that could not be used, in staff's words.

    `field` is a product field name, or the specification's display name.
    """

    cova_product_id: str
    field: str
    reason: str


@dataclass(frozen=True)
class ProductSnapshot:
    """One COVA product in the shop's words, for one location.

    Holds all that COVA says, independent of time, holds and the store's choices: which
    sale is on now, which category it lands in and how much is sellable are decided from
    it later. None means COVA did not say; such a field is left alone.

    `stock` is in grams when `measurement_type` is `Mass`, in pieces otherwise.
    `said_empty` names the fields of which COVA was asked and has nothing, which is more than
    not having said it: staff may choose that such a field is emptied.
    `classification_path`, `menu_category` and `product_type` are COVA's own words for
    where the product belongs, empty when there are none.
    """

    cova_product_id: str
    presence: Presence
    name: str | None
    description: str | None
    brand: str | None
    subtype: str | None
    cannabis_type: str | None
    strain: str | None
    sku: str | None
    upc: str | None
    regular_price: Decimal | None
    price_tiers: tuple[PriceTier, ...] | None
    sale_windows: tuple[SaleWindow, ...] | None
    stock: Decimal | None
    weight: Weight | None
    labs: tuple[LabValue, ...] | None
    coa_url: str | None
    image_urls: tuple[str, ...] | None
    tags: tuple[str, ...] | None
    tax_rates: tuple[TaxRate, ...] | None
    classification_path: str
    menu_category: str
    measurement_type: str
    issues: tuple[FieldIssue, ...] = ()
    product_type: str = ""
    said_empty: tuple[str, ...] = ()
