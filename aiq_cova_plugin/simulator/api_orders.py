"""Taking orders in and telling their status (sections 9.2 to 9.4)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, g

from .faults import Fault
from .orders import FAILURES, Order, OrderLine, OrderStatus, TaxStyle, new_id
from .sales import BAD_INTEGRATOR, Refusal, new_order
from .wire import ApiError, Fields, answer, not_found, number, read_body, read_guid
from .world import World, the_world

blueprint = Blueprint("api_orders", __name__)
_INTAKE = "/covaorderintake"


@blueprint.put(_INTAKE + "/v1/tepcovaorder(<order_id>)", defaults={"style": "TEP"})
@blueprint.put(_INTAKE + "/v1/tipcovaorder(<order_id>)", defaults={"style": "TIP"})
def submit_order(order_id: str, style: TaxStyle) -> Response:
    """Take an order in; the status call tells what became of it (section 9.2)."""
    world, body = the_world(), read_body()
    identifier = read_guid(order_id)
    if identifier is None:
        raise ApiError(400, "The order id in the address is not a GUID.")
    if body.guid("Id") != identifier:
        raise ApiError(400, "The Id must be the same as in the address.")
    if body.integer("CompanyId") != world.account.company_id:
        raise ApiError(world.switches.wrong_company_status, "You do not have access.")
    order = _read_order(world, identifier, style, body)
    if world.switches.order_mode == "synchronous" and world.switches.order_delay_seconds > 0:
        # The wait ends early when the server stops.
        world.faults.wait(world.switches.order_delay_seconds)
    with world.state.lock:
        _take_in(world, order)
    status = 202 if order.is_asynchronous else 200
    return answer(_echo(world, order), status)


@blueprint.get(_INTAKE + "/v2/companies(<int:company>)/covaorder(<order_id>)/status")
def order_status(company: int, order_id: str) -> Response:
    """The order's state, its payment's and its total; 404 for an unknown order (section 9.3)."""
    world = the_world()
    sales = world.register.sales
    with world.state.lock:
        order = sales.find(read_guid(order_id) or "")
        if order is None:
            raise not_found()
        order.reads += 1
        if order.reads <= world.switches.status_unknown_reads:
            raise not_found()
        status = sales.status(order)
        payment = order.payment_status(status)
        by_name = world.switches.enum_style == "name"
        return answer(
            {
                "CompanyId": company,
                "OrderId": order.id,
                "OrderStatus": status.name if by_name else status.value,
                "OrderMessage": order.message if status in FAILURES else "",
                "PaymentStatus": payment.name if by_name else payment.value,
                "PaymentMessage": order.payment_message,
                "SaleTotal": number(order.sale_total),
                "OrderFulfillmentMethod": "Delivery" if order.is_delivery else "Pickup",
                "OrderFulfillmentStatus": order.fulfilment,
            }
        )


@blueprint.get(_INTAKE + "/v1/companies(<int:company>)/covaorder(<order_id>)/status")
def order_status_v1(company: int, order_id: str) -> Response:
    """The deprecated status, by name (section 9.3)."""
    world = the_world()
    with world.state.lock:
        order = world.register.sales.find(read_guid(order_id) or "")
        if order is None:
            raise not_found()
        status = world.register.sales.status(order)
        return answer(
            {
                "CompanyId": company,
                "OrderId": order.id,
                "OrderStatus": status.name,
                "Message": order.message,
            }
        )


@blueprint.post(_INTAKE + "/v1/covaorderpayment")
def pay_order() -> Response:
    """Apply an online payment of exactly the total (section 9.4)."""
    world, body = the_world(), read_body()
    if body.integer("CompanyId") != world.account.company_id:
        raise ApiError(world.switches.wrong_company_status, "You do not have access.")
    if not body.text("TrackingNumber"):
        raise ApiError(400, "TrackingNumber is required.")
    payments, amount = [], Decimal(0)
    for item in body.objects("Payments"):
        payments.append(_payment(item))
        amount += item.decimal("Amount") or Decimal(0)
    with world.state.lock:
        order = world.register.sales.find(body.guid("SaleID") or "")
        if order is None:
            raise not_found()
        try:
            world.register.sales.pay(order, payments, amount)
        except Refusal as refused:
            raise ApiError(400, refused.message) from refused
        return answer(
            {
                "SaleID": order.id,
                "CompanyId": world.account.company_id,
                "TrackingNumber": body.text("TrackingNumber"),
                "Payments": payments,
            }
        )


def _read_order(world: World, identifier: str, style: TaxStyle, body: Fields) -> Order:
    lines = []
    for item in body.objects("Lines"):
        product_id = item.guid("CatalogItemId")
        quantity, amount = item.decimal("Quantity"), item.decimal("LineDollarAmount")
        if product_id is None or quantity is None or amount is None:
            raise ApiError(400, "A line needs CatalogItemId, Quantity and LineDollarAmount.")
        lines.append(
            OrderLine(
                name=item.text("Name") or "",
                product_id=product_id,
                quantity=quantity,
                amount=amount,
                package_id=item.text("PackageId"),
            )
        )
    order = new_order(
        world.state,
        order_id=identifier,
        location_id=body.integer("EntityId") or 0,
        tax_style=style,
        lines=lines,
        clock=world.clock,
    )
    order.order_reference = body.text("OrderReference") or ""
    order.external_order_id = body.text("ExternalOrderId") or ""
    order.customer_id = body.guid("CustomerId")
    order.integrator_id = read_guid(body.text("IntegratorId") or "")
    order.is_delivery = body.flag("IsDelivery")
    order.is_asynchronous = world.switches.order_mode == "asynchronous"
    return order


def _take_in(world: World, order: Order) -> None:
    """Store the order, or meet the one that has its GUID already (section 12)."""
    sales, switches = world.register.sales, world.switches
    forced, message = _forced_failure()
    if order.integrator_id != world.account.integrator_id:
        if switches.invalid_integrator == "error_400":
            raise ApiError(400, BAD_INTEGRATOR)
    elif switches.invalid_order == "error_400" and forced is None:
        complaint = sales.complaint(order)
        # Refused at once means it never gets to the point of sale: its status stays 404.
        if complaint is not None and order.id not in world.state.orders:
            raise ApiError(400, complaint)
    known = world.state.orders.get(order.id)
    if known is None:
        world.state.orders[order.id] = order
        sales.process(order, forced=forced, message=message)
        return
    known.received_puts += 1
    if known.closed_as is None and known.outcome in FAILURES:
        # A failed order is repaired and sent again under its own id (section 9.3).
        _replace_content(known, order)
        sales.process(known, forced=forced, message=message)
    elif switches.repeated_put == "error":
        raise ApiError(409, "An order with this id already exists.")
    elif switches.repeated_put == "duplicate":
        order.duplicate_of, order.id = known.id, new_id()
        world.state.orders[order.id] = order
        sales.process(order, forced=forced, message=message)
    elif switches.repeated_put_edits and known.closed_as is None and not known.is_paid:
        sales.release(known)
        _replace_content(known, order)
        sales.process(known, forced=forced, message=message)


def _replace_content(known: Order, order: Order) -> None:
    known.lines, known.tax_style, known.location_id = (
        order.lines,
        order.tax_style,
        order.location_id,
    )
    known.customer_id, known.is_delivery = order.customer_id, order.is_delivery
    known.integrator_id, known.order_reference = order.integrator_id, order.order_reference
    known.external_order_id, known.submitted_at = order.external_order_id, order.submitted_at
    known.is_asynchronous, known.reads = order.is_asynchronous, 0


def _forced_failure() -> tuple[OrderStatus | None, str]:
    fault: Fault | None = g.get("fault")
    if fault is not None and fault.action == "transient_failure":
        return OrderStatus.TransientProcessingFailure, fault.message or "Internal failure."
    if fault is not None and fault.action == "non_transient_failure":
        return OrderStatus.NonTransientProcessingFailure, fault.message or "The order is invalid."
    return None, ""


def _payment(item: Fields) -> dict[str, Any]:
    amount, digits = item.decimal("Amount"), item.text("Last4Digits")
    if amount is None or not item.text("PreAuthorizationToken"):
        raise ApiError(400, "A payment needs Amount and PreAuthorizationToken.")
    if digits is not None and not (len(digits) == 4 and digits.isdecimal()):
        raise ApiError(400, "Last4Digits must be exactly four digits.")
    return {
        "PreAuthorizationToken": item.text("PreAuthorizationToken"),
        "Amount": number(amount),
        "TimeTakenUtc": item.text("TimeTakenUtc"),
        "Last4Digits": digits,
    }


def _echo(world: World, order: Order) -> dict[str, Any]:
    """A reply in the camel-cased style of the legacy one; clients must ignore it (9.2)."""
    return {
        "OrderSource": world.account.order_source,
        "IntegratorId": order.integrator_id,
        "id": order.duplicate_of or order.id,
        "companyId": world.account.company_id,
        "entityId": order.location_id,
        "customerId": order.customer_id,
        "isDelivery": order.is_delivery,
        "receiptNumber": None,
    }
