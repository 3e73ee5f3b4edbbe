"""The record of what each catalogue sync changed, product by product."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from aiq_cova_plugin.store.models import Run, RunChange
from aiq_cova_plugin.store.records import many

_C = RunChange


class PastChange(NamedTuple):
    """One change of a product, and the run that made it."""

    run_id: str
    started_at: datetime
    action: str
    fields: dict[str, Any]


def record_changes(
    connection: sa.Connection,
    run_id: str,
    changes: Iterable[tuple[str, str, dict[str, Any]]],
) -> None:
    """Keep the changes: each is (product id, action, dict: field → [before, after])."""
    rows = [
        {"run_id": run_id, "cova_product_id": product_id, "action": action, "fields": fields}
        for product_id, action, fields in changes
    ]
    if rows:
        connection.execute(sa.insert(_C), rows)


def change_counts(connection: sa.Connection, run_id: str) -> dict[str, int]:
    """dict: action → number of changes of the run that were kept."""
    number = sa.func.count().label("number_of_changes")
    rows = connection.execute(
        sa.select(_C.action, number).where(_C.run_id == run_id).group_by(_C.action)
    )
    return {row.action: row.number_of_changes for row in rows}


def changes_page(
    connection: sa.Connection, run_id: str, *, action: str, limit: int, offset: int
) -> list[RunChange]:
    """Some of the run's changes in the order they were made; an empty `action` means all."""
    conditions = [_C.run_id == run_id, *([_C.action == action] if action else ())]
    return many(connection, _C, *conditions, order_by=_C.id, limit=limit, offset=offset)


def changes_after(
    connection: sa.Connection, run_id: str, last_id: int, *, limit: int
) -> list[RunChange]:
    """The run's changes with a higher id, in order; for reading many piece by piece."""
    return many(connection, _C, _C.run_id == run_id, _C.id > last_id, order_by=_C.id, limit=limit)


def changes_of_product(
    connection: sa.Connection, store_id: str, product_id: str, *, limit: int
) -> list[PastChange]:
    """The last changes of one product of the store, newest first."""
    rows = connection.execute(
        sa.select(_C.run_id, Run.started_at, _C.action, _C.fields)
        .join(Run, Run.id == _C.run_id)
        .where(_C.cova_product_id == product_id, Run.store_id == store_id)
        .order_by(_C.id.desc())
        .limit(limit)
    )
    return [PastChange(*row) for row in rows]
