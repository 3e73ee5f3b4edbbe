"""What the plugin asks of the shop it lives in, and the values that cross that border.

A host developer implements `Host` (contract section 2) and hands it to
`CovaPlugin.init_app`. Ids of the host are strings. The host's methods write through its
own database session and never commit; they may be called again with the same arguments
after a failure and must then change nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from aiq_cova_plugin.domain.orders import Address, Customer, Delivery, Fee, Order, OrderLine
from aiq_cova_plugin.domain.values import OrderStatus

__all__ = [
    "Address",
    "ApplyResult",
    "Category",
    "Customer",
    "Delivery",
    "Fee",
    "Host",
    "InsufficientStock",
    "NamesUsers",
    "Order",
    "OrderLine",
    "OrderNotFound",
    "OrderStatus",
    "ProductChange",
    "ReadsProducts",
    "Store",
]


@dataclass(frozen=True)
class Store:
    """A shop: `timezone` an IANA zone, `country` ISO 3166 alpha-2, `currency` ISO 4217."""

    id: str
    name: str
    timezone: str
    country: str
    currency: str


@dataclass(frozen=True)
class Category:
    """A category of the store's menu that products can be put in."""

    id: str
    name: str


@dataclass(frozen=True)
class ProductChange:
    """One product to write. `fields` holds only fields the POS owns (`PRODUCT_FIELDS`).

    `action` is `create`, `update`, `hide` or `restore`. Values: text, `Decimal` money and
    quantity, `bool` for `enabled`, `Weight`, lists of `LabValue`, `PriceTier` and text;
    `sale_price` is None when there is none.
    """

    cova_product_id: str
    action: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ApplyResult:
    """What became of one `ProductChange`; `reason` says why when `ok` is False."""

    cova_product_id: str
    ok: bool
    reason: str | None = None


class OrderNotFound(LookupError):
    """The host has no such order."""

    def __init__(self, store_id: str, order_id: str) -> None:
        super().__init__(f"Store {store_id} has no order {order_id}.")
        self.store_id = store_id
        self.order_id = order_id


class InsufficientStock(Exception):
    """Not every line of an order can be held; nothing was held.

    `lines` is a list of `(cova_product_id, wanted, available)`, one per line that falls
    short, quantities as `Decimal`.
    """

    def __init__(self, lines: list[tuple[str, Decimal, Decimal]]) -> None:
        short = ", ".join(f"{product}: wanted {want}, {left} left" for product, want, left in lines)
        super().__init__(f"Not enough stock to hold the order ({short}).")
        self.lines = lines


@runtime_checkable
class Host(Protocol):
    """The shop, as the plugin sees it. All methods run in an application context."""

    def stores(self) -> Sequence[Store]:
        """Every store of this host."""
        ...

    def can(self, action: str, store_id: str) -> bool:
        """May the current request's user do `view`, `sync`, `configure` or `orders` here?

        The one method that needs a request. Answer False when in doubt.
        """
        ...

    def categories(self, store_id: str) -> Sequence[Category]:
        """The categories products of this store can be put in."""
        ...

    def apply_products(
        self, store_id: str, changes: Sequence[ProductChange]
    ) -> Sequence[ApplyResult]:
        """Write the changes to the catalogue; one result each; one bad product fails alone."""
        ...

    def get_order(self, store_id: str, order_id: str) -> Order:
        """The order as confirmed. Raises `OrderNotFound`."""
        ...

    def confirmed_orders(self, store_id: str, since: datetime) -> Sequence[str]:
        """Ids of the orders confirmed at or after `since` (aware UTC)."""
        ...

    def set_order_status(
        self, store_id: str, order_id: str, status: OrderStatus, note: str | None = None
    ) -> None:
        """Move the order to this status; the same status again changes nothing."""
        ...

    def checkout_requires_phone(self, store_id: str) -> bool:
        """Can no order be placed here without a phone number?"""
        ...


@runtime_checkable
class ReadsProducts(Protocol):
    """Optional: a host that can say what its catalogue holds right now.

    With it the pages and `reconcile` compare COVA with the shop itself; without it they
    compare with what the shop was last told (decision 0011).
    """

    def current_products(
        self, store_id: str, cova_product_ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        """dict: COVA product id → field name → value as in `ProductChange.fields`.

        Only products the shop has; only fields it can tell. Reads, changes nothing.
        """
        ...


@runtime_checkable
class NamesUsers(Protocol):
    """Optional: a host that can say who is asking, for the audit trail (decision 0011)."""

    def current_user(self) -> str:
        """Who makes the current request, as staff would recognise them; empty when unknown."""
        ...
