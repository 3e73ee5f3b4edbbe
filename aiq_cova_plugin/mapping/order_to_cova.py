"""One confirmed order of the shop as COVA's sales order (cova-api.md section 9.2)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.orders import Customer, Fee, Order, OrderLine
from aiq_cova_plugin.domain.pricing import money
from aiq_cova_plugin.errors import NeedsOperator, UnmappedProduct
from aiq_cova_plugin.schemas import records

DELIVERY_FEE_NAME = "Delivery fee"
NO_FEE_PRODUCT = "no COVA product for the delivery fee"
"""What the refusal of an order says when its delivery fee has no product."""

_LARGEST = Decimal(10) ** 9


def order_to_cova(
    order: Order,
    *,
    push_id: str,
    company_id: int,
    location_id: int,
    integrator_id: str,
    customer_id: str | None,
    delivery_fee_product: str | None,
    fee_products: Mapping[str, Any] | None = None,
) -> records.SalesOrder:
    """Build COVA's order for one confirmed order.

    `push_id` was chosen when the order was queued, so a retry is the same order for COVA.
    Quantities keep the host's unit; line totals are the host's own, in whole cents
    (`domain.pricing.money`), never recomputed. A delivery fee above zero becomes a line of
    the store's fee product, every other fee above zero one of the product that `fee_products`
    (the fee's name → COVA product id) gives it. The address is not part of COVA's order: it
    goes to the customer.

    Raises UnmappedProduct when a line, or a fee that is due, has no COVA product, and
    NeedsOperator when the order has no line or an impossible amount: the order then waits
    for a person instead of arriving incomplete.
    """
    if not order.lines:
        raise NeedsOperator(
            f"Order {order.number} has no lines, so there is nothing to send to COVA.",
            fix="Cancel the order in the shop, or add its lines and press Retry.",
            field="lines",
        )
    lines = [_line(order, line) for line in order.lines]
    fee = Decimal(0) if order.delivery is None else order.delivery.fee
    if fee != 0:
        lines.append(_delivery_line(order, fee, delivery_fee_product))
    known = {fee_key(name): product for name, product in (fee_products or {}).items()}
    lines += [_fee_line(order, each, known) for each in order.fees if each.amount != 0]
    return records.SalesOrder(
        id=push_id,
        company_id=company_id,
        entity_id=location_id,
        order_reference=order_reference(order.customer, order.number),
        customer_id=customer_id,
        integrator_id=integrator_id,
        is_delivery=order.delivery is not None,
        external_order_id=order.number,
        lines=tuple(lines),
    )


def order_reference(customer: Customer, number: str) -> str:
    """What the register shows: the shopper's name, or `Order <number>` without one."""
    names = (customer.first_name or "", customer.last_name or "")
    return " ".join(" ".join(names).split()) or f"Order {number}"


def _line(order: Order, line: OrderLine) -> records.SalesOrderLine:
    product_id = line.cova_product_id.strip().lower() if line.cova_product_id else ""
    name = line.name.strip()
    if not product_id:
        raise UnmappedProduct(
            f'Order {order.number}: the line "{name}" has no COVA product.',
            fix="Sync the menu or link the product to COVA, then press Retry.",
            field=name,
        )
    if not _is_amount(line.quantity) or line.quantity <= 0:
        raise _impossible(order, name, f"the quantity {line.quantity}")
    return records.SalesOrderLine(
        name=name or product_id,
        catalog_item_id=product_id,
        quantity=line.quantity,
        line_dollar_amount=_total(order, name, line.line_total),
    )


def fee_key(name: str) -> str:
    """The name of a fee for comparing: without case and surplus blanks."""
    return " ".join(name.split()).casefold()


def _delivery_line(order: Order, fee: Decimal, product: str | None) -> records.SalesOrderLine:
    total = _total(order, DELIVERY_FEE_NAME, fee)
    product_id = (product or "").strip().lower()
    if not product_id:
        raise UnmappedProduct(
            f"Order {order.number} has a delivery fee of {total}, "
            f"but the store has {NO_FEE_PRODUCT}.",
            fix="Choose the delivery-fee product in Store > Integrations > COVA, then press Retry.",
            field="delivery_fee_product",
        )
    return _one_of(DELIVERY_FEE_NAME, product_id, total)


def _fee_line(order: Order, fee: Fee, known: Mapping[str, Any]) -> records.SalesOrderLine:
    name = " ".join(fee.name.split())
    total = _total(order, name, fee.amount)
    product = known.get(fee_key(name))
    product_id = product.strip().lower() if isinstance(product, str) else ""
    if not product_id:
        raise UnmappedProduct(
            f"Order {order.number} has the fee “{name}” of {total}, "
            "but the store has no COVA product for it.",
            fix=f"Choose a product for “{name}” under Order settings, then press Retry.",
            field="fee_products",
        )
    return _one_of(name or product_id, product_id, total)


def _one_of(name: str, product_id: str, total: Decimal) -> records.SalesOrderLine:
    return records.SalesOrderLine(
        name=name,
        catalog_item_id=product_id,
        quantity=Decimal(1),
        line_dollar_amount=total,
    )


def _total(order: Order, name: str, amount: Decimal) -> Decimal:
    if not _is_amount(amount) or amount < 0:
        raise _impossible(order, name, f"the amount {amount}")
    return money(amount)


def _is_amount(number: Decimal) -> bool:
    return number.is_finite() and abs(number) <= _LARGEST


def _impossible(order: Order, name: str, what: str) -> NeedsOperator:
    return NeedsOperator(
        f'Order {order.number}: the line "{name}" has {what}, which COVA cannot take.',
        fix="Correct the order in the shop, then press Retry.",
        field=name,
    )
