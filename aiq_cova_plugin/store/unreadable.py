"""Products of which COVA's answer made no sense, remembered until it does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.database import insert_for
from aiq_cova_plugin.store.models import UnreadableProduct
from aiq_cova_plugin.store.records import Question

_U = UnreadableProduct
_CHUNK = 400
_OF_STORE = Question(
    _U, _U.store_id == sa.bindparam("store"), order_by=(_U.last_seen_at, _U.cova_product_id)
)


def unreadable_of(connection: sa.Connection, store_id: str) -> list[UnreadableProduct]:
    """The store's unreadable products, the one not looked at for longest first."""
    return _OF_STORE.all(connection, store=store_id)


def remember_unreadable(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or overwrite; `first_seen_at` stays what it was."""
    if not rows:
        return
    statement = insert_for(connection, _U)
    told = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["store_id", "cova_product_id"],
            set_={
                "raw_hash": told.raw_hash,
                "field": told.field,
                "reason": told.reason,
                "last_seen_at": told.last_seen_at,
            },
        ),
        list(rows),
    )


def forget_unreadable(connection: sa.Connection, store_id: str, ids: Iterable[str]) -> int:
    """Forget products that can be read again or are gone; how many."""
    wanted, gone = sorted(set(ids)), 0
    for start in range(0, len(wanted), _CHUNK):
        gone += connection.execute(
            sa.delete(_U).where(
                _U.store_id == store_id, _U.cova_product_id.in_(wanted[start : start + _CHUNK])
            )
        ).rowcount
    return gone
