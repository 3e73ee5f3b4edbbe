"""The same work as Celery tasks, for hosts with many workers (`COVA_SCHEDULER=celery`).

Messages are nudges and nothing more: what is due stands in the database and is claimed
there, so a lost message costs one beat and a doubled one nothing. A host with a Celery app
of its own calls `register_tasks`; one without runs the app `create_celery` makes:

    # celery_worker.py
    from myshop import create_app
    from aiq_cova_plugin.scheduling.celery_tasks import create_celery

    celery_app = create_celery(create_app())

    celery -A celery_worker:celery_app worker --beat
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from flask import Flask

from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs, run_due_order_jobs
from aiq_cova_plugin.wiring import services_of

if TYPE_CHECKING:
    from celery import Celery

ORDERS_TASK = "aiq_cova_plugin.run_due_order_jobs"
CATALOGUE_TASK = "aiq_cova_plugin.run_due_catalogue_jobs"


def create_celery(app: Flask) -> Celery:
    """A Celery app for this shop, with our tasks and their beat.

    Broker and the like come from `app.config["CELERY"]`, a dict of Celery's own settings
    such as `{"broker_url": "redis://…"}`.
    """
    from celery import Celery

    celery_app = Celery(app.import_name)
    celery_app.conf.update(app.config.get("CELERY", {}))
    register_tasks(celery_app, app)
    return celery_app


def register_tasks(celery_app: Any, app: Flask) -> None:
    """Add our two tasks and their beat to a Celery app.

    They are not shared: Celery would give them to every Celery app of the process.
    """

    @celery_app.task(name=ORDERS_TASK, ignore_result=True, shared=False)
    def push_and_poll() -> int:
        with app.app_context():
            return run_due_order_jobs(services_of(app), wait="quick")

    @celery_app.task(name=CATALOGUE_TASK, ignore_result=True, shared=False)
    def sync_catalogues() -> int:
        with app.app_context():
            return run_due_catalogue_jobs(services_of(app), wait="quick")

    _take_no_connections_along(app)
    seconds = services_of(app).config.tick_seconds
    beat = {
        task: {
            "task": task,
            "schedule": seconds,
            # A nudge that nobody took before the next one comes is worth nothing.
            "options": {"expires": max(seconds * 5, 10)},
        }
        for task in (ORDERS_TASK, CATALOGUE_TASK)
    }
    celery_app.conf.beat_schedule = {**(celery_app.conf.beat_schedule or {}), **beat}


def _take_no_connections_along(app: Flask) -> None:
    """A child of the prefork pool must not talk on connections that its parent opened."""
    from celery.signals import worker_process_init

    ours = os.getpid()

    def forget(**_event: Any) -> None:
        if os.getpid() == ours:
            return  # the solo pool works in this very process
        with app.app_context():
            services_of(app).database.forget_connections()

    # Signals hold their receivers weakly; this one lives as long as Celery does.
    worker_process_init.connect(forget, weak=False)
