"""A product snapshot to and from JSON without loss, so that it can be stored.

`Decimal` becomes its text (never a float), a time its ISO form with offset. Unlike
`field_values`, which writes equal numbers alike for comparing, nothing is normalised here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from aiq_cova_plugin.domain.catalogue import FieldIssue, Presence, ProductSnapshot, SaleWindow
from aiq_cova_plugin.domain.values import LabValue, PriceTier, TaxRate, Weight

T = TypeVar("T")

_TEXTS = (
    "name",
    "description",
    "brand",
    "subtype",
    "cannabis_type",
    "strain",
    "sku",
    "upc",
    "coa_url",
)


def snapshot_to_json(snapshot: ProductSnapshot) -> dict[str, Any]:
    """The snapshot as JSON values. None stays null, an empty tuple an empty list."""
    return {
        "cova_product_id": snapshot.cova_product_id,
        "presence": snapshot.presence.value,
        **{name: getattr(snapshot, name) for name in _TEXTS},
        "regular_price": _text(snapshot.regular_price),
        "price_tiers": _each(
            snapshot.price_tiers,
            lambda tier: {
                "min_quantity": str(tier.min_quantity),
                "total_price": str(tier.total_price),
            },
        ),
        "sale_windows": _each(
            snapshot.sale_windows,
            lambda window: {
                "price": str(window.price),
                "start": _iso(window.start),
                "end": _iso(window.end),
            },
        ),
        "stock": _text(snapshot.stock),
        "weight": None
        if snapshot.weight is None
        else {"value": str(snapshot.weight.value), "unit": snapshot.weight.unit},
        "labs": _each(
            snapshot.labs,
            lambda lab: {
                "name": lab.name,
                "value": _text(lab.value),
                "max_value": _text(lab.max_value),
                "unit": lab.unit,
                "text": lab.text,
            },
        ),
        "image_urls": _each(snapshot.image_urls, str),
        "tags": _each(snapshot.tags, str),
        "tax_rates": _each(
            snapshot.tax_rates, lambda rate: {"name": rate.name, "rate": str(rate.rate)}
        ),
        "classification_path": snapshot.classification_path,
        "menu_category": snapshot.menu_category,
        "measurement_type": snapshot.measurement_type,
        "product_type": snapshot.product_type,
        "said_empty": list(snapshot.said_empty),
        "issues": [
            {"cova_product_id": each.cova_product_id, "field": each.field, "reason": each.reason}
            for each in snapshot.issues
        ],
    }


def snapshot_from_json(stored: dict[str, Any]) -> ProductSnapshot:
    """The snapshot that `snapshot_to_json` stored.

    A key this version writes and an older one did not reads as None, COVA did not say.
    """
    weight = stored.get("weight")
    return ProductSnapshot(
        cova_product_id=stored["cova_product_id"],
        presence=Presence(stored["presence"]),
        **{name: stored.get(name) for name in _TEXTS},
        regular_price=_decimal(stored.get("regular_price")),
        price_tiers=_tuple(
            stored.get("price_tiers"),
            lambda tier: PriceTier(Decimal(tier["min_quantity"]), Decimal(tier["total_price"])),
        ),
        sale_windows=_tuple(
            stored.get("sale_windows"),
            lambda window: SaleWindow(
                Decimal(window["price"]), _time(window["start"]), _time(window["end"])
            ),
        ),
        stock=_decimal(stored.get("stock")),
        weight=None if weight is None else Weight(Decimal(weight["value"]), weight["unit"]),
        labs=_tuple(
            stored.get("labs"),
            lambda lab: LabValue(
                name=lab["name"],
                value=_decimal(lab["value"]),
                max_value=_decimal(lab["max_value"]),
                unit=lab["unit"],
                text=lab["text"],
            ),
        ),
        image_urls=_tuple(stored.get("image_urls"), str),
        tags=_tuple(stored.get("tags"), str),
        tax_rates=_tuple(
            stored.get("tax_rates"), lambda rate: TaxRate(rate["name"], Decimal(rate["rate"]))
        ),
        classification_path=stored.get("classification_path", ""),
        menu_category=stored.get("menu_category", ""),
        measurement_type=stored.get("measurement_type", ""),
        product_type=stored.get("product_type", ""),
        said_empty=tuple(stored.get("said_empty", ())),
        issues=tuple(FieldIssue(**each) for each in stored.get("issues", ())),
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _each(values: tuple[T, ...] | None, encode: Callable[[T], Any]) -> list[Any] | None:
    return None if values is None else [encode(each) for each in values]


def _tuple(values: list[Any] | None, decode: Callable[[Any], T]) -> tuple[T, ...] | None:
    return None if values is None else tuple(decode(each) for each in values)
