"""Flask-APScheduler as a ticker: it only looks, every few seconds, whether work is due.

What is due stands in the database and is claimed there, so any number of workers may tick.
Nothing starts in a command, in a test, or in the reloader's parent process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

import click
from flask import Flask
from flask.helpers import get_debug_flag
from flask_apscheduler import APScheduler

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs, run_due_order_jobs

log = logging.getLogger(__name__)

_GRACE_SECONDS = 60
_JOBS = (("cova-catalogue", run_due_catalogue_jobs), ("cova-orders", run_due_order_jobs))


def start_ticker(app: Flask, services: ServiceContext) -> APScheduler | None:
    """Start ticking if this is a server process; on the host's scheduler if it has one."""
    if not is_server_process(app):
        return None
    scheduler = getattr(app, "apscheduler", None)
    if scheduler is None:
        scheduler = APScheduler()
        scheduler.api_enabled = False
        scheduler.init_app(app)
    for job_id, job in _JOBS:
        scheduler.add_job(
            id=job_id,
            func=_tick,
            args=(app, services, job),
            trigger="interval",
            seconds=services.config.tick_seconds,
            jitter=services.config.tick_seconds / 4,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=_GRACE_SECONDS,
            replace_existing=True,
        )
    if not scheduler.running:
        # A tick that finds its forerunner still looking is skipped; that is no news.
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        scheduler.start()
    log.info("cova_ticker_started", extra={"worker": services.worker_id})
    return scheduler


def _tick(app: Flask, services: ServiceContext, job: Callable[..., int]) -> None:
    # It only hands work out: the crew's threads do it, and a store that hangs delays no tick.
    # APScheduler's threads have no application context of their own.
    with app.app_context():
        job(services, wait="none")


def is_server_process(app: Flask) -> bool:
    """Will this process serve requests? Commands, tests and the reloader's parent do not."""
    if app.testing:
        return False
    if get_debug_flag() and _uses_reloader() and os.environ.get("WERKZEUG_RUN_MAIN") != "true":
        return False
    context: Any = click.get_current_context(silent=True)
    if context is None:
        return True
    names = set()
    while context is not None:
        names.add(context.info_name)
        context = context.parent
    return "run" in names


def _uses_reloader() -> bool:
    context: Any = click.get_current_context(silent=True)
    return context is not None and context.params.get("reload") is not False
