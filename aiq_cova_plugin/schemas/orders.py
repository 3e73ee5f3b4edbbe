"""Sales orders: what is sent, their status, and how they are read back (section 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiq_cova_plugin.errors import ContractBroken
from aiq_cova_plugin.schemas.base import RecordSchema
from aiq_cova_plugin.schemas.fields import (
    Enumerated,
    Guid,
    Instant,
    ListOf,
    Money,
    Number,
    Text,
    Whole,
    YesNo,
)
from aiq_cova_plugin.schemas.records import (
    CompletedOrder,
    OrderPayment,
    PlacedOrder,
    SalesOrder,
    SalesOrderLine,
    SalesOrderPayment,
    SalesOrderStatus,
)

ORDER_STATUS_NAMES = {
    0: "SubmittedForProcessing",
    1: "TransientProcessingFailure",
    2: "NonTransientProcessingFailure",
    3: "SubmittedForFinalProcessing",
    4: "ReadyForPayment",
    # 5 and 6 are inferred from the older list of states (section 9.3).
    5: "PaymentSubmittedForProcessing",
    6: "PaymentApplied",
    7: "Cancelled",
    8: "Completed",
}

PAYMENT_STATUS_NAMES = {
    0: "NotReadyForPayment",
    1: "TransientProcessingFailure",
    2: "NonTransientProcessingFailure",
    3: "ReadyForPayment",
    4: "PaymentCannotBeApplied",
    5: "PaymentSubmittedForProcessing",
    6: "PaymentApplied",
}


class SalesOrderLineSchema(RecordSchema[SalesOrderLine]):
    """One `Lines` element (section 9.2)."""

    record = SalesOrderLine
    noun = "an order line"

    name = Text("Name", nothing="")
    catalog_item_id = Guid("CatalogItemId", required=True)
    quantity = Number("Quantity", required=True)
    line_dollar_amount = Money("LineDollarAmount", required=True)


class SalesOrderSchema(RecordSchema[SalesOrder]):
    """What a TEP or TIP call sends (section 9.2)."""

    record = SalesOrder
    noun = "an order"

    id = Guid("Id", required=True)
    company_id = Whole("CompanyId", required=True)
    entity_id = Whole("EntityId", required=True)
    order_reference = Text("OrderReference", nothing="")
    customer_id = Guid("CustomerId")
    integrator_id = Guid("IntegratorId", required=True)
    is_delivery = YesNo("IsDelivery", required=True)
    external_order_id = Text("ExternalOrderId", nothing="")
    lines = ListOf("Lines", SalesOrderLineSchema(), nothing=(), all_or_nothing=True)


class SalesOrderStatusSchema(RecordSchema[SalesOrderStatus]):
    """The v2 status of an order (section 9.3)."""

    record = SalesOrderStatus
    noun = "an order status"
    any_case = True

    order_id = Guid("OrderId", nothing="")
    order_status = Enumerated("OrderStatus", ORDER_STATUS_NAMES, required=True)
    order_message = Text("OrderMessage", nothing="")
    payment_status = Enumerated("PaymentStatus", PAYMENT_STATUS_NAMES, nothing="")
    payment_message = Text("PaymentMessage", nothing="")
    sale_total = Number("SaleTotal", vital=True)
    fulfillment_method = Text("OrderFulfillmentMethod", nothing="")
    fulfillment_status = Text("OrderFulfillmentStatus", nothing="")


class PlacedOrderSchema(RecordSchema[PlacedOrder]):
    """An order read back by its id (section 9.5)."""

    record = PlacedOrder
    noun = "an order"
    any_case = True

    order_id = Guid("OrderId", required=True)
    order_number = Text("OrderNumber", nothing="")
    invoice_id = Guid("InvoiceId")
    status = Text("Status", nothing="")
    customer_id = Guid("CustomerId")


class CompletedOrderSchema(RecordSchema[CompletedOrder]):
    """One element of CompletedOrders (section 9.5)."""

    record = CompletedOrder
    noun = "a completed order"
    any_case = True

    order_id = Guid("OrderId", required=True)
    order_number = Text("OrderNumber", nothing="")
    total = Number("Total")
    fulfillment_method = Text("FulfillmentMethod", nothing="")


class SalesOrderPaymentSchema(RecordSchema[SalesOrderPayment]):
    """One `Payments` element of CovaOrderPayment (section 9.4)."""

    record = SalesOrderPayment
    noun = "a payment"

    pre_authorization_token = Text("PreAuthorizationToken", nothing="N/A")
    amount = Money("Amount", required=True)
    time_taken = Instant("TimeTakenUtc", required=True)
    last4_digits = Text("Last4Digits")


class OrderPaymentSchema(RecordSchema[OrderPayment]):
    """What marks an order paid (section 9.4); note the capital D of `SaleID`."""

    record = OrderPayment
    noun = "a payment"

    order_id = Guid("SaleID", required=True)
    company_id = Whole("CompanyId", required=True)
    tracking_number = Text("TrackingNumber", nothing="N/A")
    payments = ListOf("Payments", SalesOrderPaymentSchema(), nothing=(), all_or_nothing=True)


def load_order_status(raw: Any, *, order_id: str) -> SalesOrderStatus:
    """Read the status of the order that was asked for.

    Raises ContractBroken when it cannot be read or is that of another order.
    """
    status = _STATUS.read(raw)
    if status.order_id and status.order_id != order_id.lower():
        raise ContractBroken(
            f"COVA was asked for the status of order {order_id} and answered with that of "
            "another one.",
            field="OrderId",
        )
    return replace(status, order_id=order_id.lower())


def load_placed_order(raw: Any) -> PlacedOrder:
    """Read one order. Raises ContractBroken."""
    return _PLACED.read(raw)


def load_completed_order(raw: Any) -> CompletedOrder:
    """Read one completed order. Raises ContractBroken."""
    order = _COMPLETED.read(raw)
    return replace(order, raw=dict(raw)) if isinstance(raw, Mapping) else order


def dump_sales_order(order: SalesOrder) -> dict[str, Any]:
    """The body of a TEP or TIP call; amounts with two places."""
    return dict(_SALES_ORDER.dump(order))


def dump_order_payment(payment: OrderPayment) -> dict[str, Any]:
    """The body of CovaOrderPayment."""
    return dict(_PAYMENT.dump(payment))


_STATUS = SalesOrderStatusSchema()
_PLACED = PlacedOrderSchema()
_COMPLETED = CompletedOrderSchema()
_SALES_ORDER = SalesOrderSchema()
_PAYMENT = OrderPaymentSchema()
