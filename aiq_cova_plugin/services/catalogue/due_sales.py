"""Begins and ends sales on time in a run that may write nothing else.

That is when COVA cannot be read, when the run waits for a person, and when it failed. Only
`sale_price` of products whose sale is due is told, from what is on record of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from aiq_cova_plugin.domain.field_values import encode_fields
from aiq_cova_plugin.domain.pricing import active_sale_price, next_price_change
from aiq_cova_plugin.domain.snapshot_codec import snapshot_from_json
from aiq_cova_plugin.host import ProductChange
from aiq_cova_plugin.services.catalogue.plan_product import SHOWN
from aiq_cova_plugin.services.catalogue.run_changes import Change, RunChanges
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store.leases import HeldLease
from aiq_cova_plugin.store.models import Connection, Product
from aiq_cova_plugin.store.products import change_product, lock_products, products_by_id

_BATCH = 100
_FIELD = "sale_price"


def tell_due_sales(
    ctx: ServiceContext,
    settings: Connection,
    product_ids: Collection[str],
    *,
    lease: HeldLease | None,
    changes: RunChanges,
) -> int:
    """Tell the shop the sale prices of these products as of now; how many were news to it.

    Never raises: what cannot be told is logged, and is due again in the next run.
    """
    if _FIELD in settings.staff_fields:
        return 0
    ids, told = sorted(product_ids), 0
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        try:
            told += _tell(ctx, settings.store_id, batch, lease, changes)
        except Exception:  # noqa: BLE001 - the run ends with its own reason; logged
            log.exception(
                "due_sales_not_told",
                extra={"store_id": settings.store_id, "products": len(batch)},
            )
    return told


def _tell(
    ctx: ServiceContext,
    store_id: str,
    product_ids: Sequence[str],
    lease: HeldLease | None,
    run_changes: RunChanges,
) -> int:
    now, told = ctx.clock.now(), list[Change]()
    with ctx.database.job_transaction() as connection:
        if lease is not None:
            ctx.leases.renew_within(connection, lease)
        lock_products(connection, store_id, product_ids)
        rows = products_by_id(connection, store_id, product_ids)
        changes = [each for row in rows.values() if (each := _change(ctx, row)) is not None]
        answers = ctx.host.apply_products(store_id, changes) if changes else ()
        saved = {answer.cova_product_id for answer in answers if answer.ok}
        for change in changes:
            if change.cova_product_id not in saved:
                continue
            row = rows[change.cova_product_id]
            told.append(_as_change(row, change))
            windows = snapshot_from_json(row.snapshot).sale_windows
            values = {
                "applied": row.applied | encode_fields(change.fields),
                "next_price_change_at": next_price_change(windows, now),
                "updated_at": now,
            }
            change_product(connection, store_id, change.cova_product_id, values)
        kept = run_changes.write(connection, told)
    run_changes.committed(kept)
    return len(told)


def _as_change(row: Product, change: ProductChange) -> Change:
    before = {_FIELD: row.applied.get(_FIELD)}
    return Change(row.cova_product_id, change.action, before, encode_fields(change.fields))


def _change(ctx: ServiceContext, row: Product) -> ProductChange | None:
    """What to tell of the product, None when there is nothing or it does not follow COVA."""
    if row.host_state != SHOWN or row.is_locked or row.is_excluded:
        return None
    snapshot = snapshot_from_json(row.snapshot)
    if snapshot.regular_price is None:
        return None
    price = active_sale_price(snapshot.sale_windows, snapshot.regular_price, ctx.clock.now())
    fields = {_FIELD: price}
    if row.applied.get(_FIELD) == encode_fields(fields)[_FIELD]:
        return None
    return ProductChange(row.cova_product_id, "update", fields)
