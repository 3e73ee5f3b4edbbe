"""Cashiers: they prepare, hand over and cancel what shoppers have ordered."""

from __future__ import annotations

from aiq_cova_plugin.simulator.orders import CLOSED, Order, OrderStatus
from aiq_cova_plugin.simulator.sales import Refusal

from tests.simulation.ledger import WebOrder
from tests.simulation.world import World


def cashier_completes(world: World, index: int) -> bool:
    """Hand an order over at the register, whatever the shop thinks of it."""
    order = _ready_order(world, index)
    if order is None:
        return False
    location = world.cova.account.location_ids[0]
    short = [
        line
        for line in order.lines
        if line.product_id in world.stock
        and world.cova.state.products[line.product_id].quantity(location) < line.quantity
    ]
    if short:
        # Nobody hands over what is not on the shelf.
        return cashier_cancels(world, index)
    world.register.complete(order.id)
    world.note_stock(*(line.product_id for line in order.lines if line.product_id in world.stock))
    mine = _ours(world, order)
    if mine is not None:
        mine.completed_at = world.now
    world.say(f"the cashier hands {order.external_order_id} over")
    return True


def cashier_cancels(world: World, index: int) -> bool:
    order = _ready_order(world, index)
    if order is None:
        return False
    try:
        world.register.cancel(order.id)
    except Refusal:
        return False
    mine = _ours(world, order)
    if mine is not None:
        mine.cancelled_at_register = world.now
    world.say(f"the cashier cancels {order.external_order_id}")
    return True


def cashier_prepares(world: World, index: int, status: str) -> bool:
    order = _ready_order(world, index)
    if order is None:
        return False
    world.register.set_fulfilment(order.id, status)
    world.say(f"the cashier sets {order.external_order_id} to {status}")
    return True


def _ready_order(world: World, index: int) -> Order | None:
    ready = [
        each
        for each in world.cova.state.orders.values()
        if each.closed_as not in CLOSED
        and world.register.sales.status(each) is OrderStatus.ReadyForPayment
    ]
    return ready[index % len(ready)] if ready else None


def _ours(world: World, order: Order) -> WebOrder | None:
    for each in world.orders.values():
        if each.number == order.external_order_id:
            return each
    return None
