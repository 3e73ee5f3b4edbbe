"""COVA was away for hours: what waited goes oldest first, and never faster than allowed."""

from __future__ import annotations

import pytest

from aiq_cova_plugin.cova.rate_limit import RateBudget

from tests.integration.orders.kit import Bench
from tests.support.shop import ADA

_ORDERS, _PEOPLE = 500, 20


def place_many(bench: Bench, number: int) -> list[str]:
    """Their numbers, in the order they were confirmed."""
    for each in range(number):
        person = {**ADA, "email": None, "phone": f"303-555-{each % _PEOPLE:04}"}
        bench.place(f"{each:03}", customer=person)
    return [f"WEB-{each:03}" for each in range(number)]


def limit(bench: Bench, calls_per_minute: int) -> None:
    """COVA's limit, enforced by the simulator, and our own budget, which learns of it."""
    bench.sim.switches.update({"rate_limit": calls_per_minute})
    bench._budget = RateBudget(  # the kit's own one is far too big for this
        monotonic=lambda: bench.clock.now().timestamp(), sleep=bench.advance
    )


def drain(bench: Bench, *, ticks: int) -> int:
    """Tick every two seconds until nothing waits; how many ticks that took."""
    for tick in range(ticks):
        report = bench.push()
        if not report.waiting and not report.failed:
            with bench.shop.app.app_context():
                _, document = bench.command("orders", "list", "--state", "queued")
            if not document["orders"]:
                return tick
        bench.advance(2)
    raise AssertionError("it does not drain")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_500_orders_drain_oldest_first_within_the_limit(bench: Bench) -> None:
    numbers = place_many(bench, _ORDERS)
    outage = bench.sim.faults.add(action="unavailable", times=None)
    for _ in range(6):
        bench.push()
        bench.advance(1800)
    assert bench.sim.orders() == []
    bench.sim.faults.remove(outage.id)
    limit(bench, 300)
    before = len(bench.sim.requests())

    drain(bench, ticks=900)

    came = [order["external_order_id"] for order in bench.sim.orders()]
    assert sorted(came) == numbers
    # The first one through may be any; it brings the others on, and those come in their order.
    assert came[1:] == sorted(came[1:])
    calls = bench.sim.requests()[before:]
    assert [call for call in calls if call["status"] == 429] == []
    # Log-in and tax setting once; for each order stock, customer, submission and status.
    assert len(calls) < _ORDERS * 5 + _PEOPLE * 10
    assert bench.signals("order-needs-attention") == []
    assert len(bench.customers_with("3035550000")) == 1


def test_the_first_one_through_brings_on_the_rest(bench: Bench) -> None:
    numbers = place_many(bench, 8)
    outage = bench.sim.faults.add(action="unavailable", times=None)
    for _ in range(40):
        bench.push()
        bench.advance(300)
    bench.sim.faults.remove(outage.id)
    waits = [bench.row(f"{each:03}").next_attempt_at for each in range(8)]
    first_due = min(wait for wait in waits if wait is not None)
    bench.advance(max(0.0, (first_due - bench.clock.now()).total_seconds()) + 0.01)

    report = bench.push()

    assert report.changed == 8
    came = [order["external_order_id"] for order in bench.sim.orders()]
    assert sorted(came) == numbers
    assert came[1:] == sorted(came[1:])


def test_one_order_with_a_trouble_of_its_own_is_not_hurried_by_the_others(bench: Bench) -> None:
    """Only several waiting orders are an outage; one that always fails keeps its long delays."""
    place_many(bench, 3)
    bench.sim.faults.add(
        "submit_order", path=bench.row("001").cova_order_id, action="bad_gateway", times=None
    )
    bench.push()
    poison = bench.row("001").next_attempt_at

    bench.place("900", customer={**ADA, "phone": "303-555-0900"})
    bench.push()

    assert bench.row("900").state == "in_pos"
    assert bench.row("001").next_attempt_at == poison


def test_a_limit_makes_the_whole_store_wait_and_nobody_loses_their_place(bench: Bench) -> None:
    numbers = place_many(bench, 6)
    bench.sim.faults.add("submit_order", action="rate_limited", retry_after=50, skip=2, times=1)

    report = bench.push()

    assert (report.changed, report.failed) == (2, 1)
    assert report.waiting == 4
    bench.advance(45)
    assert bench.push().handled == 0
    bench.advance(20)
    bench.push()
    assert [order["external_order_id"] for order in bench.sim.orders()] == numbers
    # Their timelines are not filled with tries that were none.
    assert "waiting" not in bench.event_names("005")
