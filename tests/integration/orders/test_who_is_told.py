"""Sales that overtake a cancel, and orders that wait for long: who hears of it."""

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


def test_an_order_that_waits_for_long_is_shown_as_late_until_cova_has_it(bench: Bench) -> None:
    bench.place()
    outage = bench.sim.faults.add("submit_order", action="server_error", times=None)
    for _ in range(8):
        bench.push()
        bench.wait_until_due(bench.row())
    late = bench.row()
    bench.sim.faults.remove(outage.id)

    row = bench.go_on()

    assert "15 minutes" in late.warning
    assert bench.event_names().count("late") == 1
    assert row.state == "in_pos"
    assert row.warning == ""
