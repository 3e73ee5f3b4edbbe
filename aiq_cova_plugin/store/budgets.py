"""How much of COVA's quota is used up, counted by all workers together.

Permits are given out in batches by one guarded statement, so that a long import does not
write a row for each call. Every step is a short transaction of its own.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from aiq_cova_plugin.domain.call_quota import (
    Grant,
    Quota,
    calls_that_count,
    seconds_until_free,
    with_calls,
)
from aiq_cova_plugin.errors import Retryable
from aiq_cova_plugin.store.database import Database, insert_for
from aiq_cova_plugin.store.models import CallBudget
from aiq_cova_plugin.store.records import Question, many

log = logging.getLogger(__name__)
_C = CallBudget
_TRIES = 5
# Read before every call of COVA, and written for every few of them.
_OF_SERVICE = Question(
    _C, _C.company_id == sa.bindparam("company"), _C.service == sa.bindparam("called")
)
_TAKE_CALLS = (
    sa.update(_C)
    .where(
        _C.company_id == sa.bindparam("company"),
        _C.service == sa.bindparam("called"),
        _C.calls == sa.bindparam("calls_before"),
        sa.or_(_C.closed_until.is_(None), _C.closed_until <= sa.bindparam("now")),
    )
    .values(recent=sa.bindparam("calls_made"), calls=sa.bindparam("calls_after"))
)


class DatabaseBudgets:
    """Rows of `cova_call_budget`: the ledger of the client's `SharedBudget`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, company_id: int, service: str) -> Quota | None:
        """What is known, or None when no call was ever made. Raises Retryable."""
        try:
            with self._database.short() as connection:
                row = _OF_SERVICE.one(connection, company=company_id, called=service)
        except SQLAlchemyError as exc:
            raise _database_trouble() from exc
        return None if row is None else _quota(row)

    def take(
        self,
        company_id: int,
        service: str,
        *,
        wanted: int,
        share: float,
        per_minute: int,
        now: datetime,
    ) -> Grant:
        """Take up to `wanted` calls, so that no more than `share` of the quota is used.

        `per_minute` is the quota to begin with. Raises Retryable when the database fails.
        """
        try:
            for _ in range(_TRIES):
                grant = self._try_to_take(
                    company_id,
                    service,
                    wanted=wanted,
                    share=share,
                    per_minute=per_minute,
                    now=now,
                )
                if grant is not None:
                    return grant
        except SQLAlchemyError as exc:
            raise _database_trouble() from exc
        return Grant(0, wait_seconds=0.1)

    def _try_to_take(
        self,
        company_id: int,
        service: str,
        *,
        wanted: int,
        share: float,
        per_minute: int,
        now: datetime,
    ) -> Grant | None:
        """A grant, or None when another worker was quicker."""
        with self._database.short() as connection:
            row = _OF_SERVICE.one(connection, company=company_id, called=service)
            if row is None:
                _add(connection, company_id, service, {"per_minute": per_minute})
                return None
            allowed = max(1, int(row.per_minute * share))
            free = allowed - calls_that_count(row.recent, now)
            if free <= 0:
                return Grant(0, seconds_until_free(row.recent, now, allowed=allowed))
            calls = min(wanted, free)
            taken = connection.execute(
                _TAKE_CALLS,
                {
                    "company": company_id,
                    "called": service,
                    "now": now,
                    "calls_before": row.calls,
                    "calls_made": with_calls(row.recent, now, calls),
                    "calls_after": row.calls + calls,
                },
            )
            return Grant(calls) if taken.rowcount == 1 else None

    def learn(self, company_id: int, service: str, *, per_minute: int) -> None:
        """COVA has announced another limit."""
        self._change(company_id, service, {"per_minute": per_minute})

    def close(self, company_id: int, service: str, *, until: datetime, for_orders: bool) -> None:
        """Let nobody call before then, or with `for_orders` False the catalogue alone.

        A later end that was noted before stays.
        """
        column = _C.closed_until if for_orders else _C.catalogue_closed_until
        self._change(
            company_id,
            service,
            {column.key: until},
            sa.or_(column.is_(None), column < until),
        )

    def _change(
        self, company_id: int, service: str, values: dict[str, Any], *conditions: Any
    ) -> None:
        # It follows a call that was made, so a failure of the database must not look like the
        # call's own.
        try:
            with self._database.short() as connection:
                connection.execute(
                    sa.update(_C).where(*_place(company_id, service), *conditions).values(**values)
                )
        except SQLAlchemyError:
            log.warning("call_budget_not_written", extra={"service": service})


def all_budgets(connection: sa.Connection) -> list[tuple[int, str, Quota]]:
    """(company, service, what is known) of every quota that was ever used."""
    rows = many(connection, _C, order_by=(_C.company_id, _C.service))
    return [(row.company_id, row.service, _quota(row)) for row in rows]


def _quota(row: CallBudget) -> Quota:
    return Quota(
        per_minute=row.per_minute,
        recent=row.recent,
        closed_until=row.closed_until,
        catalogue_closed_until=row.catalogue_closed_until,
    )


def _place(company_id: int, service: str) -> tuple[Any, Any]:
    return _C.company_id == company_id, _C.service == service


def _add(connection: sa.Connection, company_id: int, service: str, values: dict[str, Any]) -> None:
    blank: dict[str, Any] = {"recent": [], "calls": 0}
    connection.execute(
        insert_for(connection, _C)
        .values(company_id=company_id, service=service, **(blank | values))
        .on_conflict_do_nothing()
    )


def _database_trouble() -> Retryable:
    return Retryable(
        "The shop's database did not answer, so COVA was not called.",
        fix="It is tried again by itself. If it stays, look at the shop's database.",
    )
