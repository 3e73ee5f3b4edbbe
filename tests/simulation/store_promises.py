"""What one store of a world is promised, after every step and when an order is granted."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from tests.simulation.ledger import WebOrder
from tests.simulation.place import Place
from tests.simulation.tables import HOLDS, SELLABLE, STOCKS, shop_fields
from tests.simulation.world import moment_of, require

GUARD_SHARE, GUARD_AT_LEAST = 0.30, 20
EXPIRY = timedelta(days=3)
LOOK_BACK = timedelta(hours=3)
"""A reading may be this old when it is applied: a run that broke off goes on where it was."""
FRESH = timedelta(minutes=30)
"""A store whose company has had no trouble for a while was read no longer ago than this."""
CALM_FOR = timedelta(minutes=45)

_LAST_GOOD = sa.text(
    "select max(started_at) from cova_run where store_id = :store "
    "and status in ('succeeded', 'held', 'partial')"
)


class StorePromises:
    """Watches one store."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._applied = 0
        self._readings: dict[str, Any] = {}
        self._available: dict[str, bool] = {}
        self.is_approved = False
        self._mass_changes: list[str] = []
        self._seen = -1
        self._note_shop()

    def step(self, connection: sa.Connection, changes: int, *, is_full: bool) -> None:
        """What must hold at any time; rows are read again where one of the store's changed.

        A full check reads them in any case: what is compared with them changes as well.
        """
        is_changed = is_full or changes != self._seen
        self._seen = changes
        if is_changed:
            self.sellable_is_explained(connection)
        self.holds_are_explained(connection)
        if is_changed:
            fields = shop_fields(connection, self._place.store_id)
            self.staff_fields_are_untouched(fields)
            self.nothing_was_wiped(fields)
        self.is_fresh(connection)

    def is_fresh(self, connection: sa.Connection) -> None:
        """A store without trouble is read on time, whatever trouble others have."""
        place, world = self._place, self._place.world
        troubled = max(world.troubled_at.get(place.company_id, world.began_at), world.dozed_until)
        if place.now - troubled < CALM_FOR:
            return
        last = connection.execute(_LAST_GOOD, {"store": place.store_id}).scalar()
        require(
            last is not None and place.now - moment_of(last) <= FRESH,
            "a store without trouble is fresh",
            f"{place.store_id} was last read at {last}, without trouble since {troubled:%H:%M}",
        )

    def sellable_is_explained(self, connection: sa.Connection) -> None:
        """What the shop offers is COVA's stock, as it really was, minus the open holds."""
        for row in connection.execute(SELLABLE, {"store": self._place.store_id}).all():
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
        place, stock = self._place, Decimal(row.stock).scaleb(-4)
        began_at = moment_of(row.stock_read_at)
        history = place.stock.get(row.id)
        if history is None:
            return
        told = {quantity for _, quantity in history.between(began_at, place.now)}
        require(
            stock in told or (stock == 0 and min(told) < 0),
            "a stock is what COVA had",
            f"{row.id} has stock {stock}, read at {began_at:%H:%M:%S}; the register had {told}",
        )

    def holds_are_explained(self, connection: sa.Connection) -> None:
        """Every open hold is a line of a live order, and every live order's lines are held."""
        held = {
            (row.order_id, row.cova_product_id): row
            for row in connection.execute(HOLDS, {"store": self._place.store_id}).all()
        }
        orders = self._place.orders
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
        return order.confirmed_at is None and self._place.now - order.placed_at >= EXPIRY

    def staff_fields_are_untouched(self, fields: dict[str, dict[str, Any]]) -> None:
        """What staff wrote into a field of theirs, or into a locked product, still stands."""
        for edit in self._place.edits.values():
            found = fields.get(edit.product_id, {}).get(edit.field)
            require(
                found == edit.value,
                "staff fields are untouched",
                f"{edit.field} of {edit.product_id} is {found!r}, staff wrote {edit.value!r}",
            )

    # --- never wiped ----------------------------------------------------------------------

    def run_ended(self) -> None:
        """Judge what the run that has just ended took off the menu."""
        shown = sum(self._available.values())
        lost = self._take_in_what_was_applied()
        if self.is_approved:
            self.is_approved = False
        elif lost >= GUARD_AT_LEAST and lost > GUARD_SHARE * shown:
            self._mass_changes.append(f"one run took {lost} of {shown} products off the menu")

    def _take_in_what_was_applied(self) -> int:
        """How many products on offer a run has taken off the menu or set to zero."""
        lost = 0
        batches = self._place.world.stage.applied
        mine = (
            batch
            for store_id, batch in batches[self._applied :]
            if store_id == self._place.store_id
        )
        for batch in mine:
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

    def nothing_was_wiped(self, fields: dict[str, dict[str, Any]]) -> None:
        """No run takes much off the menu unasked, and nothing vanishes that COVA has."""
        require(not self._mass_changes, "the menu is never wiped", "; ".join(self._mass_changes))
        self._take_in_what_was_applied()
        place = self._place
        for product_id, told in fields.items():
            was, self._shown[product_id] = self._shown.get(product_id), told.get("enabled", True)
            if not was or self._shown[product_id]:
                continue
            history = place.on_menu.get(product_id)
            if history is not None:
                truth = {
                    bool(value) for _, value in history.between(place.now - LOOK_BACK, place.now)
                }
                require(
                    False in truth,
                    "nothing is hidden that COVA sells",
                    f"product {product_id} was hidden",
                )

    def _note_shop(self) -> None:
        with self._place.world.reading() as connection:
            fields = shop_fields(connection, self._place.store_id)
        self._shown = {each: told.get("enabled", True) for each, told in fields.items()}
        self._available = {
            each: bool(told.get("enabled", True)) and Decimal(told.get("quantity") or 0) > 0
            for each, told in fields.items()
        }

    def order(self, order_id: str) -> WebOrder:
        return self._place.orders[order_id]

    # --- when an order is granted ---------------------------------------------------------

    def order_was_granted(self, order: WebOrder) -> None:
        """Never oversold: what is promised and not yet counted fits into what COVA had."""
        place = self._place
        with place.world.reading() as connection:
            rows = {
                row.id: row
                for row in connection.execute(STOCKS, {"store": self._place.store_id}).all()
            }
        for product_id in order.lines:
            row = rows.get(product_id)
            require(row is not None, "only what is on the menu is sold", product_id)
            assert row is not None
            stock, began_at = Decimal(row.stock or 0).scaleb(-4), moment_of(row.stock_read_at)
            moments = [
                moment
                for moment, quantity in place.stock[product_id].between(began_at, place.now)
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
        for each in self._place.orders.values():
            if product_id not in each.lines or not each.is_open or self._may_expire(each):
                continue
            if each.completed_at is None or each.completed_at > counted_at:
                wanted += each.lines[product_id]
        return wanted
