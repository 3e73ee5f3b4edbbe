"""A product as the simulator keeps it; amounts are Decimal, times aware UTC (section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

#: What about a product changed; switches decide which of them UpdatedAsOf reports.
Reason = Literal["stock", "price", "specification", "lifecycle", "archived"]


class Classification(NamedTuple):
    """A node of the classification tree; `parents` are the ids above it, top first."""

    id: int
    name: str
    path: str
    parents: tuple[int, ...] = ()


class Specification(NamedTuple):
    """One field of a product; the value is always text (section 4.6)."""

    display_name: str
    value: str
    type: str = "TextSingleLine"
    unit: str = ""
    group: str = "Details"


class SupplierSku(NamedTuple):
    """A supplier's own number for the product (section 4.5)."""

    sku: str
    supplier_id: int
    supplier: str


class Asset(NamedTuple):
    """A picture the simulator draws itself."""

    id: str
    name: str
    is_hidden: bool = False


@dataclass
class StockRow:
    """What lies in one room, of one package (section 4.7)."""

    location_id: int
    room_id: int
    is_selling_room: bool
    quantity: Decimal
    package_id: str | None
    batch_id: str
    unit_cost: Decimal
    received_at: datetime
    updated_at: datetime
    on_order: Decimal = Decimal(0)


@dataclass
class SalePrice:
    """A lower price for a while; `recurrence` holds keys no reader knows (section 4.8)."""

    id: int
    price: Decimal
    start: datetime | None
    end: datetime | None
    recurrence: Mapping[str, object] = field(default_factory=dict)


@dataclass
class PriceRow:
    """One price at one location, perhaps of a tier or for a customer group (section 4.8)."""

    location_id: int
    from_entity_id: int
    price: Decimal
    updated_at: datetime
    tier_id: int | None = None
    tier_name: str | None = None
    tier_quantity: Decimal | None = None
    at_tier_price: Decimal | None = None
    group_id: int | None = None
    group_name: str | None = None
    sales: list[SalePrice] = field(default_factory=list)

    @property
    def is_plain(self) -> bool:
        """Whether this is the ordinary price: for no tier and no group."""
        return self.tier_id is None and self.group_id is None


@dataclass(kw_only=True)
class Product:
    """One product of the retailer, with everything the feed may tell about it."""

    id: str
    master_id: int
    master_name: str
    variation_id: int | None
    catalog_sku: str
    name: str
    classification: Classification
    created_at: datetime
    updated_at: datetime
    measurement: Literal["SingleUnit", "Mass"] = "SingleUnit"
    is_archived: bool = False
    is_batch_tracked: bool = False
    is_non_stock: bool = False
    lifecycle: str = "Active"
    short_description: str = ""
    long_description: str = ""
    supplier_skus: list[SupplierSku] = field(default_factory=list)
    manufacturer_skus: list[SupplierSku] = field(default_factory=list)
    upcs: list[str] = field(default_factory=list)
    specifications: list[Specification] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    stock: list[StockRow] = field(default_factory=list)
    prices: list[PriceRow] = field(default_factory=list)
    tax_rate_ids: list[str] = field(default_factory=list)
    msrp: Decimal | None = None
    company_price: Decimal | None = None
    changed_at: dict[Reason, datetime] = field(default_factory=dict)
    position: int = 0

    @property
    def slug(self) -> str:
        """`M{master}-V{variation}`, without the second half when there is one variation only."""
        variation = "" if self.variation_id is None else f"-V{self.variation_id}"
        return f"M{self.master_id}{variation}"

    def quantity(self, location_id: int | None = None, *, selling_only: bool = True) -> Decimal:
        """Stock at that location (None: all), in selling rooms unless told otherwise."""
        return sum(
            (
                row.quantity
                for row in self.stock
                if location_id in (None, row.location_id)
                and (row.is_selling_room or not selling_only)
            ),
            Decimal(0),
        )

    def regular_price(self, location_id: int) -> Decimal | None:
        """The ordinary price at that location: no group, lowest tier first; None without one."""
        rows = [
            row for row in self.prices if row.location_id == location_id and row.group_id is None
        ]
        rows.sort(key=lambda row: (row.tier_id is not None, row.tier_quantity or Decimal(0)))
        return rows[0].price if rows else None
