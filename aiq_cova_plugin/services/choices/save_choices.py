"""Saves what staff chose for a store: on record, and applied to every product by the next sync."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiq_cova_plugin.services.audit import changed, note
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.jobs.plan_jobs import CATALOG
from aiq_cova_plugin.services.stores import has_credentials
from aiq_cova_plugin.store.connections import connection_of, save_connection
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Connection

Changes = Callable[[DatabaseConnection, Connection | None], dict[str, Any]]


def save_choices(
    ctx: ServiceContext, store_id: str, changes: Changes, *, action: str, by: str, **detail: Any
) -> None:
    """Change the store's settings, look at every product again, and sync soon.

    `changes` is called with a connection and the settings as they are, and answers the columns
    to change; what it writes on the connection is saved together with them, or not at all.
    `action` and `detail` go to the audit trail.
    """
    ctx.database.end_reading()
    now = ctx.clock.now()
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        version = (row.settings_version if row is not None else 0) + 1
        wanted = changes(connection, row)
        before = {name: getattr(row, name) for name in wanted} if row is not None else {}
        values = wanted | {"settings_version": version}
        save_connection(connection, store_id, values, now=now)
    note(ctx, store_id, action, by=by, changed=changed(before, wanted), **detail)
    if row is not None and row.enabled and has_credentials(row):
        ctx.schedule.plan(
            store_id, CATALOG, interval_seconds=ctx.config.catalog_interval_seconds, due_at=now
        )
