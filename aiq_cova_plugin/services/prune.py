"""Applies retention: what is old and finished goes, what is open stays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store import holds, outbox, runs, tokens

KEEP_RUNS = timedelta(days=90)
KEEP_ORDERS = timedelta(days=400)
KEEP_PRIVATE = timedelta(days=90)
KEEP_HOLDS = timedelta(days=90)


@dataclass
class Pruned:
    """How many rows went."""

    runs: int = 0
    orders: int = 0
    personal_values: int = 0
    holds: int = 0
    tokens: int = 0

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


def prune(ctx: ServiceContext, _store_id: str | None = None) -> Pruned:
    """Delete what retention says, each kind in a short transaction of its own."""
    now, gone = ctx.clock.now(), Pruned()
    with ctx.database.short() as connection:
        gone.runs = runs.prune_runs(connection, before=now - KEEP_RUNS)
    with ctx.database.short() as connection:
        gone.personal_values = outbox.forget_private(connection, before=now - KEEP_PRIVATE)
    with ctx.database.short() as connection:
        gone.orders = outbox.prune_finished(connection, before=now - KEEP_ORDERS)
    with ctx.database.short() as connection:
        gone.holds = holds.prune_released(connection, before=now - KEEP_HOLDS)
    with ctx.database.short() as connection:
        gone.tokens = tokens.drop_tokens(connection, expired_before=now)
    return gone
