"""What the point of sale does with an order: check, tax, pay, cancel, complete (section 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .clock import SimulatorClock
from .orders import CLOSED, FULFILMENTS, Order, OrderLine, OrderStatus, TaxStyle, new_id
from .products import Product
from .state import State
from .switches import Switches
from .taxes import TaxRate, exclusive_taxes, to_cents, total

BAD_INTEGRATOR = "The integrator id is not valid, please provide a valid one."


class Refusal(Exception):
    """The register does not do that; `message` says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass
class Sales:
    """The orders of one simulated retailer. Every method takes the state's lock."""

    state: State
    switches: Switches
    clock: SimulatorClock

    def find(self, order_id: str) -> Order | None:
        """The order with that GUID in any case, or None."""
        return self.state.orders.get(order_id.lower())

    def status(self, order: Order) -> OrderStatus:
        """The order's state at this simulated moment."""
        with self.state.lock:
            return order.status(
                self.clock.now(),
                step_seconds=self.switches.order_step_seconds,
                step_reads=self.switches.order_step_reads,
            )

    def tax_pricing(self, location_id: int) -> str | None:
        """`Inclusive`, `Exclusive` or None for a location without an entry (section 7)."""
        is_main = location_id == self.state.account.location_ids[0]
        setting = self.switches.tax_pricing if is_main else self.switches.second_tax_pricing
        return None if setting == "absent" else setting

    def complaint(self, order: Order) -> str | None:
        """Why the point of sale will not take this order, or None (section 9.3)."""
        account = self.state.account
        if order.location_id not in account.location_ids:
            return f"Location {order.location_id} does not belong to the company."
        if order.integrator_id != account.integrator_id:
            return BAD_INTEGRATOR
        wanted_style = "TIP" if self.tax_pricing(order.location_id) == "Inclusive" else "TEP"
        if order.tax_style != wanted_style:
            return (
                f"The location's tax pricing does not allow {order.tax_style} orders; "
                f"use {wanted_style}CovaOrder."
            )
        if not order.lines:
            return "The order has no lines."
        wanted: dict[str, Decimal] = {}
        for line in order.lines:
            product = self.state.products.get(line.product_id)
            if product is None:
                return f"Product {line.product_id} is not known."
            if line.quantity <= 0:
                return f"The quantity of {product.name} must be above zero."
            if line.amount < 0:
                return f"The amount of {product.name} must not be negative."
            if not product.is_non_stock:
                wanted[product.id] = wanted.get(product.id, Decimal(0)) + line.quantity
        return self._stock_complaint(order.location_id, wanted)

    def tax_of(self, location_id: int, lines: Sequence[OrderLine]) -> Decimal:
        """The tax on top of those lines, rounded as the switch says (sections 7 and 12)."""
        exact = Decimal(0)
        for line in lines:
            tax = total(exclusive_taxes(line.amount, self.rates_for(line.product_id, location_id)))
            exact += to_cents(tax) if self.switches.tax_rounding == "line" else tax
        return to_cents(exact)

    def rates_for(self, product_id: str, location_id: int) -> list[TaxRate]:
        """The taxes that product pays at that location."""
        product = self.state.products.get(product_id)
        if product is None:
            return []
        return [
            rate
            for rate in self.state.tax_rates
            if rate.id in product.tax_rate_ids and location_id in rate.location_ids
        ]

    def process(self, order: Order, *, forced: OrderStatus | None, message: str = "") -> None:
        """Decide what becomes of a new or repaired order; `forced` is a failure on purpose."""
        with self.state.lock:
            complaint = None if forced is not None else self.complaint(order)
            order.tax = (
                self.tax_of(order.location_id, order.lines)
                if order.tax_style == "TEP"
                else Decimal(0)
            )
            if forced is not None:
                order.outcome, order.message = forced, message
            elif complaint is not None:
                order.outcome = OrderStatus.NonTransientProcessingFailure
                order.message = complaint
            else:
                order.outcome, order.message = OrderStatus.ReadyForPayment, ""
                if self.switches.reserve_on_order:
                    self._take_stock(order)

    def pay(self, order: Order, payments: Sequence[dict[str, Any]], amount: Decimal) -> None:
        """Apply an online payment; raises Refusal unless it is due and exact (section 9.4)."""
        with self.state.lock:
            if order.is_paid:
                if self.switches.repeated_payment == "accept":
                    return
                raise Refusal("The order has already been paid.")
            if self.status(order) is not OrderStatus.ReadyForPayment:
                raise Refusal("The order is not ready for payment.")
            if amount != order.sale_total:
                order.payment_message = (
                    f"The payment of {amount} does not match; expected {order.sale_total}."
                )
                raise Refusal(order.payment_message)
            order.payments = list(payments)
            order.payment_message = ""

    def cancel(self, order: Order) -> None:
        """Close an order without a sale; raises Refusal once it was paid or completed (9.5)."""
        with self.state.lock:
            status = self.status(order)
            if status is OrderStatus.Completed:
                raise Refusal("The order has been completed and cannot be cancelled.")
            if order.is_paid:
                raise Refusal("The order has been paid and cannot be cancelled.")
            if status is OrderStatus.Cancelled:
                return
            self._give_back(order)
            order.closed_as, order.closed_at = OrderStatus.Cancelled, self.clock.now()

    def complete(self, order: Order) -> str:
        """Make the sale: stock goes down, an invoice is written; answers the invoice's id (9.5)."""
        with self.state.lock:
            status = self.status(order)
            if status is OrderStatus.Completed:
                raise Refusal("The order has already been completed.")
            if status is not OrderStatus.ReadyForPayment:
                raise Refusal(f"An order that is {status.name} cannot be completed.")
            self._take_stock(order)
            order.closed_as, order.closed_at = OrderStatus.Completed, self.clock.now()
            order.invoice_id = new_id()
            return order.invoice_id

    def set_fulfilment(self, order: Order, status: str) -> str:
        """Set the fulfilment status; answers its proper spelling or raises Refusal (9.5)."""
        found = next((word for word in FULFILMENTS if word.lower() == status.lower()), None)
        if found is None:
            raise Refusal(f"The status must be one of {', '.join(FULFILMENTS)}.")
        with self.state.lock:
            if self.status(order) in CLOSED:
                raise Refusal("The order is closed.")
            order.fulfilment = found
        return found

    def take(self, product: Product, location_id: int, quantity: Decimal) -> None:
        """Take stock out of selling rooms, fullest package first; the last row may go negative."""
        with self.state.lock:
            rows = [
                row
                for row in product.stock
                if row.location_id == location_id and row.is_selling_room
            ]
            rows.sort(key=lambda row: row.quantity, reverse=True)
            now = self.clock.now()
            for row in rows:
                part = min(quantity, max(row.quantity, Decimal(0)))
                if part > 0:
                    row.quantity -= part
                    row.updated_at = now
                    quantity -= part
            if quantity > 0 and rows:
                # The register sells what the shelf has, whatever the computer believes.
                rows[0].quantity -= quantity
                rows[0].updated_at = now
            self.state.touch(product, "stock", now)
            self.moved(product)

    def release(self, order: Order) -> None:
        """Put back the stock an order holds, if it holds any."""
        with self.state.lock:
            self._give_back(order)

    def moved(self, product: Product) -> None:
        """Let a change shift the order of products when the switch says so (section 4.3)."""
        if self.switches.order_of_products == "on_change":
            self.state.move_to_end(product)

    def _stock_complaint(self, location_id: int, wanted: dict[str, Decimal]) -> str | None:
        if not self.switches.check_stock:
            return None
        for product_id, quantity in wanted.items():
            product = self.state.products[product_id]
            if product.quantity(location_id) < quantity:
                return f"Product {product.name} is out of stock."
        return None

    def _take_stock(self, order: Order) -> None:
        if order.has_taken_stock:
            return
        order.has_taken_stock = True
        for line in order.lines:
            product = self.state.products.get(line.product_id)
            if product is None or product.is_non_stock:
                continue
            before = [(row, row.quantity) for row in product.stock]
            self.take(product, order.location_id, line.quantity)
            order.taken += [
                (product.id, row, quantity - row.quantity)
                for row, quantity in before
                if quantity != row.quantity
            ]

    def _give_back(self, order: Order) -> None:
        now = self.clock.now()
        for product_id, row, quantity in order.taken:
            row.quantity += quantity
            row.updated_at = now
            product = self.state.products[product_id]
            self.state.touch(product, "stock", now)
            self.moved(product)
        order.taken, order.has_taken_stock = [], False


def new_order(
    state: State,
    *,
    order_id: str,
    location_id: int,
    tax_style: TaxStyle,
    lines: list[OrderLine],
    clock: SimulatorClock,
) -> Order:
    """An order just received, not yet processed; the caller fills in the rest."""
    return Order(
        id=order_id,
        number=state.next_number(),
        location_id=location_id,
        tax_style=tax_style,
        submitted_at=clock.now(),
        lines=lines,
        outcome=OrderStatus.ReadyForPayment,
    )
