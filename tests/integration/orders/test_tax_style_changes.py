"""COVA's tax setting changes: every order refused because of it is sent again by itself."""

from __future__ import annotations

import pytest

from tests.integration.orders.kit import Bench
from tests.support.shop import ADA


def place_many(bench: Bench, number: int) -> list[str]:
    ids = [str(each) for each in range(number)]
    for order_id in ids:
        bench.place(order_id, customer={**ADA, "phone": f"303-555-02{int(order_id):02}"})
    return ids


def learn_style(bench: Bench) -> None:
    """One order goes through, so that the setting is known from now on."""
    bench.sim.switches.update({"tax_pricing": "Exclusive"})
    bench.place("first", customer={**ADA, "phone": "303-555-0199"})
    bench.push()
    assert bench.row("first").tax_pricing == "Exclusive"


@pytest.mark.parametrize("invalid_order", ["error_400", "status"])
def test_every_refused_order_is_sent_again_not_only_the_first(
    bench: Bench, invalid_order: str
) -> None:
    bench.sim.switches.update({"invalid_order": invalid_order})
    learn_style(bench)
    ids = place_many(bench, 4)
    bench.sim.switches.update({"tax_pricing": "Inclusive"})

    bench.push()
    for order_id in ids:
        bench.go_on(order_id)

    assert {bench.row(each).state for each in ids} == {"in_pos"}
    assert {bench.row(each).tax_pricing for each in ids} == {"Inclusive"}
    assert bench.signals("order-needs-attention") == []


def test_orders_in_flight_when_it_changed_all_follow(bench: Bench) -> None:
    """All were submitted in the old style, and COVA refuses them one after the other, later."""
    learn_style(bench)
    ids = place_many(bench, 3)
    refused = [
        bench.sim.faults.add("submit_order", action="non_transient_failure", message="Tax.")
        for _ in ids
    ]
    asked = bench.sim.faults.add("order_status", action="server_error", times=None)
    bench.push()
    assert {bench.row(each).state for each in ids} == {"checking"}
    assert refused
    bench.sim.switches.update({"tax_pricing": "Inclusive"})
    bench.sim.faults.remove(asked.id)

    for order_id in ids:
        bench.go_on(order_id)

    assert {bench.row(each).state for each in ids} == {"in_pos"}
    assert bench.signals("order-needs-attention") == []


def test_orders_that_already_wait_for_a_person_are_woken(bench: Bench) -> None:
    """COVA refused them before anybody noticed that its setting had changed."""
    learn_style(bench)
    ids = place_many(bench, 3)
    bench.sim.faults.add("submit_order", action="non_transient_failure", times=3, message="Tax.")
    bench.push()
    assert {bench.row(each).state for each in ids} == {"needs_attention"}
    bench.sim.switches.update({"tax_pricing": "Inclusive"})
    bench.place("fresh", customer={**ADA, "phone": "303-555-0198"})
    bench.advance(25 * 3600)

    bench.push()
    for order_id in ids:
        bench.go_on(order_id)

    assert {bench.row(each).state for each in (*ids, "fresh")} == {"in_pos"}
    assert "COVA's tax setting has changed" in bench.story("0")


def test_an_order_refused_for_another_reason_stays_with_the_person(bench: Bench) -> None:
    bench.sim.switches.update({"tax_pricing": "Inclusive"})
    bench.place()
    bench.sim.faults.add("submit_order", action="non_transient_failure", times=9, message="No.")
    bench.push()

    bench.advance(25 * 3600)
    bench.place("2", customer={**ADA, "phone": "303-555-0199"})
    bench.sim.faults.clear()
    bench.push()

    assert bench.row().state == "needs_attention"


def test_a_setting_that_keeps_changing_ends_with_a_person(bench: Bench) -> None:
    learn_style(bench)
    bench.sim.faults.add("submit_order", action="non_transient_failure", times=None, message="No.")
    bench.place()

    for style in ("Inclusive", "Exclusive") * 4:
        bench.sim.switches.update({"tax_pricing": style})
        bench.push()
        bench.wait_until_due(bench.row())

    assert bench.row().state == "needs_attention"
    assert bench.sim.orders()[-1]["received_puts"] < 10
