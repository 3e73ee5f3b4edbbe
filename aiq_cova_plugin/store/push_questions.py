"""Questions about many orders at once that the staff pages ask."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from aiq_cova_plugin.store.models import Push, PushEvent
from aiq_cova_plugin.store.records import Question

_P = Push
_STOPPED = Question(
    _P,
    _P.store_id == sa.bindparam("store"),
    _P.state == "needs_attention",
    _P.kind.in_(sa.bindparam("kinds", expanding=True)),
    order_by=(_P.queued_at, _P.id),
)
_OTHER_OPEN_DELIVERIES = Question(
    _P,
    sa.func.lower(_P.cova_customer_id) == sa.bindparam("customer"),
    _P.id != sa.bindparam("push"),
    _P.is_delivery.is_(True),
    _P.finished_at.is_(None),
    order_by=_P.id,
)
_WARNED_DELIVERIES = Question(
    _P,
    _P.store_id == sa.bindparam("store"),
    _P.is_delivery.is_(True),
    _P.finished_at.is_(None),
    _P.warning != "",
    order_by=_P.id,
)


@dataclass(frozen=True)
class Trouble:
    """Why one order needs a person."""

    order_id: str
    order_number: str
    kind: str
    reason: str
    fix: str


def troubles(connection: sa.Connection, store_id: str) -> list[Trouble]:
    """The store's orders that need a person, those confirmed first come first."""
    rows = connection.execute(
        sa.select(_P.order_id, _P.order_number, _P.kind, _P.reason, _P.fix)
        .where(_P.store_id == store_id, _P.state == "needs_attention")
        .order_by(_P.queued_at, _P.id)
    )
    return [Trouble(*row) for row in rows]


def stopped(connection: sa.Connection, store_id: str, kinds: Collection[str]) -> list[Push]:
    """The store's orders that need a person for one of these reasons, first confirmed first."""
    return _STOPPED.all(connection, store=store_id, kinds=list(kinds))


def other_open_deliveries(
    connection: sa.Connection, push_id: int, cova_customer_id: str
) -> list[Push]:
    """The other delivery orders of this COVA customer that are not finished, in all stores."""
    return _OTHER_OPEN_DELIVERIES.all(connection, customer=cova_customer_id.lower(), push=push_id)


def details_seen(connection: sa.Connection, store_id: str, event: str) -> list[str]:
    """Every different detail this step has in the timelines of the store's orders, sorted."""
    rows = connection.execute(
        sa.select(PushEvent.detail)
        .join(_P, _P.id == PushEvent.push_id)
        .where(PushEvent.event == event, _P.store_id == store_id)
        .distinct()
    )
    return sorted(row.detail for row in rows)


def warned_deliveries(connection: sa.Connection, store_id: str) -> list[Push]:
    """The store's open delivery orders that are warned of anything."""
    return _WARNED_DELIVERIES.all(connection, store=store_id)
