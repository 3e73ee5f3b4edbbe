"""Starts a sync in the background, for the Sync button."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

from aiq_cova_plugin.errors import CovaPluginError, LeaseHeld
from aiq_cova_plugin.services.audit import note
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.stores import credentials_of, require_enabled, require_store


def start_sync(
    ctx: ServiceContext,
    store_id: str,
    *,
    full: bool = False,
    approve: bool = False,
    by: str,
) -> str:
    """Start a sync and return its run id at once; the run's record tells how it goes.

    Raises `UnknownStore`, `NotConnected`, and `LeaseHeld` when one is running already.
    """
    require_store(ctx, store_id)
    credentials_of(ctx, require_enabled(ctx, store_id))
    if ctx.leases.is_held(f"catalog:{store_id}", ctx.clock.now()):
        raise LeaseHeld(
            "A sync of this store is already running.", fix="Watch it on the Runs page."
        )
    run_id, app = str(uuid4()), ctx.sender()
    log.info("sync_started", extra={"store_id": store_id, "run_id": run_id, "started_by": by})
    action = "run_approved" if approve else "sync_started"
    note(ctx, store_id, action, run_id, by=by, full=full)
    threading.Thread(
        target=_sync,
        args=(app, ctx, store_id, run_id),
        kwargs={"full": full, "approve": approve},
        name=f"cova-sync-{store_id}",
        daemon=True,
    ).start()
    return run_id


def _sync(
    app: Any, ctx: ServiceContext, store_id: str, run_id: str, *, full: bool, approve: bool
) -> None:
    with app.app_context():
        try:
            sync_catalog(ctx, store_id, full=full, approve=approve, trigger="button", run_id=run_id)
        except CovaPluginError as exc:
            log.warning(
                "button_sync_failed",
                extra={"store_id": store_id, "kind": type(exc).__name__},
            )
        except Exception:  # noqa: BLE001 - the thread's one entry point; logged
            log.exception("button_sync_failed", extra={"store_id": store_id})
