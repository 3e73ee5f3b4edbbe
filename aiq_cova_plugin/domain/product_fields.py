"""The values a product would give the host's fields right now, whoever owns the fields."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.catalogue import Presence, ProductSnapshot
from aiq_cova_plugin.domain.pricing import active_sale_price

_AS_THEY_ARE = (
    "name",
    "description",
    "brand",
    "subtype",
    "cannabis_type",
    "strain",
    "sku",
    "upc",
    "weight",
    "coa_url",
)
_NO_TEXT = frozenset({"weight", "upc", "cannabis_type"})
_LISTS = ("price_tiers", "labs", "image_urls", "tags", "tax_rates")


def fields_of(
    snapshot: ProductSnapshot,
    *,
    category_id: str | None,
    sellable: Decimal | None,
    now: datetime,
) -> dict[str, Any]:
    """dict: field name of `PRODUCT_FIELDS` → value, without the fields COVA did not say.

    `sale_price` is None when the regular price is known and no sale is on at `now`: that is a
    statement, the host ends a sale by it. A field COVA was asked for and has nothing of is
    empty: a text `""`, a list `[]`, weight, UPC and cannabis type None. `category_id` and `quantity` are left out when
    None is handed in; `enabled` is always there.
    """
    said: dict[str, Any] = {name: getattr(snapshot, name) for name in _AS_THEY_ARE}
    for name in _LISTS:
        values = getattr(snapshot, name)
        said[name] = None if values is None else list(values)
    said["category_id"] = category_id
    said["price"] = snapshot.regular_price
    said["quantity"] = sellable
    said["enabled"] = snapshot.presence is Presence.ACTIVE
    fields = {name: value for name, value in said.items() if value is not None}
    if snapshot.regular_price is not None:
        fields["sale_price"] = active_sale_price(snapshot.sale_windows, snapshot.regular_price, now)
    return fields | {name: _empty(name) for name in snapshot.said_empty if name not in fields}


def _empty(name: str) -> Any:
    if name in _NO_TEXT:
        return None
    return [] if name in _LISTS else ""
