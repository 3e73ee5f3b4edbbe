"""The audit trail: who changed settings, mapping and locks; who approved, retried, restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store.audit import add_entry
from aiq_cova_plugin.store.audit import entries_of as read_entries
from aiq_cova_plugin.store.models import AuditEntry


def note(
    ctx: ServiceContext, store_id: str, action: str, subject: str = "", *, by: str, **detail: Any
) -> None:
    """Put one act of a person on record.

    `action` is a constant such as `settings_saved`, `subject` the thing (a product id, an
    order id, a run id), `detail` what changed, as JSON values. Never hand in a secret or a
    customer's data: names of fields, ids and numbers are enough.
    """
    with ctx.database.short() as connection:
        add_entry(
            connection,
            store_id,
            actor=by,
            action=action,
            subject=subject,
            detail=detail,
            at=ctx.clock.now(),
        )
    log.info("audited", extra={"store_id": store_id, "action": action, "subject": subject})


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """dict: name → `old` and `new`, for what `after` says otherwise; for `note`'s detail."""
    return {
        name: {"old": before.get(name), "new": value}
        for name, value in after.items()
        if before.get(name) != value
    }


def entries_of(ctx: ServiceContext, store_id: str, *, limit: int = 200) -> list[AuditEntry]:
    """What was done to the store's settings, products and orders, newest first."""
    with ctx.database.short() as connection:
        return read_entries(connection, store_id, limit=limit)
