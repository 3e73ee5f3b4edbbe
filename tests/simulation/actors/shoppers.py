"""Shoppers: they order, confirm and cancel, and their signals get lost or doubled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from blinker import signal

from aiq_cova_plugin.host import InsufficientStock, OrderLine

from tests.simulation.actors.register import name_of, one_of
from tests.simulation.ledger import WebOrder
from tests.simulation.people import ADDRESSES, PEOPLE
from tests.simulation.stage import STORE
from tests.simulation.world import World
from tests.support.shop import ShopOrder


def shopper_orders(
    world: World,
    person: int,
    basket: list[tuple[int, int]],
    *,
    spelling: int = 0,
    address: int | None = None,
    confirms: str = "at once",
) -> bool:
    """Reserve and place an order. `confirms`: `at once`, `later`, or `unheard`: the signal is lost."""
    who = PEOPLE[person % len(PEOPLE)]
    lines: dict[str, Decimal] = {}
    for product, quantity in basket:
        each = one_of(world, product)
        lines[each] = lines.get(each, Decimal(0)) + quantity
    number = len(world.orders) + 1
    order = WebOrder(
        id=f"o{number}",
        person=who,
        lines=lines,
        is_delivery=address is not None,
        placed_at=world.now,
        number=f"WEB-{number}",
        confirmed_at=None if confirms == "later" else world.now,
    )
    wanted = [OrderLine(each, "thing", q, q * 10) for each, q in lines.items()]
    try:
        with world.in_shop() as session:
            world.shop.cova.reserve(STORE, order.id, wanted)
            session.add(_row(order, who.document(spelling), address))
            session.flush()
            _send(world, "aiq.order-placed", order.id)
            if confirms == "at once":
                _send(world, "aiq.order-confirmed", order.id)
    except InsufficientStock:
        world.say(f"{who.first_name} wants more than there is: {_basket(world, lines)}")
        return False
    world.orders[order.id] = order
    world.checks.order_was_granted(order)
    world.say(
        f"{who.first_name} orders {order.number}: {_basket(world, lines)}"
        f"{', delivered' if order.is_delivery else ''}; confirmed {confirms}"
    )
    return True


def shopper_confirms(world: World, index: int, *, is_heard: bool = True) -> bool:
    waiting = [
        each
        for each in world.orders.values()
        if each.confirmed_at is None
        and each.is_open
        # Later the hold has run out; docs/limits.md says so.
        and world.now - each.placed_at < timedelta(days=2)
    ]
    if not waiting:
        return False
    order = waiting[index % len(waiting)]
    with world.in_shop() as session:
        row = session.get_one(ShopOrder, (STORE, order.id))
        row.confirmed_at, row.status = world.now.isoformat(), "confirmed"
        session.flush()
        if is_heard:
            _send(world, "aiq.order-confirmed", order.id)
    order.confirmed_at = world.now
    world.say(f"{order.number} is confirmed{'' if is_heard else ', but its signal is lost'}")
    return True


def shopper_cancels(world: World, index: int) -> bool:
    open_now = [each for each in world.orders.values() if each.cancelled_at is None]
    open_now = [each for each in open_now if _status(world, each) not in ("completed", "cancelled")]
    if not open_now:
        return False
    order = open_now[index % len(open_now)]
    with world.in_shop() as session:
        session.get_one(ShopOrder, (STORE, order.id)).status = "cancelled"
        session.flush()
        _send(world, "aiq.order-cancelled", order.id)
    order.cancelled_at = world.now
    world.say(f"{order.number} is cancelled in the shop")
    return True


def signal_comes_again(world: World, index: int, name: str) -> bool:
    """A signal is delivered a second time: harmless, whichever it is."""
    known = [each for each in world.orders.values() if each.confirmed_at is not None]
    if name == "aiq.order-cancelled":
        known = [each for each in known if each.cancelled_at is not None]
    if not known:
        return False
    order = known[index % len(known)]
    with world.in_shop():
        _send(world, name, order.id)
    world.say(f"the signal {name} of {order.number} comes again")
    return True


def _row(order: WebOrder, customer: dict[str, Any], address: int | None) -> ShopOrder:
    delivery = None
    if address is not None:
        delivery = {"address": ADDRESSES[address % len(ADDRESSES)], "fee": "5"}
    confirmed = order.confirmed_at
    return ShopOrder(
        store_id=STORE,
        order_id=order.id,
        status="confirmed" if confirmed is not None else "placed",
        confirmed_at=confirmed.isoformat() if confirmed is not None else None,
        document={
            "number": order.number,
            "customer": customer,
            "lines": [[each, "thing", str(q), str(q * 10)] for each, q in order.lines.items()],
            "delivery": delivery,
        },
    )


def _send(world: World, name: str, order_id: str) -> None:
    signal(name).send(world.shop.app, store_id=STORE, order_id=order_id)


def _status(world: World, order: WebOrder) -> str:
    with world.reading() as connection:
        return str(
            connection.execute(
                sa.select(ShopOrder.status).where(ShopOrder.order_id == order.id)
            ).scalar_one()
        )


def _basket(world: World, lines: dict[str, Decimal]) -> str:
    return ", ".join(f"{quantity} {name_of(world, each)}" for each, quantity in lines.items())
