"""An order and the states it goes through (section 9.3)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, Literal

from .products import StockRow

TaxStyle = Literal["TEP", "TIP"]
FULFILMENTS = ("OrderPlaced", "InProgress", "ReadyForPickup")


class OrderStatus(IntEnum):
    """OrderStatusV2; 5 and 6 belong to the deprecated first version."""

    SubmittedForProcessing = 0
    TransientProcessingFailure = 1
    NonTransientProcessingFailure = 2
    SubmittedForFinalProcessing = 3
    ReadyForPayment = 4
    Cancelled = 7
    Completed = 8


class PaymentStatus(IntEnum):
    """PaymentStatusV2."""

    NotReadyForPayment = 0
    TransientProcessingFailure = 1
    NonTransientProcessingFailure = 2
    ReadyForPayment = 3
    PaymentCannotBeApplied = 4
    PaymentSubmittedForProcessing = 5
    PaymentApplied = 6


FAILURES = (OrderStatus.TransientProcessingFailure, OrderStatus.NonTransientProcessingFailure)
CLOSED = (OrderStatus.Cancelled, OrderStatus.Completed)


@dataclass(kw_only=True)
class OrderLine:
    """A line; `amount` is the whole line, before tax with TEP and with it for TIP (9.2)."""

    name: str
    product_id: str
    quantity: Decimal
    amount: Decimal
    package_id: str | None = None


@dataclass(kw_only=True)
class Order:
    """A sale that came in over the interface.

    `outcome` is what processing comes to; until then an asynchronous order passes the two
    "submitted" states. `closed_as` is set by the register or by a cancel.
    """

    id: str
    number: int
    location_id: int
    tax_style: TaxStyle
    submitted_at: datetime
    lines: list[OrderLine]
    outcome: OrderStatus
    message: str = ""
    order_reference: str = ""
    customer_id: str | None = None
    integrator_id: str | None = None
    external_order_id: str = ""
    is_delivery: bool = False
    is_asynchronous: bool = False
    tax: Decimal = Decimal(0)
    fulfilment: str = "OrderPlaced"
    payments: list[dict[str, Any]] = field(default_factory=list)
    payment_message: str = ""
    closed_as: OrderStatus | None = None
    closed_at: datetime | None = None
    invoice_id: str | None = None
    received_puts: int = 1
    reads: int = 0
    has_taken_stock: bool = False
    taken: list[tuple[str, StockRow, Decimal]] = field(default_factory=list)
    duplicate_of: str | None = None

    @property
    def sale_total(self) -> Decimal:
        """What is due: the lines, and the tax on top when it is not in them (section 9.3)."""
        lines = sum((line.amount for line in self.lines), Decimal(0))
        return lines + (self.tax if self.tax_style == "TEP" else Decimal(0))

    @property
    def is_paid(self) -> bool:
        """Whether a payment was applied over the interface."""
        return bool(self.payments)

    def status(self, now: datetime, *, step_seconds: float, step_reads: int) -> OrderStatus:
        """The state to be seen now; it follows time, reads, or whichever gets further."""
        if self.closed_as is not None:
            return self.closed_as
        if not self.is_asynchronous:
            return self.outcome
        steps = 0
        if step_seconds > 0:
            steps = int((now - self.submitted_at).total_seconds() // step_seconds)
        if step_reads > 0:
            steps = max(steps, self.reads // step_reads)
        if step_seconds <= 0 and step_reads <= 0:
            steps = 2
        if steps <= 0:
            return OrderStatus.SubmittedForProcessing
        if self.outcome in FAILURES or steps >= 2:
            return self.outcome
        return OrderStatus.SubmittedForFinalProcessing

    def payment_status(self, status: OrderStatus) -> PaymentStatus:
        """What may be said of payment while the order is in that state."""
        if self.is_paid:
            return PaymentStatus.PaymentApplied
        if status is OrderStatus.ReadyForPayment:
            return PaymentStatus.ReadyForPayment
        return PaymentStatus.NotReadyForPayment

    def to_dict(self, status: OrderStatus) -> dict[str, Any]:
        """A plain copy for assertions; amounts are Decimal."""
        return {
            "id": self.id,
            "number": self.number,
            "location_id": self.location_id,
            "external_order_id": self.external_order_id,
            "order_reference": self.order_reference,
            "customer_id": self.customer_id,
            "integrator_id": self.integrator_id,
            "is_delivery": self.is_delivery,
            "tax_style": self.tax_style,
            "lines": [
                {
                    "name": line.name,
                    "product_id": line.product_id,
                    "quantity": line.quantity,
                    "amount": line.amount,
                    "package_id": line.package_id,
                }
                for line in self.lines
            ],
            "status": status.name,
            "message": self.message,
            "sale_total": self.sale_total,
            "is_paid": self.is_paid,
            "fulfilment": self.fulfilment,
            "invoice_id": self.invoice_id,
            "received_puts": self.received_puts,
            "duplicate_of": self.duplicate_of,
        }


def new_id() -> str:
    """A fresh GUID."""
    return str(uuid.uuid4())
