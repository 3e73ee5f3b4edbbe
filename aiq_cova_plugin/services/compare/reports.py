"""Previews and reconciliations made in the background: start one, follow it, read the last.

One at a time for each store and kind, kept by a lease. Whoever makes a report renews the lease
and the heartbeat of its row together, so a report whose heartbeat is older than a lease belongs
to a dead worker and can be started again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiq_cova_plugin.errors import CovaPluginError, LeaseHeld
from aiq_cova_plugin.services.catalogue.sync_catalog import preview_sync
from aiq_cova_plugin.services.compare.preview_document import preview_document
from aiq_cova_plugin.services.compare.reconcile import reconcile, shortened
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.jobs.background import run_in_background
from aiq_cova_plugin.services.stores import require_connected, require_enabled, require_store
from aiq_cova_plugin.store import reports
from aiq_cova_plugin.store.leases import HeldLease
from aiq_cova_plugin.store.reports import ReportState

PREVIEW, RECONCILE = "preview", "reconcile"
KINDS = (PREVIEW, RECONCILE)

Progress = Callable[[str], None]

_BUSY = {
    PREVIEW: "A preview of this store is being made already.",
    RECONCILE: "Shop and COVA are being compared already.",
}


@dataclass(frozen=True)
class BackgroundReport:
    """The store's last report of one kind. `document` is that of the last one that succeeded.

    `is_running`: a worker is on it; `is_dead`: it was, and has not been heard of for too long.
    """

    state: ReportState | None = None
    is_running: bool = False
    is_dead: bool = False
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def has_failed(self) -> bool:
        return self.state is not None and self.state.status == "failed"


def report_of(
    ctx: ServiceContext, store_id: str, kind: str, *, with_document: bool = True
) -> BackgroundReport:
    """How the report stands. Without the document it costs next to nothing, for polling."""
    with ctx.database.short() as connection:
        state = reports.state_of(connection, store_id, kind)
        if state is None:
            return BackgroundReport()
        document = reports.document_of(connection, store_id, kind) if with_document else {}
    silence = ctx.clock.now() - state.heartbeat_at
    is_open = state.status == "running"
    is_dead = is_open and silence >= timedelta(seconds=ctx.config.lease_seconds)
    return BackgroundReport(state, is_open and not is_dead, is_dead, document)


def start_report(
    ctx: ServiceContext, store_id: str, kind: str, by: str, *, full: bool = False
) -> None:
    """Begin to make a report in the background; its row tells how it goes.

    `full` is for a preview: of a whole pass, not of changes only. Raises `UnknownStore`,
    `NotConnected`, and `LeaseHeld` when one is being made.
    """
    require_store(ctx, store_id)
    if kind == PREVIEW:
        require_connected(ctx, store_id)
    else:
        require_enabled(ctx, store_id)
    lease = ctx.leases.take(f"{kind}:{store_id}")
    if lease is None:
        raise LeaseHeld(_BUSY[kind], fix="Wait until it is done; the page shows how far it is.")
    with ctx.database.short() as connection:
        reports.open_report(connection, store_id, kind, now=ctx.clock.now())
    log.info("report_started", extra={"store_id": store_id, "kind": kind, "started_by": by})
    making = _Making(ctx, lease, store_id, kind, full=full)
    run_in_background(ctx, f"{kind}-{store_id}", making.carry_out)


class _Making:
    """One report, from its first heartbeat to its document."""

    def __init__(
        self, ctx: ServiceContext, lease: HeldLease, store_id: str, kind: str, *, full: bool
    ) -> None:
        self._ctx = ctx
        self._lease = lease
        self._store_id = store_id
        self._kind = kind
        self._full = full

    def carry_out(self) -> None:
        try:
            self._make()
        finally:
            self._ctx.leases.give_back(self._lease)

    def _make(self) -> None:
        try:
            document = self._document()
        except LeaseHeld:
            raise  # Another worker makes it anew; its row is not ours any more.
        except CovaPluginError as exc:
            self._end("failed", message=exc.message, fix=exc.fix or "Try again in a few minutes.")
        except Exception:
            self._end(
                "failed",
                message="Something unexpected went wrong.",
                fix="Try again; the log of the shop's server has the details.",
            )
            raise
        else:
            self._end(
                "ready",
                document=document | {"made_at": self._now_text()},
                message=self._in_a_word(document),
            )

    def _document(self) -> dict[str, Any]:
        if self._kind == PREVIEW:
            report = preview_sync(
                self._ctx, self._store_id, full=self._full, on_progress=self._note
            )
            return preview_document(self._ctx, report)
        return shortened(reconcile(self._ctx, self._store_id, on_progress=self._note))

    def _in_a_word(self, document: dict[str, Any]) -> str:
        """How it ended, for pages that do not need the document; empty when all is well."""
        if self._kind == PREVIEW:
            return str(document["message"])
        number = sum(document["counts"].values())
        noun = "difference" if number == 1 else "differences"
        return f"{number:,} {noun} between shop and COVA" if number else ""

    def _note(self, progress: str) -> None:
        """Say how far it is, and that somebody is alive. Raises `LeaseHeld` when taken over."""
        self._write({"progress": progress})

    def _end(self, status: str, **values: Any) -> None:
        self._write({"status": status, "finished_at": self._ctx.clock.now(), **values})

    def _write(self, values: dict[str, Any]) -> None:
        now = self._ctx.clock.now()
        with self._ctx.database.short() as connection:
            self._ctx.leases.renew_within(connection, self._lease)
            reports.change_report(
                connection, self._store_id, self._kind, values | {"heartbeat_at": now}
            )

    def _now_text(self) -> str:
        return self._ctx.clock.now().isoformat()
