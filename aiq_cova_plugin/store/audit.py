"""Who changed, approved or restored what: written once, pruned by age.

Never changed, but for a customer's id that is taken out when the customer is erased.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.models import AuditEntry
from aiq_cova_plugin.store.records import many

_A = AuditEntry


def add_entry(
    connection: sa.Connection,
    store_id: str,
    *,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    at: datetime,
) -> None:
    """Write one entry; `detail` is JSON and holds no secret and no customer's data."""
    connection.execute(
        sa.insert(_A).values(
            store_id=store_id,
            at=at,
            actor=actor[:120],
            action=action,
            subject=subject,
            detail=dict(detail),
        )
    )


def forget(connection: sa.Connection, store_id: str, subject: str, words: Collection[str]) -> int:
    """Take words (COVA's customer ids) out of what is on record about an order; from how many."""
    forgotten = 0
    for entry in many(connection, _A, _A.store_id == store_id, _A.subject == subject):
        before = after = json.dumps(entry.detail)
        for word in words:
            after = after.replace(json.dumps(word)[1:-1], "[erased]")
        if after != before:
            connection.execute(
                sa.update(_A).where(_A.id == entry.id).values(detail=json.loads(after))
            )
            forgotten += 1
    return forgotten


def subjects_of(
    connection: sa.Connection, store_id: str, action: str, subjects: Collection[str]
) -> set[str]:
    """Those of the subjects with which this was done."""
    found = many(
        connection, _A, _A.store_id == store_id, _A.action == action, _A.subject.in_(subjects)
    )
    return {entry.subject for entry in found}


def entries_of(connection: sa.Connection, store_id: str, *, limit: int = 200) -> list[AuditEntry]:
    """The store's entries, newest first."""
    return many(connection, _A, _A.store_id == store_id, order_by=_A.id.desc(), limit=limit)


def last_entry_about(
    connection: sa.Connection, store_id: str, subject: str, actions: Collection[str]
) -> AuditEntry | None:
    """The newest of the store's entries with this subject and one of these actions, or None."""
    found = many(
        connection,
        _A,
        _A.store_id == store_id,
        _A.subject == subject,
        _A.action.in_(actions),
        order_by=_A.id.desc(),
        limit=1,
    )
    return found[0] if found else None


def entries_page(
    connection: sa.Connection, store_id: str, *, limit: int, offset: int
) -> list[AuditEntry]:
    """Some of the store's entries, newest first."""
    query = sa.select(_A).where(_A.store_id == store_id).order_by(_A.id.desc())
    rows = connection.execute(query.limit(limit).offset(offset))
    return [AuditEntry(**row._mapping) for row in rows]


def number_of_entries(connection: sa.Connection, store_id: str) -> int:
    """How many entries the store has."""
    return connection.execute(
        sa.select(sa.func.count()).select_from(_A).where(_A.store_id == store_id)
    ).scalar_one()
