"""Rows as typed objects that belong to no session: read them, do not change them."""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa

from aiq_cova_plugin.store.models import Base

M = TypeVar("M", bound=Base)


def one(connection: sa.Connection, model: type[M], *conditions: Any) -> M | None:
    """The one row that fits, or None."""
    row = connection.execute(sa.select(model).where(*conditions)).one_or_none()
    return None if row is None else model(**row._mapping)


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
    return [model(**row._mapping) for row in connection.execute(query)]
