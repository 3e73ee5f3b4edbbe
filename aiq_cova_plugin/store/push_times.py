"""When the orders of a whole store come next: put off, brought on, woken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.models import Connection, Push
from aiq_cova_plugin.store.outbox import add_event, change_push, is_waiting
from aiq_cova_plugin.store.records import many

_P = Push
_POLLED_SINCE = (
    sa.select(sa.func.count())
    .select_from(_P)
    .where(
        _P.store_id.in_(
            sa.select(Connection.store_id).where(Connection.company_id == sa.bindparam("company"))
        ),
        _P.polled_at > sa.bindparam("since"),
    )
)


def postpone_pushes(connection: sa.Connection, store_id: str, *, until: datetime) -> None:
    """Send no order of the store before then; who came first stays first."""
    connection.execute(
        sa.update(_P)
        .where(
            _P.store_id == store_id,
            is_waiting(),
            _P.next_attempt_at < until,
            _P.lease_until.is_(None),
        )
        .values(next_attempt_at=until)
    )


_AN_OUTAGE_IS = 3
"""So many orders waiting for COVA at once: it was away. Fewer have a trouble of their own."""


def wake_after_outage(
    connection: sa.Connection, store_id: str, *, kinds: Collection[str], now: datetime
) -> int:
    """Make due what waits for one of these reasons, if there are several such orders; how many."""
    waits = sa.and_(
        _P.store_id == store_id,
        is_waiting(),
        _P.kind.in_(kinds),
        _P.next_attempt_at > now,
        _P.lease_until.is_(None),
    )
    number = connection.execute(sa.select(sa.func.count()).select_from(_P).where(waits))
    if number.scalar_one() < _AN_OUTAGE_IS:
        return 0
    return connection.execute(sa.update(_P).where(waits).values(next_attempt_at=now)).rowcount


def resume_paused(connection: sa.Connection, store_id: str, *, now: datetime) -> int:
    """Make due what was held back while Sync Orders was off; how many."""
    return connection.execute(
        sa.update(_P)
        .where(_P.store_id == store_id, is_waiting(), _P.kind == "paused")
        .values(next_attempt_at=now, kind="", reason="", fix="")
    ).rowcount


TAX_CHANGED = "tax_changed"
"""The `kind` of a push that goes on because COVA's tax setting has changed: no person did it."""


def wake_refused(
    connection: sa.Connection, store_id: str, *, sent_otherwise_than: str, now: datetime
) -> int:
    """Make due every order COVA refused in another tax style than this one; how many.

    An order that was sent in no known style is left to the person it waits for.
    """
    refused = many(
        connection,
        _P,
        _P.store_id == store_id,
        _P.state == "needs_attention",
        _P.kind == "Rejected",
        _P.in_pos_at.is_(None),
        _P.tax_pricing.is_not(None),
        _P.tax_pricing != sent_otherwise_than,
        order_by=(_P.queued_at, _P.id),
    )
    woken = 0
    for push in refused:
        values = {
            "state": "queued" if push.submitted_at is None else "checking",
            "kind": TAX_CHANGED,
            "next_attempt_at": now,
        }
        if change_push(connection, push.id, values, _P.state == "needs_attention"):
            detail = "COVA's tax setting has changed: the order is sent again accordingly."
            add_event(connection, push.id, "retry_asked", detail, at=now)
            woken += 1
    return woken


def resume(
    connection: sa.Connection, push: Push, detail: str, event: str, *, now: datetime
) -> bool:
    """Send an order that waits for a person on its way again; False when it no longer waits.

    One that may be in COVA is asked about first, and one that is at the register stays there.
    """
    if push.in_pos_at is not None and not push.cancel_requested:
        values: dict[str, Any] = {"state": "in_pos", "next_attempt_at": None, "poll_due_at": now}
    else:
        state = "queued" if push.submitted_at is None else "checking"
        values = {"state": state, "next_attempt_at": now, "attempts": 0}
    values |= {"reason": "", "fix": "", "kind": ""}
    if not change_push(
        connection,
        push.id,
        values,
        _P.state == "needs_attention",
        _P.fence == push.fence,
        _P.lease_until.is_(None),
    ):
        return False
    add_event(connection, push.id, event, detail, at=now)
    return True


def say_what_to_do(connection: sa.Connection, push: Push, fix: str) -> bool:
    """Change what a person is told to do about an order; False when it no longer waits."""
    return change_push(
        connection,
        push.id,
        {"fix": fix},
        _P.state == "needs_attention",
        _P.fence == push.fence,
        _P.lease_until.is_(None),
    )


def hurry_waiting(
    connection: sa.Connection, store_id: str, *, kinds: Collection[str], now: datetime
) -> int:
    """Make due what waits by itself for one of these reasons; how many."""
    return connection.execute(
        sa.update(_P)
        .where(
            _P.store_id == store_id,
            is_waiting(),
            _P.kind.in_(kinds),
            _P.next_attempt_at > now,
            _P.lease_until.is_(None),
        )
        .values(next_attempt_at=now)
    ).rowcount


def postpone_polls(connection: sa.Connection, store_id: str, *, until: datetime) -> None:
    """Ask about no order of the store before then."""
    connection.execute(
        sa.update(_P)
        .where(_P.store_id == store_id, _P.finished_at.is_(None), _P.poll_due_at < until)
        .values(poll_due_at=until)
    )


def poll_now(connection: sa.Connection, store_id: str, *, now: datetime) -> None:
    """Ask about every open order of the store as soon as may be."""
    connection.execute(
        sa.update(_P)
        .where(_P.store_id == store_id, _P.in_pos_at.is_not(None), _P.finished_at.is_(None))
        .values(poll_due_at=now)
    )


def poll_these_at(connection: sa.Connection, push_ids: Sequence[int], *, at: datetime) -> None:
    """Ask about these orders then."""
    for start in range(0, len(push_ids), 400):
        connection.execute(
            sa.update(_P)
            .where(_P.id.in_(push_ids[start : start + 400]), _P.finished_at.is_(None))
            .values(poll_due_at=at)
        )


def polled_since(connection: sa.Connection, company_id: int | None, *, since: datetime) -> int:
    """How many orders of the company's stores COVA was asked about since then."""
    asked = {"company": company_id, "since": since}
    return connection.execute(_POLLED_SINCE, asked).scalar_one()
