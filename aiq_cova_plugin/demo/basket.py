"""The shopper's basket of one store, kept in the session cookie: product id → quantity."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import sqlalchemy as sa
from flask import session

from aiq_cova_plugin.demo.models import Product, Store, db

LARGEST_QUANTITY = Decimal(999)


@dataclass(frozen=True)
class BasketLine:
    """One product in the basket, priced as of now."""

    product: Product
    quantity: Decimal

    @property
    def total(self) -> Decimal:
        return self.product.line_total(self.quantity)


def lines(store: Store) -> list[BasketLine]:
    """What is in the basket and still on the menu, in the order it was put there."""
    wanted = _contents(store)
    products = {
        product.id: product
        for product in db.session.scalars(
            sa.select(Product).where(
                Product.store_id == store.id, Product.id.in_([int(key) for key in wanted])
            )
        )
        if product.is_on_menu
    }
    return [
        BasketLine(products[int(key)], Decimal(quantity))
        for key, quantity in wanted.items()
        if int(key) in products
    ]


def count(store: Store) -> int:
    """How many different products are in the basket."""
    return len(_contents(store))


def put(store: Store, product: Product, quantity: Decimal) -> None:
    """Set the quantity of one product; zero takes it out."""
    contents = _contents(store)
    if quantity > 0:
        contents[str(product.id)] = str(quantity)
    else:
        contents.pop(str(product.id), None)
    session[_key(store)] = contents


def quantity_of(store: Store, product: Product) -> Decimal:
    """How much of the product is in the basket already."""
    return Decimal(_contents(store).get(str(product.id), "0"))


def empty(store: Store) -> None:
    """Take everything out."""
    session.pop(_key(store), None)


def read_quantity(text: str, product: Product) -> Decimal | None:
    """The quantity a shopper typed, or None when it is none.

    Pieces are whole; what is sold by weight goes in half grams.
    """
    try:
        quantity = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    step = Decimal("0.5") if product.is_sold_by_weight else Decimal(1)
    if not quantity.is_finite() or not 0 <= quantity <= LARGEST_QUANTITY or quantity % step != 0:
        return None
    return quantity


def _key(store: Store) -> str:
    return f"basket-{store.id}"


def _contents(store: Store) -> dict[str, str]:
    return dict(session.get(_key(store), {}))
