"""Shoppers: they order, confirm and cancel, and their signals get lost or doubled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from blinker import signal

from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.host import InsufficientStock, OrderLine

from tests.simulation.actors.register import name_of, one_of
from tests.simulation.ledger import WebOrder
from tests.simulation.people import ADDRESSES, PEOPLE
from tests.simulation.place import Place
from tests.support.shop import ShopOrder


def shopper_orders(
    place: Place,
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
        each = one_of(place, product)
        lines[each] = lines.get(each, Decimal(0)) + quantity
    number = len(place.orders) + 1
    order = WebOrder(
        id=f"o{number}",
        person=who,
        lines=lines,
        is_delivery=address is not None,
        placed_at=place.now,
        number=f"WEB-{number}",
        confirmed_at=None if confirms == "later" else place.now,
    )
    wanted = [OrderLine(each, "thing", q, q * 10) for each, q in lines.items()]
    try:
        with place.in_shop() as session:
            place.world.shop.cova.reserve(place.store_id, order.id, wanted)
            session.add(_row(place, order, who.document(spelling), address))
            session.flush()
            _send(place, "aiq.order-placed", order.id)
            if confirms == "at once":
                _send(place, "aiq.order-confirmed", order.id)
    except InsufficientStock:
        place.say(f"{who.first_name} wants more than there is: {_basket(place, lines)}")
        return False
    place.orders[order.id] = order
    place.world.checks.order_was_granted(place, order)
    place.say(
        f"{who.first_name} orders {order.number}: {_basket(place, lines)}"
        f"{', delivered' if order.is_delivery else ''}; confirmed {confirms}"
    )
    return True


def shopper_confirms(place: Place, index: int, *, is_heard: bool = True) -> bool:
    waiting = [
        each
        for each in place.orders.values()
        if each.confirmed_at is None
        and each.is_open
        # Later the hold has run out; docs/limits.md says so.
        and place.now - each.placed_at < timedelta(days=2)
    ]
    if not waiting:
        return False
    order = waiting[index % len(waiting)]
    with place.in_shop() as session:
        row = session.get_one(ShopOrder, (place.store_id, order.id))
        row.confirmed_at, row.status = place.now.isoformat(), "confirmed"
        session.flush()
        if is_heard:
            _send(place, "aiq.order-confirmed", order.id)
    order.confirmed_at = place.now
    place.say(f"{order.number} is confirmed{'' if is_heard else ', but its signal is lost'}")
    return True


def shopper_cancels(place: Place, index: int) -> bool:
    open_now = [each for each in place.orders.values() if each.cancelled_at is None]
    open_now = [each for each in open_now if _status(place, each) not in ("completed", "cancelled")]
    if not open_now:
        return False
    order = open_now[index % len(open_now)]
    with place.in_shop() as session:
        session.get_one(ShopOrder, (place.store_id, order.id)).status = "cancelled"
        session.flush()
        _send(place, "aiq.order-cancelled", order.id)
    order.cancelled_at = place.now
    place.say(f"{order.number} is cancelled in the shop")
    return True


def shopper_pays(place: Place, index: int) -> bool:
    """Pay a confirmed order in the shop, which tells COVA in time; paying twice changes nothing."""
    known = [
        each
        for each in place.orders.values()
        if each.confirmed_at is not None and each.is_open and each.completed_at is None
    ]
    if not known:
        return False
    order = known[index % len(known)]
    try:
        with place.in_shop():
            place.world.shop.cova.mark_paid(
                place.store_id, order.id, reference=f"ref-{order.id}", last4="4242"
            )
    except NeedsOperator:
        return False  # its signal was lost, and no sweep has found it yet
    order.paid_at = order.paid_at or place.now
    place.say(f"{order.number} is paid in the shop")
    return True


def signal_comes_again(place: Place, index: int, name: str) -> bool:
    """A signal is delivered a second time: harmless, whichever it is."""
    known = [each for each in place.orders.values() if each.confirmed_at is not None]
    if name == "aiq.order-cancelled":
        known = [each for each in known if each.cancelled_at is not None]
    if not known:
        return False
    order = known[index % len(known)]
    with place.in_shop():
        _send(place, name, order.id)
    place.say(f"the signal {name} of {order.number} comes again")
    return True


def _row(place: Place, order: WebOrder, customer: dict[str, Any], address: int | None) -> ShopOrder:
    delivery = None
    if address is not None:
        delivery = {"address": ADDRESSES[address % len(ADDRESSES)], "fee": "5"}
    confirmed = order.confirmed_at
    return ShopOrder(
        store_id=place.store_id,
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


def _send(place: Place, name: str, order_id: str) -> None:
    signal(name).send(place.world.shop.app, store_id=place.store_id, order_id=order_id)


def _status(place: Place, order: WebOrder) -> str:
    with place.world.reading() as connection:
        return str(
            connection.execute(
                sa.select(ShopOrder.status).where(
                    ShopOrder.store_id == place.store_id, ShopOrder.order_id == order.id
                )
            ).scalar_one()
        )


def _basket(place: Place, lines: dict[str, Decimal]) -> str:
    return ", ".join(f"{quantity} {name_of(place, each)}" for each, quantity in lines.items())
