"""Takes and releases holds, and tells the host at once what is left to sell.

Everything here works on the host's own session and never commits: holds and the host's
order stand or fall together. No function here calls COVA.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.field_values import encode_value
from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.host import InsufficientStock, OrderLine, OrderNotFound, ProductChange
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store import holds
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.products import change_product, lock_products, products_by_id

_NOTHING = Decimal(0)

HOLD_EXPIRED = "expired: nobody said within three days what became of the order"
"""Why a hold was released whose order nobody confirmed or cancelled, or, entered at the register
by hand, called sold."""

CANCELLED_IN_SHOP = "cancelled in the shop"
"""Why a hold was released when the shop cancelled the order."""

WITHDRAWN_FROM_COVA = "withdrawn from COVA"
"""How the reason begins of a hold that was released when a person took the order back."""


def quantities_of(lines: Iterable[OrderLine]) -> dict[str, Decimal]:
    """dict: COVA product id → how much of it the lines want in all; zero lines left out."""
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        quantity = Decimal(line.quantity)
        # A quantity that is no number holds nothing; sending the order tells a person.
        if line.cova_product_id and quantity.is_finite() and quantity > 0:
            wanted[line.cova_product_id.lower()] += quantity
    return dict(wanted)


def reserve(ctx: ServiceContext, store_id: str, order_id: str, lines: Sequence[OrderLine]) -> None:
    """Hold every line of the order, or none and raise `InsufficientStock`.

    Repeating it for the same order holds exactly the lines of the last call. Correct under
    any number of concurrent shoppers, on SQLite and PostgreSQL: the products are locked
    before their free quantity is read.
    """
    connection = ctx.database.shared()
    wanted = quantities_of(lines)
    before = holds.holds_of_order(connection, store_id, order_id)
    touched = set(wanted) | {hold.cova_product_id for hold in before}
    lock_products(connection, store_id, touched)
    known = products_by_id(connection, store_id, wanted)
    held = holds.held_by_product(connection, store_id, wanted, except_order=order_id)
    short = []
    for product_id, quantity in wanted.items():
        product = known.get(product_id)
        is_on_menu = product is not None and product.host_state == "shown"
        stock = product.stock if product is not None and is_on_menu else None
        free = sellable_quantity(stock, held.get(product_id, _NOTHING)) or _NOTHING
        if quantity > free:
            short.append((product_id, quantity, free))
    if short:
        as_written = {line.cova_product_id.lower(): line.cova_product_id for line in lines}
        raise InsufficientStock([(as_written[each], want, left) for each, want, left in short])
    holds.replace_holds(connection, store_id, order_id, wanted, now=ctx.clock.now())
    publish_quantities(ctx, connection, store_id, touched)


def hold_order(
    ctx: ServiceContext, store_id: str, order_id: str, lines: Sequence[OrderLine]
) -> None:
    """Hold every line of an order that is placed already, whatever the stock.

    A hold that is there, or was released, stays as it is: signals may come twice and late.
    """
    connection = ctx.database.shared()
    wanted = quantities_of(lines)
    lock_products(connection, store_id, wanted)
    holds.take_holds(connection, store_id, order_id, wanted, now=ctx.clock.now())
    publish_quantities(ctx, connection, store_id, wanted)


def hold_expired_again(ctx: ServiceContext, store_id: str, order_id: str) -> None:
    """The order is confirmed after all: what expired while it was only placed is held again."""
    connection = ctx.database.shared()
    lock_products(
        connection,
        store_id,
        [hold.cova_product_id for hold in holds.holds_of_order(connection, store_id, order_id)],
    )
    again = holds.hold_again(
        connection, store_id, order_id, now=ctx.clock.now(), reason=HOLD_EXPIRED
    )
    if again:
        publish_quantities(ctx, connection, store_id, again)


def release_order(ctx: ServiceContext, store_id: str, order_id: str, *, reason: str) -> None:
    """Release every hold of the order; one that never had any will not get them late."""
    connection = ctx.database.shared()
    before = holds.holds_of_order(connection, store_id, order_id)
    if not before:
        _remember_release(ctx, connection, store_id, order_id, reason)
        return
    lock_products(connection, store_id, [hold.cova_product_id for hold in before])
    freed = holds.release_holds(connection, store_id, order_id, now=ctx.clock.now(), reason=reason)
    if freed:
        publish_quantities(ctx, connection, store_id, freed)


def _remember_release(
    ctx: ServiceContext, connection: DatabaseConnection, store_id: str, order_id: str, reason: str
) -> None:
    """The cancel overtook the order: leave released holds, which a late signal respects."""
    settings = connection_of(connection, store_id)
    if settings is None or not settings.enabled:
        return
    try:
        wanted = quantities_of(ctx.host.get_order(store_id, order_id).lines)
    except OrderNotFound:
        return
    now = ctx.clock.now()
    holds.take_holds(connection, store_id, order_id, wanted, now=now)
    holds.release_holds(connection, store_id, order_id, now=now, reason=reason)


def sellable_now(
    connection: DatabaseConnection,
    store_id: str,
    product_ids: Iterable[str],
    stocks: Mapping[str, Decimal | None],
) -> dict[str, Decimal | None]:
    """dict: product id → what may still be sold of it, from the stock given and the holds."""
    wanted = list(product_ids)
    held = holds.held_by_product(connection, store_id, wanted)
    return {each: sellable_quantity(stocks.get(each), held.get(each, _NOTHING)) for each in wanted}


def publish_quantities(
    ctx: ServiceContext, connection: DatabaseConnection, store_id: str, product_ids: Iterable[str]
) -> None:
    """Tell the host what is left to sell of these products, where that has changed.

    When the host refuses, the product is marked and the next sync tells it again.
    """
    row = connection_of(connection, store_id)
    if row is None or "quantity" in row.staff_fields:
        return
    known = products_by_id(connection, store_id, product_ids)
    shown = {
        each: product
        for each, product in known.items()
        if product.host_state == "shown" and not product.is_excluded
    }
    sellable = sellable_now(
        connection, store_id, shown, {each: product.stock for each, product in shown.items()}
    )
    changes = [
        ProductChange(product_id, "update", {"quantity": quantity})
        for product_id, quantity in sellable.items()
        if quantity is not None
        and encode_value(quantity) != shown[product_id].applied.get("quantity")
    ]
    if not changes:
        return
    told = _tell_host(ctx, connection, store_id, changes)
    for change in changes:
        applied = dict(shown[change.cova_product_id].applied)
        if change.cova_product_id in told:
            applied["quantity"] = encode_value(change.fields["quantity"])
            values: dict[str, Any] = {"applied": applied}
        else:
            values = {"is_dirty": True}
        change_product(connection, store_id, change.cova_product_id, values)


def _tell_host(
    ctx: ServiceContext,
    connection: DatabaseConnection,
    store_id: str,
    changes: Sequence[ProductChange],
) -> set[str]:
    try:
        results = ctx.database.guarded(
            connection, lambda: ctx.host.apply_products(store_id, changes)
        )
    except Exception:  # noqa: BLE001 - the catalogue must not undo a hold; logged
        log.exception("quantities_not_applied", extra={"store_id": store_id})
        return set()
    return {result.cova_product_id for result in results if result.ok}
