"""Runs one piece of work in a thread of its own, so that no page waits for COVA."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.services.context import ServiceContext, log


def run_in_background(ctx: ServiceContext, name: str, work: Callable[[], object]) -> None:
    """Start `work` in an application context of its own; what it raises is logged.

    A worker that dies takes the thread along: whoever starts work here keeps a lease and a
    heartbeat, so that it can be started again.
    """
    app = ctx.sender()

    def carry_out() -> None:
        with app.app_context():
            try:
                work()
            except CovaPluginError as exc:
                log.warning(
                    "background_work_failed", extra={"work": name, "kind": type(exc).__name__}
                )
            except Exception:  # noqa: BLE001 - the thread's one entry point; logged
                log.exception("background_work_failed", extra={"work": name})

    threading.Thread(target=carry_out, name=f"cova-{name}", daemon=True).start()
