"""The promises, checked after every step and, more strictly, when all is quiet.

Everything is judged by the world's own ledger, by COVA's records and by the shop's tables, not
by what the plugin says of itself; where a row of the plugin is looked at, it is checked
against one of these. docs/simulation.md says what each promise means exactly.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin import signals
from aiq_cova_plugin.domain.push_states import LEGAL_MOVES

from tests.simulation.company_promises import CompanyPromises
from tests.simulation.ledger import WebOrder
from tests.simulation.place import Place
from tests.simulation.store_promises import StorePromises
from tests.simulation.wire import WireCall
from tests.simulation.world import World, require

FULL_EVERY = 10
"""Every so many steps everything is read again, also what nobody seems to have changed."""

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


_MOVES = sa.text("select id, kind, store, ref, old, new from sim_move where id > :last order by id")
_TOUCHES = sa.text("select store_id, changes from sim_touch")


class Promises:
    """Watches one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last_move = 0
        self._told = 0
        self._steps = 0
        self._stores = {each.store_id: StorePromises(each) for each in world.places}
        self._companies = {
            each.account.company_id: CompanyPromises(world, each) for each in world.companies
        }
        signals.catalog_synced.connect(self._run_ended, sender=world.shop.app)

    def close(self) -> None:
        signals.catalog_synced.disconnect(self._run_ended, sender=self._world.shop.app)

    def step(self, *, is_full: bool = False) -> None:
        """What must hold at any time."""
        self._world.stop_if_broken()
        self._steps += 1
        is_full = is_full or self._steps % FULL_EVERY == 0
        with self._world.reading() as connection:
            self.moves_are_legal(connection)
            changes = {row.store_id: row.changes for row in connection.execute(_TOUCHES)}
            for store_id, each in self._stores.items():
                each.step(connection, changes.get(store_id, 0), is_full=is_full)
        self.shop_was_told_forward()
        for company in self._companies.values():
            company.step()
        for moment, company_id, service in self._world.take_wire_log():
            self._companies[company_id].was_called(moment, service)

    def moves_are_legal(self, connection: sa.Connection) -> None:
        """Pushes, holds and the shop's orders move only as their tables say."""
        rows = connection.execute(_MOVES, {"last": self._last_move}).all()
        for row in rows:
            self._last_move = row.id
            move = f"{row.kind} {row.store} {row.ref}: {row.old} → {row.new}"
            if row.kind == "push":
                legal = {each.value for each in LEGAL_MOVES.get(row.old, ())}
                require(row.new in legal, "pushes move legally", move)
            elif row.kind == "hold":
                require((row.old, row.new) in HOLD_MOVES, "holds move legally", move)
            else:
                is_forward = STEPS[row.old] < STEPS[row.new]
                require(is_forward, "order statuses move forward only", move)

    def shop_was_told_forward(self) -> None:
        """The shop hears of each status once, forward, and not of its own cancel."""
        told = self._world.shop.host.told
        for store_id, order_id, status in told[self._told :]:
            order = self._stores[store_id].order(order_id)
            before = order.told[-1] if order.told else "confirmed"
            move = f"{store_id} {order_id}: {before} → {status}"
            require(STEPS[status] > STEPS[before], "statuses are told forward only", move)
            is_own = status == "cancelled" and order.cancelled_at is not None
            require(not is_own, "the shop is not told of its own cancel", move)
            order.told.append(status)
        self._told = len(told)

    def approval_was_given(self, place: Place) -> None:
        """A person looked at a held run of that store and approved it."""
        self._stores[place.store_id].is_approved = True

    def order_was_granted(self, place: Place, order: WebOrder) -> None:
        """The shop has promised this order to somebody."""
        self._stores[place.store_id].order_was_granted(order)

    def payment_arrives(self, call: WireCall) -> None:
        """A payment has reached COVA, which has not looked at it yet."""
        self._companies[call.company].payment_arrives(call)

    def _run_ended(self, _sender: Any, *, store_id: str, **_more: Any) -> None:
        self._stores[store_id].run_ended()
