"""Cashiers: they prepare, hand over and cancel what shoppers have ordered."""

from __future__ import annotations

from aiq_cova_plugin.simulator.orders import CLOSED, Order, OrderStatus
from aiq_cova_plugin.simulator.sales import Refusal

from tests.simulation.ledger import WebOrder
from tests.simulation.place import Place


def cashier_completes(place: Place, index: int) -> bool:
    """Hand an order over at the register, whatever the shop thinks of it."""
    order = _ready_order(place, index)
    if order is None:
        return False
    location = place.location_id
    short = [
        line
        for line in order.lines
        if line.product_id in place.stock
        and place.cova.state.products[line.product_id].quantity(location) < line.quantity
    ]
    if short:
        # Nobody hands over what is not on the shelf.
        return cashier_cancels(place, index)
    place.register.complete(order.id)
    place.note_stock(*(line.product_id for line in order.lines if line.product_id in place.stock))
    mine = _ours(place, order)
    if mine is not None:
        mine.completed_at = place.now
    place.say(f"the cashier hands {order.external_order_id} over")
    return True


def cashier_cancels(place: Place, index: int) -> bool:
    order = _ready_order(place, index)
    if order is None:
        return False
    try:
        place.register.cancel(order.id)
    except Refusal:
        return False
    mine = _ours(place, order)
    if mine is not None:
        mine.cancelled_at_register = place.now
    place.say(f"the cashier cancels {order.external_order_id}")
    return True


def cashier_prepares(place: Place, index: int, status: str) -> bool:
    order = _ready_order(place, index)
    if order is None:
        return False
    place.register.set_fulfilment(order.id, status)
    place.say(f"the cashier sets {order.external_order_id} to {status}")
    return True


def _ready_order(place: Place, index: int) -> Order | None:
    ready = [
        each
        for each in place.cova.state.orders.values()
        if each.location_id == place.location_id
        and each.closed_as not in CLOSED
        and place.register.sales.status(each) is OrderStatus.ReadyForPayment
    ]
    return ready[index % len(ready)] if ready else None


def _ours(place: Place, order: Order) -> WebOrder | None:
    for each in place.orders.values():
        if each.number == order.external_order_id:
            return each
    return None
