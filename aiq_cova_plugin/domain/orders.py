"""What the shop says about an order: who ordered what, and where it goes.

Part of the host contract (contract section 2); `aiq_cova_plugin.host` re-exports these
names. They live here so that every room may use them without importing the host's room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class Customer:
    """The shopper of an order; each value is None when unknown."""

    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    date_of_birth: date | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OrderLine:
    """One line; `line_total` is the whole line after discounts, in the store's tax style."""

    cova_product_id: str
    name: str
    quantity: Decimal
    line_total: Decimal


@dataclass(frozen=True)
class Address:
    """A delivery address; texts, empty when there is none. `state` is the short code."""

    line1: str = field(repr=False)
    line2: str = field(repr=False)
    city: str = field(repr=False)
    state: str
    postal_code: str = field(repr=False)
    country: str


@dataclass(frozen=True)
class Delivery:
    """Where the order goes and what that costs (zero when free)."""

    address: Address
    fee: Decimal


@dataclass(frozen=True)
class Fee:
    """A fee besides delivery, such as packaging. The store's settings name its COVA product."""

    name: str
    amount: Decimal


@dataclass(frozen=True)
class Order:
    """An order of the host; `confirmed_at` is None while it is only placed.

    `delivery` is None for a pickup order; `notes` is empty when there are none. `fees` are
    optional: a host without any leaves them out.
    """

    id: str
    store_id: str
    number: str
    confirmed_at: datetime | None
    customer: Customer
    lines: Sequence[OrderLine]
    delivery: Delivery | None = None
    notes: str = field(default="", repr=False)
    fees: Sequence[Fee] = ()
