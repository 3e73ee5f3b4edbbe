"""Is every store fresh, and is any order stuck? For monitoring."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiq_cova_plugin.services.connection_settings import state_of
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.connections import all_connections, sync_state_of
from aiq_cova_plugin.store.models import Connection

_STALE_AFTER_INTERVALS = 3


def health_of(ctx: ServiceContext) -> dict[str, Any]:
    """`status` (`ok`, `attention` or `down`) and, per store, freshness and queue depth.

    `attention`: a store is not ready or not fresh, or an order needs a person. `down`: the
    database does not answer, or the plugin's tables are not there. Never raises.
    """
    try:
        with ctx.database.short() as connection:
            rows = all_connections(connection)
            stores = [_store_health(ctx, connection, row) for row in rows]
    except Exception:  # noqa: BLE001 - monitoring must get an answer, whatever is wrong
        ctx.went_down("health")
        return {"status": "down", "reason": "The plugin's tables cannot be read."}
    ctx.came_back("health")
    is_fine = all(
        store["is_fresh"]
        and store["state"] != "not_ready"
        and not store["needs_attention"]
        and not store["warnings"]
        for store in stores
        if store["is_enabled"]
    )
    return {"status": "ok" if is_fine else "attention", "stores": stores}


def _store_health(ctx: ServiceContext, connection: Any, row: Connection) -> dict[str, Any]:
    state, counts = state_of(ctx, row), outbox.state_counts(connection, row.store_id)
    last_good = sync_state_of(connection, row.store_id).last_good_at
    allowed = timedelta(seconds=ctx.config.catalog_interval_seconds * _STALE_AFTER_INTERVALS)
    now = ctx.clock.now()
    age = None if last_good is None else (now - last_good).total_seconds()
    is_watched = row.enabled
    # A store that was just switched on gets its first intervals to become fresh.
    since = last_good or row.updated_at
    return {
        "store_id": row.store_id,
        "state": state,
        "is_enabled": row.enabled,
        "last_good_sync_at": None if last_good is None else last_good.isoformat(),
        "sync_age_seconds": age,
        "is_fresh": not is_watched or now - since <= allowed,
        "queue_depth": sum(counts.get(each, 0) for each in ("queued", "sending", "checking")),
        "in_pos": counts.get("in_pos", 0),
        "needs_attention": counts.get("needs_attention", 0),
        "warnings": outbox.warnings_of(connection, row.store_id, now=now),
    }


_GAUGES = (
    ("cova_sync_age_seconds", "Seconds since the last wholly good sync.", "sync_age_seconds"),
    ("cova_order_queue_depth", "Orders on their way to COVA.", "queue_depth"),
    ("cova_orders_in_pos", "Orders in COVA that are not finished.", "in_pos"),
    ("cova_orders_needing_attention", "Orders waiting for a person.", "needs_attention"),
    ("cova_store_fresh", "1 when the store's menu is fresh.", "is_fresh"),
)


def metrics_text(ctx: ServiceContext) -> str:
    """The same numbers in Prometheus' text format."""
    health = health_of(ctx)
    lines = [
        "# HELP cova_up 1 when the plugin's database answers.",
        "# TYPE cova_up gauge",
        f"cova_up {int(health['status'] != 'down')}",
    ]
    for name, meaning, key in _GAUGES:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        for store in health.get("stores", ()):
            if store[key] is not None:
                label = _escaped(store["store_id"])
                lines.append(f'{name}{{store="{label}"}} {float(store[key]):g}')
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
