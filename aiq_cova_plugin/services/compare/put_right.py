"""What a person may press where shop and COVA differ: read statuses, sweep, free stock."""

from __future__ import annotations

from aiq_cova_plugin.domain.push_states import FINAL_STATES, PushState
from aiq_cova_plugin.errors import IllegalMove, LeaseHeld
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.jobs.background import run_in_background
from aiq_cova_plugin.services.orders.sweep_orders import sweep_orders
from aiq_cova_plugin.services.statuses.poll_statuses import poll_statuses
from aiq_cova_plugin.services.stock.reserve_stock import release_order
from aiq_cova_plugin.services.stores import require_enabled, require_store
from aiq_cova_plugin.store import holds, outbox


def start_poll(ctx: ServiceContext, store_id: str, *, by: str) -> None:
    """Ask COVA in the background how every open order stands.

    Raises `UnknownStore`, `NotConnected`, and `LeaseHeld` while that is being done.
    """
    require_store(ctx, store_id)
    require_enabled(ctx, store_id)
    if ctx.leases.is_held(f"poll:{store_id}", ctx.clock.now()):
        raise LeaseHeld("The order statuses of this store are being read right now.")
    audit.note(ctx, store_id, "statuses_read", by=by)
    run_in_background(ctx, f"poll-{store_id}", lambda: poll_statuses(ctx, store_id))


def start_sweep(ctx: ServiceContext, store_id: str, *, by: str) -> None:
    """Look in the background for confirmed orders that were never queued.

    Raises `UnknownStore` and `NotConnected`.
    """
    require_store(ctx, store_id)
    require_enabled(ctx, store_id)
    audit.note(ctx, store_id, "orders_swept", by=by)
    run_in_background(ctx, f"sweep-{store_id}", lambda: sweep_orders(ctx, store_id))


def free_stock(ctx: ServiceContext, store_id: str, order_id: str, *, by: str) -> int:
    """Release what is held for an order that will not come; how many products were freed.

    Raises `UnknownStore`, and `IllegalMove` while the order is on its way or at the register.
    """
    require_store(ctx, store_id)
    with ctx.database.short() as connection:
        push = outbox.push_of_order(connection, store_id, order_id)
        held = [
            hold
            for hold in holds.holds_of_order(connection, store_id, order_id)
            if hold.state != "released"
        ]
    if push is not None and PushState(push.state) not in FINAL_STATES:
        raise IllegalMove(
            f"Order {push.order_number or order_id} is still open, so its stock stays held.",
            fix="Withdraw the order first; that frees its stock.",
        )
    if not held:
        return 0
    with ctx.database.job_transaction():
        release_order(ctx, store_id, order_id, reason="freed by staff")
    audit.note(ctx, store_id, "stock_freed", order_id, by=by, products=len(held))
    return len(held)
