"""Regular price, price tiers and sale windows of a product (cova-api.md section 4.8).

Only rows of the store's location count, and never those of a customer group: mixing group
prices in is a known cause of wrong menus. `CompanyLevelRegularPrice` is not used: COVA
already lists inherited prices among the location's rows, so a product without such a row
has no price there. A row set at the location itself wins over an inherited one; among
equals the highest price counts, since selling too cheap cannot be undone.

A price of zero counts as none: it is far more often a field nobody filled in than a gift.

Amounts are rounded once, to cents, by `domain.pricing.money`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from aiq_cova_plugin.domain.catalogue import FieldIssue, SaleWindow
from aiq_cova_plugin.domain.pricing import EXACT, readable_amount
from aiq_cova_plugin.domain.values import PriceTier
from aiq_cova_plugin.schemas import records


class PricesReading(NamedTuple):
    """All three are None when COVA left prices out; tuples are empty when it listed none."""

    regular: Decimal | None
    tiers: tuple[PriceTier, ...] | None
    sale_windows: tuple[SaleWindow, ...] | None
    issues: tuple[FieldIssue, ...]


def prices_from_cova(product: records.Product, location_id: int) -> PricesReading:
    """Everything about a product's prices at a location, and what could not be used."""
    if product.prices is None:
        return PricesReading(None, None, None, ())
    tiers, tier_problems = _read_tiers(product, location_id)
    regular, price_problems = _read_regular(product, location_id, tiers)
    windows, sale_problems = _read_windows(product, location_id)
    issues = (
        *(FieldIssue(product.product_id, "price", each) for each in price_problems),
        *(FieldIssue(product.product_id, "price_tiers", each) for each in tier_problems),
        *(FieldIssue(product.product_id, "sale_price", each) for each in sale_problems),
    )
    return PricesReading(regular, tiers, windows, issues)


def regular_price(product: records.Product, location_id: int) -> Decimal | None:
    """The price of one, or None when COVA has none for the location.

    A product that has nothing but tiers costs what its lowest tier costs per unit.
    """
    return prices_from_cova(product, location_id).regular


def price_tiers(product: records.Product, location_id: int) -> tuple[PriceTier, ...] | None:
    """Quantity breaks by rising quantity; `total_price` is COVA's `AtTierPrice`.

    Only where that is missing or zero, the tier's price per unit times its quantity.
    """
    return prices_from_cova(product, location_id).tiers


def sale_windows(product: records.Product, location_id: int) -> tuple[SaleWindow, ...] | None:
    """The sale prices of the row the regular price comes from, past and future ones too.

    Left out, with an issue: one whose rules we cannot read (COVA also knows days of the
    week and hours), one without a price, of zero, or that ends before it begins. Whether
    one is lower than the regular price and on right now is `domain.pricing`'s decision.
    """
    return prices_from_cova(product, location_id).sale_windows


def _read_regular(
    product: records.Product, location_id: int, tiers: Sequence[PriceTier]
) -> tuple[Decimal | None, list[str]]:
    rows = _plain_rows(product, location_id)
    readable = [price for row in rows if (price := readable_amount(row.price)) is not None]
    prices = [price for price in readable if price]
    if prices:
        if len(set(prices)) > 1:
            return max(prices), ["COVA has several prices here; the highest one is used."]
        return prices[0], []
    if rows and not readable:
        return None, ["COVA's price cannot be read as an amount."]
    if tiers:
        lowest = tiers[0]
        return readable_amount(EXACT.divide(lowest.total_price, lowest.min_quantity)), []
    if readable:
        return None, ["COVA's price is zero, so it is not used: set a price in COVA."]
    return None, ["COVA has no price for this location."]


def _read_tiers(
    product: records.Product, location_id: int
) -> tuple[tuple[PriceTier, ...], list[str]]:
    rows_by_quantity: dict[Decimal, list[records.Price]] = {}
    problems: list[str] = []
    for row in _rows(product, location_id):
        if not _is_tier(row):
            continue
        quantity = row.tier_quantity
        if quantity is None or not quantity.is_finite() or not 0 < quantity < 10**6:
            problems.append("A price tier without a usable quantity was left out.")
        else:
            rows_by_quantity.setdefault(quantity, []).append(row)
        if row.sale_prices:
            problems.append("A sale price on a price tier was left out.")
    tiers = []
    for quantity, rows in sorted(rows_by_quantity.items()):
        near = _nearest(rows, location_id)
        totals = [_tier_total(row, quantity) for row in near]
        known = [each for each in totals if each is not None]
        if known:
            tiers.append(PriceTier(quantity, max(known)))
            if any(readable_amount(row.at_tier_price) == 0 for row in near):
                problems.append(
                    f"The total of the price tier from {quantity:f} on is zero in COVA; its price "
                    "per unit is used."
                )
        else:
            problems.append(f"The price tier from {quantity:f} on has no readable price.")
    return tuple(tiers), problems


def _tier_total(row: records.Price, quantity: Decimal) -> Decimal | None:
    """What the tier costs in all, None when nothing above zero is said of it."""
    total = readable_amount(row.at_tier_price)
    if total or (total is None and row.at_tier_price is not None):
        return total
    if row.price is None or not readable_amount(row.price):
        return None
    return readable_amount(EXACT.multiply(row.price, quantity)) or None


def _read_windows(
    product: records.Product, location_id: int
) -> tuple[tuple[SaleWindow, ...], list[str]]:
    windows: list[SaleWindow] = []
    problems: list[str] = []
    for row in _plain_rows(product, location_id):
        for sale in row.sale_prices:
            if sale.location_id not in (None, location_id):
                continue
            window = _window(sale)
            if isinstance(window, str):
                problems.append(window)
            elif window not in windows:
                windows.append(window)
    return tuple(windows), problems


def _window(sale: records.SalePrice) -> SaleWindow | str:
    """The window, or why the sale price cannot be used."""
    if sale.unknown_keys:
        keys = ", ".join(sorted(sale.unknown_keys))
        return f"A sale price was left out, since its rules are not understood ({keys[:200]})."
    price = readable_amount(sale.amount)
    if price is None:
        return "A sale price without a readable amount was left out."
    if price == 0:
        # Far more often a field nobody filled in than a gift, and the shop would give it away.
        return "A sale price of zero was left out."
    if sale.start is not None and sale.end is not None and sale.end <= sale.start:
        return "A sale price that ends before it begins was left out."
    return SaleWindow(price, sale.start, sale.end)


def _plain_rows(product: records.Product, location_id: int) -> list[records.Price]:
    rows = [row for row in _rows(product, location_id) if not _is_tier(row)]
    return _nearest(rows, location_id)


def _rows(product: records.Product, location_id: int) -> list[records.Price]:
    return [
        row
        for row in product.prices or ()
        if row.location_id == location_id and row.group_id is None
    ]


def _is_tier(row: records.Price) -> bool:
    return row.tier_id is not None or row.tier_quantity is not None


def _nearest(rows: Sequence[records.Price], location_id: int) -> list[records.Price]:
    own = [row for row in rows if row.from_entity_id == location_id]
    return own or list(rows)
