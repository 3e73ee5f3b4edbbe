"""Entered at the register by hand: only when COVA certainly has nothing of the order."""

from __future__ import annotations

import json

import pytest

from aiq_cova_plugin.errors import IllegalMove
from aiq_cova_plugin.services.rescue.enter_by_hand import free_stock
from aiq_cova_plugin.store import outbox

from tests.integration.orders.kit import Bench
from tests.support.shop import ADA


def by_hand(bench: Bench, *more: str) -> tuple[int, dict[str, object]]:
    return bench.command("orders", "by-hand", "1", *more)


def hold_states(bench: Bench) -> list[str]:
    return [each["state"] for each in bench.holds()]


def test_an_order_that_needs_a_person_is_finished_by_hand(both: Bench) -> None:
    both.place(customer={**ADA, "phone": ""})
    both.push()
    assert both.row().state == "needs_attention"

    code, document = by_hand(both, "--note", "Receipt 4711")

    assert code == 0
    assert document["state"] == "completed"
    row = both.row()
    assert (row.reason, row.lease_owner, row.next_attempt_at) == ("", None, None)
    assert row.finished_at is not None
    assert "entered_by_hand" in both.event_names()
    assert "Receipt 4711" in both.story()
    # COVA counts it when it is sold, which nobody has said yet.
    assert hold_states(both) == ["active"]
    assert both.shop.status("1") == "confirmed"
    assert both.shop.host.told == []
    assert both.push().handled == 0
    assert both.sim.orders() == []


def test_the_hold_ends_with_the_next_stock_reading(both: Bench) -> None:
    both.shop.run("sync", "--store", "s1")
    both.place(customer={**ADA, "phone": ""})
    both.push()
    by_hand(both, "--sold")
    assert hold_states(both) == ["settling"]

    both.advance(5)
    both.shop.run("sync", "--store", "s1")

    assert both.holds() == []


def test_an_order_that_waits_and_never_left_is_finished_by_hand(bench: Bench) -> None:
    bench.place()

    assert by_hand(bench)[0] == 0

    assert bench.row().state == "completed"
    assert bench.push().handled == 0
    assert bench.sim.requests() == []


def test_what_cova_refused_is_asked_about_and_finished(bench: Bench) -> None:
    row = bench.place()
    bench.sim.faults.add("submit_order", action="non_transient_failure", message="No.")
    bench.push()
    asked = bench.calls("order_status")

    assert by_hand(bench)[0] == 0

    assert bench.calls("order_status") == asked + 1
    assert bench.row().state == "completed"
    assert bench.row().cova_order_id == row.cova_order_id


def test_what_cova_has_after_all_is_not_entered_twice(both: Bench) -> None:
    """The answer to the submission was lost and COVA cannot be asked: it might be there."""
    both.place()
    both.sim.faults.add("submit_order", action="reset_after")
    down = both.sim.faults.add("order_status", action="server_error", times=None)
    both.push()
    assert both.row().state == "checking"

    code, unanswered = by_hand(both)
    both.sim.faults.remove(down.id)
    refused, known = by_hand(both)

    assert code != 0
    assert "cannot be asked now" in json.dumps(unanswered)
    assert refused != 0
    assert "COVA has order WEB-1 already" in json.dumps(known)
    row = both.row()
    assert (row.state, row.lease_owner) == ("checking", None)
    assert both.go_on().state == "in_pos"
    both.assert_sent_once(both.row())


def test_what_was_sent_a_moment_ago_may_still_arrive(bench: Bench) -> None:
    bench.place()
    bench.sim.faults.add("submit_order", action="reset_before")
    bench.push()
    assert bench.row().state == "checking"

    early, document = by_hand(bench)
    bench.advance(60)
    late, _ = by_hand(bench)

    assert early != 0
    assert "may still arrive" in json.dumps(document)
    assert late == 0
    assert bench.row().state == "completed"
    assert bench.sim.orders() == []


@pytest.mark.parametrize("state", ["in_pos", "completed", "withdrawn"])
def test_an_order_in_cova_or_finished_cannot_be_entered_by_hand(bench: Bench, state: str) -> None:
    row = bench.place()
    if state == "withdrawn":
        bench.shop.send("aiq.order-cancelled", "1")
    else:
        bench.push()
    if state == "completed":
        bench.sim.register.complete(row.cova_order_id)
        bench.poll()
    assert bench.row().state == state
    events = bench.event_names()

    code, _ = by_hand(bench)

    assert code != 0
    assert bench.row().state == state
    assert bench.event_names() == events


def test_an_order_being_taken_back_is_not_entered_by_hand(bench: Bench) -> None:
    bench.place()
    bench.sim.faults.add("submit_order", action="reset_after")
    down = bench.sim.faults.add("order_status", action="server_error", times=None)
    bench.push()
    bench.shop.send("aiq.order-cancelled", "1")

    code, document = by_hand(bench)

    assert code != 0
    assert "being taken back" in json.dumps(document)
    bench.sim.faults.remove(down.id)
    assert bench.go_on().state == "withdrawn"


def test_a_worker_that_has_it_is_not_disturbed(bench: Bench) -> None:
    row = bench.place()
    with bench.shop.app.app_context(), bench.ctx.database.short() as connection:
        outbox.claim_push(connection, row.id, owner="another", now=bench.clock.now(), seconds=300)

    code, document = by_hand(bench)

    assert code != 0
    assert "being sent right now" in json.dumps(document)
    assert bench.row().lease_owner == "another"


def test_what_was_only_entered_is_not_sold_again(both: Bench) -> None:
    """COVA counts an order at its sale, not when it is typed in."""
    _enter(both)

    both.advance(600)
    both.shop.run("sync", "--store", "s1")
    assert hold_states(both) == ["active"]

    code, _ = by_hand(both, "--sold")

    assert code == 0
    assert hold_states(both) == ["settling"]
    assert "sold_by_hand" in both.event_names()
    assert by_hand(both, "--sold")[0] != 0


def test_a_hold_nobody_speaks_of_again_expires_and_is_said(both: Bench) -> None:
    _enter(both)
    both.advance(3 * 86400 - 60)
    both.sweep()
    assert hold_states(both) == ["active"]

    both.advance(120)
    both.sweep()

    assert both.holds() == []
    assert "by hand" in both.signals("order-needs-attention")[-1]["reason"]


def test_stock_of_an_order_that_was_not_sold_is_freed(bench: Bench) -> None:
    _enter(bench)
    with bench.shop.app.app_context():
        free_stock(bench.ctx, bench.row(), by="Ann")

    assert bench.holds() == []
    assert "stock_freed" in bench.event_names()
    with bench.shop.app.app_context(), pytest.raises(IllegalMove):
        free_stock(bench.ctx, bench.row(), by="Ann")


def test_a_cancel_in_the_shop_frees_what_was_only_entered(bench: Bench) -> None:
    _enter(bench)

    bench.shop.send("aiq.order-cancelled", "1")

    assert bench.holds() == []


def _enter(bench: Bench) -> None:
    bench.place(customer={**ADA, "phone": ""})
    bench.push()
    assert by_hand(bench)[0] == 0
    assert hold_states(bench) == ["active"]
