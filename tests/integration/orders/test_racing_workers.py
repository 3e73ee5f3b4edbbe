"""Several workers at once: each order sent once, one customer created, nobody stuck."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.integration.orders.kit import Bench, config_for, open_bench, settle_down
from tests.integration.orders.processes import Worker, worker
from tests.support.shop import ADA, MAPLE_STREET

_ORDERS, _PEOPLE = 200, 25


def _phone(number: int) -> str:
    return f"303-555-{number:04}"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_workers_over_200_orders_send_each_once(sim: Simulator, ready_url: str) -> None:
    sim.switches.update(
        {"rate_limit_headers": False, "rate_limit_enforced": False, "repeated_put": "duplicate"}
    )
    config = config_for(sim, COVA_READ_TIMEOUT_SECONDS=60)
    with open_bench(sim, ready_url) as bench:
        for number in range(_ORDERS):
            person = {**ADA, "email": None, "phone": _phone(number % _PEOPLE)}
            bench.place(str(number), customer=person, address=MAPLE_STREET)
        with (
            worker(ready_url, config, until="drained") as first,
            worker(ready_url, config, until="drained") as second,
        ):
            for each in (first, second):
                each.wait_until_ready()
            for each in (first, second):
                each.go()
            shares = [each.wait_until_done() for each in (first, second)]

        # Both took part, and each order was sent once.
        assert min(shares) > 10
        orders = sim.orders()
        assert len(orders) == _ORDERS
        assert {order["received_puts"] for order in orders} == {1}
        assert {order["duplicate_of"] for order in orders} == {None}
        rows = [bench.row(str(number)) for number in range(_ORDERS)]
        assert Counter(row.state for row in rows) == {"in_pos": _ORDERS}
        assert {row.cova_order_id for row in rows} == {order["id"] for order in orders}
        people = Counter(phone for each in sim.customers()[11:] for phone in each["phones"])
        assert set(people.values()) == {1}
        assert len(people) == _PEOPLE
        assert sim.broken == []


@pytest.mark.slow
def test_two_orders_of_one_new_customer_at_once_create_one(sim: Simulator, ready_url: str) -> None:
    """The first is held in the middle of creating; the second must wait for it, not create too."""
    config = config_for(sim, COVA_READ_TIMEOUT_SECONDS=60)
    with open_bench(sim, ready_url) as bench:
        bench.place("1")
        bench.place("2")
        fault = sim.faults.add("create_customer", action="delay", seconds=3)
        with (
            worker(ready_url, config, until="drained") as first,
            worker(ready_url, config, until="drained") as second,
        ):
            started: list[Worker] = [first, second]
            for each in started:
                each.wait_until_ready()
            for each in started:
                each.go()
            for each in started:
                each.wait_until_done()

        assert fault.hits == 1
        assert bench.calls("create_customer") == 1
        assert len(bench.customers_with()) == 1
        assert {bench.row(each).state for each in "12"} == {"in_pos"}
        assert len(sim.orders()) == 2


def test_two_polls_at_once_tell_the_shop_once(patient: Bench) -> None:
    row = patient.place()
    patient.push()
    patient.sim.register.complete(row.cova_order_id)
    fault = patient.sim.faults.add("order_status", action="delay", seconds=1)
    first = threading.Thread(target=patient.poll)
    first.start()
    _wait_for(lambda: fault.hits == 1)

    code, document = patient.command("orders", "poll", "--store", "s1")

    assert code != 0
    assert "being read right now" in document["error"]["message"]
    first.join(timeout=20)
    assert patient.row().state == "completed"
    assert [status for _, _, status in patient.shop.host.told] == ["completed"]


@pytest.mark.parametrize(
    ("operation", "skip"),
    [("tax_configuration", 0), ("search_customers", 0), ("search_customers_by_filter", 2)],
)
def test_a_worker_that_was_overtaken_writes_nothing_more(
    patient: Bench, operation: str, skip: int
) -> None:
    """It hung so long that its leases ran out and another worker finished the order."""
    patient.place()
    fault = patient.sim.faults.add(operation, action="delay", seconds=15, skip=skip)
    slow = threading.Thread(target=patient.push)
    slow.start()
    _wait_for(lambda: fault.hits == 1)
    patient.advance(301)
    row = patient.go_on()
    assert row.state == "in_pos"
    events = patient.event_names()

    patient.sim.faults.clear()
    slow.join(timeout=20)

    after = patient.row()
    assert (after.state, after.fence, after.lease_owner) == (row.state, row.fence, None)
    assert "submitting" not in patient.event_names()[len(events) :]
    assert patient.assert_sent_once(after)["received_puts"] == 1


def test_a_poll_leaves_the_claim_of_a_busy_worker_alone(patient: Bench) -> None:
    """A worker hangs in cancelling an order; a poll reads it; a third must not cancel it too."""
    patient.place()
    patient.push()
    patient.shop.send("aiq.order-cancelled", "1")
    fault = patient.sim.faults.add("cancel_order", action="delay", seconds=15)
    slow = threading.Thread(target=patient.push)
    slow.start()
    _wait_for(lambda: fault.hits == 1)

    patient.poll()

    assert patient.push().handled == 0
    patient.sim.faults.clear()
    slow.join(timeout=20)
    assert patient.row().state == "withdrawn"
    assert patient.calls("cancel_order") == 1


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        settle_down(0.02)
    raise AssertionError("it did not come to that")
