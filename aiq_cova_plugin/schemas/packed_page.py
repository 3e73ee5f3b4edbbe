"""A page of products as a small block of bytes and back, for a run that has to be continued."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.schemas.hashing import without_costs
from aiq_cova_plugin.schemas.products import dump_tax_rate, load_tax_rate
from aiq_cova_plugin.schemas.records import ProductPage

_QUICK = 1
_DECIMAL = "$decimal"
"""The key of the object that stands for a `Decimal`: numbers keep their digits."""


def pack_page(page: ProductPage) -> bytes:
    """The page without the retailer's costs. Raises ValueError when it cannot be written."""
    products = [without_costs(raw) if isinstance(raw, dict) else raw for raw in page.products]
    document = {"products": products, "tax_rates": [dump_tax_rate(r) for r in page.tax_rates]}
    try:
        text = json.dumps(document, separators=(",", ":"), default=_as_object)
    except RecursionError as exc:
        raise ValueError("the page is nested too deeply") from exc
    return gzip.compress(text.encode(), _QUICK)


def unpack_page(packed: bytes, *, server_time: datetime | None) -> ProductPage:
    """The page that `pack_page` packed. Raises ValueError when the bytes are no such page."""
    try:
        document = json.loads(gzip.decompress(packed), parse_float=Decimal, object_hook=_as_it_was)
        return ProductPage(
            products=tuple(document["products"]),
            tax_rates=tuple(load_tax_rate(raw) for raw in document["tax_rates"]),
            server_time=server_time,
        )
    except (OSError, EOFError, zlib.error, KeyError, TypeError, RecursionError) as exc:
        raise ValueError("this is no packed page") from exc


def _as_object(value: object) -> dict[str, str]:
    if not isinstance(value, Decimal):
        raise TypeError(f"not a JSON value: {type(value).__name__}")
    return {_DECIMAL: str(value)}


def _as_it_was(value: dict[str, Any]) -> Any:
    if len(value) == 1 and isinstance(value.get(_DECIMAL), str):
        return Decimal(value[_DECIMAL])
    return value
