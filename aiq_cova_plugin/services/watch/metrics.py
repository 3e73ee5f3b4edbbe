"""The numbers of `/health` in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.watch.health import health_of

_STORE_GAUGES = (
    ("cova_sync_age_seconds", "Seconds since the last wholly good sync.", "sync_age_seconds"),
    ("cova_store_fresh", "1 when the store's menu is fresh.", "is_fresh"),
    ("cova_schedule_lag_seconds", "How far the schedule is behind.", "schedule_lag_seconds"),
    ("cova_runs_last_hour", "Syncs begun in the last hour.", "runs_last_hour"),
    ("cova_failed_runs_last_hour", "Syncs of the last hour that failed.", "failed_runs_last_hour"),
    ("cova_order_queue_depth", "Orders on their way to COVA.", "queue_depth"),
    ("cova_order_queue_age_seconds", "Age of the oldest of them.", "queue_age_seconds"),
    ("cova_orders_late", "Orders on their way for more than 15 minutes.", "late_orders"),
    ("cova_orders_in_pos", "Orders in COVA that are not finished.", "in_pos"),
    ("cova_orders_needing_attention", "Orders waiting for a person.", "needs_attention"),
    ("cova_open_alerts", "Alerts that are not over.", "open_alerts"),
)

_SERVICE_GAUGES = (
    ("cova_breaker_open", "1 while a service of COVA is not called.", "services", "is_open"),
    ("cova_breaker_failures", "Failures of the service in a row.", "services", "failures"),
    ("cova_quota_left", "Calls that are left within this minute.", "quota", "left"),
    ("cova_quota_per_minute", "Calls we allow ourselves in a minute.", "quota", "per_minute"),
)

Sample = tuple[Mapping[str, str], float]


def metrics_text(ctx: ServiceContext) -> str:
    """Every gauge with its samples; `cova_up 0` alone when the database does not answer."""
    health = health_of(ctx)
    stores: list[dict[str, Any]] = health.get("stores", [])
    lines = _gauge(
        "cova_up",
        "1 when the plugin's database answers.",
        [({}, float(health["status"] != "down"))],
    )
    for name, meaning, key in _STORE_GAUGES:
        samples = [
            ({"store": store["store_id"]}, float(store[key]))
            for store in stores
            if store[key] is not None
        ]
        lines += _gauge(name, meaning, samples)
    for name, meaning, part, key in _SERVICE_GAUGES:
        samples = [
            ({"company": str(each["company_id"]), "service": each["service"]}, float(each[key]))
            for each in health.get(part, [])
        ]
        lines += _gauge(name, meaning, samples)
    return "\n".join(lines) + "\n"


def _gauge(name: str, meaning: str, samples: Iterable[Sample]) -> list[str]:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{told}}} {value:.15g}" if told else f"{name} {value:.15g}")
    return lines


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
