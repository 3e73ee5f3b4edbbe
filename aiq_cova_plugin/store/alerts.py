"""What the operator was told about: raised once, resolved once, whichever worker notices."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from aiq_cova_plugin.store.database import insert_for
from aiq_cova_plugin.store.models import Alert
from aiq_cova_plugin.store.records import Question, many, one

CREDENTIALS = "credentials"
STALE = "stale"
HELD_RUN = "held_run"
ORDER_STUCK = "order_stuck"
ORDERS_LATE = "orders_late"
HOLD_GONE = "hold_expired"
"""What an alert can be about: its `kind`."""

_A = Alert
_OPEN = Question(_A, _A.open_key.is_not(None), order_by=_A.id)
_UNTOLD = Question(
    _A,
    sa.or_(
        sa.and_(_A.raised_told_at.is_(None), _A.raised_at >= sa.bindparam("since")),
        sa.and_(
            _A.raised_told_at.is_not(None),
            _A.resolved_told_at.is_(None),
            _A.resolved_at >= sa.bindparam("since"),
        ),
    ),
    order_by=_A.id,
)


def raise_alert(
    connection: sa.Connection,
    store_id: str,
    kind: str,
    subject: str,
    *,
    message: str,
    fix: str,
    at: datetime,
) -> bool:
    """Open an alert. False when it is open already: somebody was told then."""
    inserted = connection.execute(
        insert_for(connection, _A)
        .values(
            store_id=store_id,
            kind=kind,
            subject=subject,
            open_key=open_key(store_id, kind, subject),
            message=message,
            fix=fix,
            raised_at=at,
        )
        .on_conflict_do_nothing(index_elements=["open_key"])
        # Asked for the row itself: PostgreSQL's driver does not count inserted rows here.
        .returning(_A.id)
    )
    return inserted.first() is not None


def resolve_alert(connection: sa.Connection, alert_id: int, *, at: datetime) -> bool:
    """Close an open alert. False when another worker has closed it already."""
    return (
        connection.execute(
            sa.update(_A)
            .where(_A.id == alert_id, _A.resolved_at.is_(None))
            .values(resolved_at=at, open_key=None)
        ).rowcount
        == 1
    )


def open_alerts(connection: sa.Connection, store_id: str | None = None) -> list[Alert]:
    """The alerts that are not over, oldest first; of one store, or of all."""
    if store_id is None:
        return _OPEN.all(connection)
    return many(connection, _A, _A.open_key.is_not(None), _A.store_id == store_id, order_by=_A.id)


def untold(connection: sa.Connection, *, since: datetime) -> list[Alert]:
    """Alerts of which the host has not heard that they began, or that they are over; oldest first.

    What happened before `since` is given up. Of an alert whose beginning was given up the end
    is not news either.
    """
    return _UNTOLD.all(connection, since=since)


def count_untold(connection: sa.Connection, *, since: datetime, before: datetime) -> int:
    """How many alerts that began or ended in that time were never told."""
    return int(
        connection.execute(
            sa.select(sa.func.count()).where(
                sa.or_(
                    sa.and_(_A.raised_told_at.is_(None), _A.raised_at.between(since, before)),
                    sa.and_(
                        _A.raised_told_at.is_not(None),
                        _A.resolved_told_at.is_(None),
                        _A.resolved_at.between(since, before),
                    ),
                )
            )
        ).scalar_one()
    )


def alert_of(connection: sa.Connection, alert_id: int) -> Alert | None:
    return one(connection, _A, _A.id == alert_id)


def mark_told(connection: sa.Connection, alert_id: int, column: str, *, at: datetime) -> None:
    """The host has heard: `column` is `raised_told_at` or `resolved_told_at`."""
    connection.execute(sa.update(_A).where(_A.id == alert_id).values({column: at}))


def open_key(store_id: str, kind: str, subject: str) -> str:
    """What an alert is about, as one text of at most 255 characters."""
    # The store's length says where it ends, so that no two things share a key.
    return f"{kind}:{len(store_id)}:{store_id}:{subject}"[:255]
