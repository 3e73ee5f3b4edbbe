"""The record of every catalogue sync, and of what it could not use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.store.models import Run, RunIssue
from aiq_cova_plugin.store.records import Question, many, one

_MOST_CAUSES = 200
_LISTED_PER_CAUSE = 100
_LISTED_IN_ALL = 5000
_ROWS_AT_ONCE = 500
_OTHER_REASONS = "There are more reasons than are listed here."


_START = sa.insert(Run)
_BY_ID = sa.update(Run).where(Run.id == sa.bindparam("run"))
"""A change of one run; the columns to set are the parameters."""
_CLOSE_DEAD = (
    sa.update(Run)
    .where(Run.store_id == sa.bindparam("store"), Run.status == "running")
    .values(
        status="failed",
        finished_at=sa.bindparam("now"),
        message="The worker doing this run stopped before it was done.",
        fix="Nothing is lost: the next run starts from the same place.",
    )
)
_LAST_DECIDED = Question(
    Run,
    Run.store_id == sa.bindparam("store"),
    Run.status.in_(("held", "succeeded", "partial")),
    order_by=Run.started_at.desc(),
    limit=1,
)


def start_run(connection: sa.Connection, values: dict[str, Any]) -> None:
    connection.execute(_START, values)


def change_run(connection: sa.Connection, run_id: str, values: dict[str, Any]) -> None:
    connection.execute(_BY_ID, values | {"run": run_id})


def run_of(connection: sa.Connection, store_id: str, run_id: str) -> Run | None:
    return one(connection, Run, Run.store_id == store_id, Run.id == run_id)


def runs_of(connection: sa.Connection, store_id: str, *, limit: int) -> list[Run]:
    """The store's runs, newest first."""
    return many(
        connection, Run, Run.store_id == store_id, order_by=Run.started_at.desc(), limit=limit
    )


def runs_page(
    connection: sa.Connection,
    store_id: str,
    *,
    status: str | None,
    limit: int,
    offset: int,
    except_run: str = "",
) -> list[Run]:
    """Some of the store's runs, newest first; with `status` only those that stand so, without
    the run `except_run`."""
    query = sa.select(Run).where(Run.store_id == store_id)
    if status is not None:
        query = query.where(Run.status == status)
    if except_run:
        query = query.where(Run.id != except_run)
    query = query.order_by(Run.started_at.desc(), Run.id).limit(limit).offset(offset)
    return [Run(**row._mapping) for row in connection.execute(query)]


def status_counts(connection: sa.Connection, store_id: str) -> dict[str, int]:
    """dict: status → number of runs of the store."""
    number = sa.func.count().label("number_of_runs")
    rows = connection.execute(
        sa.select(Run.status, number).where(Run.store_id == store_id).group_by(Run.status)
    )
    return {row.status: row.number_of_runs for row in rows}


def size_of_last_whole_pass(connection: sa.Connection, store_id: str) -> int | None:
    """How many products the last whole pass that ended well read; None before the first."""
    return connection.execute(
        sa.select(Run.fetched)
        .where(
            Run.store_id == store_id,
            Run.mode == "full",
            Run.status.in_(("succeeded", "partial")),
        )
        .order_by(Run.started_at.desc())
        .limit(1)
    ).scalar_one_or_none()


def last_decided_run(connection: sa.Connection, store_id: str) -> Run | None:
    """The newest run that came as far as to write or to be held back; None before the first."""
    return _LAST_DECIDED.one(connection, store=store_id)


def decided_after(
    connection: sa.Connection, store_id: str, run_ids: Collection[str]
) -> dict[str, Run]:
    """dict: run id → the next run of the store that came as far as to write or to be held back;
    a run that is the newest of those is left out."""
    later = aliased(Run)
    following = (
        sa.select(later.id)
        .where(
            later.store_id == Run.store_id,
            later.status.in_(("held", "succeeded", "partial")),
            later.started_at > Run.started_at,
        )
        .order_by(later.started_at)
        .limit(1)
        .correlate(Run)
        .scalar_subquery()
    )
    found = connection.execute(
        sa.select(Run.id, following.label("following_id")).where(
            Run.store_id == store_id, Run.id.in_(run_ids)
        )
    )
    next_ids = {row.id: row.following_id for row in found if row.following_id is not None}
    known = {run.id: run for run in many(connection, Run, Run.id.in_(set(next_ids.values())))}
    return {run_id: known[next_id] for run_id, next_id in next_ids.items()}


def issues_after(
    connection: sa.Connection, run_id: str, last_id: int, *, limit: int
) -> list[RunIssue]:
    """The run's issues with a higher id, in order; for reading many piece by piece."""
    return many(
        connection,
        RunIssue,
        RunIssue.run_id == run_id,
        RunIssue.id > last_id,
        order_by=RunIssue.id,
        limit=limit,
    )


def close_dead_runs(connection: sa.Connection, store_id: str, *, now: datetime) -> int:
    """Close runs of the store that their worker never finished; call it holding the lease."""
    return connection.execute(_CLOSE_DEAD, {"store": store_id, "now": now}).rowcount


def record_issues(connection: sa.Connection, run_id: str, issues: Sequence[FieldIssue]) -> None:
    """Keep what a run could not use: of each cause so many products one by one, and one row
    that says how many more there are."""
    listed: list[tuple[FieldIssue, int]] = []
    by_cause: dict[tuple[str, str], list[FieldIssue]] = defaultdict(list)
    for issue in issues:
        by_cause[issue.field, issue.reason].append(issue)
    # The most frequent causes first: when there are too many causes as well, those are told.
    causes = sorted(by_cause.values(), key=len, reverse=True)
    for products in causes[:_MOST_CAUSES]:
        room = max(0, min(_LISTED_PER_CAUSE, _LISTED_IN_ALL - len(listed), len(products)))
        listed += [(issue, 1) for issue in products[:room]]
        if (more := len(products) - room) == 1:
            # A row that says "and 1 more" would take as much room as the one it stands for.
            listed.append((products[room], 1))
        elif more:
            listed.append((replace(products[0], cova_product_id=f"and {more:,} more"), more))
    if len(causes) == _MOST_CAUSES + 1 and len(causes[-1]) == 1:
        listed.append((causes[-1][0], 1))
    elif left := sum(map(len, causes[_MOST_CAUSES:])):
        listed.append((FieldIssue(f"and {left:,} more", "product", _OTHER_REASONS), left))
    for start in range(0, len(listed), _ROWS_AT_ONCE):
        connection.execute(
            sa.insert(RunIssue),
            [
                {
                    "run_id": run_id,
                    "cova_product_id": issue.cova_product_id,
                    "field": issue.field,
                    "reason": issue.reason,
                    "number_of_products": number,
                }
                for issue, number in listed[start : start + _ROWS_AT_ONCE]
            ],
        )


def issues_of(connection: sa.Connection, run_id: str, *, limit: int = 500) -> list[RunIssue]:
    """What a run could not use, product by product; rows that stand for many are left out."""
    return many(
        connection,
        RunIssue,
        RunIssue.run_id == run_id,
        RunIssue.number_of_products <= 1,
        order_by=RunIssue.id,
        limit=limit,
    )


def grouped_issues(connection: sa.Connection, run_id: str) -> list[tuple[str, str, int]]:
    """(field, reason, number of products), most frequent first."""
    # A row of before this was counted has a zero and stands for one product.
    each = sa.case((RunIssue.number_of_products < 1, 1), else_=RunIssue.number_of_products)
    number = sa.func.sum(each).label("number_of_products")
    rows = connection.execute(
        sa.select(RunIssue.field, RunIssue.reason, number)
        .where(RunIssue.run_id == run_id)
        .group_by(RunIssue.field, RunIssue.reason)
        .order_by(number.desc(), RunIssue.field)
        .limit(200)
    )
    return [(row.field, row.reason, row.number_of_products) for row in rows]
