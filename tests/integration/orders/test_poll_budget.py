"""Many open orders: one call settles the completed, the rest keep within their share."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aiq_cova_plugin.cova.rate_limit import DEFAULT_CALLS_PER_MINUTE
from aiq_cova_plugin.services.statuses.poll_statuses import CALLS_A_MINUTE

from tests.integration.orders.kit import Bench
from tests.integration.orders.many import fill


def asked(bench: Bench) -> set[str]:
    """The orders COVA was asked about one by one."""
    return {request["path"] for request in bench.sim.requests("order_status")}


def calls(bench: Bench) -> int:
    return bench.calls("order_status") + bench.calls("completed_orders")


@pytest.mark.slow
def test_1000_open_orders_keep_within_30_percent_of_the_quota(bench: Bench) -> None:
    ids = fill(bench, 1000, age=timedelta(hours=1))
    for cova_id in ids[700:900]:
        bench.sim.register.complete(cova_id)
    before_calls, before = calls(bench), len(asked(bench))

    report = bench.poll(only_due=True)

    used = calls(bench) - before_calls
    assert used <= CALLS_A_MINUTE + 1 < 0.3 * DEFAULT_CALLS_PER_MINUTE
    assert bench.calls("completed_orders") == 1
    # Whatever was completed is settled within the first slot, wherever it stood in the row.
    assert report.changed == 200
    assert report.waiting >= 1000 - 200 - CALLS_A_MINUTE
    # The same minute brings nothing more, the next one other orders.
    bench.advance(2)
    bench.poll(only_due=True)
    assert calls(bench) - before_calls == used
    for _ in range(3):
        bench.advance(61)
        bench.poll(only_due=True)
    assert len(asked(bench)) - before >= 4 * (CALLS_A_MINUTE - 2)
    assert calls(bench) - before_calls <= 4 * (CALLS_A_MINUTE + 2)


def test_a_fresh_order_comes_before_those_that_wait_for_long(bench: Bench) -> None:
    fill(bench, CALLS_A_MINUTE + 20, age=timedelta(hours=3))
    fresh = bench.place("fresh", customer={"phone": "303-555-0177"})
    bench.push()
    bench.advance(40)
    before = asked(bench)

    bench.poll(only_due=True)

    new = asked(bench) - before
    assert len(new) <= CALLS_A_MINUTE
    assert any(fresh.cova_order_id in path for path in asked(bench))
    assert bench.row("fresh").polled_at == bench.clock.now()


def test_after_a_week_an_order_is_asked_about_on_demand_alone(bench: Bench) -> None:
    ids = fill(bench, 2, age=timedelta(days=8))
    bench.sim.register.complete(ids[0])
    bench.advance(1)
    before = bench.calls("order_status")

    report = bench.poll(only_due=True)

    assert bench.row("many-0").state == "completed", "the list of completed orders tells"
    assert bench.row("many-1").state == "in_pos"
    assert not any(ids[1] in path for path in asked(bench))
    assert report.changed == 1
    assert bench.poll(only_due=True).handled == 0
    assert bench.calls("order_status") - before <= 1
    # Somebody wants to know.
    bench.sim.register.cancel(ids[1])
    assert bench.poll().changed == 1
    assert bench.row("many-1").state == "cancelled"


def test_a_rate_limit_ends_the_pass_and_is_waited_out(bench: Bench) -> None:
    fill(bench, 12, age=timedelta(hours=1))
    bench.sim.faults.add("order_status", action="rate_limited", retry_after=90, times=None)
    before = bench.calls("order_status")

    report = bench.poll(only_due=True)

    assert report.failed == 1
    assert report.waiting == 11
    assert bench.calls("order_status") - before == 1
    bench.sim.faults.clear()
    bench.advance(80)
    assert bench.poll(only_due=True).handled == 0
    bench.advance(60)
    assert bench.poll(only_due=True).handled == 13


@pytest.mark.parametrize(
    ("age", "seconds"),
    [
        (timedelta(seconds=10), 30),
        (timedelta(minutes=6), 120),
        (timedelta(hours=23), 120),
        (timedelta(days=2), 600),
    ],
)
def test_the_older_an_order_the_rarer_it_is_asked_about(
    bench: Bench, age: timedelta, seconds: int
) -> None:
    fill(bench, 1, age=age)

    bench.poll(only_due=True)

    due_at = bench.row("many-0").poll_due_at
    assert due_at is not None
    assert (due_at - bench.clock.now()).total_seconds() == seconds
