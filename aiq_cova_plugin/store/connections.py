"""Reads and writes each store's COVA settings."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.database import insert_for, insert_or_change
from aiq_cova_plugin.store.models import Connection, SyncState
from aiq_cova_plugin.store.records import Question

_C = Connection
_OF_STORE = Question(_C, _C.store_id == sa.bindparam("store"))
_ALL = Question(_C, order_by=_C.store_id)
_COMPANIES = sa.select(_C.store_id, _C.company_id).where(
    _C.store_id.in_(sa.bindparam("stores", expanding=True))
)
_STATE_OF_STORE = Question(SyncState, SyncState.store_id == sa.bindparam("store"))
_END_OUTAGE = (
    sa.update(SyncState)
    .where(SyncState.store_id == sa.bindparam("store"), SyncState.last_outage_at.is_not(None))
    .values(last_outage_at=None)
)


def connection_of(connection: sa.Connection, store_id: str) -> Connection | None:
    """The store's settings, or None when none were ever saved."""
    return _OF_STORE.one(connection, store=store_id)


def all_connections(connection: sa.Connection) -> list[Connection]:
    return _ALL.all(connection)


def companies_of(connection: sa.Connection, store_ids: Collection[str]) -> dict[str, int | None]:
    """dict: store id → COVA's company, for those of these stores that are connected."""
    wanted = sorted(store_ids)
    found: dict[str, int | None] = {}
    for start in range(0, len(wanted), 500):
        rows = connection.execute(_COMPANIES, {"stores": wanted[start : start + 500]})
        found |= {row.store_id: row.company_id for row in rows}
    return found


def save_connection(
    connection: sa.Connection, store_id: str, values: dict[str, Any], *, now: datetime
) -> None:
    """Create or change the store's settings; only the given columns change."""
    statement = insert_for(connection, _C).values(
        **(_blank() | values), store_id=store_id, created_at=now, updated_at=now
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["store_id"], set_=values | {"updated_at": now}
        )
    )


def sync_state_of(connection: sa.Connection, store_id: str) -> SyncState:
    """How far the catalogue has been read; an empty state for a new store."""
    found = _STATE_OF_STORE.one(connection, store=store_id)
    return found or SyncState(store_id=store_id)


def save_sync_state(connection: sa.Connection, store_id: str, values: dict[str, Any]) -> None:
    statement = insert_or_change(connection, SyncState, key=("store_id",), columns=values)
    connection.execute(statement, values | {"store_id": store_id})


def begin_outage(connection: sa.Connection, store_id: str, *, at: datetime) -> bool:
    """Note that COVA does not answer for the store; False when that is known already."""
    noted = connection.execute(
        insert_for(connection, SyncState)
        .values(store_id=store_id, last_outage_at=at)
        .on_conflict_do_update(
            index_elements=["store_id"],
            set_={"last_outage_at": at},
            where=SyncState.last_outage_at.is_(None),
        )
        .returning(SyncState.store_id)
    )
    return noted.first() is not None


def end_outage(connection: sa.Connection, store_id: str) -> bool:
    """Note that COVA answers again; False when it always did."""
    return connection.execute(_END_OUTAGE, {"store": store_id}).rowcount == 1


def _blank() -> dict[str, Any]:
    return {
        "enabled": False,
        "was_enabled": False,
        "sync_orders": False,
        "username": "",
        "client_id": "",
        "check_message": "",
        "staff_fields": [],
        "address_policy": "overwrite",
        "status_map": {},
        "settings_version": 1,
    }
