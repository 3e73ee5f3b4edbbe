"""Reports made in the background, and the readings that the pages about them need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.database import insert_for
from aiq_cova_plugin.store.models import Hold, Product, Push, Report, Run
from aiq_cova_plugin.store.records import many

_R = Report
_CHUNK = 400


@dataclass(frozen=True)
class ReportState:
    """How far a report is; everything of its row but the document, which may be large."""

    store_id: str
    kind: str
    status: str
    progress: str
    started_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None
    message: str
    fix: str


_STATE_COLUMNS = [getattr(_R, name) for name in ReportState.__dataclass_fields__]


def state_of(connection: sa.Connection, store_id: str, kind: str) -> ReportState | None:
    """How the store's last report of this kind stands; None before the first."""
    row = connection.execute(
        sa.select(*_STATE_COLUMNS).where(_R.store_id == store_id, _R.kind == kind)
    ).one_or_none()
    return None if row is None else ReportState(**row._mapping)


def document_of(connection: sa.Connection, store_id: str, kind: str) -> dict[str, Any]:
    """What the last report that was finished says; empty when none ever was."""
    found = connection.execute(
        sa.select(_R.document).where(_R.store_id == store_id, _R.kind == kind)
    ).scalar_one_or_none()
    return dict(found or {})


def open_report(connection: sa.Connection, store_id: str, kind: str, *, now: datetime) -> None:
    """Note that a report is being made; the document of the last one stays until it is done."""
    begun = {
        "status": "running",
        "progress": "",
        "started_at": now,
        "heartbeat_at": now,
        "message": "",
        "fix": "",
    }
    connection.execute(
        insert_for(connection, _R)
        .values(store_id=store_id, kind=kind, document={}, **begun)
        .on_conflict_do_update(index_elements=["store_id", "kind"], set_=begun)
    )


def change_report(
    connection: sa.Connection, store_id: str, kind: str, values: dict[str, Any]
) -> None:
    connection.execute(
        sa.update(_R).where(_R.store_id == store_id, _R.kind == kind).values(**values)
    )


# --- readings for the pages -------------------------------------------------------------------


def holds_released_for(
    connection: sa.Connection, store_id: str, *, reason: str, since: datetime, limit: int
) -> list[Hold]:
    """Holds that were released for this reason since then, newest first."""
    return many(
        connection,
        Hold,
        Hold.store_id == store_id,
        Hold.state == "released",
        Hold.released_at >= since,
        Hold.reason == reason,
        order_by=Hold.released_at.desc(),
        limit=limit,
    )


@dataclass(frozen=True)
class RunNumbers:
    """The little of a run that a chart needs."""

    started_at: datetime
    status: str
    created: int
    updated: int
    hidden: int
    failed: int


def run_numbers(connection: sa.Connection, store_id: str, *, since: datetime) -> list[RunNumbers]:
    """The runs that began since then and are over, oldest first."""
    rows = connection.execute(
        sa.select(Run.started_at, Run.status, Run.created, Run.updated, Run.hidden, Run.failed)
        .where(Run.store_id == store_id, Run.started_at >= since, Run.status != "running")
        .order_by(Run.started_at)
    )
    return [RunNumbers(**row._mapping) for row in rows]


def order_lags(
    connection: sa.Connection, store_id: str, *, since: datetime
) -> list[tuple[datetime, float]]:
    """(when COVA had the order, seconds since it was queued), for orders in COVA since then."""
    rows = connection.execute(
        sa.select(Push.queued_at, Push.in_pos_at).where(
            Push.store_id == store_id, Push.in_pos_at >= since
        )
    )
    return [
        (row.in_pos_at, max(0.0, (row.in_pos_at - row.queued_at).total_seconds())) for row in rows
    ]


@dataclass(frozen=True)
class ProductRecord:
    """What reconciling needs of a product: what was read, and what the shop was last told."""

    cova_product_id: str
    name: str
    presence: str
    host_state: str
    stock: Decimal | None
    applied: dict[str, Any]
    is_locked: bool
    is_excluded: bool
    last_error: str


def product_records(connection: sa.Connection, store_id: str) -> dict[str, ProductRecord]:
    """dict: COVA product id → record, for every product of the store."""
    columns = [getattr(Product, name) for name in ProductRecord.__dataclass_fields__]
    rows = connection.execute(sa.select(*columns).where(Product.store_id == store_id))
    return {row.cova_product_id: ProductRecord(**row._mapping) for row in rows}
