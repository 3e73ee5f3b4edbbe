"""Many orders that are at the register already, without the minutes it takes to send them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.models import Push

from tests.integration.orders.kit import Bench


def fill(bench: Bench, number: int, *, age: timedelta) -> list[str]:
    """So many open orders that came to the register so long ago, all due; their COVA ids.

    Each is a copy of one that was really sent, on our side and in the simulator.
    """
    sent = bench.place("model")
    bench.push()
    row = bench.row("model")
    assert row.state == "in_pos"
    names = [each.key for each in Push.__table__.columns if each.key != "id"]
    model = {name: getattr(row, name) for name in names}
    now = bench.clock.now()
    ids = [str(uuid4()) for _ in range(number)]
    with bench.sim.state.lock:
        register = bench.sim.state.orders
        for cova_id in ids:
            register[cova_id] = replace(register[sent.cova_order_id], id=cova_id)
    with bench.shop.app.app_context(), bench.ctx.database.short() as connection:
        for position, cova_id in enumerate(ids):
            entered = now - age - timedelta(seconds=position)
            values = model | {
                "order_id": f"many-{position}",
                "order_number": f"MANY-{position}",
                "cova_order_id": cova_id,
                "in_pos_at": entered,
                "polled_at": entered,
                "poll_due_at": now,
            }
            outbox.add_push(connection, values)
    return ids
