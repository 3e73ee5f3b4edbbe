"""Searching, filtering and counting a store's products in SQL, for lists and badges.

No query here brings the snapshots of many products into memory: a page of ids is found by
narrow columns, and only what a list shows is read for those ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.models import Product

_P = Product
_CHUNK = 400

FILTERS: dict[str, tuple[sa.ColumnElement[bool], ...]] = {
    "shown": (_P.host_state == "shown",),
    "hidden": (_P.host_state == "hidden",),
    "absent": (_P.host_state == "absent",),
    "locked": (_P.is_locked.is_(True),),
    "excluded": (_P.is_excluded.is_(True),),
    "differs": (_P.differing_fields != "",),
    "failed": (_P.last_error != "",),
    "unmapped": (
        _P.category_source.in_(("unmapped", "fallback")),
        _P.presence == "active",
        _P.vanished_at.is_(None),
    ),
}
"""Filter → what it asks for. A product may be in several."""


@dataclass(frozen=True)
class ProductState:
    """How one product stands, without what COVA says of it.

    `differing` names the fields in which the shop differed from COVA when the two were last
    compared, at `compared_at`; None when that is not known.
    """

    cova_product_id: str
    name: str
    host_state: str
    is_locked: bool
    is_excluded: bool
    is_dirty: bool
    is_vanished: bool
    presence: str
    last_error: str
    differing: tuple[str, ...]
    compared_at: datetime | None = None
    is_awaited: bool = False


@dataclass(frozen=True)
class ProductRow:
    """One product as a list shows it; `told_quantity` is what the shop was last told."""

    state: ProductState
    sku: str
    stock: Decimal | None
    told_quantity: str | None
    classification_path: str
    category_source: str
    updated_at: datetime


def filter_counts(connection: sa.Connection, store_id: str, words: str = "") -> dict[str, int]:
    """dict: filter → number of products in it, and under "" the number of all that are found."""
    numbers = [
        sa.func.coalesce(sa.func.sum(sa.case((sa.and_(*asked), 1), else_=0)), 0).label(name)
        for name, asked in FILTERS.items()
    ]
    row = connection.execute(
        sa.select(sa.func.count().label("all_products"), *numbers).where(*_found(store_id, words))
    ).one()
    return {"": row.all_products} | {name: int(getattr(row, name)) for name in FILTERS}


def page_of_products(
    connection: sa.Connection,
    store_id: str,
    *,
    chosen: str = "",
    words: str = "",
    limit: int,
    offset: int = 0,
) -> list[ProductRow]:
    """One page of the products by name; `chosen` is a key of `FILTERS` or empty for all."""
    ids = connection.execute(
        sa.select(_P.cova_product_id)
        .where(*_found(store_id, words), *FILTERS.get(chosen, ()))
        .order_by(sa.func.lower(_P.name), _P.cova_product_id)
        .limit(limit)
        .offset(offset)
    ).scalars()
    return _rows(connection, store_id, list(ids))


def states_of_products(
    connection: sa.Connection, store_id: str, product_ids: Iterable[str]
) -> dict[str, ProductState]:
    """dict: COVA product id → how it stands, for those of the ids that are known."""
    wanted = sorted(set(product_ids))
    found: dict[str, ProductState] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(
            sa.select(*_STATE_COLUMNS).where(
                _P.store_id == store_id,
                _P.cova_product_id.in_(wanted[start : start + _CHUNK]),
            )
        )
        found |= {row.cova_product_id: _state(row) for row in rows}
    return found


def ids_in_filter(connection: sa.Connection, store_id: str, chosen: str) -> list[str]:
    """The COVA product ids in one filter, in no particular order."""
    query = sa.select(_P.cova_product_id).where(_P.store_id == store_id, *FILTERS[chosen])
    return list(connection.execute(query).scalars())


def ids_to_compare(
    connection: sa.Connection, store_id: str, *, after: str, limit: int
) -> list[str]:
    """The next ids, in their own order, of products the shop has; `after` is the last one."""
    query = (
        sa.select(_P.cova_product_id)
        .where(_P.store_id == store_id, _P.host_state != "absent", _P.cova_product_id > after)
        .order_by(_P.cova_product_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


_STATE_COLUMNS = (
    _P.cova_product_id,
    _P.name,
    _P.host_state,
    _P.is_locked,
    _P.is_excluded,
    _P.is_dirty,
    _P.presence,
    _P.vanished_at,
    _P.last_error,
    _P.differing_fields,
    _P.compared_at,
    _P.is_awaited,
)


def _found(store_id: str, words: str) -> list[sa.ColumnElement[bool]]:
    """Every word must be in the name, in the SKU, or begin COVA's id of the product."""
    conditions: list[sa.ColumnElement[bool]] = [_P.store_id == store_id]
    for word in words.split():
        conditions.append(
            sa.or_(
                _P.name.icontains(word, autoescape=True),
                _P.cova_product_id.istartswith(word, autoescape=True),
                _P.snapshot["sku"].as_string().icontains(word, autoescape=True),
            )
        )
    return conditions


def _rows(connection: sa.Connection, store_id: str, ids: Sequence[str]) -> list[ProductRow]:
    query = sa.select(
        *_STATE_COLUMNS,
        _P.snapshot["sku"].as_string().label("sku"),
        _P.applied["quantity"].as_string().label("told_quantity"),
        _P.stock,
        _P.classification_path,
        _P.category_source,
        _P.updated_at,
    ).where(_P.store_id == store_id, _P.cova_product_id.in_(ids))
    by_id = {
        row.cova_product_id: ProductRow(
            state=_state(row),
            sku=row.sku or "",
            stock=row.stock,
            told_quantity=row.told_quantity,
            classification_path=row.classification_path,
            category_source=row.category_source,
            updated_at=row.updated_at,
        )
        for row in connection.execute(query)
    }
    return [by_id[each] for each in ids if each in by_id]


def _state(row: Any) -> ProductState:
    return ProductState(
        cova_product_id=row.cova_product_id,
        name=row.name or row.cova_product_id,
        host_state=row.host_state,
        is_locked=row.is_locked,
        is_excluded=row.is_excluded,
        is_dirty=row.is_dirty,
        is_vanished=row.vanished_at is not None,
        presence=row.presence,
        last_error=row.last_error,
        differing=tuple(name for name in row.differing_fields.split(",") if name),
        compared_at=row.compared_at,
        is_awaited=row.is_awaited,
    )
