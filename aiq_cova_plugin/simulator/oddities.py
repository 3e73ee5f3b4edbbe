"""The special cases among seeded products, one per number (sections 4.5 to 4.8).

Numbers 1 to 9 stay ordinary, 10 to 29 have one oddity each, 30 to 40 are ordinary again; then
it starts over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from .products import Product, SalePrice, SupplierSku

CYCLE = 40
_HOUR = timedelta(hours=1)
_HAPPY_HOUR: dict[str, object] = {
    "DaysOfWeek": ["Tuesday", "Friday"],
    "StartTime": "16:00",
    "EndTime": "18:00",
}


@dataclass(frozen=True)
class _Case:
    """The product to change, the time it is, and where sale ids come from."""

    product: Product
    now: datetime
    next_number: Callable[[], int]

    def sale(
        self,
        start: timedelta,
        end: timedelta,
        factor: str = "0.75",
        recurrence: Mapping[str, object] | None = None,
    ) -> None:
        """Give every ordinary price a sale price, window relative to now."""
        for row in self.product.prices:
            if row.is_plain:
                row.sales = [
                    SalePrice(
                        id=self.next_number(),
                        price=(row.price * Decimal(factor)).quantize(Decimal("0.01")),
                        start=self.now + start,
                        end=self.now + end,
                        recurrence=recurrence or {},
                    )
                ]


def apply(index: int, product: Product, now: datetime, next_number: Callable[[], int]) -> None:
    """Give the product of this number the oddity that belongs to it, if any."""
    oddity = _ODDITIES.get(index % CYCLE)
    if oddity is not None:
        oddity(_Case(product, now, next_number))


def _archived(case: _Case) -> None:
    case.product.is_archived, case.product.lifecycle = True, "Archived"


def _archived_by_flag(case: _Case) -> None:
    # Archived in one field only: the reader has to look at both.
    case.product.is_archived = True


def _lifecycle(value: str) -> Callable[[_Case], None]:
    def oddity(case: _Case) -> None:
        case.product.lifecycle = value

    return oddity


def _sale_now(case: _Case) -> None:
    case.sale(-72 * _HOUR, 72 * _HOUR)


def _sale_over(case: _Case) -> None:
    case.sale(-72 * _HOUR, -_HOUR)


def _sale_in_an_hour(case: _Case) -> None:
    case.sale(_HOUR, 72 * _HOUR)


def _sale_for_an_hour(case: _Case) -> None:
    case.sale(-72 * _HOUR, _HOUR)


def _sale_with_rules(case: _Case) -> None:
    case.sale(-72 * _HOUR, 720 * _HOUR, recurrence=_HAPPY_HOUR)


def _dearer_sale(case: _Case) -> None:
    case.sale(-72 * _HOUR, 72 * _HOUR, factor="1.2")


def _no_stock_record(case: _Case) -> None:
    case.product.stock = []


def _sold_out(case: _Case) -> None:
    for row in case.product.stock:
        row.quantity = Decimal(0)


def _negative_stock(case: _Case) -> None:
    for row in case.product.stock[:1]:
        row.quantity = Decimal(-2)


def _only_in_back_rooms(case: _Case) -> None:
    case.product.stock = [row for row in case.product.stock if not row.is_selling_room]


def _no_price(case: _Case) -> None:
    case.product.prices, case.product.company_price = [], None


def _bare(case: _Case) -> None:
    product = case.product
    product.assets, product.upcs, product.supplier_skus = [], [], []
    product.short_description = product.long_description = ""


def _shouting(case: _Case) -> None:
    case.product.name = case.product.name.upper() + "  "


def _hidden_pictures(case: _Case) -> None:
    case.product.assets = [asset._replace(is_hidden=True) for asset in case.product.assets]


def _maker_sku(case: _Case) -> None:
    case.product.manufacturer_skus = [SupplierSku("MF-0001", 5100, "Demo Maker")]


_ODDITIES: dict[int, Callable[[_Case], None]] = {
    10: _archived,
    11: _lifecycle("Coming Soon"),
    12: _lifecycle("Inactive"),
    13: _lifecycle("Discontinued"),
    14: _sale_now,
    15: _sale_over,
    16: _sale_in_an_hour,
    17: _sale_for_an_hour,
    18: _sale_with_rules,
    19: _no_stock_record,
    20: _sold_out,
    21: _negative_stock,
    22: _no_price,
    23: _bare,
    24: _archived_by_flag,
    25: _dearer_sale,
    26: _only_in_back_rooms,
    27: _shouting,
    28: _hidden_pictures,
    29: _maker_sku,
}
