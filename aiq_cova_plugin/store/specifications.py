"""Each product's specifications as COVA last sent them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.database import insert_for
from aiq_cova_plugin.store.models import Product, ProductSpecifications
from aiq_cova_plugin.store.records import one

_S, _P = ProductSpecifications, Product
_ROWS_AT_ONCE = 500


def save_specifications(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or overwrite the specifications of some products.

    Every row has `store_id`, `cova_product_id`, `specifications` (list of dicts with
    `field_id`, `name`, `value`, `unit`) and `read_at`.
    """
    if not rows:
        return
    statement = insert_for(connection, _S)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["store_id", "cova_product_id"],
            set_={
                "specifications": statement.excluded.specifications,
                "read_at": statement.excluded.read_at,
            },
        ),
        list(rows),
    )


def specifications_of(
    connection: sa.Connection, store_id: str, product_id: str
) -> ProductSpecifications | None:
    """The product's specifications and when they were read, or None when never read."""
    return one(connection, _S, _S.store_id == store_id, _S.cova_product_id == product_id)


def each_specification(connection: sa.Connection, store_id: str) -> Iterator[tuple[str, list[Any]]]:
    """(product id, its specifications) of every product that is on sale in COVA, one by one."""
    rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(
        sa.select(_S.cova_product_id, _S.specifications)
        .join(_P, sa.and_(_P.store_id == _S.store_id, _P.cova_product_id == _S.cova_product_id))
        .where(_S.store_id == store_id, _P.presence == "active", _P.vanished_at.is_(None))
        # Which of two spellings is shown must not hang on where a row lies.
        .order_by(_S.cova_product_id)
    )
    for row in rows:
        yield row.cova_product_id, row.specifications
