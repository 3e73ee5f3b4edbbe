"""Rows as typed objects that belong to no session: read them, do not change them.

Building a statement in Python costs several times what the database needs to answer it. What is
asked or written all day long is therefore built once, with `sa.bindparam` in the places of the
values: as a `Question` here, or as a statement of its module. What is asked now and then, or
with conditions that vary, is built where it is asked (`one`, `many`).
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa

from aiq_cova_plugin.store.models import Base

M = TypeVar("M", bound=Base)


class Question(Generic[M]):
    """A reading of whole rows, built once and asked often, each time with other values."""

    def __init__(
        self, model: type[M], *conditions: Any, order_by: Any = None, limit: Any = None
    ) -> None:
        self._model = model
        self._query = _query(model, *conditions, order_by=order_by).limit(limit)

    def one(self, connection: sa.Connection, **values: Any) -> M | None:
        """The one row that fits, or None; `values` by the names of the bind parameters."""
        row = connection.execute(self._query, values).one_or_none()
        return None if row is None else _filled(self._model, row)

    def all(self, connection: sa.Connection, **values: Any) -> list[M]:
        """All rows that fit; `values` by the names of the bind parameters."""
        return [_filled(self._model, row) for row in connection.execute(self._query, values)]


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
    query = _query(model, *conditions, order_by=order_by)
    if limit is not None:
        query = query.limit(limit).offset(offset)
    return [_filled(model, row) for row in connection.execute(query)]


def _query(model: type[M], *conditions: Any, order_by: Any) -> sa.Select[M]:
    query = sa.select(model).where(*conditions)
    if order_by is None:
        return query
    return query.order_by(*order_by if isinstance(order_by, tuple) else (order_by,))


def _filled(model: type[M], row: sa.Row[Any]) -> M:
    """An object with the values of the row, which no session hears of.

    Setting attribute by attribute would tell the mapper of each: most of the cost of a small
    reading, for objects that are never written.
    """
    made = sa.inspect(model).class_manager.new_instance()
    made.__dict__.update(row._mapping)
    # Whatever the mapper of a model makes is one of it; its type does not say so.
    return cast(M, made)
