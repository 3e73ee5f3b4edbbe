"""Several at once with one payment: COVA has it once, whoever is first."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import datetime

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.clock import Clock
from aiq_cova_plugin.schemas.records import SalesOrderStatus
from aiq_cova_plugin.services.statuses.pay_orders import pay_if_due
from aiq_cova_plugin.services.stores import credentials_of, require_enabled

from tests.integration.orders.kit import Bench

_BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


class _MeetingClock:
    """Time for two workers: each waits for the other when it first looks at the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # A short patience: a worker that holds a lock meets nobody.
        self._meeting = threading.Barrier(2, timeout=1)

    def now(self) -> datetime:
        with suppress(threading.BrokenBarrierError):
            self._meeting.wait()
        return self._clock.now()

    def __getattr__(self, name: str) -> object:
        return getattr(self._clock, name)


def _payments(bench: Bench) -> int:
    (order,) = bench.sim.state.orders.values()
    return len(order.payments)


def _mark_paid(bench: Bench, reference: str) -> None:
    with bench.shop.app.app_context():
        bench.shop.cova.mark_paid("s1", "1", reference=reference)
        bench.shop.db.session.commit()


def _sent_without_answer(bench: Bench) -> None:
    """The payment was sent, and nothing of it arrived."""
    bench.place()
    bench.push()
    _mark_paid(bench, "PAY-1")
    lost = bench.sim.faults.add("pay_order", action="reset_before", times=None)
    bench.poll()
    bench.sim.faults.remove(lost.id)
    assert bench.row().payment_state in ("sending", "requested")


@pytest.mark.parametrize("state", ["requested", "sending"])
def test_two_workers_that_find_a_payment_to_be_sent_send_it_once(both: Bench, state: str) -> None:
    _sent_without_answer(both)
    with both.shop.app.app_context(), both.ctx.database.short() as connection:
        connection.execute(sa.text("update cova_push set payment_state = :it"), {"it": state})
    both.advance(600)
    pushes = [both.row(), both.row()]
    ready = SalesOrderStatus(
        order_id=pushes[0].cova_order_id,
        order_status="InProgress",
        payment_status="ReadyForPayment",
        sale_total=both.row().sale_total,
    )
    both.use(clock=_MeetingClock(both.clock))
    # Both have asked COVA before either has paid; COVA takes whatever it is sent.
    slow = both.sim.faults.add("pay_order", action="delay", seconds=0.5, times=None)

    def pay(position: int) -> None:
        with both.shop.app.app_context():
            settings = require_enabled(both.ctx, "s1")
            with both.ctx.open_client(credentials_of(both.ctx, settings)) as client:
                pay_if_due(both.ctx, client, pushes[position], ready)

    workers = [threading.Thread(target=pay, args=(each,)) for each in (0, 1)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(timeout=30)

    assert slow.hits == 1
    assert _payments(both) == 1


@pytest.mark.postgres
def test_of_two_who_mark_an_order_paid_at_once_the_first_counts(postgres_bench: Bench) -> None:
    bench = postgres_bench
    bench.place()
    bench.push()
    second = threading.Thread(target=_mark_paid, args=(bench, "SECOND"))
    asker = sa.create_engine(bench.database_url, isolation_level="AUTOCOMMIT")
    with bench.shop.app.app_context():
        bench.shop.cova.mark_paid("s1", "1", reference="FIRST")
        second.start()
        with asker.connect() as connection:
            for _ in range(2000):
                if connection.execute(sa.text(_BLOCKED)).scalar_one():
                    break
                time.sleep(0.005)
            else:
                raise AssertionError("the second does not wait for the first")
        bench.shop.db.session.commit()
    asker.dispose()
    second.join(timeout=30)

    bench.poll()

    assert bench.row().payment_reference == "FIRST"
    assert bench.event_names().count("paid_in_shop") == 1
    assert _payments(bench) == 1


def test_a_payment_is_not_sent_again_while_the_first_may_be_on_its_way(bench: Bench) -> None:
    bench.place()
    bench.push()
    _mark_paid(bench, "PAY-1")
    bench.sim.faults.add("pay_order", action="timeout_before_effect", times=1)
    bench.poll()
    config = bench.ctx.config
    patience = config.connect_timeout_seconds + config.read_timeout_seconds + 35

    bench.advance(max(patience, 60) - 1)
    bench.poll()
    assert bench.row().payment_state == "sending"
    assert _payments(bench) == 0
    bench.advance(2)
    bench.poll()

    assert bench.row().payment_state == "paid"
    assert _payments(bench) == 1
