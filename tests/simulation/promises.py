"""The promises, checked after every step and, more strictly, when all is quiet.

Everything is judged by the world's own ledger, by COVA's records and by the shop's tables, not
by what the plugin says of itself; where a row of the plugin is looked at, it is checked
against one of these. docs/simulation.md says what each promise means exactly.
"""

from __future__ import annotations

from collections import Counter, deque
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin import signals
from aiq_cova_plugin.domain.push_states import LEGAL_MOVES
from aiq_cova_plugin.simulator.orders import FAILURES, Order, OrderStatus

from tests.simulation.ledger import WebOrder
from tests.simulation.stage import STORE
from tests.simulation.tables import HOLDS, SELLABLE, STOCKS, phone_numbers, shop_fields
from tests.simulation.world import Violation, World, moment_of

GUARD_SHARE, GUARD_AT_LEAST = 0.30, 20
QUOTA_SHARE = 0.8
EXPIRY = timedelta(days=3)
LOOK_BACK = timedelta(hours=3)
"""A reading may be this old when it is applied: a run that broke off goes on where it was."""

HOLD_MOVES = {
    ("active", "settling"),
    ("active", "released"),
    ("settling", "released"),
    # The shop had cancelled, and the register sold it nevertheless.
    ("released", "settling"),
}
STEPS = {
    "placed": 0,
    "confirmed": 1,
    "in_progress": 2,
    "ready_for_pickup": 3,
    "out_for_delivery": 4,
    "completed": 5,
    "cancelled": 5,
}


def require(is_kept: bool, promise: str, detail: str) -> None:
    """Raise `Violation` unless the promise is kept."""
    if not is_kept:
        raise Violation(f"{promise}: {detail}")


class Promises:
    """Watches one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last_move = 0
        self._told = 0
        self._applied = 0
        self._seen_orders = 0
        self._known_customers = set(world.cova.state.customers)
        self._readings: dict[str, Any] = {}
        self._available: dict[str, bool] = {}
        self._is_approved = False
        self._mass_changes: list[str] = []
        self._calls: dict[str, deque[datetime]] = {}
        self._wire_seen = 0
        self._limit_known: dict[str, datetime] = {}
        self._note_shop()
        signals.catalog_synced.connect(self._run_ended, sender=world.shop.app)

    def close(self) -> None:
        signals.catalog_synced.disconnect(self._run_ended, sender=self._world.shop.app)

    # --- after every step -----------------------------------------------------------------

    def step(self) -> None:
        """What must hold at any time."""
        self._world.stop_if_broken()
        with self._world.reading() as connection:
            self.moves_are_legal(connection)
            self.sellable_is_explained(connection)
            self.holds_are_explained(connection)
            self.staff_fields_are_untouched(connection)
        self.shop_was_told_forward()
        self.nothing_was_wiped()
        self.orders_are_not_doubled()
        self.customers_are_not_doubled()
        self.quota_is_kept()
        require(self._world.cova.broken == [], "the simulator works", repr(self._world.cova.broken))

    def moves_are_legal(self, connection: sa.Connection) -> None:
        """Pushes, holds and the shop's orders move only as their tables say."""
        rows = connection.execute(
            sa.text("select id, kind, ref, old, new from sim_move where id > :last order by id"),
            {"last": self._last_move},
        ).all()
        for row in rows:
            self._last_move = row.id
            move = f"{row.kind} {row.ref}: {row.old} → {row.new}"
            if row.kind == "push":
                legal = {each.value for each in LEGAL_MOVES.get(row.old, ())}
                require(row.new in legal, "pushes move legally", move)
            elif row.kind == "hold":
                require((row.old, row.new) in HOLD_MOVES, "holds move legally", move)
            else:
                is_forward = STEPS[row.old] < STEPS[row.new]
                require(is_forward, "order statuses move forward only", move)

    def sellable_is_explained(self, connection: sa.Connection) -> None:
        """What the shop offers is COVA's stock, as it really was, minus the open holds."""
        for row in connection.execute(SELLABLE, {"store": STORE}).all():
            name = f"product {row.id}"
            if row.stock is not None and row.quantity is not None and not row.is_dirty:
                wanted = max(Decimal(0), Decimal(row.stock - row.held).scaleb(-4))
                require(
                    Decimal(row.quantity) == wanted,
                    "the sellable quantity is explained",
                    f"{name} shows {row.quantity}, stock minus holds is {wanted}",
                )
            reading = (row.stock, row.stock_read_at)
            if row.stock is not None and self._readings.get(row.id) != reading:
                self._readings[row.id] = reading
                self._reading_is_honest(row)

    def _reading_is_honest(self, row: Any) -> None:
        world, stock = self._world, Decimal(row.stock).scaleb(-4)
        began_at = moment_of(row.stock_read_at)
        history = world.stock.get(row.id)
        if history is None:
            return
        told = {quantity for _, quantity in history.between(began_at, world.now)}
        require(
            stock in told or (stock == 0 and min(told) < 0),
            "a stock is what COVA had",
            f"{row.id} has stock {stock}, read at {began_at:%H:%M:%S}; the register had {told}",
        )

    def holds_are_explained(self, connection: sa.Connection) -> None:
        """Every open hold is a line of a live order, and every live order's lines are held."""
        held = {(row.order_id, row.cova_product_id): row for row in connection.execute(HOLDS).all()}
        orders = self._world.orders
        for (order_id, product_id), row in held.items():
            order = orders.get(order_id)
            what = f"{order_id} holds {row.quantity / 10000} of {product_id} ({row.state})"
            require(order is not None, "holds are explained", what)
            assert order is not None
            require(
                order.lines.get(product_id) == Decimal(row.quantity).scaleb(-4),
                "holds are explained",
                f"{what}, but ordered were {order.lines.get(product_id)}",
            )
            is_live = order.cancelled_at is None or order.completed_at is not None
            require(is_live, "a cancelled order holds nothing", what)
        for order in orders.values():
            if not order.is_open or order.completed_at is not None or self._may_expire(order):
                continue
            for product_id in order.lines:
                require(
                    (order.id, product_id) in held,
                    "what is ordered is held",
                    f"{order.number} no longer holds {product_id}",
                )

    def _may_expire(self, order: WebOrder) -> bool:
        return order.confirmed_at is None and self._world.now - order.placed_at >= EXPIRY

    def staff_fields_are_untouched(self, connection: sa.Connection) -> None:
        """What staff wrote into a field of theirs, or into a locked product, still stands."""
        if not self._world.edits:
            return
        fields = shop_fields(connection)
        for edit in self._world.edits.values():
            found = fields.get(edit.product_id, {}).get(edit.field)
            require(
                found == edit.value,
                "staff fields are untouched",
                f"{edit.field} of {edit.product_id} is {found!r}, staff wrote {edit.value!r}",
            )

    def shop_was_told_forward(self) -> None:
        """The shop hears of each status once, forward, and not of its own cancel."""
        told = self._world.shop.host.told
        for _, order_id, status in told[self._told :]:
            order = self._world.orders[order_id]
            before = order.told[-1] if order.told else "confirmed"
            move = f"{order_id}: {before} → {status}"
            require(STEPS[status] > STEPS[before], "statuses are told forward only", move)
            is_own = status == "cancelled" and order.cancelled_at is not None
            require(not is_own, "the shop is not told of its own cancel", move)
            order.told.append(status)
        self._told = len(told)

    def orders_are_not_doubled(self) -> None:
        """COVA has at most one live order of each order of the shop, under the id we chose."""
        records = self._world.cova.state.orders
        if len(records) == self._seen_orders:
            return
        self._seen_orders = len(records)
        live = [each for each in records.values() if not self._is_void(each)]
        doubled = [
            n for n, times in Counter(e.external_order_id for e in live).items() if times > 1
        ]
        require(not doubled, "no order is doubled", ", ".join(doubled))
        known = {each.number: each for each in self._world.orders.values()}
        for each in live:
            mine = known.get(each.external_order_id)
            require(mine is not None, "COVA has our orders only", each.external_order_id)
            assert mine is not None
            self._is_right_person(each, mine)
            self._is_complete(each, mine)

    def _is_void(self, order: Order) -> bool:
        status = self._world.register.sales.status(order)
        return status in FAILURES or status is OrderStatus.Cancelled

    def _is_right_person(self, order: Order, mine: WebOrder) -> None:
        customers = self._world.cova.state.customers
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
        fee = self._world.cova.account.delivery_fee_product_id
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
        customers = self._world.cova.state.customers
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

    def quota_is_kept(self) -> None:
        """Of no service more than 80 % of the announced calls in any minute."""
        world = self._world
        usable = max(1, int(world.cova.switches.rate_limit * QUOTA_SHARE))
        for moment, service in world.take_wire_log():
            if service == "v1":  # the token's own address, which has no announced limit
                continue
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

    # --- never wiped ----------------------------------------------------------------------

    def approval_was_given(self) -> None:
        """A person looked at a held run and approved it."""
        self._is_approved = True

    def _run_ended(self, _sender: Any, **_more: Any) -> None:
        shown = sum(self._available.values())
        lost = self._take_in_what_was_applied()
        if self._is_approved:
            self._is_approved = False
        elif lost >= GUARD_AT_LEAST and lost > GUARD_SHARE * shown:
            self._mass_changes.append(f"one run took {lost} of {shown} products off the menu")

    def _take_in_what_was_applied(self) -> int:
        """How many products on offer a run has taken off the menu or set to zero."""
        lost = 0
        batches = self._world.shop.host.applied
        for batch in batches[self._applied :]:
            for change in batch:
                before = self._available.get(change.cova_product_id, False)
                after = before
                if "enabled" in change.fields:
                    after = bool(change.fields["enabled"])
                elif change.action in ("create", "restore"):
                    after = True
                if "quantity" in change.fields:
                    after = after and change.fields["quantity"] != 0
                    after = after or (change.action == "update" and change.fields["quantity"] > 0)
                is_hold = set(change.fields) == {"quantity"}
                lost += before and not after and not is_hold
                self._available[change.cova_product_id] = after
        self._applied = len(batches)
        return lost

    def nothing_was_wiped(self) -> None:
        """No run takes much off the menu unasked, and nothing vanishes that COVA has."""
        require(not self._mass_changes, "the menu is never wiped", "; ".join(self._mass_changes))
        self._take_in_what_was_applied()
        world = self._world
        with world.reading() as connection:
            fields = shop_fields(connection)
        for product_id, told in fields.items():
            was, self._shown[product_id] = self._shown.get(product_id), told.get("enabled", True)
            if not was or self._shown[product_id]:
                continue
            history = world.on_menu.get(product_id)
            if history is not None:
                truth = {
                    bool(value) for _, value in history.between(world.now - LOOK_BACK, world.now)
                }
                require(
                    False in truth,
                    "nothing is hidden that COVA sells",
                    f"product {product_id} was hidden",
                )

    def _note_shop(self) -> None:
        with self._world.reading() as connection:
            fields = shop_fields(connection)
        self._shown = {each: told.get("enabled", True) for each, told in fields.items()}
        self._available = {
            each: bool(told.get("enabled", True)) and Decimal(told.get("quantity") or 0) > 0
            for each, told in fields.items()
        }

    # --- when an order is granted ---------------------------------------------------------

    def order_was_granted(self, order: WebOrder) -> None:
        """Never oversold: what is promised and not yet counted fits into what COVA had."""
        world = self._world
        with world.reading() as connection:
            rows = {row.id: row for row in connection.execute(STOCKS, {"store": STORE}).all()}
        for product_id in order.lines:
            row = rows.get(product_id)
            require(row is not None, "only what is on the menu is sold", product_id)
            assert row is not None
            stock, began_at = Decimal(row.stock or 0).scaleb(-4), moment_of(row.stock_read_at)
            moments = [
                moment
                for moment, quantity in world.stock[product_id].between(began_at, world.now)
                if quantity == stock
            ]
            promised = min(
                (self._promised(product_id, max(moment, began_at)) for moment in moments),
                default=None,
            )
            require(
                promised is not None and promised <= stock,
                "nothing is oversold",
                f"{order.number}: {promised} of {product_id} are promised, COVA had {stock}",
            )

    def _promised(self, product_id: str, counted_at: datetime) -> Decimal:
        """What live orders want of it that a stock of that moment did not count yet."""
        wanted = Decimal(0)
        for each in self._world.orders.values():
            if product_id not in each.lines or not each.is_open or self._may_expire(each):
                continue
            if each.completed_at is None or each.completed_at > counted_at:
                wanted += each.lines[product_id]
        return wanted
