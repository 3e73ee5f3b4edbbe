"""Takes in what COVA said of a few products' stock between two syncs, where it is less than known.

Right before an order is sent COVA is asked for the stock of its lines. What it says there need not
wait for the next sync: a product that is sold out goes off sale at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from aiq_cova_plugin.domain.snapshot_codec import snapshot_from_json, snapshot_to_json
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stock.reserve_stock import publish_quantities
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.holds import release_settled
from aiq_cova_plugin.store.locations import is_connected_to
from aiq_cova_plugin.store.models import Product
from aiq_cova_plugin.store.products import change_product, lock_products, products_by_id
from aiq_cova_plugin.store.runs import last_decided_run


def take_stock_reading(
    ctx: ServiceContext,
    store_id: str,
    readings: Mapping[str, Decimal],
    *,
    read_began_at: datetime,
    company_id: int | None,
    location_id: int | None,
) -> tuple[str, ...]:
    """Lower the stock of these products to what COVA said; the ids of those that were lowered.

    `readings` is dict: product id → stock in the selling rooms of that location, asked for at
    `read_began_at`. Only what is less than we knew is taken in, and of products on the menu
    alone: a rise waits for a sync, which looks at all of it. Nothing is done while the store is
    switched off or connected elsewhere, nor while a held run waits for a person.

    A transaction of its own, committed: call it in a job, with none open.
    """
    if not readings:
        return ()
    by_id = {product_id.lower(): stock for product_id, stock in readings.items()}
    with ctx.database.job_transaction() as connection:
        # The store before its products, as everybody locks them.
        if not is_connected_to(
            connection, store_id, company_id=company_id, location_id=location_id
        ) or not _may_write(connection, store_id):
            return ()
        lock_products(connection, store_id, by_id)
        fallen = [
            row
            for row in products_by_id(connection, store_id, by_id).values()
            if _has_fallen(row, by_id[row.cova_product_id], read_began_at)
        ]
        for row in fallen:
            stock = max(by_id[row.cova_product_id], Decimal(0))
            snapshot = replace(snapshot_from_json(row.snapshot), stock=stock)
            change_product(
                connection,
                store_id,
                row.cova_product_id,
                {
                    "stock": stock,
                    "stock_read_at": read_began_at,
                    "snapshot": snapshot_to_json(snapshot),
                    # Without its hash it is read anew when COVA lists it, though it be as it was.
                    "raw_hash": "",
                },
            )
        ids = tuple(row.cova_product_id for row in fallen)
        # Sales that this reading counts already must not be taken off once more.
        now = ctx.clock.now()
        release_settled(connection, store_id, ids, read_began_at=read_began_at, now=now)
        publish_quantities(ctx, connection, store_id, ids)
    return ids


def _may_write(connection: DatabaseConnection, store_id: str) -> bool:
    settings = connection_of(connection, store_id)
    if settings is None or not settings.enabled:
        return False
    last = last_decided_run(connection, store_id)
    return last is not None and last.status != "held"


def _has_fallen(row: Product, stock: Decimal, read_began_at: datetime) -> bool:
    if row.host_state != "shown" or row.is_excluded or row.stock is None:
        return False
    is_newer = row.stock_read_at is None or row.stock_read_at < read_began_at
    return is_newer and stock < row.stock
