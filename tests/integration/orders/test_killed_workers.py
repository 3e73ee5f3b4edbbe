"""kill -9 at every commit point: whoever takes over asks COVA first, and nothing is doubled.

A real worker process hangs in a call that the simulator does not answer, so that everything
before it is committed and nothing after it; then it is killed. The next worker comes when the
lease has run out.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.integration.orders.kit import (
    ADA_DIGITS,
    LEASE_SECONDS,
    Bench,
    config_for,
    open_bench,
    settle_down,
)
from tests.integration.orders.processes import worker

pytestmark = pytest.mark.slow

_BEFORE, _AFTER = "timeout_before_effect", "timeout_after_effect"
# The killed process went by the real clock, which is a little ahead of the test's.
_PAST_THE_LEASE = LEASE_SECONDS + 60
POINTS = {
    # the call it hangs in                 what the killed worker had just committed
    "token": ("token", _BEFORE),  # the claim
    "tax": ("tax_configuration", _BEFORE),  # the move to sending, the token
    "stock": ("product_data_by_ids", _BEFORE),  # the tax setting
    "search": ("search_customers", _BEFORE),  # the customer's lease
    "create_before": ("create_customer", _BEFORE),  # the step "creating customer"
    "create_after": ("create_customer", _AFTER),  # the same, and COVA has the customer
    "add_address_before": ("add_address", _BEFORE),  # who the customer is
    "add_address_after": ("add_address", _AFTER),  # the same, and COVA has the address
    "address_before": ("update_address", _BEFORE),  # the old address on record
    "address_after": ("update_address", _AFTER),  # the same, and COVA has the new one
    "submit_before": ("submit_order", _BEFORE),  # that it is being sent
    "submit_after": ("submit_order", _AFTER),  # the same, and COVA has the order
    "status": ("order_status", _BEFORE),  # that COVA took it in
    "status_after": ("order_status", _AFTER),  # the same
}
CANCEL_POINTS = {
    "cancel_before": ("cancel_order", _BEFORE),
    "cancel_after": ("cancel_order", _AFTER),
}


@pytest.fixture
def bench(sim: Simulator, ready_url: str) -> Iterator[Bench]:
    with open_bench(sim, ready_url) as made:
        yield made
    assert sim.broken == []


def _kill_in(bench: Bench, operation: str, action: str) -> None:
    """Start a worker, wait until it hangs in that call, kill it."""
    fault = bench.sim.faults.add(operation, action=action)
    # Its read timeout must not end the wait, and must be shorter than the lease.
    config = config_for(bench.sim, COVA_READ_TIMEOUT_SECONDS=60)
    with worker(bench.database_url, config) as victim:
        victim.wait_until_ready()
        victim.go()
        for _ in range(500):
            if fault.hits:
                break
            settle_down(0.02)
        assert fault.hits == 1
        settle_down(0.05)
        assert victim.is_running
        victim.kill()
    bench.sim.faults.clear()


def _take_over(bench: Bench, *, step: str) -> None:
    """Before the lease runs out nobody may act; then another worker goes on."""
    events = len(bench.events())
    assert bench.push().handled == 0
    bench.advance(_PAST_THE_LEASE)
    was_checking = bench.row().state == "checking"
    asked = bench.calls("order_status")

    bench.go_on()

    names = bench.event_names()[events:]
    assert names[0] == "taken_over"
    if step not in CANCEL_POINTS:
        # Sent or not: it enters by asking, never by sending.
        assert bench.calls("order_status") > asked
        assert "checking" in names or was_checking
        if "submitting" in names and not was_checking:
            assert names.index("checking") < names.index("submitting")


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_s_order_arrives_once(bench: Bench, point: str) -> None:
    bench.sim.switches.update({"repeated_put": "duplicate"})
    operation, action = POINTS[point]
    if operation == "update_address":
        bench.sim.register.add_customer(
            phones=[ADA_DIGITS], addresses=[{"street1": "1 Old Road", "locality": "Denver"}]
        )
    elif operation == "add_address":
        bench.sim.register.add_customer(phones=[ADA_DIGITS])
    placed = bench.deliver()
    _kill_in(bench, operation, action)
    killed = bench.row()
    assert killed.lease_owner is not None
    assert (killed.submitted_at is not None) is (operation in {"submit_order", "order_status"})

    _take_over(bench, step=point)

    row = bench.row()
    assert row.state == "in_pos", row.reason
    assert row.cova_order_id == placed.cova_order_id
    assert bench.assert_sent_once(row)["received_puts"] == 1
    (address,) = bench.customers_with()[0]["addresses"]
    assert address["street1"] == "12 Maple Street"
    assert len(bench.signals("order-pushed")) == 1
    assert bench.signals("order-needs-attention") == []


@pytest.mark.parametrize("point", CANCEL_POINTS)
def test_a_killed_worker_s_cancel_is_carried_out(bench: Bench, point: str) -> None:
    bench.place()
    bench.push()
    bench.shop.send("aiq.order-cancelled", "1")
    _kill_in(bench, *CANCEL_POINTS[point])

    _take_over(bench, step=point)

    assert bench.row().state == "withdrawn"
    assert bench.assert_sent_once(bench.row())["status"] == "Cancelled"
    assert bench.calls("cancel_order") == (2 if point == "cancel_before" else 1)


def test_an_order_cancelled_after_its_worker_died_is_withdrawn(bench: Bench) -> None:
    """The dead worker may have sent it: that is asked before it is called withdrawn."""
    bench.place()
    _kill_in(bench, "submit_order", _AFTER)
    bench.shop.send("aiq.order-cancelled", "1")
    assert bench.row().state != "withdrawn"

    bench.advance(_PAST_THE_LEASE)
    row = bench.go_on()

    assert row.state == "withdrawn"
    assert bench.assert_sent_once(row)["status"] == "Cancelled"


def test_retry_takes_over_a_dead_worker_s_claim(bench: Bench) -> None:
    bench.place()
    _kill_in(bench, "submit_order", _AFTER)

    code, document = bench.command("orders", "retry", "1")
    assert code != 0
    assert "being sent right now" in document["error"]["message"]
    bench.advance(_PAST_THE_LEASE)
    assert bench.command("orders", "retry", "1")[0] == 0
    bench.push()

    assert bench.row().state == "in_pos"
    assert bench.assert_sent_once(bench.row())["received_puts"] == 1
    assert "taken_over" in bench.event_names()
