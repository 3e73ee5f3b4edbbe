"""Runs what is due, in this process or by Celery; the services decide what that is."""

from __future__ import annotations

from typing import Any

from flask import Flask

from aiq_cova_plugin.services.context import ServiceContext


def start_scheduler(app: Flask, services: ServiceContext) -> Any:
    """Start what `COVA_SCHEDULER` asks for; None when nothing runs in this process."""
    if services.config.scheduler == "apscheduler":
        from aiq_cova_plugin.scheduling.ticker import start_ticker

        return start_ticker(app, services)
    return None
