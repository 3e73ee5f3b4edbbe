"""Tax rates and what they make of an amount (sections 4.9 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> Decimal:
    """The amount with two places, half up."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, kw_only=True)
class TaxRate:
    """A tax; `rate` is a fraction, 0.05 means 5 %; a higher layer taxes the lower ones too."""

    id: str
    name: str
    display_name: str | None
    rate: Decimal
    layer: int
    location_ids: tuple[int, ...]
    calculated_on: Literal["SoldAtPrice", "RegularPrice"] = "SoldAtPrice"


@dataclass(frozen=True, kw_only=True)
class TaxShare:
    """What one tax takes of one line, not rounded."""

    rate: TaxRate
    amount: Decimal


def exclusive_taxes(amount: Decimal, rates: Sequence[TaxRate]) -> list[TaxShare]:
    """The taxes on top of an amount before tax; layer by layer, each on all below it."""
    shares: list[TaxShare] = []
    base = amount
    for layer in sorted({rate.layer for rate in rates}):
        in_layer = [rate for rate in rates if rate.layer == layer]
        added = [TaxShare(rate=rate, amount=base * rate.rate) for rate in in_layer]
        shares += added
        base += sum((share.amount for share in added), Decimal(0))
    return shares


def included_taxes(amount: Decimal, rates: Sequence[TaxRate]) -> list[TaxShare]:
    """The taxes contained in an amount that has them in it already."""
    # The taxes on 1 say what the whole is; the net amount is then a division away.
    factor = Decimal(1) + total(exclusive_taxes(Decimal(1), rates))
    return exclusive_taxes(amount / factor, rates)


def total(shares: Sequence[TaxShare]) -> Decimal:
    """The sum of the shares, not rounded."""
    return sum((share.amount for share in shares), Decimal(0))
