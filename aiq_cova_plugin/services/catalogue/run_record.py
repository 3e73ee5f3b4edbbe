"""The record of one sync in the database: opened, kept alive, closed, with what it could not use."""

from __future__ import annotations

from typing import Any

from aiq_cova_plugin import signals
from aiq_cova_plugin.services.catalogue.sync_report import SyncReport
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store import runs
from aiq_cova_plugin.store.leases import HeldLease
from aiq_cova_plugin.store.models import SyncState

_SIGNAL_NUMBERS = ("created", "updated", "hidden", "unchanged", "failed")
_REPORT_NUMBERS = ("fetched", *_SIGNAL_NUMBERS, "api_calls")
_RUN_NUMBERS = ("pages", "to_apply", "applied", *_REPORT_NUMBERS)


class RunRecord:
    """The row of one run. Without a lease (a preview) nothing is ever written."""

    def __init__(self, ctx: ServiceContext, report: SyncReport, lease: HeldLease | None) -> None:
        self._ctx = ctx
        self._report = report
        self._lease = lease
        self._started_at = ctx.clock.now()

    def open(self, *, trigger: str, state: SyncState) -> None:
        """Begin the record; runs of the store that died are closed, and say so."""
        with self._ctx.database.short() as connection:
            runs.close_dead_runs(connection, self._report.store_id, now=self._started_at)
            runs.start_run(
                connection,
                {
                    "id": self._report.run_id,
                    "store_id": self._report.store_id,
                    "mode": self._report.mode,
                    "trigger": trigger,
                    "status": "running",
                    "started_at": self._started_at,
                    "heartbeat_at": self._started_at,
                    "phase": "reading",
                    "cursor_before": state.cursor,
                    "message": "",
                    "fix": "",
                    **dict.fromkeys(_RUN_NUMBERS, 0),
                },
            )

    def note(self, **values: Any) -> None:
        """Say how far the run is, and stay its owner. Raises `LeaseHeld` when it is not any more."""
        if self._lease is None:
            return
        now = self._ctx.clock.now()
        with self._ctx.database.short() as connection:
            runs.change_run(connection, self._report.run_id, values | {"heartbeat_at": now})
        self._ctx.leases.renew(self._lease)

    def close(self, **more: Any) -> None:
        """End the record as the report stands; `more` are further columns."""
        report, now = self._report, self._ctx.clock.now()
        report.seconds = self.seconds()
        numbers = {name: getattr(report, name) for name in _REPORT_NUMBERS}
        with self._ctx.database.short() as connection:
            runs.change_run(
                connection,
                report.run_id,
                numbers
                | {
                    "status": report.status,
                    "message": report.message,
                    "fix": report.fix,
                    "finished_at": now,
                    "heartbeat_at": now,
                    "phase": "",
                }
                | more,
            )
            runs.record_issues(connection, report.run_id, report.issues)
        log.info(
            "catalog_synced",
            extra={
                "store_id": report.store_id,
                "run_id": report.run_id,
                "status": report.status,
            },
        )
        self._ctx.emit(
            signals.catalog_synced,
            store_id=report.store_id,
            run_id=report.run_id,
            **{name: numbers[name] for name in _SIGNAL_NUMBERS},
        )

    def seconds(self) -> float:
        """How long the run has taken so far."""
        return (self._ctx.clock.now() - self._started_at).total_seconds()
