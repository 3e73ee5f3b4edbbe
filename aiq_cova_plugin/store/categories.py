"""The store's own rules for which COVA products land in which of its categories."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from aiq_cova_plugin.store.models import CategoryRule
from aiq_cova_plugin.store.records import many

_R = CategoryRule


def rules_of(connection: sa.Connection, store_id: str) -> list[CategoryRule]:
    return many(connection, _R, _R.store_id == store_id, order_by=(_R.kind, _R.pattern))


def replace_rules(
    connection: sa.Connection, store_id: str, kind: str, rules: Sequence[tuple[str, str]]
) -> None:
    """Make these (pattern, category id) pairs the store's rules of one kind."""
    connection.execute(sa.delete(_R).where(_R.store_id == store_id, _R.kind == kind))
    if rules:
        connection.execute(
            sa.insert(_R),
            [
                {"store_id": store_id, "kind": kind, "pattern": pattern, "category_id": category}
                for pattern, category in dict(rules).items()
            ],
        )
