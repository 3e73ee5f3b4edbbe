"""What a product costs at a given moment and in a given quantity.

Rounding, everywhere in this package: amounts of money are `Decimal`, rounded **once**, to
whole cents, half away from zero (`money`). Nothing is rounded on the way there, so three
for 10.00 stays 10.00 for three (cova-api.md section 4.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

from aiq_cova_plugin.domain.catalogue import SaleWindow
from aiq_cova_plugin.domain.values import PriceTier

CENT = Decimal("0.01")
HIGHEST_AMOUNT = Decimal(10) ** 9
"""Amounts beyond a billion are typing errors or attacks, never prices."""

# Wide enough that no product of two sane numbers is rounded before `money` does it, and
# independent of whatever the host application did to the thread's decimal context.
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


def money(amount: Decimal) -> Decimal:
    """The amount in whole cents, rounded half away from zero: 2.345 → 2.35."""
    return amount.quantize(CENT, context=EXACT)


def readable_amount(amount: Decimal | None) -> Decimal | None:
    """The amount in cents, or None when it cannot be a price: missing, negative, no number."""
    if amount is None or not amount.is_finite():
        return None
    if amount < 0 or amount > HIGHEST_AMOUNT:
        return None
    # `+ 0` turns a negative zero into a plain one, which compares equal but prints "-0.00".
    return money(amount) + 0


def active_sale_price(
    windows: Sequence[SaleWindow] | None, regular: Decimal | None, now: datetime
) -> Decimal | None:
    """The lowest sale price that holds at `now`, or None when no sale is on.

    A window holds from its start until just before its end, and only when its price is
    lower than the regular one. Without a known regular price there is no sale.
    """
    if windows is None or regular is None:
        return None
    active = [each.price for each in windows if _holds(each, now) and each.price < regular]
    return min(active, default=None)


def next_price_change(windows: Sequence[SaleWindow] | None, now: datetime) -> datetime | None:
    """The first moment after `now` at which a sale begins or ends, or None when none does."""
    if windows is None:
        return None
    moments = [moment for each in windows for moment in (each.start, each.end)]
    return min((each for each in moments if each is not None and each > now), default=None)


def line_total_for(
    tiers: Sequence[PriceTier] | None, regular: Decimal | None, quantity: Decimal
) -> Decimal | None:
    """What `quantity` costs in all, or None when no price is known.

    The tier with the highest minimum that `quantity` reaches sets the price per unit; below
    every tier the regular price does. Rounded once, at the end (cova-api.md section 4.8).
    """
    reached = [tier for tier in tiers or () if 0 < tier.min_quantity <= quantity]
    try:
        if reached:
            tier = max(reached, key=lambda each: each.min_quantity)
            # Multiply first: a division that does not come out even would round too early.
            whole = EXACT.multiply(tier.total_price, quantity)
            return money(EXACT.divide(whole, tier.min_quantity))
        if regular is None:
            return None
        return money(EXACT.multiply(regular, quantity))
    except InvalidOperation:
        # No number, or one with more digits than any shop has.
        return None


def _holds(window: SaleWindow, now: datetime) -> bool:
    has_begun = window.start is None or window.start <= now
    has_ended = window.end is not None and window.end <= now
    return has_begun and not has_ended
