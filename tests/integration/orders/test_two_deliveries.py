"""Two open deliveries of one customer to two doors: both drivers are told, and no longer than
needed."""

from __future__ import annotations

import pytest

from tests.integration.orders.kit import Bench
from tests.support.shop import MAPLE_STREET

_PEARL = {**MAPLE_STREET, "line1": "7 Pearl Road", "line2": ""}
_MOVED = "Order WEB-2 of the same customer has put its own delivery address"
_OTHER = "Order WEB-1 of the same customer is delivered to another address"
_DO = "Tell this order's driver the address from the shop's order."


def _two_doors(bench: Bench) -> None:
    bench.deliver("1")
    bench.push()
    bench.deliver("2", address=_PEARL)
    bench.push()


def _register_completes(bench: Bench, order_id: str) -> None:
    bench.sim.register.complete(bench.row(order_id).cova_order_id)
    bench.poll()


@pytest.mark.parametrize("policy", ["overwrite", "beside"])
def test_both_orders_are_warned_by_the_others_number(both: Bench, policy: str) -> None:
    both.shop.cova.connect_store(both.shop.app, "s1", check=False, address_policy=policy)

    _two_doors(both)

    first, second = both.row("1"), both.row("2")
    assert (first.state, second.state) == ("in_pos", "in_pos")
    assert first.warning == f"{_MOVED} on the customer in COVA. {_DO}"
    assert _OTHER in second.warning
    assert _DO in second.warning
    assert "other_delivery" in both.event_names("1")
    assert "other_delivery" in both.event_names("2")
    told = {each["order_id"]: each["reason"] for each in both.signals("order-needs-attention")}
    assert _MOVED in told["1"]
    assert _OTHER in told["2"]
    _, listed = both.command("orders", "list")
    reasons = {each["order_id"]: each["reason"] for each in listed["orders"]}
    assert _MOVED in reasons["1"]
    assert _OTHER in reasons["2"]
    assert "Pearl" not in both.story("1") + both.story("2") + first.warning + second.warning


def test_the_order_whose_address_was_moved_stays_warned(bench: Bench) -> None:
    _two_doors(bench)

    _register_completes(bench, "2")

    assert _MOVED in bench.row("1").warning
    assert bench.row("2").warning == ""
    _register_completes(bench, "1")
    assert bench.row("1").warning == ""


def test_the_order_whose_address_cova_has_is_warned_until_the_other_ends(bench: Bench) -> None:
    _two_doors(bench)

    _register_completes(bench, "1")

    assert bench.row("2").state == "in_pos"
    assert bench.row("2").warning == ""


def test_a_cancel_before_sending_ends_the_warning_with_the_next_sweep(bench: Bench) -> None:
    refused = bench.sim.faults.add("submit_order", action="status", status=400, times=1)
    bench.deliver("1")
    bench.push()
    bench.sim.faults.remove(refused.id)
    bench.deliver("2", address=_PEARL)
    bench.push()
    assert _OTHER in bench.row("2").warning
    bench.shop.send("aiq.order-cancelled", "1")

    bench.sweep()

    assert bench.row("1").state == "withdrawn"
    assert bench.row("2").warning == ""


def test_an_order_that_brings_its_address_again_moves_the_others(bench: Bench) -> None:
    refused = bench.sim.faults.add("submit_order", action="status", status=400, times=1)
    bench.deliver("1")
    bench.push()
    bench.sim.faults.remove(refused.id)
    bench.deliver("2", address=_PEARL)
    bench.push()

    assert bench.command("orders", "retry", "1")[0] == 0
    bench.push()

    assert bench.row("1").state == "in_pos"
    assert "Order WEB-2 of the same customer is delivered" in bench.row("1").warning
    assert "has put its own" not in bench.row("1").warning
    assert "Order WEB-1 of the same customer has put its own" in bench.row("2").warning
    assert _OTHER not in bench.row("2").warning


def test_the_same_door_warns_nobody(bench: Bench) -> None:
    bench.deliver("1")
    bench.push()
    bench.deliver("2", address={**MAPLE_STREET, "line1": "12 Maple St.", "line2": "#4"})
    bench.push()
    bench.place("3")
    bench.push()

    assert [bench.row(each).warning for each in "123"] == ["", "", ""]
