"""What COVA said of each product, and what the host was last told of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.database import insert_or_change
from aiq_cova_plugin.store.models import Product
from aiq_cova_plugin.store.records import Question, many

_P = Product
_CHUNK = 400
_IS_IT = sa.and_(
    _P.store_id == sa.bindparam("of_store"), _P.cova_product_id == sa.bindparam("of_product")
)
_OF_ID = Question(_P, _IS_IT)
_OF_IDS = Question(
    _P,
    _P.store_id == sa.bindparam("of_store"),
    _P.cova_product_id.in_(sa.bindparam("of_products", expanding=True)),
)
_LOCK = sa.update(_P).where(_IS_IT).values(store_id=_P.store_id)
_CHANGE = sa.update(_P).where(_IS_IT)
"""A change of one product; the columns to set are the parameters."""
_MARKS = sa.select(
    _P.cova_product_id,
    _P.raw_hash,
    _P.presence,
    _P.host_state,
    _P.stock,
    _P.applied_version,
    _P.is_dirty,
    _P.next_price_change_at,
    _P.vanished_at,
).where(_P.store_id == sa.bindparam("of_store"))
_NEXT_PRICE_CHANGE = sa.select(
    sa.func.min(_P.next_price_change_at, type_=_P.next_price_change_at.type)
).where(_P.store_id == sa.bindparam("of_store"), _P.next_price_change_at > sa.bindparam("after"))


@dataclass(frozen=True)
class ProductMark:
    """The little of a product that a sync needs to see whether anything changed."""

    raw_hash: str
    presence: str
    host_state: str
    stock: Decimal | None
    applied_version: int
    is_dirty: bool
    next_price_change_at: datetime | None
    is_vanished: bool


def marks_of(connection: sa.Connection, store_id: str) -> dict[str, ProductMark]:
    """dict: COVA product id → mark, for every product of the store."""
    rows = connection.execute(_MARKS, {"of_store": store_id})
    return {
        row.cova_product_id: ProductMark(
            raw_hash=row.raw_hash,
            presence=row.presence,
            host_state=row.host_state,
            stock=row.stock,
            applied_version=row.applied_version,
            is_dirty=row.is_dirty,
            next_price_change_at=row.next_price_change_at,
            is_vanished=row.vanished_at is not None,
        )
        for row in rows
    }


def products_by_id(
    connection: sa.Connection, store_id: str, product_ids: Iterable[str]
) -> dict[str, Product]:
    """dict: COVA product id → product, for those of the ids that are known."""
    wanted = sorted(set(product_ids))
    found: dict[str, Product] = {}
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        for product in _OF_IDS.all(connection, of_store=store_id, of_products=chunk):
            found[product.cova_product_id] = product
    return found


def product_of(connection: sa.Connection, store_id: str, product_id: str) -> Product | None:
    return _OF_ID.one(connection, of_store=store_id, of_product=product_id)


def all_products(connection: sa.Connection, store_id: str) -> list[Product]:
    """Every product of the store, in no particular order."""
    return many(connection, _P, _P.store_id == store_id)


def save_products(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or overwrite whole products; every row has the same keys."""
    if not rows:
        return
    key = ("store_id", "cova_product_id")
    connection.execute(insert_or_change(connection, _P, key=key, columns=rows[0]), list(rows))


def change_product(
    connection: sa.Connection, store_id: str, product_id: str, values: dict[str, Any]
) -> int:
    """Change some columns of one product; how many rows that was (0 or 1)."""
    which = {"of_store": store_id, "of_product": product_id}
    return connection.execute(_CHANGE, values | which).rowcount


def wait_for_products(connection: sa.Connection, store_id: str, product_ids: Iterable[str]) -> None:
    """Claim the products in the order every other worker does, so that none waits for another
    crosswise. SQLite has one writer and needs none of it."""
    connection.execute(
        sa.select(_P.cova_product_id)
        .where(_P.store_id == store_id, _P.cova_product_id.in_(sorted(set(product_ids))))
        .order_by(_P.cova_product_id)
        .with_for_update()
    )


def note_difference(
    connection: sa.Connection, product: Product, differing_fields: str, *, at: datetime
) -> None:
    """Remember in which fields the product differed then, unless it was written meanwhile."""
    connection.execute(
        sa.update(_P)
        .where(
            _P.store_id == product.store_id,
            _P.cova_product_id == product.cova_product_id,
            _P.updated_at == product.updated_at,
            _P.is_excluded == product.is_excluded,
        )
        .values(differing_fields=differing_fields, compared_at=at)
    )


def note_compared(
    connection: sa.Connection, store_id: str, product_ids: Iterable[str], *, at: datetime
) -> None:
    """Remember that the products were compared then, and differ as they did before."""
    connection.execute(
        sa.update(_P)
        .where(_P.store_id == store_id, _P.cova_product_id.in_(sorted(product_ids)))
        .values(compared_at=at)
    )


def lock_products(connection: sa.Connection, store_id: str, product_ids: Iterable[str]) -> None:
    """Make every other worker that locks one of these products wait until we commit.

    One guarded statement per product, always in the same order, so that two shoppers with
    the same basket cannot wait for each other. On SQLite the first one takes the write
    lock of the whole database.
    """
    for product_id in sorted(set(product_ids)):
        connection.execute(_LOCK, {"of_store": store_id, "of_product": product_id})


def next_price_change_of(
    connection: sa.Connection, store_id: str, *, after: datetime
) -> datetime | None:
    """The first moment after then at which a sale of the store begins or ends, or None."""
    asked = {"of_store": store_id, "after": after}
    return connection.execute(_NEXT_PRICE_CHANGE, asked).scalar_one()


def classification_counts(connection: sa.Connection, store_id: str) -> list[tuple[str, str, int]]:
    """(COVA classification, how its category was found, number of products)."""
    number = sa.func.count().label("number_of_products")
    rows = connection.execute(
        sa.select(_P.classification_path, _P.category_source, number)
        .where(_P.store_id == store_id, _P.presence == "active", _P.vanished_at.is_(None))
        .group_by(_P.classification_path, _P.category_source)
        .order_by(number.desc())
    )
    return [(row.classification_path, row.category_source, row.number_of_products) for row in rows]


def state_counts(connection: sa.Connection, store_id: str) -> dict[str, int]:
    """dict: host state (`shown`, `hidden`, `absent`) → number of products."""
    number = sa.func.count().label("number_of_products")
    rows = connection.execute(
        sa.select(_P.host_state, number).where(_P.store_id == store_id).group_by(_P.host_state)
    )
    return {row.host_state: row.number_of_products for row in rows}


def names_of(connection: sa.Connection, store_id: str, ids: Iterable[str]) -> dict[str, str]:
    """dict: COVA product id → its name, for the products that are known and have one."""
    found = products_by_id(connection, store_id, ids)
    return {each: product.name for each, product in found.items() if product.name}
