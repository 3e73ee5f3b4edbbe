"""Two open deliveries of one customer to two doors: both drivers are told, and no longer than
needed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from aiq_cova_plugin.host import Order
from aiq_cova_plugin.services.orders import other_deliveries, send_order
from aiq_cova_plugin.services.orders.match_customer import FoundCustomer
from aiq_cova_plugin.services.orders.push_row import PushRow

from tests.integration.orders.kit import Bench, customer, settings_for
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


def test_of_two_orders_that_race_the_one_written_over_is_warned(
    both: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second order comes between the first one's address and its warnings."""
    warn, has_raced = send_order.warn_of_other_deliveries, []

    def race(row: PushRow, order: Order, *, has_written: bool) -> None:
        if not has_raced:
            has_raced.append(True)
            both.deliver("2", address=_PEARL)
            both.push()
        warn(row, order, has_written=has_written)

    monkeypatch.setattr(send_order, "warn_of_other_deliveries", race)
    both.deliver("1")
    both.push()

    assert both.go_on("2").state == "in_pos"
    assert both.row("1").state == "in_pos"
    assert _MOVED in both.row("1").warning
    _register_completes(both, "2")
    assert _MOVED in both.row("1").warning


def test_an_address_that_was_written_over_meanwhile_is_not_taken_for_the_customers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer was read before another order wrote over its address."""
    bench.deliver("1")
    bench.push()
    look_up, has_raced = send_order.match_customer, []

    def race(*arguments: Any, **more: Any) -> FoundCustomer:
        found = look_up(*arguments, **more)
        if not has_raced:
            has_raced.append(True)
            bench.deliver("2", address=_PEARL)
            bench.push()
        return found

    monkeypatch.setattr(send_order, "match_customer", race)
    bench.deliver("3")
    bench.push()

    assert bench.row("3").state == "in_pos"
    assert "Order WEB-3 of the same customer has put its own" in bench.row("2").warning
    assert "has put its own" not in bench.row("3").warning
    (found,) = bench.customers_with()
    assert MAPLE_STREET["line1"] in str(found)


def test_staff_read_no_number_of_another_store(bench: Bench) -> None:
    bench.shop.cova.connect_store(bench.shop.app, "s2", check=False, **settings_for(bench.sim))
    bench.shop.place("9", bench.lines(), store_id="s2", address=MAPLE_STREET)
    bench.push("s2")
    bench.deliver("1", address=_PEARL)
    bench.push()

    said = bench.row("1").warning
    other = bench.row("9", store_id="s2")
    assert "An order of the same customer at another store is delivered" in said
    assert "An order of the same customer at another store has put its own" in other.warning
    told = bench.story("1") + str(
        [each["reason"] for each in bench.signals("order-needs-attention")]
    )
    assert "s2" not in said + told
    assert "WEB-9" not in said + told
    bench.sim.register.complete(other.cova_order_id)
    bench.poll("s2")
    assert bench.row("1").warning == ""


def test_a_customer_called_like_a_word_of_the_warning_leaves_it_whole(bench: Bench) -> None:
    driver = customer(last_name="Driver", first_name="Order")
    bench.deliver("1", customer=driver)
    bench.push()
    bench.deliver("2", address=_PEARL, customer=driver)
    bench.push()
    assert _OTHER in bench.row("2").warning
    assert _DO in bench.row("2").warning

    _register_completes(bench, "1")

    assert bench.row("2").warning == ""


def test_trouble_with_warnings_swallows_no_signal(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _two_doors(bench)

    def locked(*_arguments: Any) -> None:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr(other_deliveries, "_forget_ended", locked)
        _register_completes(bench, "1")

    assert bench.row("1").state == "completed"
    assert [each["status"] for each in bench.signals("order-status-changed")] == ["completed"]
    bench.sweep()
    assert bench.row("2").warning == ""
