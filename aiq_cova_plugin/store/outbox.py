"""The outbox of order pushes, and the timeline of each.

Claim (commit) → call → settle (commit). A claim is the row's lease; every write of a worker
checks the fence it got with the claim, so that a worker that was taken over writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.domain.push_states import WAITING_STATES
from aiq_cova_plugin.store.database import insert_for
from aiq_cova_plugin.store.models import Connection, Push, PushEvent
from aiq_cova_plugin.store.records import Question, many

_P = Push
_CHUNK = 400
_OF_ORDER = Question(_P, _P.store_id == sa.bindparam("store"), _P.order_id == sa.bindparam("order"))
_OF_ORDERS = Question(
    _P,
    _P.store_id == sa.bindparam("store"),
    _P.order_id.in_(sa.bindparam("orders", expanding=True)),
)
_OF_ID = Question(_P, _P.id == sa.bindparam("push"))
_EVENTS_OF = Question(PushEvent, PushEvent.push_id == sa.bindparam("push"), order_by=PushEvent.id)
_LOCK = (
    sa.update(_P)
    .where(_P.store_id == sa.bindparam("store"), _P.order_id == sa.bindparam("order"))
    .values(store_id=_P.store_id)
)
_CHANGE = sa.update(_P).where(_P.id == sa.bindparam("push"))
_CHANGE_CLAIMED = _CHANGE.where(_P.fence == sa.bindparam("our_fence"))
"""Changes of one push; the columns to set are the parameters."""
_NOW = sa.bindparam("now", type_=_P.next_attempt_at.type)
_IS_UNCLAIMED = sa.or_(_P.lease_until.is_(None), _P.lease_until <= _NOW)
_CLAIM = _CHANGE_CLAIMED.where(_P.next_attempt_at <= _NOW, _IS_UNCLAIMED)
_ADD_EVENT = sa.insert(PushEvent)
_PRIVATE: tuple[tuple[Any, Any], ...] = (
    (PushEvent, PushEvent.private_encrypted),
    (Push, Push.candidates_encrypted),
    (Push, Push.phone_encrypted),
)
"""Where personal data is kept, encrypted: table and column."""


@dataclass(frozen=True)
class PushClaim:
    """An order push this worker may act on; `took_over` when its last worker died on it."""

    push: Push
    fence: int
    took_over: bool


def add_push(connection: sa.Connection, values: dict[str, Any]) -> bool:
    """Queue an order. False when it was queued before; nothing is changed then."""
    # Asked for the row itself: PostgreSQL's driver does not count inserted rows here.
    return (
        connection.execute(
            insert_for(connection, _P)
            .values(**values)
            .on_conflict_do_nothing(index_elements=["store_id", "order_id"])
            .returning(_P.id)
        ).first()
        is not None
    )


def push_of_order(connection: sa.Connection, store_id: str, order_id: str) -> Push | None:
    return _OF_ORDER.one(connection, store=store_id, order=order_id)


def lock_push(connection: sa.Connection, store_id: str, order_id: str) -> Push | None:
    """The push of this order, kept from every other writer until we commit.

    What is decided by the row is then still true when it is written. On SQLite this takes
    the write lock of the whole database.
    """
    connection.execute(_LOCK, {"store": store_id, "order": order_id})
    return push_of_order(connection, store_id, order_id)


def pushes_with_order_id(connection: sa.Connection, order_id: str) -> list[Push]:
    """The pushes of this order id in all stores (two stores may share an order id)."""
    return many(connection, _P, _P.order_id == order_id, order_by=_P.store_id)


def pushes(
    connection: sa.Connection,
    *,
    store_id: str | None = None,
    state: str | None = None,
    search: str = "",
    limit: int = 1000,
    offset: int = 0,
) -> list[Push]:
    """Pushes, newest first; `search` as in `count_pushes`."""
    wanted = _wanted(store_id, state, search)
    return many(connection, _P, *wanted, order_by=_P.id.desc(), limit=limit, offset=offset)


def count_pushes(
    connection: sa.Connection,
    *,
    store_id: str | None = None,
    state: str | None = None,
    search: str = "",
) -> int:
    """How many pushes there are; `search` is part of an order's number, its id, or COVA's id.

    Nothing of the shopper is searched: none of it is kept here.
    """
    wanted = _wanted(store_id, state, search)
    return connection.execute(
        sa.select(sa.func.count()).select_from(_P).where(*wanted)
    ).scalar_one()


def _wanted(store_id: str | None, state: str | None, search: str) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if store_id is not None:
        conditions.append(_P.store_id == store_id)
    if state is not None:
        conditions.append(_P.state == state)
    text = search.strip().lstrip("#").lower()
    if text:
        columns = (_P.order_number, _P.order_id, _P.cova_order_id)
        conditions.append(
            sa.or_(*(sa.func.lower(each).contains(text, autoescape=True) for each in columns))
        )
    return conditions


def state_counts(connection: sa.Connection, store_id: str | None = None) -> dict[str, int]:
    """dict: state → number of pushes."""
    number = sa.func.count().label("number_of_pushes")
    query = sa.select(_P.state, number).group_by(_P.state)
    if store_id is not None:
        query = query.where(_P.store_id == store_id)
    return {row.state: row.number_of_pushes for row in connection.execute(query)}


def _is_switched_on() -> sa.ColumnElement[bool]:
    """Is the order's store switched on? Orders of one that is off wait without a sound."""
    return sa.exists().where(Connection.store_id == _P.store_id, Connection.enabled.is_(True))


def is_waiting() -> sa.ColumnElement[bool]:
    """The condition that a worker has something to do about the push, now or later."""
    return sa.or_(
        _P.state.in_([state.value for state in WAITING_STATES]),
        sa.and_(_P.state == "in_pos", _P.cancel_requested.is_(True)),
    )


def _may_be_sent() -> sa.ColumnElement[bool]:
    """Is the store's Sync Orders on? An order that was never sent is held back without it; one
    that may be in COVA is followed up all the same."""
    is_on = sa.exists().where(Connection.store_id == _P.store_id, Connection.sync_orders.is_(True))
    return sa.or_(_P.submitted_at.is_not(None), _P.cancel_requested.is_(True), is_on)


_IS_DUE = sa.and_(is_waiting(), _may_be_sent(), _P.next_attempt_at <= _NOW, _IS_UNCLAIMED)
_DUE = sa.select(_P.id).where(_IS_DUE).order_by(_P.queued_at, _P.id).limit(sa.bindparam("most"))
_DUE_OF_STORE = _DUE.where(_P.store_id == sa.bindparam("store"))
_STORES_WITH_DUE_PUSHES = sa.select(_P.store_id).where(_is_switched_on(), _IS_DUE).distinct()
_STORES_WITH_DUE_POLLS = (
    sa.select(_P.store_id)
    .where(
        _P.in_pos_at.is_not(None),
        _P.finished_at.is_(None),
        _P.poll_due_at <= _NOW,
        _is_switched_on(),
    )
    .distinct()
)
# Every tick of every worker asks for these stores, mostly to hear that there are none.


def pushes_of_orders(
    connection: sa.Connection, store_id: str, order_ids: Iterable[str]
) -> list[Push]:
    """The pushes of these orders, those that were queued."""
    wanted = sorted(set(order_ids))
    found: list[Push] = []
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        found += _OF_ORDERS.all(connection, store=store_id, orders=chunk)
    return found


def due_push_ids(
    connection: sa.Connection, *, now: datetime, store_id: str | None = None, limit: int = 500
) -> list[int]:
    """Ids of the pushes a worker should act on, those confirmed first come first."""
    asked = {"now": now, "most": limit}
    if store_id is None:
        rows = connection.execute(_DUE, asked)
    else:
        rows = connection.execute(_DUE_OF_STORE, asked | {"store": store_id})
    return [row.id for row in rows]


def stores_with_due_pushes(connection: sa.Connection, *, now: datetime) -> list[str]:
    """Stores that have an order to act on right now."""
    rows = connection.execute(_STORES_WITH_DUE_PUSHES, {"now": now})
    return [row.store_id for row in rows]


def stores_with_due_polls(connection: sa.Connection, *, now: datetime) -> list[str]:
    """Stores with an order in COVA whose status should be asked for now."""
    rows = connection.execute(_STORES_WITH_DUE_POLLS, {"now": now})
    return [row.store_id for row in rows]


def claim_push(
    connection: sa.Connection, push_id: int, *, owner: str, now: datetime, seconds: float
) -> PushClaim | None:
    """Claim one push, or None when another worker has it or it no longer waits."""
    push = _OF_ID.one(connection, push=push_id)
    if push is None:
        return None
    claimed = connection.execute(
        _CLAIM,
        {
            "push": push_id,
            "our_fence": push.fence,
            "now": now,
            "lease_owner": owner,
            "lease_until": now + timedelta(seconds=seconds),
            "fence": push.fence + 1,
        },
    )
    if claimed.rowcount != 1:
        return None
    return PushClaim(push, push.fence + 1, took_over=push.lease_owner is not None)


def claim_for_person(
    connection: sa.Connection, push_id: int, *, owner: str, now: datetime, seconds: float
) -> PushClaim | None:
    """Claim a push for what a person asked for, due or not; None while a worker has it."""
    push = _OF_ID.one(connection, push=push_id)
    if push is None:
        return None
    claimed = change_push(
        connection,
        push_id,
        {
            "lease_owner": owner,
            "lease_until": now + timedelta(seconds=seconds),
            "fence": push.fence + 1,
        },
        _P.fence == push.fence,
        sa.or_(_P.lease_until.is_(None), _P.lease_until <= now),
    )
    if not claimed:
        return None
    return PushClaim(push, push.fence + 1, took_over=push.lease_owner is not None)


def change_claimed(
    connection: sa.Connection, push_id: int, fence: int, values: dict[str, Any]
) -> bool:
    """Write to a push this worker has claimed; False when the claim was taken over."""
    changed = connection.execute(_CHANGE_CLAIMED, values | {"push": push_id, "our_fence": fence})
    return changed.rowcount == 1


def change_push(
    connection: sa.Connection, push_id: int, values: dict[str, Any], *conditions: Any
) -> bool:
    """Write to a push that nobody needs to have claimed; False when a condition fails."""
    change = _CHANGE.where(*conditions) if conditions else _CHANGE
    return connection.execute(change, values | {"push": push_id}).rowcount == 1


def change_warnings(
    connection: sa.Connection, push: Push, change: Callable[[str], str], *conditions: Any
) -> bool:
    """Write what `change` makes of the order's warnings as they are now; was it anything new?

    Locked: several workers may warn of one order at a time, and none may drop another's.
    """
    fresh = lock_push(connection, push.store_id, push.order_id)
    if fresh is None:
        return False
    warnings = change(fresh.warning)
    return warnings != fresh.warning and change_push(
        connection, push.id, {"warning": warnings}, *conditions
    )


def bring_cancel_on(connection: sa.Connection, push_id: int, fence: int, *, soon: datetime) -> None:
    """Make a push due by then if the shop has cancelled it; its last worker has let go of it."""
    change_push(
        connection,
        push_id,
        {"next_attempt_at": soon},
        _P.fence == fence,
        _P.cancel_requested.is_(True),
        _P.next_attempt_at > soon,
    )


def change_unclaimed(
    connection: sa.Connection, push_id: int, values: dict[str, Any], *, now: datetime
) -> bool:
    """Write to a push unless a worker's claim on it is still good; False then.

    A claim that has run out stays on the row, so that the next worker knows it takes over.
    """
    return change_push(
        connection,
        push_id,
        values,
        sa.or_(_P.lease_until.is_(None), _P.lease_until <= now),
    )


_IS_OPEN_IN_POS = sa.and_(
    _P.store_id == sa.bindparam("store"),
    sa.or_(
        _P.state == "in_pos",
        sa.and_(_P.state == "needs_attention", _P.in_pos_at.is_not(None)),
    ),
)
_OPEN_IN_POS = Question(
    _P, _IS_OPEN_IN_POS, order_by=(_P.poll_due_at, _P.id), limit=sa.bindparam("most")
)
_TO_POLL = Question(
    _P,
    _IS_OPEN_IN_POS,
    sa.or_(_P.poll_due_at.is_(None), _P.poll_due_at <= _NOW),
    order_by=(_P.poll_due_at, _P.id),
    limit=sa.bindparam("most"),
)


def open_in_pos(
    connection: sa.Connection,
    store_id: str,
    *,
    due_at: datetime | None = None,
    limit: int = 2000,
) -> list[Push]:
    """Orders that are in COVA and not finished; with `due_at` only those due for asking."""
    if due_at is None:
        return _OPEN_IN_POS.all(connection, store=store_id, most=limit)
    return _TO_POLL.all(connection, store=store_id, most=limit, now=due_at)


def add_event(
    connection: sa.Connection,
    push_id: int,
    event: str,
    detail: str,
    *,
    at: datetime,
    private_encrypted: str | None = None,
) -> None:
    """Add one step to the order's timeline."""
    connection.execute(
        _ADD_EVENT,
        {
            "push_id": push_id,
            "at": at,
            "event": event,
            "detail": detail,
            "private_encrypted": private_encrypted,
        },
    )


def events_of(connection: sa.Connection, push_id: int) -> list[PushEvent]:
    """The order's timeline, oldest first."""
    return _EVENTS_OF.all(connection, push=push_id)


def rotate_private(connection: sa.Connection, rotate: Callable[[str], str]) -> int:
    """Encrypt the personal data kept here with another key; how many values that was."""
    rotated = 0
    for model, column in _PRIVATE:
        for row in connection.execute(
            sa.select(model.id, column.label("sealed")).where(column.is_not(None))
        ).all():
            connection.execute(
                sa.update(model).where(model.id == row.id).values({column.key: rotate(row.sealed)})
            )
            rotated += 1
    return rotated


def payment_state_is(state: str) -> sa.ColumnElement[bool]:
    """The condition that a push's payment still stands as it was read."""
    return _P.payment_state == state


def is_worth_a_warning(now: datetime) -> sa.ColumnElement[bool]:
    """The condition that a push's warning still concerns somebody: the order is open, or was
    sold at the register within the last day though the shop had cancelled it."""
    sold_though_cancelled = sa.and_(
        _P.state == "completed",
        _P.cancel_requested.is_(True),
        _P.finished_at > now - timedelta(days=1),
    )
    return sa.or_(_P.finished_at.is_(None), sold_though_cancelled)
