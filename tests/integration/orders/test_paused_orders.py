"""Sync Orders switched off: what was not sent waits, visibly; what may be in COVA is followed up."""

from __future__ import annotations

from aiq_cova_plugin.host import OrderStatus
from aiq_cova_plugin.services.run_due import run_due_order_jobs

from tests.integration.orders.kit import Bench


def switch(bench: Bench, *, on: bool) -> None:
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, sync_orders=on)


def tick(bench: Bench) -> None:
    with bench.shop.app.app_context():
        run_due_order_jobs(bench.ctx)


def test_what_was_queued_waits_and_goes_when_it_is_switched_on_again(both: Bench) -> None:
    rows = [both.place("1"), both.place("2")]
    switch(both, on=False)

    assert both.push().handled == 0
    tick(both)
    assert both.sim.requests("submit_order") == []
    _, listed = both.command("orders", "list")
    assert [each["paused"] for each in listed["orders"]] == [True, True]
    assert {each["reason"] for each in listed["orders"]} == {
        "Paused: Sync Orders is off for this store."
    }
    assert [hold["state"] for hold in both.holds()] == ["active", "active"]

    switch(both, on=True)
    tick(both)

    assert [both.row(each).state for each in "12"] == ["in_pos", "in_pos"]
    assert [order["id"] for order in both.sim.orders()] == [row.cova_order_id for row in rows]
    _, listed = both.command("orders", "list")
    assert not any(each["paused"] for each in listed["orders"])


def test_an_order_without_a_clear_answer_is_asked_about_but_not_sent_again(both: Bench) -> None:
    both.place()
    both.sim.faults.add("submit_order", action="reset_before")
    both.push()
    assert both.row().state == "checking"
    switch(both, on=False)
    both.advance(60)

    both.push()

    row = both.row()
    assert (row.state, row.kind) == ("checking", "paused")
    assert row.reason == "Paused: Sync Orders is off for this store."
    assert "Switch Sync Orders on" in row.fix
    assert both.event_names().count("paused") == 1
    both.wait_until_due(row)
    both.push()
    assert both.event_names().count("paused") == 1
    assert both.sim.orders() == []

    switch(both, on=True)
    both.push()

    assert both.row().state == "in_pos"
    assert both.assert_sent_once(both.row())["received_puts"] == 1


def test_an_answer_that_was_lost_is_still_found(bench: Bench) -> None:
    bench.place()
    bench.sim.faults.add("submit_order", action="reset_after")
    down = bench.sim.faults.add("order_status", action="server_error", times=None)
    bench.push()
    switch(bench, on=False)
    bench.sim.faults.remove(down.id)

    assert bench.go_on().state == "in_pos"


def test_orders_in_cova_are_followed_and_withdrawn_while_it_is_off(bench: Bench) -> None:
    first, _second = bench.place("1"), bench.place("2")
    bench.push()
    switch(bench, on=False)

    bench.sim.register.complete(first.cova_order_id)
    bench.poll()
    bench.shop.send("aiq.order-cancelled", "2")
    bench.push()

    assert bench.row("1").state == "completed"
    assert bench.shop.status("1") == OrderStatus.COMPLETED
    assert bench.row("2").state == "withdrawn"


def test_a_paused_order_can_be_cancelled(bench: Bench) -> None:
    bench.place()
    switch(bench, on=False)

    bench.shop.send("aiq.order-cancelled", "1")

    assert bench.row().state == "withdrawn"
    assert bench.holds() == []


def test_retry_says_that_the_store_sends_nothing(bench: Bench) -> None:
    bench.place()
    switch(bench, on=False)

    code, document = bench.command("orders", "retry", "1")

    assert code == 0
    assert "Sync Orders is off" in document["note"]
    assert bench.push().handled == 0


def test_retry_of_an_order_that_is_being_taken_back_says_so(bench: Bench) -> None:
    bench.place()
    bench.push()
    bench.sim.faults.add("cancel_order", action="status", status=400, times=1)
    bench.shop.send("aiq.order-cancelled", "1")
    bench.push()
    assert bench.row().state == "needs_attention"

    code, document = bench.command("orders", "retry", "1")

    assert code == 0
    assert "asked again to give it back" in document["note"]
    assert bench.go_on().state == "withdrawn"
