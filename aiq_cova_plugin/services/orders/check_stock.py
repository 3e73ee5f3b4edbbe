"""Looks once more, right before an order is sent, whether COVA still has what it wants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.field_values import decimal_text
from aiq_cova_plugin.errors import ContractBroken, CovaPluginError, NeedsOperator
from aiq_cova_plugin.host import Order
from aiq_cova_plugin.mapping.product_from_cova import product_from_cova
from aiq_cova_plugin.schemas.products import load_product


class OutOfStock(NeedsOperator):
    """COVA no longer has enough of what an order wants.

    `stock` is dict: product id → what COVA has of it in the selling rooms, as just read.
    """

    stock: Mapping[str, Decimal] = MappingProxyType({})


def require_stock(client: CovaClient, order: Order, *, location_id: int) -> dict[str, Decimal]:
    """What COVA has in the selling rooms of what is ordered: dict, product id → stock; without
    products it says nothing of.

    Raises `OutOfStock`, which has the same, when that is less than is ordered.

    Only a clear "less" counts: a product COVA does not mention or gives no stock for, and a
    COVA that does not answer this question, stop no order (cova-api.md section 5: COVA
    itself refuses what it does not have).
    """
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    names: dict[str, str] = {}
    for line in order.lines:
        if not line.cova_product_id or not line.quantity.is_finite():
            # What is wrong with such a line is not for the stock check to say.
            continue
        wanted[line.cova_product_id.lower()] += line.quantity
        names[line.cova_product_id.lower()] = line.name
    try:
        stock = _stock_of(client, list(wanted), location_id)
    except CovaPluginError:
        return {}
    short = [
        f"{names[product_id]}: {decimal_text(quantity)} ordered, "
        f"{decimal_text(stock[product_id])} left"
        for product_id, quantity in wanted.items()
        if product_id in stock and stock[product_id] < quantity
    ]
    if short:
        missing = OutOfStock(
            f"COVA no longer has enough for order {order.number}: {'; '.join(short)}.",
            field="quantity",
            fix="Tell the customer it is sold out and offer something else; change or cancel "
            "the order in the shop. If the stock in COVA is wrong, correct it there and press "
            "Retry.",
        )
        missing.stock = stock
        raise missing
    return stock


def _stock_of(client: CovaClient, product_ids: list[str], location_id: int) -> dict[str, Decimal]:
    """dict: product id → selling-room stock, for stocked products COVA speaks of."""
    stock = {}
    for raw in client.products_by_id(product_ids, priority="orders").products:
        try:
            product = load_product(raw).product
        except ContractBroken:
            continue
        snapshot = product_from_cova(product, location_id=location_id, tax_rates={})
        if snapshot.stock is not None and not product.is_non_stock:
            stock[snapshot.cova_product_id] = snapshot.stock
    return stock
