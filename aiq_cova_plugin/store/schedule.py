"""What is due when, per store; due work is claimed by exactly one worker.

The due time lives in the row and moves in the same statement that claims it, so that any
number of workers ticking at any pace run each job once (decision 0002).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from aiq_cova_plugin.clock import Clock
from aiq_cova_plugin.store.database import Database, insert_for
from aiq_cova_plugin.store.models import Connection, ScheduledJob
from aiq_cova_plugin.store.records import many

_J = ScheduledJob

_NOW = sa.bindparam("now", type_=_J.due_at.type)
_IS_DUE = sa.and_(
    _J.job.in_(sa.bindparam("jobs", expanding=True)),
    _J.due_at <= _NOW,
    sa.or_(_J.lease_until.is_(None), _J.lease_until <= _NOW),
)
_DUE_JOBS = (
    # Built once: every tick of every worker asks this, mostly to hear that nothing is due.
    sa.select(_J.store_id, _J.job, _J.fence, _J.due_at, _J.interval_seconds, Connection.company_id)
    .outerjoin(Connection, Connection.store_id == _J.store_id)
    .where(
        _IS_DUE,
        sa.or_(
            Connection.company_id.is_(None),
            Connection.company_id.not_in(sa.bindparam("except_companies", expanding=True)),
        ),
    )
    .order_by(_J.due_at)
    .limit(10)
)
_CLAIM = sa.update(_J).where(
    _J.store_id == sa.bindparam("of_store"),
    _J.job == sa.bindparam("of_job"),
    _J.fence == sa.bindparam("of_fence"),
    _IS_DUE,
)
_FINISH = sa.update(_J).where(
    _J.store_id == sa.bindparam("of_store"),
    _J.job == sa.bindparam("of_job"),
    _J.fence == sa.bindparam("of_fence"),
)
_AGAIN_AT = sa.bindparam("again_at", type_=_J.due_at.type)
_FINISH_DUE_AGAIN = _FINISH.values(
    due_at=sa.case((_J.due_at > _AGAIN_AT, _AGAIN_AT), else_=_J.due_at)
)
"""Of these the other columns to set are the parameters."""


@dataclass(frozen=True)
class ClaimedJob:
    """A due job this worker has claimed."""

    store_id: str
    job: str
    fence: int
    company_id: int | None = None


class Schedule:
    """Reads and claims due jobs, each step in a short transaction of its own."""

    def __init__(self, database: Database, clock: Clock, *, owner: str, seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self._length = timedelta(seconds=seconds)
        self._unfinished: dict[ClaimedJob, tuple[str, datetime | None]] = {}

    def plan(self, store_id: str, job: str, *, interval_seconds: float, due_at: datetime) -> None:
        """Put the job on the schedule, or change its interval; an earlier due time wins."""
        with self._database.short() as connection:
            statement = insert_for(connection, _J).values(
                store_id=store_id,
                job=job,
                due_at=due_at,
                interval_seconds=interval_seconds,
                owner=None,
                lease_until=None,
                fence=0,
                last_error="",
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["store_id", "job"],
                    set_={
                        "interval_seconds": interval_seconds,
                        "due_at": sa.case(
                            (_J.due_at > statement.excluded.due_at, statement.excluded.due_at),
                            else_=_J.due_at,
                        ),
                    },
                    # Every sync plans the next sale anew: what stands so already is not written.
                    where=sa.or_(
                        _J.interval_seconds != interval_seconds,
                        _J.due_at > statement.excluded.due_at,
                    ),
                )
            )

    def drop(self, store_id: str) -> None:
        """Take all jobs of a store off the schedule."""
        with self._database.short() as connection:
            connection.execute(sa.delete(_J).where(_J.store_id == store_id))

    def rows(self, store_id: str | None = None) -> list[ScheduledJob]:
        with self._database.short() as connection:
            conditions = [] if store_id is None else [_J.store_id == store_id]
            return many(connection, _J, *conditions, order_by=(_J.store_id, _J.job))

    def claim_due(
        self, jobs: tuple[str, ...], *, except_companies: Sequence[int] = ()
    ) -> ClaimedJob | None:
        """Claim the job that has been due longest, of the given kinds; None when none is.

        Stores of `except_companies` keep their turn for later.
        """
        self._finish_the_unfinished()
        now = self._clock.now()
        asked = {"jobs": jobs, "now": now}
        with self._database.short() as connection:
            candidates = connection.execute(
                _DUE_JOBS, {**asked, "except_companies": list(except_companies)}
            ).all()
        for row in candidates:
            with self._database.short() as connection:
                claimed = connection.execute(
                    _CLAIM,
                    {
                        **asked,
                        "of_store": row.store_id,
                        "of_job": row.job,
                        "of_fence": row.fence,
                        "owner": self._owner,
                        "lease_until": now + self._length,
                        "fence": row.fence + 1,
                        "due_at": _next_due(row.due_at, row.interval_seconds, now),
                        "last_started_at": now,
                    },
                )
            if claimed.rowcount == 1:
                return ClaimedJob(row.store_id, row.job, row.fence + 1, row.company_id)
        return None

    def finish(
        self, claimed: ClaimedJob, *, error: str = "", again_at: datetime | None = None
    ) -> None:
        """Give the claim back and note how it went; `again_at` makes it due before its time.

        Where the database fails, that is made up for before the next claim.
        """
        self._unfinished[claimed] = error, again_at
        self._finish(claimed, error=error, again_at=again_at)
        self._unfinished.pop(claimed, None)

    def _finish_the_unfinished(self) -> None:
        for claimed, (error, again_at) in list(self._unfinished.items()):
            self._finish(claimed, error=error, again_at=again_at)
            self._unfinished.pop(claimed, None)

    def _finish(self, claimed: ClaimedJob, *, error: str, again_at: datetime | None) -> None:
        values = {
            "of_store": claimed.store_id,
            "of_job": claimed.job,
            "of_fence": claimed.fence,
            "owner": None,
            "lease_until": None,
            "last_finished_at": self._clock.now(),
            "last_error": error,
        }
        with self._database.short() as connection:
            if again_at is None:
                connection.execute(_FINISH, values)
            else:
                connection.execute(_FINISH_DUE_AGAIN, values | {"again_at": again_at})


def _next_due(due_at: datetime, interval_seconds: float, now: datetime) -> datetime:
    """The next due time in the job's own rhythm; what was missed is not caught up."""
    missed = math.floor((now - due_at).total_seconds() / interval_seconds)
    return due_at + timedelta(seconds=interval_seconds * (missed + 1))
