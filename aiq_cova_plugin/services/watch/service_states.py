"""How COVA's services are, and how much of its quota is left, as all workers see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aiq_cova_plugin.domain.breaker_state import BreakerState
from aiq_cova_plugin.domain.call_quota import calls_that_count
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.breakers import all_breakers
from aiq_cova_plugin.store.budgets import all_budgets


@dataclass(frozen=True)
class QuotaLeft:
    """What one company may still call of one service within a minute.

    `closed_until` (UTC): COVA wants no call before then; None when it is not closed now.
    """

    company_id: int
    service: str
    per_minute: int
    left: int
    closed_until: datetime | None


def breaker_states(ctx: ServiceContext) -> list[BreakerState]:
    """Every service that is failing or away, per company; those that are well are left out."""
    with ctx.database.short() as connection:
        return [state for state in all_breakers(connection) if state.failures or state.is_open]


def quota_left(ctx: ServiceContext) -> list[QuotaLeft]:
    """What is left of every quota that was used in the last minute or is closed."""
    now = ctx.clock.now()
    with ctx.database.short() as connection:
        rows = all_budgets(connection)
    found = []
    for company_id, service, quota in rows:
        used = calls_that_count(quota.recent, now)
        ends = quota.closed_until
        closed_until = ends if ends is not None and ends > now else None
        if used or closed_until:
            left = 0 if closed_until else max(0, quota.per_minute - used)
            found.append(QuotaLeft(company_id, service, quota.per_minute, left, closed_until))
    return found
