"""Sales that overtake a cancel, and orders that wait for long: who hears of it."""

from __future__ import annotations

import json

import pytest

from tests.integration.orders.kit import ADA_DIGITS, Bench


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


# --- what COVA says of an order and takes back ------------------------------------------------


def _says_first(bench: Bench, word: str, *, times: int = 1) -> None:
    body = json.dumps({"OrderStatus": word, "SaleTotal": 0})
    bench.sim.faults.add("order_status", action="status", status=200, body=body, times=times)


def test_an_unknown_first_word_is_no_proof_that_the_register_has_it(both: Bench) -> None:
    """Then COVA refuses it: a person is asked, and everything that rescues an order works."""
    both.place()
    _says_first(both, "AwaitingValidation")
    both.sim.faults.add("submit_order", action="non_transient_failure", message="Out of stock.")

    both.push()

    row = both.row()
    assert (row.state, row.in_pos_at) == ("checking", None)
    assert "AwaitingValidation" in row.warning
    assert both.signals("order-pushed") == []
    assert len(both.signals("order-needs-attention")) == 1
    row = both.go_on()
    assert row.state == "needs_attention"
    assert "Out of stock" in row.reason
    assert row.warning == ""
    assert len(both.holds()) == 1
    assert both.command("orders", "by-hand", "1", "--sold")[0] == 0


def test_an_unknown_first_word_is_asked_about_until_cova_goes_on(bench: Bench) -> None:
    bench.place()
    _says_first(bench, "AwaitingValidation", times=3)

    row = bench.go_on()

    assert row.state == "in_pos"
    assert row.warning == ""
    assert len(bench.signals("order-pushed")) == 1
    assert bench.event_names().count("unknown_status") == 1
    bench.assert_sent_once(row)


@pytest.mark.parametrize("word", ["NonTransientProcessingFailure", "TransientProcessingFailure"])
def test_an_order_cova_refuses_after_all_waits_for_a_person(both: Bench, word: str) -> None:
    both.place()
    both.push()
    assert both.row().state == "in_pos"
    told = {"OrderStatus": word, "OrderMessage": "Out of stock.", "SaleTotal": 0}
    both.sim.faults.add("order_status", action="status", status=200, body=json.dumps(told))

    report = both.poll()

    assert (report.changed, report.needs_attention) == (1, 1)
    row = both.row()
    assert (row.state, row.in_pos_at) == ("needs_attention", None)
    assert "Out of stock" in row.reason
    assert row.fix
    assert len(both.holds()) == 1
    assert [each["reason"] for each in both.signals("order-needs-attention")] == [row.reason]
    # COVA is asked before anything is sent again: it has the order, so nothing is.
    assert both.command("orders", "retry", "1")[0] == 0
    assert both.go_on().state == "in_pos"
    both.assert_sent_once(both.row())


def test_an_order_cova_refuses_after_all_can_be_withdrawn(bench: Bench) -> None:
    row = bench.place()
    bench.push()
    told = {"OrderStatus": "NonTransientProcessingFailure", "OrderMessage": "Out of stock."}
    body = json.dumps(told)
    bench.sim.faults.add("order_status", action="status", status=200, body=body, times=None)
    bench.poll()

    assert bench.command("orders", "cancel", "1")[0] == 0

    assert bench.go_on().state == "withdrawn"
    assert bench.holds() == []
    assert row.cova_order_id == bench.row().cova_order_id


def test_a_paid_order_is_not_taken_for_refused(bench: Bench) -> None:
    bench.place()
    bench.push()
    told = {"OrderStatus": "NonTransientProcessingFailure", "PaymentStatus": "PaymentApplied"}
    bench.sim.faults.add("order_status", action="status", status=200, body=json.dumps(told))

    bench.poll()

    assert bench.row().state == "in_pos"
    assert "of an order it had taken" in bench.row().warning
    bench.poll()
    assert bench.row().warning == ""


def test_warnings_come_and_go_each_by_itself(both: Bench) -> None:
    both.sim.register.add_customer(first_name="Ada", phones=[ADA_DIGITS])
    both.sim.faults.add("add_address", action="forbidden", times=None)
    both.deliver()
    both.push()
    assert both.row().state == "in_pos"
    address = both.row().warning
    assert "delivery address" in address
    both.sim.faults.add("order_status", action="status", status=404)

    both.poll()
    during = both.row().warning
    both.poll()

    assert during.splitlines() == [address, "COVA no longer knows this order."]
    assert both.row().warning == address
