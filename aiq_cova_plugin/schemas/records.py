"""COVA's things in COVA's words: plain records that the schemas load and dump.

`None` means COVA did not say (key absent or null); an empty text or tuple means COVA said
"empty"; zero means zero. GUIDs are lower case (cova-api.md section 11: compare without
regard to case). Money and quantities are `Decimal`, times aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

# --- products: cova-api.md section 4 --------------------------------------------------


@dataclass(frozen=True)
class Specification:
    """One `ProductSpecifications` element (section 4.6). `value` is always text."""

    field_id: int | None
    display_name: str
    value: str
    type: str
    unit: str


@dataclass(frozen=True)
class Asset:
    """One picture or document of a product (section 4.5)."""

    id: str | None
    uri: str
    type: str
    is_hidden: bool


@dataclass(frozen=True)
class Availability:
    """Stock of one package in one room of one location (section 4.7); costs are not read."""

    location_id: int | None
    room_id: int | None
    package_id: str | None
    in_stock_quantity: Decimal | None
    is_selling_room: bool | None


@dataclass(frozen=True)
class SalePrice:
    """One `SalePrices` element (section 4.8); `unknown_keys` are recurrence rules we cannot read.

    `location_id` is None where the element names no location: it is its row's then.
    """

    amount: Decimal | None
    start: datetime | None
    end: datetime | None
    unknown_keys: tuple[str, ...] = ()
    location_id: int | None = None


@dataclass(frozen=True)
class Price:
    """One `Prices` row: a price at a location, perhaps of a tier or a customer group."""

    location_id: int | None
    from_entity_id: int | None
    tier_id: int | None
    tier_quantity: Decimal | None
    group_id: int | None
    price: Decimal | None
    at_tier_price: Decimal | None
    sale_prices: tuple[SalePrice, ...] = ()


@dataclass(frozen=True)
class Product:
    """One product of DetailedProductData (section 4.5).

    `specifications`, `assets`, `availability` and `prices` are None when COVA left the
    list out, which is not the same as an empty list.
    """

    product_id: str
    name: str | None = None
    master_product_name: str | None = None
    catalog_sku: str | None = None
    is_archived: bool | None = None
    measurement_type: str | None = None
    is_batch_tracked: bool | None = None
    is_non_stock: bool | None = None
    life_cycle: str | None = None
    classification_id: int | None = None
    classification_name: str | None = None
    classification_path: str | None = None
    short_description: str | None = None
    long_description: str | None = None
    hero_shot_uri: str | None = None
    manufacturer: str | None = None
    supplier_skus: tuple[str, ...] | None = None
    upcs: tuple[str, ...] | None = None
    specifications: tuple[Specification, ...] | None = None
    assets: tuple[Asset, ...] | None = None
    availability: tuple[Availability, ...] | None = None
    prices: tuple[Price, ...] | None = None
    company_level_price: Price | None = None
    applicable_tax_rates: tuple[str, ...] | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class TaxRate:
    """One root `TaxRates` element (section 4.9); `rate` is a fraction, 0.05 for 5 %."""

    id: str
    name: str
    display_name: str | None
    type: str
    rate: Decimal | None
    layer: int | None
    locations: tuple[int, ...] = ()


@dataclass(frozen=True)
class ProductPage:
    """One page of a product call, products still raw.

    Products are kept as COVA sent them, so that an unchanged one is recognised by its hash
    without being validated. One that is no object (null, a number, a text) stays in its place,
    for it counts in the list. `server_time` is the answer's `Date` header.
    """

    products: tuple[Any, ...]
    tax_rates: tuple[TaxRate, ...] = ()
    server_time: datetime | None = None


# --- company: sections 3 and 7 --------------------------------------------------------


@dataclass(frozen=True)
class Location:
    """One location of the company tree (section 3.1)."""

    id: int
    name: str
    status: str | None = None


# --- customers: section 8 -------------------------------------------------------------


@dataclass(frozen=True)
class ContactMethod:
    """A phone number or e-mail address of a customer; categories: 1 phone, 2 e-mail."""

    id: str | None
    category_id: int | None
    type_id: int | None
    value: str = field(repr=False)
    version: int | None = None


@dataclass(frozen=True)
class CustomerAddress:
    """A customer's address; types: 2 home, 3 shipping. `state_code` is the short code."""

    id: str | None
    address_type_id: int | None
    street_address1: str = field(repr=False)
    street_address2: str = field(repr=False)
    locality: str = field(repr=False)
    state_code: str
    country_code: str
    postal_code: str = field(repr=False)
    is_default: bool | None = None
    version: int | None = None


@dataclass(frozen=True)
class Customer:
    """A customer as CRM returns it (section 8.3): `primary_name` is the first name."""

    id: str
    primary_name: str = field(default="", repr=False)
    family_name: str = field(default="", repr=False)
    date_of_birth: date | None = field(default=None, repr=False)
    disabled: bool = False
    merged_into_customer_id: str | None = None
    version: int | None = None
    contact_methods: tuple[ContactMethod, ...] = ()
    addresses: tuple[CustomerAddress, ...] = ()


@dataclass(frozen=True)
class NewCustomer:
    """What is sent to create a customer (section 8.4); phone first among the contacts."""

    primary_name: str = field(repr=False)
    family_name: str = field(repr=False)
    date_of_birth: date | None = field(repr=False)
    contact_methods: tuple[ContactMethod, ...]
    addresses: tuple[CustomerAddress, ...] = ()


# --- orders: section 9 ----------------------------------------------------------------


@dataclass(frozen=True)
class SalesOrderLine:
    """One `Lines` element; `line_dollar_amount` is the total of the line (section 9.2)."""

    name: str
    catalog_item_id: str
    quantity: Decimal
    line_dollar_amount: Decimal


@dataclass(frozen=True)
class SalesOrder:
    """What a TEP or TIP call sends (section 9.2)."""

    id: str
    company_id: int
    entity_id: int
    order_reference: str = field(repr=False)
    customer_id: str | None
    integrator_id: str
    is_delivery: bool
    external_order_id: str
    lines: tuple[SalesOrderLine, ...]


@dataclass(frozen=True)
class SalesOrderStatus:
    """The v2 status of an order (section 9.3).

    `order_status` is the enumeration's name (`ReadyForPayment` …) whether COVA sent name or
    number; a value COVA's document does not know is kept as COVA's text.
    """

    order_id: str
    order_status: str
    order_message: str = ""
    payment_status: str = ""
    payment_message: str = ""
    sale_total: Decimal | None = None
    fulfillment_method: str = ""
    fulfillment_status: str = ""


@dataclass(frozen=True)
class PlacedOrder:
    """An order read back by its id (section 9.5)."""

    order_id: str
    order_number: str = ""
    invoice_id: str | None = None
    status: str = ""
    customer_id: str | None = None


@dataclass(frozen=True)
class CompletedOrder:
    """One element of CompletedOrders (section 9.5)."""

    order_id: str
    order_number: str = ""
    total: Decimal | None = None
    fulfillment_method: str = ""
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SalesOrderPayment:
    """One payment taken for an order; the token is "N/A" where there is none (section 9.4)."""

    amount: Decimal
    time_taken: datetime
    pre_authorization_token: str = "N/A"  # noqa: S105 - COVA's word for "there is none"
    last4_digits: str | None = None


@dataclass(frozen=True)
class OrderPayment:
    """What marks an order paid; the sum must equal the order's `sale_total` (section 9.4)."""

    order_id: str
    company_id: int
    payments: tuple[SalesOrderPayment, ...]
    tracking_number: str = "N/A"


# --- taxes: section 7; tokens: section 2.1 --------------------------------------------


@dataclass(frozen=True)
class LocationTaxPricing:
    """How one location's prices stand to tax: `Inclusive` or `Exclusive`."""

    location_id: int
    tax_pricing: str


@dataclass(frozen=True)
class TaxPricingConfiguration:
    """The tax pricing of those locations that have an entry."""

    company_id: int | None
    configurations: tuple[LocationTaxPricing, ...]


@dataclass(frozen=True)
class TokenAnswer:
    """A new access token; `expires_in` is in seconds. Its `repr` hides the token."""

    access_token: str = field(repr=False)
    expires_in: int | None = None
