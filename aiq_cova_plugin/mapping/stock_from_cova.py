"""How many of a product the location can sell (cova-api.md section 4.7)."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.schemas import records

_HIGHEST = Decimal(10) ** 9


class StockReading(NamedTuple):
    """`stock` is None when COVA did not say; zero is said by an empty list or by zero rows."""

    stock: Decimal | None
    issues: tuple[FieldIssue, ...]


def stock_from_cova(product: records.Product, location_id: int) -> StockReading:
    """The sum over the location's rows in selling rooms, never below zero.

    Grams for a product measured by `Mass`, pieces otherwise. What is on order or in
    transfer is not there yet and does not count.

    A row that does not say its location, its room's kind or its quantity is not counted,
    so that nothing is sold that may not be there. When no row could be counted and at
    least one was unclear, the answer is None: unclear is not zero.
    """
    if product.availability is None:
        return StockReading(None, ())
    counted: list[Decimal] = []
    unclear = 0
    for row in product.availability:
        is_elsewhere = row.location_id is not None and row.location_id != location_id
        if is_elsewhere or row.is_selling_room is False:
            continue
        quantity = row.in_stock_quantity
        is_amount = quantity is not None and quantity.is_finite() and abs(quantity) <= _HIGHEST
        if row.location_id is None or row.is_selling_room is None or not is_amount:
            unclear += 1
        elif quantity is not None:
            counted.append(quantity)
    issues = _issues(product, unclear)
    if unclear and not counted:
        return StockReading(None, issues)
    return StockReading(max(Decimal(0), sum(counted, Decimal(0))), issues)


def _issues(product: records.Product, unclear: int) -> tuple[FieldIssue, ...]:
    if unclear == 0:
        return ()
    reason = (
        f"{unclear} stock row(s) without quantity, room or location were not counted. "
        "Check the product's rooms in COVA."
    )
    return (FieldIssue(product.product_id, "quantity", reason),)
