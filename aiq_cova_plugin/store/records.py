"""Rows as typed objects that belong to no session: read them, do not change them."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import sqlalchemy as sa

from aiq_cova_plugin.store.models import Base

M = TypeVar("M", bound=Base)


def one(connection: sa.Connection, model: type[M], *conditions: Any) -> M | None:
    """The one row that fits, or None."""
    row = connection.execute(sa.select(model).where(*conditions)).one_or_none()
    return None if row is None else _filled(model, row)


def many(
    connection: sa.Connection,
    model: type[M],
    *conditions: Any,
    order_by: Any = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[M]:
    """All rows that fit, in the order asked for; `offset` of them left out."""
    query = sa.select(model).where(*conditions)
    if order_by is not None:
        query = query.order_by(*order_by if isinstance(order_by, tuple) else (order_by,))
    if limit is not None:
        query = query.limit(limit).offset(offset)
    return [_filled(model, row) for row in connection.execute(query)]


def _filled(model: type[M], row: sa.Row[Any]) -> M:
    """An object with the values of the row, which no session hears of.

    Setting attribute by attribute would tell the mapper of each: most of the cost of a small
    reading, for objects that are never written.
    """
    made = sa.inspect(model).class_manager.new_instance()
    made.__dict__.update(row._mapping)
    # Whatever the mapper of a model makes is one of it; its type does not say so.
    return cast(M, made)
