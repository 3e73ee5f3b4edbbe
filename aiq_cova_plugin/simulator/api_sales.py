"""The point of sale and reading sales back (section 9.5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, request

from .orders import CLOSED, Order, OrderStatus
from .sales import Refusal
from .taxes import exclusive_taxes, included_taxes, to_cents
from .wire import ApiError, answer, not_found, number, read_body, read_guid, read_time, wire_time
from .world import World, the_world

blueprint = Blueprint("api_sales", __name__)
_POS = "/pointofsale/companies(<int:company>)"
_BACK = (
    "/covaorderintake/v1/companies/<int:company>/entities/<int:location>/integrators/<integrator>"
)
MOST_DAYS_BACK = 30


@blueprint.delete(_POS + "/sales(<order_id>)")
def cancel_order(company: int, order_id: str) -> Response:
    """Cancel an order; refused once it was paid or completed."""
    world = the_world()
    with world.state.lock:
        order = _order(world, order_id)
        was_cancelled = world.register.sales.status(order) is OrderStatus.Cancelled
        try:
            world.register.sales.cancel(order)
        except Refusal as refused:
            raise ApiError(400, refused.message) from refused
    if was_cancelled:
        status = world.switches.cancel_again_status
        if status >= 400:
            raise ApiError(status, "The order has already been cancelled.")
    return answer({"StatusCode": 200, "IsSuccessStatusCode": True})


@blueprint.post(_POS + "/sales(<order_id>)/complete")
def complete_order(company: int, order_id: str) -> Response:
    """Complete an order and write its invoice; answers the invoice's id."""
    world = the_world()
    with world.state.lock:
        try:
            return answer({"Id": world.register.sales.complete(_order(world, order_id))})
        except Refusal as refused:
            raise ApiError(400, refused.message) from refused


@blueprint.put(_POS + "/orderstatus(<order_id>)")
def set_fulfilment(company: int, order_id: str) -> Response:
    """Set the fulfilment status of an open order."""
    world, body = the_world(), read_body()
    with world.state.lock:
        order = _order(world, order_id)
        try:
            status = world.register.sales.set_fulfilment(order, body.text("Status") or "")
        except Refusal as refused:
            raise ApiError(400, refused.message) from refused
        return answer({"Id": order.id, "Status": status})


@blueprint.get(_BACK + "/orders/<order_id>")
def read_order(company: int, location: int, integrator: str, order_id: str) -> Response:
    """One order; the integrator's id is ignored, as the vendor notes."""
    world = the_world()
    with world.state.lock:
        order = _order(world, order_id)
        if order.location_id != location:
            raise not_found()
        return answer(
            {
                "OrderId": order.id,
                "OrderNumber": str(order.number),
                "InvoiceId": order.invoice_id,
                "Status": world.register.sales.status(order).name,
                "LocationId": order.location_id,
                "InvoiceNumber": _invoice_number(order),
                "CustomerId": order.customer_id,
                "Products": [_line(order, position) for position in range(len(order.lines))],
                "Payments": order.payments,
            }
        )


@blueprint.get(_BACK + "/completedorders")
def completed_orders(company: int, location: int, integrator: str) -> Response:
    """The orders of a location completed since `DateSince`, at most 30 days back."""
    world = the_world()
    since = read_time(request.args.get("DateSince", ""))
    if since is None:
        raise ApiError(400, "DateSince is required and must be a date.")
    since = max(since, world.clock.now() - timedelta(days=MOST_DAYS_BACK))
    source = request.args.get("OrderSource")
    with world.state.lock:
        return answer(
            [
                {
                    "OrderId": order.id,
                    "OrderNumber": str(order.number),
                    "Total": number(order.sale_total),
                    "OrderSource": world.account.order_source,
                    "FulfillmentMethod": "Delivery" if order.is_delivery else "Pickup",
                    "CustomerID": order.customer_id,
                    "CreatedDateUtc": wire_time(order.submitted_at),
                }
                for order in world.state.orders.values()
                if order.closed_as is OrderStatus.Completed
                and order.closed_at is not None
                and order.closed_at >= since
                and order.location_id == location
                and source in (None, world.account.order_source)
            ]
        )


@blueprint.get("/invoice/v1/companies(<int:company>)/invoices(<invoice_id>)")
def invoice(company: int, invoice_id: str) -> Response:
    """The invoice of a completed order."""
    world = the_world()
    wanted = read_guid(invoice_id)
    with world.state.lock:
        for order in world.state.orders.values():
            if order.invoice_id is not None and order.invoice_id == wanted:
                return answer(_invoice(world, order))
    raise not_found()


def _order(world: World, order_id: str) -> Order:
    order = world.register.sales.find(read_guid(order_id) or "")
    if order is None:
        raise not_found()
    return order


def _invoice_number(order: Order) -> str | None:
    return None if order.invoice_id is None else f"INV-{order.number}"


def _line(order: Order, position: int) -> dict[str, Any]:
    # The real element's shape could not be read (section 9.5); do not depend on it.
    line = order.lines[position]
    return {
        "ProductId": line.product_id,
        "Name": line.name,
        "Quantity": number(line.quantity),
        "Amount": number(line.amount),
        "PackageId": line.package_id,
    }


def _invoice(world: World, order: Order) -> dict[str, Any]:
    tax = order.tax
    split = included_taxes if order.tax_style == "TIP" else exclusive_taxes
    details = [
        {"TaxName": share.rate.name, "Tax": number(to_cents(share.amount))}
        for line in order.lines
        for share in split(
            line.amount, world.register.sales.rates_for(line.product_id, order.location_id)
        )
    ]
    customer = world.state.customers.get(order.customer_id or "")
    return {
        "Id": order.invoice_id,
        "OriginalInvoiceId": None,
        "LocationId": order.location_id,
        "UserId": None,
        "PrintableId": _invoice_number(order),
        "OriginalPrintableId": None,
        "ReceiptNumber": _invoice_number(order),
        "OriginalReceiptNumber": None,
        "Notes": None,
        "Annotation": None,
        "InvoiceType": "Sale" if order.closed_as in CLOSED else None,
        "Customer": None
        if customer is None
        else {"Id": customer.id, "PrimaryName": customer.first_name},
        "Orders": [{"Id": order.id, "Items": [_line(order, i) for i in range(len(order.lines))]}],
        "Payments": order.payments,
        "Discounts": [],
        "ChangeDue": 0.0,
        "CashBack": 0.0,
        "TaxCalculationResult": {"TotalTaxAmount": number(tax), "TaxDetails": details},
        "SaleOverrides": [],
        "CreatedByUser": None,
        "CreatedDateUtc": wire_time(order.closed_at),
    }
