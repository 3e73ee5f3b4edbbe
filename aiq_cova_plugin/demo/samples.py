"""Something of every interesting kind, there after the first sync: products and orders.

Demo only. The products are made in the simulated COVA, and come through the sync. The orders are
placed like any shopper's, and go through the plugin. Nothing of the plugin's is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import blinker
import sqlalchemy as sa
from flask import Flask

from aiq_cova_plugin.demo import orders
from aiq_cova_plugin.demo.basket import BasketLine
from aiq_cova_plugin.demo.models import CENT, Order, Product, Store, db, utc_now
from aiq_cova_plugin.demo.simulator_control import SimulatorControl

# The plugin's own signals. A host listens to them by name, with its app as the sender.
catalog_synced = blinker.signal("cova.catalog-synced")
order_pushed = blinker.signal("cova.order-pushed")

STORE = 1
UNMAPPED, NO_THC = "Harbour Lights gift box", "Low Tide 3.5g"
SALE_HOURS = 6
LAST = 2

HAND_OVER = "Sample order: handed over as soon as it is at the register."
# Invented people; 555 numbers belong to nobody.
SHARED_PHONE = "+13035550116"
_SHOPPERS: tuple[dict[str, Any], ...] = (
    {"first_name": "Ada", "phone": "+13035550111", "notes": HAND_OVER},
    {
        "first_name": "Marina",
        "phone": "+13035550142",
        "email": "marina@example.com",
        "is_delivery": True,
        "line1": "41 Lighthouse Lane",
        "city": "Denver",
        "state": "CO",
        "postal_code": "80202",
        "country": "US",
        "notes": "Please ring twice.",
    },
    # Two people in the simulated COVA have this number, so that staff must say which it is.
    {"first_name": "Finn", "phone": SHARED_PHONE},
)


def stock_cova(register: SimulatorControl) -> None:
    """Put the sample products into the simulated COVA, before anything is synced."""
    register.add_product(name=UNMAPPED, classification="Seasonal > Gift Ideas", price=48, stock=12)
    register.add_product(
        name=NO_THC,
        classification="Flower > Hybrid",
        price=32,
        stock=18,
        # No THC at all, and a reading that is no number.
        specifications={"Flower Type": "Hybrid", "CBD": "see the label"},
    )
    now = utc_now()
    on_sale = _ordinary(register, "gummies")
    if on_sale is not None:
        window = {
            "price": str((Decimal(on_sale["price"]) * Decimal("0.75")).quantize(CENT)),
            "start": (now - timedelta(days=2)).isoformat(),
            "end": (now + timedelta(hours=SALE_HOURS)).isoformat(),
        }
        register.change_product(on_sale["id"], sale=window)
    nearly_gone = _ordinary(register, "hash")
    if nearly_gone is not None:
        register.change_product(nearly_gone["id"], stock=LAST)


def _ordinary(register: SimulatorControl, words: str) -> dict[str, Any] | None:
    """A product without surprises whose name holds the words; None when there is none."""
    return next(
        (
            each
            for each in register.products(words)
            if each["lifecycle"] == "Active"
            and not each["is_archived"]
            and not each["on_sale"]
            and each["price"] is not None
            and Decimal(each["sellable"]) > LAST
        ),
        None,
    )


def listen(app: Flask, register: SimulatorControl) -> None:
    """Place the sample orders after the first sync, and hand one of them over once it arrived."""

    def after_sync(_app: Flask, *, store_id: str, **_numbers: Any) -> None:
        # A context of its own: this is another thread, with the plugin's work around it.
        if store_id == str(STORE):
            with app.app_context():
                _place_orders()

    def after_push(_app: Flask, *, order_id: str, cova_order_id: str, **_store: Any) -> None:
        with app.app_context():
            order = db.session.get(Order, int(order_id))
            if order is not None and order.notes == HAND_OVER:
                register.complete(cova_order_id)

    catalog_synced.connect(after_sync, sender=app, weak=False)
    order_pushed.connect(after_push, sender=app, weak=False)


def _place_orders() -> None:
    """The sample orders, unless somebody ordered already."""
    store = db.session.get_one(Store, STORE)
    if db.session.scalar(sa.select(sa.func.count(Order.id)).where(Order.store_id == STORE)):
        return
    # The sample products are few of each, and for the visitor to try.
    chosen = db.session.scalars(
        sa.select(Product)
        .where(Product.store_id == STORE, Product.enabled, Product.price.is_not(None))
        .where(Product.quantity >= 10, Product.sale_price.is_(None))
        .where(Product.name.not_in((UNMAPPED, NO_THC)))
        .order_by(Product.id)
        .limit(2 * len(_SHOPPERS))
    ).all()
    for number, shopper in enumerate(_SHOPPERS):
        basket = [BasketLine(each, Decimal(1)) for each in chosen[2 * number : 2 * number + 2]]
        if basket:
            _place(store, shopper, basket)


def _place(store: Store, shopper: dict[str, Any], basket: Sequence[BasketLine]) -> None:
    order = Order(
        store=store,
        store_id=store.id,
        last_name="Example",
        date_of_birth=date(1990, 2, 3),
        delivery_fee=store.delivery_fee if shopper.get("is_delivery") else Decimal(0),
        **shopper,
    )
    orders.place(order, basket)
    db.session.commit()
