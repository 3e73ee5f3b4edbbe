"""What somebody who helps needs to see, without secrets, customers or addresses."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.watch.health import health_of
from aiq_cova_plugin.store import outbox, runs, schema
from aiq_cova_plugin.store.connections import all_connections
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Run

_PACKAGES = (
    "flask",
    "flask-sqlalchemy",
    "sqlalchemy",
    "flask-apscheduler",
    "requests",
    "marshmallow",
)
_RUNS, _EXPLAINED_RUNS, _CAUSES, _STEPS = 20, 3, 20, 20


def support_bundle(ctx: ServiceContext) -> dict[str, Any]:
    """Versions, configuration without secrets, health, last runs, and orders by state."""
    with ctx.database.short() as connection:
        revision = schema.current_revision(connection)
        stores = [
            {
                "store_id": row.store_id,
                "enabled": row.enabled,
                "sync_orders": row.sync_orders,
                "has_credentials": bool(row.password_encrypted),
                "check_ok": row.check_ok,
                "check_field": row.check_field,
                "tax_pricing": row.tax_pricing,
                "staff_fields": row.staff_fields,
                "orders": outbox.state_counts(connection, row.store_id),
                "runs": [
                    _run(run, _causes(connection, run) if position < _EXPLAINED_RUNS else [])
                    for position, run in enumerate(
                        runs.runs_of(connection, row.store_id, limit=_RUNS)
                    )
                ],
            }
            for row in all_connections(connection)
        ]
        stuck = [
            {
                "order": push.id,
                "store_id": push.store_id,
                "state": push.state,
                "kind": push.kind,
                "attempts": push.attempts,
                "queued_at": push.queued_at.isoformat(),
                "was_submitted": push.submitted_at is not None,
                "cova_status": push.cova_status,
                "steps": [
                    {"at": event.at.isoformat(), "event": event.event}
                    for event in outbox.events_of(connection, push.id)[-_STEPS:]
                ],
            }
            for state in ("needs_attention", "checking", "sending", "queued")
            for push in outbox.pushes(connection, state=state, limit=50)
        ]
    config = ctx.config
    return {
        "plugin": _version("aiq-cova-plugin"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "database": ctx.database.engine.dialect.name,
        "revision": revision,
        "configuration": {
            "api_url": config.api_url,
            "token_url": config.token_url,
            "has_integrator_id": bool(config.integrator_id),
            "secret_keys": len(config.secret_keys),
            "scheduler": config.scheduler,
            "page_size": config.page_size,
            "lease_seconds": config.lease_seconds,
            "catalog_interval_seconds": config.catalog_interval_seconds,
            "status_interval_seconds": config.status_interval_seconds,
            "tick_seconds": config.tick_seconds,
            "connect_timeout_seconds": config.connect_timeout_seconds,
            "read_timeout_seconds": config.read_timeout_seconds,
            "url_prefix": config.url_prefix,
            "base_template": config.base_template,
            "has_metrics_token": config.metrics_token is not None,
        },
        "health": health_of(ctx),
        "schedule": [
            {
                "store_id": row.store_id,
                "job": row.job,
                "due_at": row.due_at.isoformat(),
                "interval_seconds": row.interval_seconds,
                "is_claimed": row.owner is not None,
                "last_started_at": _iso(row.last_started_at),
                "last_finished_at": _iso(row.last_finished_at),
                "last_error": row.last_error,
            }
            for row in ctx.schedule.rows()
        ],
        "stores": stores,
        "open_orders": stuck,
    }


def _causes(connection: DatabaseConnection, run: Run) -> list[dict[str, Any]]:
    """What the run could not use, most frequent first; products are COVA's, not people's."""
    return [
        {"field": field, "reason": reason, "products": number}
        for field, reason, number in runs.grouped_issues(connection, run.id)[:_CAUSES]
    ]


def _run(run: Run, causes: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("mode", "trigger", "status", "fetched", "created", "updated", "hidden", "failed")
    return {
        "started_at": run.started_at.isoformat(),
        "finished_at": _iso(run.finished_at),
        "message": run.message,
        "phase": run.phase,
        "issues": causes,
        **{name: getattr(run, name) for name in names},
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
