"""Is a store's menu in step with COVA? The one answer for `/health`, metrics and alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.jobs.plan_jobs import CATALOG
from aiq_cova_plugin.store import monitoring
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Connection, ScheduledJob

STALE_AFTER_INTERVALS = 3
"""So many intervals without a wholly good sync, and the menu is not fresh any more."""


@dataclass(frozen=True)
class Freshness:
    """When each store was last wholly good, and since when it should have been."""

    now: datetime
    allowed: timedelta
    last_good: Mapping[str, datetime]
    first_run: Mapping[str, datetime]
    jobs: Mapping[str, Mapping[str, ScheduledJob]]

    def last_good_at(self, row: Connection) -> datetime | None:
        return self.last_good.get(row.store_id)

    def age_seconds(self, row: Connection) -> float:
        """Since the last wholly good sync; for a store that never had one, since its first."""
        since = self.last_good.get(row.store_id) or self.first_run.get(row.store_id)
        return max(0.0, (self.now - (since or row.updated_at)).total_seconds())

    def is_fresh(self, row: Connection) -> bool:
        """A store that is off is not watched; one that was just switched on gets its time."""
        if not row.enabled or self.age_seconds(row) <= self.allowed.total_seconds():
            return True
        job = self.jobs.get(row.store_id, {}).get(CATALOG)
        if job is None or job.last_started_at is not None:
            return False
        return self.now - job.due_at <= self.allowed


def read_freshness(ctx: ServiceContext, connection: DatabaseConnection, now: datetime) -> Freshness:
    """The freshness of all stores, in three statements."""
    interval = ctx.config.catalog_interval_seconds
    return Freshness(
        now=now,
        allowed=timedelta(seconds=interval * STALE_AFTER_INTERVALS),
        last_good=monitoring.last_good_syncs(connection),
        first_run=monitoring.first_runs(connection),
        jobs=monitoring.jobs_by_store(connection),
    )
