"""The shop cancels an order in the moment in which the register completes its sale."""

from __future__ import annotations

from tests.integration.orders.kit import Bench


def test_what_was_sold_is_held_again_until_covas_stock_counts_it(bench: Bench) -> None:
    bench.place()
    bench.push()
    (order,) = bench.sim.orders()
    bench.sim.register.complete(order["id"])
    bench.shop.send("aiq.order-cancelled", "1")

    bench.push()

    assert [hold["state"] for hold in bench.holds()] == ["settling"]
    assert bench.row().state == "completed"
    assert bench.row().warning
    assert bench.signals("order-needs-attention")


def test_a_cancel_that_cova_follows_leaves_nothing_held(bench: Bench) -> None:
    bench.place()
    bench.push()
    bench.shop.send("aiq.order-cancelled", "1")

    bench.push()

    assert bench.holds() == []
    assert bench.row().state == "withdrawn"
