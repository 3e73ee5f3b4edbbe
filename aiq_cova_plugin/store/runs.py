"""The record of every catalogue sync, and of what it could not use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.store.models import Run, RunIssue
from aiq_cova_plugin.store.records import many, one


def start_run(connection: sa.Connection, values: dict[str, Any]) -> None:
    connection.execute(sa.insert(Run).values(**values))


def change_run(connection: sa.Connection, run_id: str, values: dict[str, Any]) -> None:
    connection.execute(sa.update(Run).where(Run.id == run_id).values(**values))


def run_of(connection: sa.Connection, store_id: str, run_id: str) -> Run | None:
    return one(connection, Run, Run.store_id == store_id, Run.id == run_id)


def runs_of(connection: sa.Connection, store_id: str, *, limit: int) -> list[Run]:
    """The store's runs, newest first."""
    return many(
        connection, Run, Run.store_id == store_id, order_by=Run.started_at.desc(), limit=limit
    )


def close_dead_runs(connection: sa.Connection, store_id: str, *, now: datetime) -> int:
    """Close runs of the store that their worker never finished; call it holding the lease."""
    closed = connection.execute(
        sa.update(Run)
        .where(Run.store_id == store_id, Run.status == "running")
        .values(
            status="failed",
            finished_at=now,
            message="The worker doing this run stopped before it was done.",
            fix="Nothing is lost: the next run starts from the same place.",
        )
    )
    return closed.rowcount


def record_issues(connection: sa.Connection, run_id: str, issues: Sequence[FieldIssue]) -> None:
    if issues:
        connection.execute(
            sa.insert(RunIssue),
            [
                {
                    "run_id": run_id,
                    "cova_product_id": issue.cova_product_id,
                    "field": issue.field,
                    "reason": issue.reason,
                }
                for issue in issues
            ],
        )


def issues_of(connection: sa.Connection, run_id: str, *, limit: int = 500) -> list[RunIssue]:
    return many(connection, RunIssue, RunIssue.run_id == run_id, order_by=RunIssue.id, limit=limit)


def grouped_issues(connection: sa.Connection, run_id: str) -> list[tuple[str, str, int]]:
    """(field, reason, number of products), most frequent first."""
    number = sa.func.count().label("number_of_products")
    rows = connection.execute(
        sa.select(RunIssue.field, RunIssue.reason, number)
        .where(RunIssue.run_id == run_id)
        .group_by(RunIssue.field, RunIssue.reason)
        .order_by(number.desc(), RunIssue.field)
        .limit(200)
    )
    return [(row.field, row.reason, row.number_of_products) for row in rows]


def prune_runs(connection: sa.Connection, *, before: datetime) -> int:
    """Delete runs that started before, with their issues; how many runs went."""
    old = sa.select(Run.id).where(Run.started_at < before, Run.status != "running")
    connection.execute(sa.delete(RunIssue).where(RunIssue.run_id.in_(old)))
    return connection.execute(
        sa.delete(Run).where(Run.started_at < before, Run.status != "running")
    ).rowcount
