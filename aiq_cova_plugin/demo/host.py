"""What this shop tells the COVA plugin, and lets it do: the one file to copy for your own host.

Two rules run through it. Nothing here commits: the plugin commits a batch of products together
with its own record of it, and inside a signal the shop commits. And every method may be called
again with the same arguments, after a crash or by a second worker, and then changes nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import sqlalchemy as sa

from aiq_cova_plugin import host
from aiq_cova_plugin.demo.columns import is_storable
from aiq_cova_plugin.demo.models import Category, Order, Product, Store, db
from aiq_cova_plugin.demo.staff_access import current_user, current_user_may
from aiq_cova_plugin.host import ApplyResult, OrderNotFound, OrderStatus, ProductChange


class DemoHost:
    """The demo shop, as the plugin sees it. Ids are the shop's own, written as text."""

    # --- who and what ---------------------------------------------------------------------

    def stores(self) -> Sequence[host.Store]:
        return [
            host.Store(
                id=str(store.id),
                name=store.name,
                timezone=store.timezone,
                country=store.country,
                currency=store.currency,
            )
            for store in db.session.scalars(sa.select(Store).order_by(Store.id))
        ]

    def can(self, action: str, store_id: str) -> bool:
        return current_user_may(action, store_id)

    def current_user(self) -> str:
        """Optional: who is asking, for the audit trail."""
        user = current_user()
        return user.name if user is not None else ""

    def categories(self, store_id: str) -> Sequence[host.Category]:
        return [
            host.Category(id=str(category.id), name=category.name)
            for category in db.session.scalars(
                sa.select(Category)
                .where(Category.store_id == own_id(store_id))
                .order_by(Category.position)
            )
        ]

    def checkout_requires_phone(self, store_id: str) -> bool:
        store = db.session.get(Store, own_id(store_id))
        return store is not None and store.requires_phone

    # --- the menu -------------------------------------------------------------------------

    def apply_products(
        self, store_id: str, changes: Sequence[ProductChange]
    ) -> Sequence[ApplyResult]:
        """Write the changes; a product that cannot be written fails alone and says why.

        Each change is checked as a whole before its product is touched, so that a bad one leaves
        nothing half-written in the session.
        """
        store = own_id(store_id)
        if db.session.get(Store, store) is None:
            return [_refused(change, f"The shop has no store {store_id}.") for change in changes]
        products = _products_by_cova_id(store, [change.cova_product_id for change in changes])
        category_ids = {int(category.id) for category in self.categories(store_id)}
        results = []
        for change in changes:
            try:
                product = products.get(change.cova_product_id)
                _check_possible(change, product)
                columns = _columns(change, category_ids)
            except ValueError as exc:
                results.append(_refused(change, str(exc)))
                continue
            if product is None and change.action != "hide":
                product = Product(store_id=store, cova_product_id=change.cova_product_id)
                db.session.add(product)
                products[change.cova_product_id] = product
            for name, value in columns.items():
                if product is not None:
                    setattr(product, name, value)
            results.append(ApplyResult(change.cova_product_id, ok=True))
        db.session.flush()
        return results

    def current_products(
        self, store_id: str, cova_product_ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Optional: what the catalogue holds now, so that staff see where it differs from COVA."""
        products = _products_by_cova_id(own_id(store_id), cova_product_ids)
        return {product_id: as_cova_fields(product) for product_id, product in products.items()}

    # --- orders ---------------------------------------------------------------------------

    def get_order(self, store_id: str, order_id: str) -> host.Order:
        return as_cova_order(_order(store_id, order_id))

    def confirmed_orders(self, store_id: str, since: datetime) -> Sequence[str]:
        """Ids of the orders confirmed since then; one that was cancelled needs no pushing."""
        query = (
            sa.select(Order.id)
            .where(Order.store_id == own_id(store_id))
            .where(Order.confirmed_at >= since)
            .where(Order.status != OrderStatus.CANCELLED)
            .order_by(Order.confirmed_at, Order.id)
        )
        return [str(order_id) for order_id in db.session.scalars(query)]

    def set_order_status(
        self, store_id: str, order_id: str, status: OrderStatus, note: str | None = None
    ) -> None:
        _order(store_id, order_id).move_to(OrderStatus(status).value, note)
        db.session.flush()


# --- ids at the border --------------------------------------------------------------------


def own_id(text: str) -> int:
    """The shop's number for an id from outside; -1, which no row has, for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1


def _order(store_id: str, order_id: str) -> Order:
    order = db.session.get(Order, own_id(order_id))
    if order is None or order.store_id != own_id(store_id):
        raise OrderNotFound(store_id, order_id)
    return order


# --- orders to the plugin -----------------------------------------------------------------


def as_cova_order(order: Order) -> host.Order:
    """The order in the plugin's words; the address only for a delivery."""
    address = host.Address(
        line1=order.line1,
        line2=order.line2,
        city=order.city,
        state=order.state,
        postal_code=order.postal_code,
        country=order.country,
    )
    return host.Order(
        id=str(order.id),
        store_id=str(order.store_id),
        number=order.number,
        confirmed_at=order.confirmed_at,
        customer=host.Customer(
            first_name=order.first_name or None,
            last_name=order.last_name or None,
            phone=order.phone or None,
            email=order.email or None,
            date_of_birth=order.date_of_birth,
        ),
        lines=as_cova_lines(order),
        delivery=host.Delivery(address, order.delivery_fee) if order.is_delivery else None,
        notes=order.notes,
    )


def as_cova_lines(order: Order) -> list[host.OrderLine]:
    """The lines of an order, as the plugin holds and pushes them."""
    return [
        host.OrderLine(
            cova_product_id=line.cova_product_id,
            name=line.name,
            quantity=line.quantity,
            line_total=line.line_total,
        )
        for line in order.lines
    ]


# --- products to the plugin ---------------------------------------------------------------


def as_cova_fields(product: Product) -> dict[str, Any]:
    """The product in the plugin's words: field → value, as `apply_products` was given it."""
    return {
        "name": product.name,
        "description": product.description,
        "brand": product.brand,
        "category_id": None if product.category_id is None else str(product.category_id),
        "subtype": product.subtype,
        "cannabis_type": product.cannabis_type,
        "strain": product.strain,
        "sku": product.sku,
        "upc": product.upc,
        "price": product.price,
        "sale_price": product.sale_price,
        "price_tiers": product.price_tiers,
        "quantity": product.quantity,
        "weight": None
        if product.weight_value is None
        else host.Weight(product.weight_value, product.weight_unit),
        "labs": product.labs,
        "coa_url": product.coa_url,
        "image_urls": product.image_urls,
        "tags": product.tags,
        "enabled": product.enabled,
        "tax_rates": product.tax_rates,
    }


# --- products from the plugin -------------------------------------------------------------


def _products_by_cova_id(store: int, cova_product_ids: Sequence[str]) -> dict[str, Product]:
    """dict: COVA product id → the shop's product, as it is in the database now.

    A session compares new values with those it read. Had it read the product before another
    request changed it, a new value equal to the old reading would never be written; hence
    `populate_existing`.
    """
    found: dict[str, Product] = {}
    for start in range(0, len(cova_product_ids), 500):
        query = sa.select(Product).where(
            Product.store_id == store,
            Product.cova_product_id.in_(cova_product_ids[start : start + 500]),
        )
        fresh = db.session.scalars(query.execution_options(populate_existing=True))
        found |= {product.cova_product_id: product for product in fresh}
    return found


def _refused(change: ProductChange, reason: str) -> ApplyResult:
    return ApplyResult(change.cova_product_id, ok=False, reason=reason)


def _check_possible(change: ProductChange, product: Product | None) -> None:
    """Raise `ValueError` for a change this catalogue cannot take."""
    if change.action not in ("create", "update", "hide", "restore"):
        raise ValueError(f"The shop does not know the action “{change.action}”.")
    if product is None and change.action != "hide" and not change.fields.get("name"):
        # A product that is not here yet needs a name to be shown under; `hide` has nothing to do.
        raise ValueError("The shop has no such product, and a new one needs a name.")


def _columns(change: ProductChange, category_ids: set[int]) -> dict[str, Any]:
    """What to set on the product: column → value. Fields we do not know are left alone.

    Raises `ValueError` with the field's name when one of the values cannot be stored.
    """
    columns: dict[str, Any] = {}
    for field, value in change.fields.items():
        if field not in _READERS:
            continue
        try:
            columns |= _READERS[field](value)
        except (TypeError, ValueError, AttributeError, ArithmeticError) as exc:
            raise ValueError(f"{field}: {exc}") from exc
    category = columns.get("category_id")
    if category is not None and category not in category_ids:
        raise ValueError(f"category_id: this store has no category {category}.")
    if change.action == "hide":
        columns["enabled"] = False
    elif change.action == "restore":
        columns["enabled"] = True
    return columns


T = TypeVar("T")
Reader = Callable[[Any], dict[str, Any]]


def _text(column: str) -> Reader:
    return lambda value: {column: "" if value is None else _string(value)}


def _optional_text(column: str) -> Reader:
    return lambda value: {column: None if value is None else _string(value)}


def _texts(column: str) -> Reader:
    return lambda value: {column: [_string(item) for item in value or ()]}


def _values(column: str, kind: type[object]) -> Reader:
    return lambda value: {column: [_is(kind, item) for item in value or ()]}


def _money(column: str) -> Reader:
    return lambda value: {column: None if value is None else _amount(value)}


def _name(value: Any) -> dict[str, Any]:
    if not _string(value).strip():
        raise ValueError("a product needs a name.")
    return {"name": value}


def _category(value: Any) -> dict[str, Any]:
    return {"category_id": None if value is None else own_id(_is(str, value))}


def _quantity(value: Any) -> dict[str, Any]:
    return {"quantity": _amount(value)}


def _weight(value: Any) -> dict[str, Any]:
    if value is None:
        return {"weight_value": None, "weight_unit": ""}
    weight = _is(host.Weight, value)
    return {"weight_value": _amount(weight.value), "weight_unit": weight.unit}


def _enabled(value: Any) -> dict[str, Any]:
    return {"enabled": _is(bool, value)}


def _string(value: Any) -> str:
    text = _is(str, value)
    # What a database cannot write would fail the whole batch later, so it fails here, alone.
    text.encode("utf-8")
    if "\x00" in text:
        raise ValueError("the text holds a zero byte.")
    return text


def _amount(value: Any) -> Decimal:
    amount = _is(Decimal, value)
    if not is_storable(amount):
        raise ValueError(f"{amount} cannot be stored exactly.")
    if amount < 0:
        raise ValueError(f"{amount} is below zero.")
    return amount


def _is(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}.")
    return value


_READERS: Mapping[str, Reader] = {
    "name": _name,
    "description": _text("description"),
    "brand": _text("brand"),
    "category_id": _category,
    "subtype": _text("subtype"),
    "cannabis_type": _text("cannabis_type"),
    "strain": _text("strain"),
    "sku": _text("sku"),
    "upc": _optional_text("upc"),
    "price": _money("price"),
    "sale_price": _money("sale_price"),
    "price_tiers": _values("price_tiers", host.PriceTier),
    "quantity": _quantity,
    "weight": _weight,
    "labs": _values("labs", host.LabValue),
    "coa_url": _optional_text("coa_url"),
    "image_urls": _texts("image_urls"),
    "tags": _texts("tags"),
    "enabled": _enabled,
    "tax_rates": _values("tax_rates", host.TaxRate),
}
