"""Numbers about all stores at once, for monitoring: one statement each, however many stores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from aiq_cova_plugin.domain.push_states import WAITING_STATES, PushState
from aiq_cova_plugin.store.models import Connection, Hold, Push, Run, ScheduledJob, SyncState
from aiq_cova_plugin.store.outbox import is_worth_a_warning
from aiq_cova_plugin.store.records import Question

_C, _H, _J, _P, _R = Connection, Hold, ScheduledJob, Push, Run

_WAITING = tuple(state.value for state in WAITING_STATES)
_OPEN = (*_WAITING, PushState.IN_POS.value, PushState.NEEDS_ATTENTION.value)

# What the watch asks every minute, built once.
_LAST_GOOD_SYNCS = sa.select(SyncState.store_id, SyncState.last_good_at).where(
    SyncState.last_good_at.is_not(None)
)
_JOBS = Question(_J)
_WAITING_ORDERS = (
    sa.select(
        _P.store_id,
        sa.func.count().label("number_of_pushes"),
        sa.type_coerce(sa.func.min(_P.queued_at), _P.queued_at.type).label("oldest_at"),
        sa.func.sum(sa.case((_P.queued_at < sa.bindparam("late_before"), 1), else_=0)).label(
            "late"
        ),
    )
    .where(_P.state.in_(_WAITING))
    .group_by(_P.store_id)
)
_NEEDING_ATTENTION = (
    sa.select(_P.store_id, _P.order_id, _P.reason, _P.fix)
    .where(_P.state == PushState.NEEDS_ATTENTION.value)
    .order_by(_P.id)
    .limit(sa.bindparam("most"))
)
_FIRST_RUNS = (
    sa.select(
        _R.store_id,
        sa.type_coerce(sa.func.min(_R.started_at), _R.started_at.type).label("first_at"),
    )
    .join(_C, _C.store_id == _R.store_id)
    .where(
        ~sa.exists().where(SyncState.store_id == _R.store_id, SyncState.last_good_at.is_not(None))
    )
    .group_by(_R.store_id)
)
_NEWEST_DECIDED = (
    sa.select(_R.id)
    .where(_R.store_id == _C.store_id, _R.status.in_(("succeeded", "partial", "held")))
    .order_by(_R.started_at.desc())
    .limit(1)
    .correlate(_C)
    .scalar_subquery()
)
_LAST_DECIDED_RUNS = sa.select(_R.store_id, _R.status, _R.message, _R.fix).join(
    _C, _R.id == _NEWEST_DECIDED
)
_EXPIRED_HOLDS = (
    sa.select(_H.store_id, _H.order_id, _P.id.is_not(None).label("was_by_hand"))
    .outerjoin(_P, sa.and_(_P.store_id == _H.store_id, _P.order_id == _H.order_id))
    .where(
        _H.state == "released",
        _H.reason == sa.bindparam("reason"),
        _H.released_at >= sa.bindparam("since"),
        sa.or_(
            _P.id.is_(None),
            sa.and_(_P.finished_at.is_not(None), _P.finished_at <= _H.released_at),
        ),
    )
    .distinct()
    .order_by(_H.store_id, _H.order_id)
    .limit(sa.bindparam("most"))
)


@dataclass(frozen=True)
class WaitingOrders:
    """One store's orders on their way to COVA: how many, since when, and how many are late."""

    number: int
    oldest_at: datetime
    late: int


@dataclass(frozen=True)
class LastRun:
    """How one store's run ended."""

    status: str
    message: str
    fix: str


def last_good_syncs(connection: sa.Connection) -> dict[str, datetime]:
    """dict: store id → when its menu was last wholly good; stores that never were are missing."""
    rows = connection.execute(_LAST_GOOD_SYNCS)
    return {row.store_id: row.last_good_at for row in rows}


def jobs_by_store(connection: sa.Connection) -> dict[str, dict[str, ScheduledJob]]:
    """dict: store id → job → its row on the schedule."""
    found: dict[str, dict[str, ScheduledJob]] = {}
    for row in _JOBS.all(connection):
        found.setdefault(row.store_id, {})[row.job] = row
    return found


def open_order_counts(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """dict: store id → state → number of orders that are not finished."""
    number = sa.func.count().label("number_of_pushes")
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(
        sa.select(_P.store_id, _P.state, number)
        .where(_P.state.in_(_OPEN))
        .group_by(_P.store_id, _P.state)
    ):
        found.setdefault(row.store_id, {})[row.state] = row.number_of_pushes
    return found


def waiting_orders(connection: sa.Connection, *, late_before: datetime) -> dict[str, WaitingOrders]:
    """dict: store id → its orders on their way; those queued before `late_before` are late."""
    return {
        row.store_id: WaitingOrders(row.number_of_pushes, row.oldest_at, int(row.late))
        for row in connection.execute(_WAITING_ORDERS, {"late_before": late_before})
    }


def orders_needing_attention(
    connection: sa.Connection, *, limit: int = 1000
) -> list[tuple[str, str, str, str]]:
    """(store id, order id, reason, fix) of the orders that wait for a person, oldest first."""
    rows = connection.execute(_NEEDING_ATTENTION, {"most": limit})
    return [(row.store_id, row.order_id, row.reason, row.fix) for row in rows]


def warning_counts(connection: sa.Connection, *, now: datetime) -> dict[str, int]:
    """dict: store id → orders with a warning that still concerns somebody."""
    number = sa.func.count().label("number_of_pushes")
    rows = connection.execute(
        sa.select(_P.store_id, number)
        .where(_P.warning != "", is_worth_a_warning(now))
        .group_by(_P.store_id)
    )
    return {row.store_id: row.number_of_pushes for row in rows}


def run_counts(connection: sa.Connection, *, since: datetime) -> dict[str, dict[str, int]]:
    """dict: store id → status → number of runs begun since then."""
    number = sa.func.count().label("number_of_runs")
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(
        # By way of the stores, so that the index on (store, time) is used.
        sa.select(_R.store_id, _R.status, number)
        .join(_C, sa.and_(_C.store_id == _R.store_id, _R.started_at >= since))
        .group_by(_R.store_id, _R.status)
    ):
        found.setdefault(row.store_id, {})[row.status] = row.number_of_runs
    return found


def first_runs(connection: sa.Connection) -> dict[str, datetime]:
    """dict: store id → when the oldest run still on record began; for stores never good."""
    return {row.store_id: row.first_at for row in connection.execute(_FIRST_RUNS)}


def last_decided_runs(connection: sa.Connection) -> dict[str, LastRun]:
    """dict: store id → its newest run that read the whole menu: it was written, or is held.

    A run that failed decides nothing: what was held before it is still held.
    """
    rows = connection.execute(_LAST_DECIDED_RUNS)
    return {row.store_id: LastRun(row.status, row.message, row.fix) for row in rows}


def expired_holds(
    connection: sa.Connection, *, reason: str, since: datetime, limit: int = 1000
) -> list[tuple[str, str, bool]]:
    """(store id, order id, was it finished by hand) whose holds were released for `reason`
    since then. An order that was queued for COVA afterwards is no longer one of them."""
    rows = connection.execute(_EXPIRED_HOLDS, {"reason": reason, "since": since, "most": limit})
    return [(row.store_id, row.order_id, bool(row.was_by_hand)) for row in rows]
