"""Finds confirmed orders whose signal was missed, and queues them."""

from __future__ import annotations

from datetime import timedelta

from aiq_cova_plugin.host import OrderNotFound
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.orders.enqueue_order import enqueue_order
from aiq_cova_plugin.services.orders.order_report import OrderReport
from aiq_cova_plugin.services.orders.other_deliveries import forget_ended_deliveries
from aiq_cova_plugin.services.orders.resume_orders import resume_in_sweep
from aiq_cova_plugin.services.stock.expire_holds import HOLD_EXPIRED, expire_forgotten_holds
from aiq_cova_plugin.services.stores import require_enabled, require_store
from aiq_cova_plugin.store import outbox

__all__ = ["HOLD_EXPIRED", "LOOK_BACK", "SweepReport", "sweep_orders"]

LOOK_BACK = timedelta(days=2)
"""How far back confirmed orders are looked at."""


class SweepReport(OrderReport):
    """The numbers of the contract's `orders sweep` document for one store."""


def sweep_orders(ctx: ServiceContext, store_id: str) -> SweepReport:
    """Queue every confirmed order that was not queued; `changed` is how many that were.

    Orders confirmed before the store was connected are not the plugin's and are left alone.
    Raises `UnknownStore` and `NotConnected`.
    """
    require_store(ctx, store_id)
    settings = require_enabled(ctx, store_id)
    report = SweepReport(store_id)
    since = max(ctx.clock.now() - LOOK_BACK, settings.orders_since or settings.created_at)
    order_ids = list(ctx.host.confirmed_orders(store_id, since))
    ctx.database.end_reading()
    with ctx.database.short() as connection:
        pushes = outbox.pushes_of_orders(connection, store_id, order_ids)
    queued = {push.order_id for push in pushes}
    for order_id in order_ids:
        if order_id in queued:
            continue
        report.handled += 1
        try:
            with ctx.database.job_transaction():
                order = ctx.host.get_order(store_id, order_id)
                report.changed += enqueue_order(ctx, order, found_by="sweep")
        except OrderNotFound:
            log.warning("sweep_order_gone", extra={"store_id": store_id, "order_id": order_id})
            report.failed += 1
        except Exception:  # noqa: BLE001 - one order must not stop the others; logged
            log.exception("sweep_failed", extra={"store_id": store_id, "order_id": order_id})
            report.failed += 1
    report.waiting = report.changed
    expire_forgotten_holds(ctx, store_id)
    forget_ended_deliveries(ctx, store_id)
    resume_in_sweep(ctx, store_id)
    return report
