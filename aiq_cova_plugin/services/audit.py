"""The audit trail: who changed settings, mapping and locks; who approved, retried, restored."""

from __future__ import annotations

from typing import Any

from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store.audit import add_entry


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
    log.info("audit", extra={"store_id": store_id, "action": action, "subject": subject})
