"""How much of a product may still be sold."""

from __future__ import annotations

from decimal import Decimal


def sellable_quantity(stock: Decimal | None, held: Decimal) -> Decimal | None:
    """POS stock less active holds, never below zero; None when the stock is not known.

    `held` is the sum of the active holds, in the product's own unit (grams for a product
    sold by weight). A negative sum would be a fault in the ledger and never adds stock.
    """
    if stock is None:
        return None
    return max(Decimal(0), stock - max(Decimal(0), held))
