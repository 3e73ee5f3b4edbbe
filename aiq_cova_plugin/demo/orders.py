"""Placing, confirming and cancelling orders, and telling the plugin about each.

Every function leaves the commit to its caller, so that the order, the plugin's hold on the stock
and its queued push are one transaction: all of it is there afterwards, or nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import cast

import blinker
from flask import Flask, current_app

from aiq_cova_plugin.demo.basket import BasketLine
from aiq_cova_plugin.demo.extensions import cova
from aiq_cova_plugin.demo.host import as_cova_lines
from aiq_cova_plugin.demo.models import CENT, PLACED, Order, OrderLine, Store, db, utc_now
from aiq_cova_plugin.host import OrderStatus

order_placed = blinker.signal("aiq.order-placed")
order_confirmed = blinker.signal("aiq.order-confirmed")
order_cancelled = blinker.signal("aiq.order-cancelled")

# Without the letters and digits that are mistaken for each other over the phone.
_NUMBER_LETTERS = "ACDEFHJKLMNPRTUVWXY34679"


def place(order: Order, lines: Sequence[BasketLine]) -> None:
    """Hold the stock of every line and record the order; confirm it where the store does so.

    Raises `InsufficientStock` when not all of it is there; the caller then rolls back.
    """
    order.number = "GH-" + "".join(secrets.choice(_NUMBER_LETTERS) for _ in range(6))
    order.token = order.token or secrets.token_urlsafe(18)
    order.placed_at = utc_now()
    order.estimated_tax = estimated_tax(order.store, lines)
    order.lines = [
        OrderLine(
            cova_product_id=line.product.cova_product_id,
            name=line.product.name,
            quantity=line.quantity,
            line_total=line.total,
        )
        for line in lines
    ]
    order.move_to(PLACED)
    db.session.add(order)
    db.session.flush()
    cova.reserve(str(order.store_id), str(order.id), as_cova_lines(order))
    _tell(order_placed, order)
    if order.store.auto_confirms:
        confirm(order, note="Confirmed automatically.")


def confirm(order: Order, note: str | None = None) -> bool:
    """Confirm a placed order; False when it is past that already."""
    if order.status != PLACED:
        return False
    order.confirmed_at = utc_now()
    order.move_to(OrderStatus.CONFIRMED, note)
    db.session.flush()
    _tell(order_confirmed, order)
    return True


def cancel(order: Order, note: str | None = None) -> bool:
    """Cancel an open order; False when it is over already."""
    if not order.is_open:
        return False
    order.move_to(OrderStatus.CANCELLED, note)
    db.session.flush()
    _tell(order_cancelled, order)
    return True


def estimated_tax(store: Store, lines: Sequence[BasketLine]) -> Decimal:
    """The tax to expect on top; zero where the prices include it. The till decides."""
    if store.prices_include_tax:
        return Decimal(0)
    tax = sum(
        (line.total * sum((rate.rate for rate in line.product.tax_rates), Decimal(0)))
        for line in lines
    )
    return Decimal(tax).quantize(CENT, rounding=ROUND_HALF_UP)


def _tell(signal: blinker.NamedSignal, order: Order) -> None:
    # The proxy itself would be another sender than the app that receivers know.
    app = cast("Flask", current_app._get_current_object())  # type: ignore[attr-defined]
    signal.send(app, store_id=str(order.store_id), order_id=str(order.id))
