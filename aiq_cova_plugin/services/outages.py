"""COVA does not answer: said in the log once when it begins and once when it is over.

The mark stands in the database, so that a second worker or a restarted one does not say it again.
"""

from __future__ import annotations

from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store import connections


def note_outage(ctx: ServiceContext, store_id: str, *, kind: str) -> None:
    """COVA could not be reached for this store; `kind` names the failure."""
    with ctx.database.short() as connection:
        is_news = connections.begin_outage(connection, store_id, at=ctx.clock.now())
    if is_news:
        log.error("cova_outage_began", extra={"store_id": store_id, "kind": kind})


def note_answer(ctx: ServiceContext, store_id: str) -> None:
    """COVA has answered for this store: an outage, if there was one, is over."""
    with ctx.database.short() as connection:
        was_out = connections.end_outage(connection, store_id)
    if was_out:
        log.warning("cova_outage_ended", extra={"store_id": store_id})
