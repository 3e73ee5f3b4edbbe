"""What one company's records in COVA must be: every order once, every customer once, paid once."""

from __future__ import annotations

import json
from collections import Counter, deque
from datetime import datetime, timedelta

from aiq_cova_plugin.simulator.orders import FAILURES, Order, OrderStatus
from aiq_cova_plugin.simulator.world import World as CovaWorld

from tests.simulation.ledger import WebOrder
from tests.simulation.place import Place
from tests.simulation.tables import phone_numbers
from tests.simulation.wire import WireCall
from tests.simulation.world import World, require

QUOTA_SHARE = 0.8


class CompanyPromises:
    """Watches the records of one company, whichever of its stores wrote them."""

    def __init__(self, world: World, cova: CovaWorld) -> None:
        self._world, self._cova = world, cova
        self._seen_orders = 0
        self._known_customers = set(cova.state.customers)
        self._calls: dict[str, deque[datetime]] = {}
        self._limit_known: dict[str, datetime] = {}

    def step(self) -> None:
        self.orders_are_not_doubled()
        self.customers_are_not_doubled()
        require(self._cova.broken == [], "the simulator works", repr(self._cova.broken))

    @property
    def _places(self) -> list[Place]:
        return [each for each in self._world.places if each.cova is self._cova]

    def orders_are_not_doubled(self) -> None:
        """COVA has at most one live order of each order of the shop, under the id we chose."""
        records = self._cova.state.orders
        if len(records) == self._seen_orders:
            return
        self._seen_orders = len(records)
        live = [each for each in records.values() if not self._is_void(each)]
        doubled = [
            number
            for (_, number), times in Counter(
                (each.location_id, each.external_order_id) for each in live
            ).items()
            if times > 1
        ]
        require(not doubled, "no order is doubled", ", ".join(doubled))
        # The stores number their orders alike: where an order went tells whose it is.
        known = {
            (place.location_id, each.number): each
            for place in self._places
            for each in place.orders.values()
        }
        for each in live:
            mine = known.get((each.location_id, each.external_order_id))
            require(mine is not None, "COVA has our orders only", each.external_order_id)
            assert mine is not None
            self._is_right_person(each, mine)
            self._is_complete(each, mine)

    def _is_void(self, order: Order) -> bool:
        status = self._cova.register.sales.status(order)
        return status in FAILURES or status is OrderStatus.Cancelled

    def _is_right_person(self, order: Order, mine: WebOrder) -> None:
        customers = self._cova.state.customers
        customer = customers.get(order.customer_id or "")
        whose = f"{mine.number} of {mine.person.first_name}"
        require(customer is not None, "an order has a customer", whose)
        assert customer is not None
        require(
            mine.person.digits in phone_numbers(customer),
            "an order is under its own person",
            f"{whose} ({mine.person.digits}) is under {phone_numbers(customer)}",
        )
        # Staff may have disabled the customer since; the order's own day is what counts.

    def _is_complete(self, order: Order, mine: WebOrder) -> None:
        fee = self._cova.account.delivery_fee_product_id
        sent: Counter[str] = Counter()
        for line in order.lines:
            if line.product_id != fee:
                sent[line.product_id] += line.quantity  # type: ignore[assignment]
        require(
            dict(sent) == mine.lines,
            "an order arrives complete",
            f"{mine.number} has {dict(sent)}, ordered were {mine.lines}",
        )

    def customers_are_not_doubled(self) -> None:
        """No customer is created whose phone COVA had, on a usable customer, already."""
        customers = self._cova.state.customers
        fresh = [each for each in customers.values() if each.id not in self._known_customers]
        for new in fresh:
            numbers = phone_numbers(new)
            others = [
                each.id
                for each in customers.values()
                if each.id != new.id and not each.is_disabled and numbers & phone_numbers(each)
            ]
            self._known_customers.add(new.id)
            require(not others, "no customer is doubled", f"{numbers} twice: {new.id}, {others}")

    def was_called(self, moment: datetime, service: str) -> None:
        """Of no service more than 80 % of the announced calls in any minute, all stores together."""
        if service == "v1":  # the token's own address, which has no announced limit
            return
        usable = max(1, int(self._cova.switches.rate_limit * QUOTA_SHARE))
        window = self._calls.setdefault(service, deque())
        window.append(moment)
        while window[0] <= moment - timedelta(seconds=60):
            window.popleft()
        # Before the first answer nobody can know the limit.
        first = self._limit_known.setdefault(service, moment + timedelta(seconds=60))
        if moment >= first:
            require(
                len(window) <= usable,
                "the quota is kept",
                f"{len(window)} calls of {service} in the minute to {moment:%H:%M:%S}, "
                f"{usable} are allowed",
            )

    def payment_arrives(self, call: WireCall) -> None:
        """A payment is sent once, exactly, and for an order that the shop did not cancel."""
        document = json.loads(call.body)
        order = self._cova.state.orders.get(str(document["SaleID"]).lower())
        require(order is not None, "a payment is of an order in COVA", str(document["SaleID"]))
        assert order is not None
        name = order.external_order_id
        require(not order.is_paid, "no order is paid twice", name)
        mine = next(
            each
            for place in self._places
            if place.location_id == order.location_id
            for each in place.orders.values()
            if each.number == name
        )
        require(mine.paid_at is not None, "only what was paid is told as paid", name)
        require(mine.cancelled_at is None, "what the shop cancelled is not paid", name)
