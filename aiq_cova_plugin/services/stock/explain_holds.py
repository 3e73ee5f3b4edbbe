"""Why a quantity is what it is: COVA's stock, less each hold, is what can be sold. Reads only."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stock.expire_holds import HOLD_EXPIRED
from aiq_cova_plugin.store import holds, outbox, reports
from aiq_cova_plugin.store.alerts import HOLD_GONE, open_alerts
from aiq_cova_plugin.store.connections import connection_of, sync_state_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Alert, Hold, Product
from aiq_cova_plugin.store.products import products_by_id

PRODUCTS_PER_PAGE = 50
EXPIRED_SHOWN_FOR = timedelta(days=7)
_EXPIRED_SHOWN = 20


@dataclass(frozen=True)
class ProductSum:
    """Why a product's quantity is what it is: COVA's stock, less each hold, is the rest.

    `told` is the quantity the shop was last told, as text; None when it never was.
    """

    cova_product_id: str
    name: str
    stock: Decimal | None
    stock_read_at: datetime | None
    holds: list[Hold]
    held: Decimal
    sellable: Decimal | None
    told: str | None
    is_shown: bool


@dataclass(frozen=True)
class HoldsReport:
    """One page of the products with an open hold, by name.

    `staff_own_quantity`: COVA does not set it here. `order_numbers` is dict: order id →
    number, for the orders that were queued for COVA. `expired` are holds that ended because
    nobody ever confirmed or cancelled their order, newest first; `alerts` is dict: subject →
    the open alert that tells of one. `number_found` counts products on all pages, `number_held` those with a hold
    whatever was searched for. `asked_at` is when the last wholly good sync asked COVA: what was
    read before then has not changed since.
    """

    products: list[ProductSum]
    order_numbers: dict[str, str]
    staff_own_quantity: bool
    number_found: int = 0
    number_held: int = 0
    expired: list[Hold] = field(default_factory=list)
    expired_names: dict[str, str] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    asked_at: datetime | None = None


def holds_report(
    ctx: ServiceContext,
    store_id: str,
    *,
    product_id: str | None = None,
    search: str = "",
    page: int = 1,
) -> HoldsReport:
    """The sums of one page. `page` counts from 1.

    With `product_id` that product alone, whether anything of it is held or not; none when the
    store does not know it. `search` keeps products and orders whose name or number contains it.
    """
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        by_product: dict[str, list[Hold]] = defaultdict(list)
        for hold in holds.open_holds(connection, store_id, product_id):
            by_product[hold.cova_product_id].append(hold)
        known = products_by_id(
            connection, store_id, [product_id] if product_id is not None else by_product
        )
        numbers = _order_numbers(connection, store_id, by_product)
        expired = reports.holds_released_for(
            connection,
            store_id,
            reason=HOLD_EXPIRED,
            since=ctx.clock.now() - EXPIRED_SHOWN_FOR,
            limit=_EXPIRED_SHOWN,
        )
        expired_products = products_by_id(
            connection, store_id, {each.cova_product_id for each in expired}
        )
        alerts = {
            each.subject: each
            for each in open_alerts(connection, store_id)
            if each.kind == HOLD_GONE
        }
        asked_at = sync_state_of(connection, store_id).last_good_at
    ids = set(by_product) | (set(known) if product_id is not None else set())
    sums = [_sum_of(each, known.get(each), by_product.get(each, [])) for each in ids]
    if search:
        sums = [each for each in sums if _fits(each, search.casefold(), numbers)]
    sums.sort(key=lambda each: (each.name.casefold(), each.cova_product_id))
    start = PRODUCTS_PER_PAGE * (page - 1)
    return HoldsReport(
        products=sums[start : start + PRODUCTS_PER_PAGE],
        order_numbers=numbers,
        staff_own_quantity=row is not None and "quantity" in row.staff_fields,
        number_found=len(sums),
        number_held=len(by_product),
        expired=expired,
        expired_names={each: row.name for each, row in expired_products.items() if row.name},
        alerts=alerts,
        asked_at=asked_at,
    )


def _order_numbers(
    connection: DatabaseConnection, store_id: str, by_product: dict[str, list[Hold]]
) -> dict[str, str]:
    ids = {hold.order_id for each in by_product.values() for hold in each}
    return {
        push.order_id: push.order_number or push.order_id
        for push in outbox.pushes_of_orders(connection, store_id, ids)
    }


def _fits(sums: ProductSum, wanted: str, numbers: dict[str, str]) -> bool:
    texts = [sums.name, sums.cova_product_id]
    for hold in sums.holds:
        texts += [hold.order_id, numbers.get(hold.order_id, "")]
    return any(wanted in text.casefold() for text in texts)


def _sum_of(product_id: str, product: Product | None, product_holds: list[Hold]) -> ProductSum:
    held = sum((hold.quantity for hold in product_holds), start=Decimal(0))
    stock = product.stock if product is not None else None
    told = product.applied.get("quantity") if product is not None else None
    return ProductSum(
        cova_product_id=product_id,
        name=(product.name if product is not None else "") or product_id,
        stock=stock,
        stock_read_at=product.stock_read_at if product is not None else None,
        holds=product_holds,
        held=held,
        sellable=sellable_quantity(stock, held),
        told=None if told is None else str(told),
        is_shown=product is not None and product.host_state == "shown",
    )
