"""Small values that every room uses: weights, lab values, price tiers, the order's words.

The names and fields of these values are part of the host contract (contract section 2);
`aiq_cova_plugin.host` re-exports them. All money is `Decimal` in the store's currency,
all times are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True)
class Weight:
    """A weight as the POS gives it; `unit` is the POS's text, such as `g`."""

    value: Decimal
    unit: str


@dataclass(frozen=True)
class LabValue:
    """One lab result. `value` is None and `text` is kept when the POS value is no number.

    A range has its lower bound in `value` and its upper bound in `max_value`. `unit` is
    `%`, `mg`, `mg/g`, another text as given, or empty.
    """

    name: str
    value: Decimal | None
    max_value: Decimal | None
    unit: str
    text: str


@dataclass(frozen=True)
class PriceTier:
    """From `min_quantity` on, `min_quantity` costs `total_price` in all."""

    min_quantity: Decimal
    total_price: Decimal


@dataclass(frozen=True)
class TaxRate:
    """A tax that applies to a product; `rate` is a fraction, 0.05 for 5 %."""

    name: str
    rate: Decimal


class OrderStatus(StrEnum):
    """The host's order statuses, in the words of the contract."""

    CONFIRMED = "confirmed"
    IN_PROGRESS = "in_progress"
    READY_FOR_PICKUP = "ready_for_pickup"
    OUT_FOR_DELIVERY = "out_for_delivery"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class ChangeAction(StrEnum):
    """What a `ProductChange` asks of the host."""

    CREATE = "create"
    UPDATE = "update"
    HIDE = "hide"
    RESTORE = "restore"


PRODUCT_FIELDS: tuple[str, ...] = (
    "name",
    "description",
    "brand",
    "category_id",
    "subtype",
    "cannabis_type",
    "strain",
    "sku",
    "upc",
    "price",
    "sale_price",
    "price_tiers",
    "quantity",
    "weight",
    "labs",
    "coa_url",
    "image_urls",
    "tags",
    "enabled",
    "tax_rates",
)
"""Every field a `ProductChange` may carry, in the contract's order."""
