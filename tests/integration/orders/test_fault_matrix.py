"""Every remote step of a push, failing in every way: the order arrives once, or a person knows.

Each case drives the real commands; where an order needs attention the test presses Retry, as a
person would. `recovers`: the step fails twice. `stays down`: it fails until somebody repairs it,
and what holds meanwhile is looked at before.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from aiq_cova_plugin.store.customers import remember_customer
from aiq_cova_plugin.store.models import Push

from tests.integration.orders.kit import (
    ADA_DIGITS,
    READ_TIMEOUT_SECONDS,
    Bench,
    settle_down,
)
from tests.support.shop import ADA

_SLOW_SECONDS = READ_TIMEOUT_SECONDS + 0.2


@dataclass(frozen=True)
class Failure:
    """One way to fail; `lets_through`: COVA has done the work all the same."""

    name: str
    action: str
    lets_through: bool = False
    params: tuple[tuple[str, Any], ...] = ()


FAILURES = (
    Failure("refused_400", "status", params=(("status", 400),)),
    Failure("refused_401", "unauthorized"),
    Failure("refused_403", "forbidden"),
    Failure("429_retry_after", "rate_limited", params=(("retry_after", 90),)),
    Failure("429_plain", "rate_limited"),
    Failure("error_500", "server_error"),
    Failure("gateway_502_html", "bad_gateway"),
    Failure("timeout_before", "timeout_before_effect"),
    Failure("timeout_after", "timeout_after_effect", lets_through=True),
    Failure("reset_before", "reset_before"),
    Failure("reset_after", "reset_after", lets_through=True),
    Failure("garbage", "garbage", lets_through=True),
    Failure("slow", "delay", lets_through=True, params=(("seconds", _SLOW_SECONDS),)),
)
_REFUSALS = {"refused_400", "refused_401", "refused_403"}
_HANGING = {"timeout_before", "timeout_after", "slow"}

#: Step → the simulator's operation that fails.
STEPS = {
    "token": "token",
    "tax_configuration": "tax_configuration",
    "check_stock": "product_data_by_ids",
    "known_customer": "customer",
    "search_customer": "search_customers",
    "create_customer": "create_customer",
    "add_address": "add_address",
    "update_address": "update_address",
    "submit": "submit_order",
    "status": "order_status",
    "cancel": "cancel_order",
}
_WRITES = {"create_customer", "add_address", "update_address", "submit", "cancel"}
_ADDRESS_STEPS = {"add_address", "update_address"}


def _cases(steps: Any) -> list[Any]:
    return [
        pytest.param(
            step,
            failure,
            id=f"{step}-{failure.name}",
            marks=[pytest.mark.slow] if failure.name in _HANGING else [],
        )
        for step in steps
        for failure in FAILURES
    ]


def _prepare(bench: Bench, step: str) -> Push:
    """An order for which this step will be taken next."""
    if step == "update_address":
        bench.sim.register.add_customer(
            first_name="Ada",
            last_name="Example",
            phones=[ADA_DIGITS],
            addresses=[{"street1": "1 Old Road", "locality": "Denver", "is_default": True}],
        )
    elif step == "known_customer":
        _remember(bench, bench.sim.register.add_customer(first_name="Ada", phones=[ADA_DIGITS]))
    elif step == "add_address":
        bench.sim.register.add_customer(first_name="Ada", phones=[ADA_DIGITS])
    row = bench.deliver()
    if step == "cancel":
        bench.push()
        assert bench.row().state == "in_pos"
        bench.shop.send("aiq.order-cancelled", "1")
    return row


def _remember(bench: Bench, customer_id: object) -> None:
    """An earlier order of the same phone went to this customer."""
    with bench.shop.app.app_context(), bench.ctx.database.short() as connection:
        remember_customer(
            connection,
            bench.sim.company_id,
            bench.ctx.vault.digest("+13035550142"),
            str(customer_id),
            now=bench.clock.now(),
        )


def _break(bench: Bench, step: str, failure: Failure, times: int | None) -> None:
    bench.sim.faults.add(STEPS[step], action=failure.action, times=times, **dict(failure.params))


def _drive(bench: Bench, failure: Failure, rounds: int, *, retry: bool) -> Push:
    for _ in range(rounds):
        before = bench.row()
        if before.state not in {"queued", "sending", "checking", "needs_attention"} and not (
            before.state == "in_pos" and before.cancel_requested
        ):
            return before
        if before.state == "needs_attention":
            if not retry:
                return before
            code, document = bench.command("orders", "retry", "1")
            assert code == 0, document
        bench.command("orders", "push")
        if failure.name == "slow":
            settle_down(0.25)
        _assert_no_double(bench, before)
        bench.wait_until_due(bench.row())
    return bench.row()


def _assert_no_double(bench: Bench, row: Push) -> None:
    """The invariant at every moment: at most one order, at most one customer, one GUID."""
    now = bench.row()
    assert now.cova_order_id == row.cova_order_id
    assert len(bench.sim.orders()) <= 1
    assert len(bench.customers_with(ADA_DIGITS)) <= 1


def _assert_well(bench: Bench, step: str) -> None:
    row = bench.row()
    order = bench.assert_sent_once(row)
    if step == "cancel":
        assert row.state == "withdrawn"
        assert order["status"] == "Cancelled"
        assert bench.holds() == []
        return
    assert row.state == "in_pos", row.reason
    assert order["status"] == "ReadyForPayment"
    if not row.warning:
        streets = [each["street1"] for each in bench.customers_with()[0]["addresses"]]
        assert streets == ["12 Maple Street"]
    assert len(bench.signals("order-pushed")) == 1


@pytest.mark.parametrize(("step", "failure"), _cases(STEPS))
def test_step_recovers(bench: Bench, step: str, failure: Failure) -> None:
    _prepare(bench, step)
    _break(bench, step, failure, times=2)

    _drive(bench, failure, rounds=20, retry=True)

    _assert_well(bench, step)
    # A refusal is not waited out: no try was wasted on it, and a hiccup needed nobody.
    called = bool(bench.signals("order-needs-attention"))
    if failure.name not in _REFUSALS:
        assert not called, bench.row().reason


def _expected_while_down(step: str, failure: Failure) -> set[str]:
    """The states an order may be in after some tries with the step down for good."""
    if step in _ADDRESS_STEPS or step == "check_stock":
        # The order is never lost over its address, nor over a question COVA does not answer.
        return {"in_pos"}
    if step == "cancel":
        if failure.name in _REFUSALS:
            return {"needs_attention"}
        return {"withdrawn"} if failure.lets_through else {"in_pos"}
    if (step, failure.name) == ("search_customer", "refused_400"):
        return {"in_pos"}  # the older search call is asked instead
    if (step, failure.name) == ("token", "refused_400"):
        return {"queued"}  # none of the agreed reasons: not called a wrong password at once
    if failure.name in _REFUSALS:
        return {"needs_attention"}
    if step == "create_customer" and failure.lets_through:
        return {"in_pos"}
    if step == "submit":
        if failure.lets_through:
            return {"in_pos"}
        return {"queued"} if failure.name.startswith("429") else {"checking"}
    if step == "status":
        return {"needs_attention"} if failure.name == "garbage" else {"checking"}
    return {"needs_attention"} if failure.name == "garbage" else {"queued"}


@pytest.mark.slow
@pytest.mark.parametrize(("step", "failure"), _cases(STEPS))
def test_step_stays_down(bench: Bench, step: str, failure: Failure) -> None:
    _prepare(bench, step)
    _break(bench, step, failure, times=None)
    rounds = 9 if failure.name == "garbage" else 6 if step in _ADDRESS_STEPS else 3

    row = _drive(bench, failure, rounds=rounds, retry=False)

    assert row.state in _expected_while_down(step, failure), row.reason
    if row.state == "needs_attention":
        assert row.reason
        assert len(bench.signals("order-needs-attention")) == 1
    if step in _ADDRESS_STEPS and not (failure.lets_through and row.warning == ""):
        assert "delivery address could not be put" in row.warning
        assert len(bench.signals("order-needs-attention")) == 1
    if row.state in {"queued", "checking"}:
        assert row.next_attempt_at is not None
    if step not in {"submit", "status", "cancel"} and row.state != "in_pos":
        assert bench.sim.orders() == []

    # Somebody repairs it, and presses Retry where that is asked for.
    bench.sim.faults.clear()
    _drive(bench, failure, rounds=20, retry=True)

    _assert_well(bench, step)


@pytest.mark.parametrize("repeated_put", ["duplicate", "error"])
@pytest.mark.parametrize(("step", "failure"), _cases(["submit", "status"]))
def test_no_double_however_cova_treats_a_repeated_put(
    bench: Bench, step: str, failure: Failure, repeated_put: str
) -> None:
    bench.sim.switches.update({"repeated_put": repeated_put})
    _prepare(bench, step)
    _break(bench, step, failure, times=2)

    _drive(bench, failure, rounds=20, retry=True)

    _assert_well(bench, step)
    assert bench.sim.orders()[0]["received_puts"] == 1


def test_retry_after_is_honoured(bench: Bench) -> None:
    bench.place()
    bench.sim.faults.add("submit_order", action="rate_limited", retry_after=400)

    bench.push()

    due_at = bench.row().next_attempt_at
    assert due_at is not None
    assert 400 <= (due_at - bench.clock.now()).total_seconds() < 600
    assert bench.go_on().state == "in_pos"


def test_delays_grow_up_to_hours_and_are_not_all_alike(bench: Bench) -> None:
    bench.place()
    bench.sim.faults.add("tax_configuration", action="server_error", times=None)
    delays = []

    for _ in range(14):
        bench.push()
        row = bench.row()
        assert row.state == "queued"
        assert row.next_attempt_at is not None
        delays.append((row.next_attempt_at - bench.clock.now()).total_seconds())
        bench.wait_until_due(row)

    assert 8 <= delays[0] <= 12
    assert all(later > earlier for earlier, later in pairwise(delays[:9]))
    assert 5760 <= delays[-1] <= 8640
    assert len({round(delay, 3) for delay in delays[10:]}) == 4


def test_an_outage_of_hours_drains_oldest_first(bench: Bench) -> None:
    for number in range(12):
        bench.place(str(number), customer={**ADA, "phone": f"303-555-02{number:02}"})
    outage = bench.sim.faults.add(action="unavailable", times=None)
    for _ in range(3):
        bench.push()
        bench.advance(3600)
    assert bench.sim.orders() == []
    bench.sim.faults.remove(outage.id)

    bench.advance(3 * 3600)
    report = bench.push()

    assert (report.handled, report.changed, report.failed) == (12, 12, 0)
    numbers = [order["external_order_id"] for order in bench.sim.orders()]
    assert numbers == [f"WEB-{number}" for number in range(12)]
    assert bench.signals("order-needs-attention") == []


def test_a_hiccup_after_a_long_outage_does_not_cost_the_address(bench: Bench) -> None:
    """Tries that never came as far as the address must not use up the address's tries."""
    bench.sim.register.add_customer(first_name="Ada", phones=[ADA_DIGITS])
    bench.deliver()
    outage = bench.sim.faults.add("tax_configuration", action="unavailable", times=None)
    for _ in range(7):
        bench.push()
        bench.wait_until_due(bench.row())
    bench.sim.faults.remove(outage.id)
    bench.sim.faults.add("add_address", action="server_error")

    row = bench.go_on()

    assert row.state == "in_pos"
    assert row.warning == ""
    assert len(bench.customers_with()[0]["addresses"]) == 1


def test_one_unreadable_answer_after_a_long_outage_needs_nobody(bench: Bench) -> None:
    """Many gateways answer the first calls after an outage with a page of their own."""
    bench.place()
    outage = bench.sim.faults.add("tax_configuration", action="unavailable", times=None)
    for _ in range(8):
        bench.push()
        bench.wait_until_due(bench.row())
    bench.sim.faults.remove(outage.id)
    bench.sim.faults.add("tax_configuration", action="garbage")

    row = bench.go_on()

    assert row.state == "in_pos"
    assert bench.signals("order-needs-attention") == []


def test_wrong_password_is_not_tried_once_per_order(bench: Bench) -> None:
    """A locked account helps nobody: one refused log-in speaks for the whole queue."""
    for number in range(8):
        bench.place(str(number))
    bench.sim.faults.add(
        "token",
        action="status",
        status=400,
        body='{"error": "invalid_grant", "error_description": "Bad user name or password."}',
        times=None,
    )

    bench.push()
    bench.push()

    assert bench.calls("token") == 1
    states = [bench.row(str(number)).state for number in range(8)]
    assert states == ["needs_attention", *["queued"] * 7]
    assert len(bench.signals("order-needs-attention")) == 1

    bench.sim.faults.clear()
    bench.command("orders", "retry", "0")
    bench.advance(3600)
    bench.push()
    assert [bench.row(str(number)).state for number in range(8)] == ["in_pos"] * 8


def test_transient_failure_is_sent_again_under_the_same_id(bench: Bench) -> None:
    bench.place()
    bench.sim.faults.add("submit_order", action="transient_failure", times=2)

    row = bench.go_on()

    assert row.state == "in_pos"
    assert bench.assert_sent_once(row)["received_puts"] == 3
    assert bench.signals("order-needs-attention") == []


@pytest.mark.parametrize("order_mode", ["synchronous", "asynchronous"])
def test_endless_transient_failure_reaches_a_person(bench: Bench, order_mode: str) -> None:
    bench.sim.switches.update({"order_mode": order_mode, "order_step_seconds": 20})
    bench.place()
    bench.sim.faults.add(
        "submit_order", action="transient_failure", times=None, message="Queue is stuck."
    )

    row = bench.go_on(rounds=100)

    assert row.state == "needs_attention"
    assert "Queue is stuck." in row.reason
    assert "again and again" in row.reason
    assert row.fix
    bench.sim.faults.clear()
    assert bench.go_on(retry=True).state == "in_pos"
    bench.assert_sent_once(bench.row())


def test_an_order_that_cova_is_slow_about_is_not_near_its_last_try(bench: Bench) -> None:
    """Asking a patient COVA again and again is no failure; the failure after it is the first."""
    bench.sim.switches.update({"order_mode": "asynchronous", "order_step_seconds": 400})
    bench.place()
    bench.sim.faults.add("submit_order", action="transient_failure", times=2)

    row = bench.go_on(rounds=60)

    assert row.state == "in_pos"
    assert bench.signals("order-needs-attention") == []


def test_patience_with_cova_does_not_make_the_next_failure_s_delay_long(bench: Bench) -> None:
    bench.sim.switches.update({"order_mode": "asynchronous", "order_step_seconds": 600})
    bench.place()
    for _ in range(9):
        bench.push()
        bench.wait_until_due(bench.row())
    bench.sim.faults.add("order_status", action="server_error", times=1)

    bench.push()

    due_at = bench.row().next_attempt_at
    assert due_at is not None
    assert (due_at - bench.clock.now()).total_seconds() < 30


@pytest.mark.parametrize("repeated_put", ["same_order", "duplicate", "error"])
def test_nothing_is_resent_while_the_first_may_still_arrive(
    bench: Bench, repeated_put: str
) -> None:
    """COVA broke off at once and takes 30 seconds over it: both its answers say 404 until then."""
    bench.sim.switches.update({"repeated_put": repeated_put, "status_unknown_reads": 6})
    bench.place()
    bench.sim.faults.add("submit_order", action="reset_after")
    bench.sim.faults.add("read_order", action="status", status=404, times=6)

    row = bench.go_on()

    assert row.state == "in_pos"
    assert bench.assert_sent_once(row)["received_puts"] == 1


@pytest.mark.parametrize(
    ("action", "times"),
    [("server_error", None), ("reset_before", None), ("rate_limited", None), ("garbage", 4)],
)
def test_a_failing_read_back_call_is_no_proof_of_absence(
    bench: Bench, action: str, times: int | None
) -> None:
    bench.sim.switches.update({"repeated_put": "duplicate", "status_unknown_reads": 12})
    bench.place()
    bench.sim.faults.add("submit_order", action="reset_after")
    bench.sim.faults.add("read_order", action=action, times=times)

    row = bench.go_on(rounds=40)

    assert row.state == "in_pos"
    assert bench.assert_sent_once(row)["received_puts"] == 1


def test_a_refused_read_back_call_leaves_the_status_call_to_decide(bench: Bench) -> None:
    """The API user may not have the permission to read orders back; orders must flow."""
    bench.place()
    bench.sim.faults.add("submit_order", action="reset_before")
    bench.sim.faults.add("read_order", action="forbidden", times=None)

    row = bench.go_on()

    assert row.state == "in_pos"
    bench.assert_sent_once(row)


def test_a_rate_limit_on_the_second_sending_keeps_the_first_in_mind(bench: Bench) -> None:
    """It was sent once without an answer: a refused repeat does not make that undone."""
    bench.sim.switches.update({"repeated_put": "duplicate"})
    bench.place()
    bench.sim.faults.add("submit_order", action="reset_after")
    hidden = [
        bench.sim.faults.add(operation, action="status", status=404, times=None)
        for operation in ("order_status", "read_order")
    ]
    bench.sim.faults.add("submit_order", action="rate_limited", times=None)
    for _ in range(12):
        bench.push()
        bench.wait_until_due(bench.row())
    assert bench.row().state == "checking"
    bench.sim.faults.clear()
    assert hidden

    row = bench.go_on()

    assert row.state == "in_pos"
    assert bench.assert_sent_once(row)["received_puts"] == 1


def test_a_repeat_refused_as_known_is_looked_up_and_not_reported(bench: Bench) -> None:
    bench.sim.switches.update({"repeated_put": "error"})
    bench.place()
    bench.sim.faults.add("submit_order", action="reset_after")
    rules = [
        bench.sim.faults.add(operation, action="status", status=404, times=None)
        for operation in ("order_status", "read_order")
    ]
    bench.push()
    bench.advance(100)
    for rule in rules:
        bench.sim.faults.remove(rule.id)
    # The next look says 404 still, the one after the refused repeat finds it.
    bench.sim.faults.add("order_status", action="status", status=404)
    bench.sim.faults.add("read_order", action="status", status=404)

    row = bench.go_on()

    assert row.state == "in_pos", row.reason
    bench.assert_sent_once(row)
    assert bench.signals("order-needs-attention") == []
