"""What somebody who helps needs to see, without secrets, customers or addresses."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.health import health_of
from aiq_cova_plugin.store import outbox, runs, schema
from aiq_cova_plugin.store.connections import all_connections

_PACKAGES = (
    "flask",
    "flask-sqlalchemy",
    "sqlalchemy",
    "flask-apscheduler",
    "requests",
    "marshmallow",
)


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
                "runs": [_run(run) for run in runs.runs_of(connection, row.store_id, limit=20)],
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
            }
            for push in outbox.pushes(connection, state="needs_attention", limit=50)
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
        },
        "health": health_of(ctx),
        "schedule": [
            {
                "store_id": row.store_id,
                "job": row.job,
                "due_at": row.due_at.isoformat(),
                "last_error": row.last_error,
            }
            for row in ctx.schedule.rows()
        ],
        "stores": stores,
        "orders_needing_attention": stuck,
    }


def _run(run: Any) -> dict[str, Any]:
    names = ("mode", "trigger", "status", "fetched", "created", "updated", "hidden", "failed")
    return {
        "started_at": run.started_at.isoformat(),
        "message": run.message,
        **{name: getattr(run, name) for name in names},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
