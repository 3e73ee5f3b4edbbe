"""Deletes what is old, a few hundred rows at a time, so that no transaction lasts long.

Each function does one step and says how many rows it took; 0 means that nothing is left to do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.models import (
    Alert,
    AuditEntry,
    CustomerLink,
    Hold,
    Lease,
    Push,
    PushEvent,
    Report,
    Run,
    RunChange,
    RunIssue,
    Token,
)

STEP = 500
"""How many rows one step takes at most."""


def old_runs(connection: sa.Connection, before: datetime) -> int:
    """Runs that began before then and that nothing hangs on any more; never one that is running.

    What they changed and could not use goes first, see `old_run_rows`.
    """
    has_rows = sa.or_(
        *(sa.exists().where(each.run_id == Run.id).correlate(Run) for each in _OF_A_RUN)
    )
    doomed = sa.select(Run.id).where(_is_old_run(before), sa.not_(has_rows)).limit(STEP)
    return connection.execute(sa.delete(Run).where(Run.id.in_(doomed))).rowcount


def old_run_rows(connection: sa.Connection, before: datetime) -> int:
    """What runs that began before then changed, and what they could not use.

    One run has up to thousands of such rows, so that they go in steps of their own.
    """
    runs = sa.select(Run.id).where(_is_old_run(before))
    for each in _OF_A_RUN:
        if taken := _delete(connection, each, each.run_id.in_(runs)):
            return taken
    return 0


def old_orders(connection: sa.Connection, before: datetime) -> int:
    """Orders that ended before then, with their timelines."""
    return _with_children(connection, Push.id, Push.finished_at < before, PushEvent.push_id)


def old_holds(connection: sa.Connection, before: datetime) -> int:
    return _delete(connection, Hold, Hold.state == "released", Hold.released_at < before)


def expired_tokens(connection: sa.Connection, before: datetime) -> int:
    return _delete(connection, Token, Token.expires_at < before)


def left_leases(connection: sa.Connection, before: datetime) -> int:
    """Leases that ended before then: such as one for each customer's phone, and each alert."""
    return _delete(connection, Lease, Lease.expires_at < before)


def unused_customers(connection: sa.Connection, before: datetime) -> int:
    """Links from phone numbers to COVA customers that no order has used since."""
    return _delete(connection, CustomerLink, CustomerLink.verified_at < before)


def old_audit(connection: sa.Connection, before: datetime) -> int:
    return _delete(connection, AuditEntry, AuditEntry.at < before)


def old_alerts(connection: sa.Connection, before: datetime) -> int:
    """Alerts that were over before then."""
    return _delete(connection, Alert, Alert.resolved_at < before)


def old_reports(connection: sa.Connection, before: datetime) -> int:
    return _delete(connection, Report, Report.started_at < before, Report.status != "running")


def old_addresses(connection: sa.Connection, before: datetime) -> int:
    """Addresses as they were before an overwrite: the step of the timeline stays, they go."""
    return _blank(connection, PushEvent, PushEvent.private_encrypted, PushEvent.at < before)


def old_candidates(connection: sa.Connection, before: datetime) -> int:
    """The people an order may have been for."""
    return _blank(connection, Push, Push.candidates_encrypted, Push.queued_at < before)


_OF_A_RUN: tuple[type[RunChange] | type[RunIssue], ...] = (RunChange, RunIssue)


def _is_old_run(before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Run.started_at < before, Run.status != "running")


def old_typed_phones(connection: sa.Connection, before: datetime) -> int:
    """Phone numbers staff typed for an order."""
    return _blank(connection, Push, Push.phone_encrypted, Push.queued_at < before)


def _delete(connection: sa.Connection, model: Any, *conditions: Any) -> int:
    key = sa.inspect(model).primary_key
    doomed = sa.select(*key).where(*conditions).limit(STEP)
    statement = sa.delete(model).where(sa.tuple_(*key).in_(doomed))
    return connection.execute(statement).rowcount


def _with_children(connection: sa.Connection, key: Any, condition: Any, parent: Any) -> int:
    doomed = list(connection.execute(sa.select(key).where(condition).limit(STEP)).scalars())
    connection.execute(sa.delete(parent.class_).where(parent.in_(doomed)))
    return connection.execute(sa.delete(key.class_).where(key.in_(doomed))).rowcount


def _blank(connection: sa.Connection, model: Any, column: Any, condition: Any) -> int:
    doomed = sa.select(model.id).where(condition, column.is_not(None)).limit(STEP)
    return connection.execute(
        sa.update(model).where(model.id.in_(doomed)).values({column.key: None})
    ).rowcount
