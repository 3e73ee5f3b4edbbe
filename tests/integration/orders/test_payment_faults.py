"""Telling COVA of a payment, failing in every way: COVA has it once, or a person knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.integration.orders.kit import (
    LEASE_SECONDS,
    READ_TIMEOUT_SECONDS,
    Bench,
    config_for,
    open_bench,
    settle_down,
)
from tests.integration.orders.processes import worker
from tests.integration.orders.test_fault_matrix import FAILURES, Failure

_REFUSED = {"refused_400"}
_HANGING = {"timeout_before", "timeout_after", "slow"}
assert READ_TIMEOUT_SECONDS < 1


def _cases() -> list[Any]:
    return [
        pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.name in _HANGING else [])
        for each in FAILURES
    ]


def _prepare(bench: Bench) -> None:
    bench.place()
    bench.push()
    with bench.shop.app.app_context():
        bench.shop.cova.mark_paid("s1", "1", reference="PAY-1")
        bench.shop.db.session.commit()


def _break(bench: Bench, failure: Failure, times: int | None) -> None:
    bench.sim.faults.add("pay_order", action=failure.action, times=times, **dict(failure.params))


def _drive(bench: Bench, rounds: int) -> str:
    for _ in range(rounds):
        bench.poll()
        settle_down(0.3)
        assert len(_payments(bench)) <= 1
        if bench.row().payment_state in ("paid", "refused"):
            break
        bench.advance(130)
    return bench.row().payment_state


def _payments(bench: Bench) -> list[dict[str, Any]]:
    (order,) = bench.sim.state.orders.values()
    return list(order.payments)


@pytest.mark.parametrize("failure", _cases())
def test_a_payment_recovers(bench: Bench, failure: Failure) -> None:
    _prepare(bench)
    _break(bench, failure, times=2)

    state = _drive(bench, rounds=8)

    if failure.name in _REFUSED:
        # COVA said no: a person decides, and it is not tried again.
        assert (state, len(_payments(bench))) == ("refused", 0)
        assert bench.row().warning
        return
    assert state == "paid", bench.story()
    assert len(_payments(bench)) == 1
    assert bench.row().state == "in_pos"


@pytest.mark.slow
@pytest.mark.parametrize("failure", _cases())
def test_a_payment_that_stays_down_waits_and_is_told_later(bench: Bench, failure: Failure) -> None:
    _prepare(bench)
    _break(bench, failure, times=None)

    state = _drive(bench, rounds=3)

    if failure.name in _REFUSED:
        assert state == "refused"
        return
    assert state == ("paid" if failure.lets_through else state)
    assert bench.row().state == "in_pos"
    bench.sim.faults.clear()
    assert _drive(bench, rounds=8) == "paid"
    assert len(_payments(bench)) == 1


@pytest.fixture
def killed_bench(sim: Simulator, ready_url: str) -> Iterator[Bench]:
    with open_bench(sim, ready_url) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("action", ["timeout_before_effect", "timeout_after_effect"])
def test_a_worker_killed_while_paying_does_not_pay_twice(killed_bench: Bench, action: str) -> None:
    bench = killed_bench
    _prepare(bench)
    fault = bench.sim.faults.add("pay_order", action=action)
    config = config_for(bench.sim, COVA_READ_TIMEOUT_SECONDS=60)
    with worker(bench.database_url, config, until="polled") as victim:
        victim.wait_until_ready()
        victim.go()
        for _ in range(500):
            if fault.hits:
                break
            settle_down(0.02)
        assert fault.hits == 1
        settle_down(0.05)
        victim.kill()
    bench.sim.faults.clear()
    assert bench.row().payment_state == "sending"

    bench.advance(LEASE_SECONDS + 60)
    state = _drive(bench, rounds=4)

    assert state == "paid"
    assert len(_payments(bench)) == 1
    assert bench.event_names().count("paying") == (2 if action == "timeout_before_effect" else 1)
