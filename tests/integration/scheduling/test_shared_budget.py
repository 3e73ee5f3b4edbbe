"""One quota for all processes on a database, orders first, COVA's wishes heard by all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.clock import FixedClock, SystemClock
from aiq_cova_plugin.cova.rate_limit import LARGEST_BATCH, Priority, RateBudget, SharedBudget
from aiq_cova_plugin.errors import RateLimited, Retryable
from aiq_cova_plugin.services.watch.service_states import QuotaLeft, quota_left
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store.budgets import DatabaseBudgets

from tests.integration.scheduling.kit import Process

COMPANY = 4711
LIMIT = "COVA-APIM-RateLimit-Limit"
LEFT = "COVA-APIM-RateLimit-Remaining"
RESET = "COVA-APIM-RateLimit-ResetSeconds"


class Worker:
    """The budget of one process; its front is so wide that only the shared one counts."""

    def __init__(self, process: Process, clock: FixedClock, *, per_minute: int = 20) -> None:
        self._app = process.shop.app
        self.ctx = process.ctx
        self.slept: list[float] = []
        self.budget = SharedBudget(
            RateBudget(
                calls_per_minute=10_000,
                monotonic=lambda: clock.now().timestamp(),
                sleep=clock.advance,
            ),
            DatabaseBudgets(process.ctx.database),
            clock,
            calls_per_minute=per_minute,
            sleep=self._sleep(clock),
        )

    def _sleep(self, clock: FixedClock) -> Callable[[float], None]:
        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            clock.advance(seconds)

        return sleep

    def take(self, priority: Priority = "orders", *, company_id: int = COMPANY) -> bool:
        """Was the call allowed?"""
        with self._app.app_context():
            try:
                self.budget.acquire(company_id=company_id, service="crm", priority=priority)
            except RateLimited:
                return False
        return True

    def take_all(self, priority: Priority = "orders") -> int:
        taken = 0
        while self.take(priority):
            taken += 1
            assert taken < 1000
        return taken

    def look(self) -> QuotaLeft:
        with self._app.app_context():
            (told,) = [each for each in quota_left(self.ctx) if each.company_id == COMPANY]
        return told

    def hear(self, **headers: Any) -> None:
        with self._app.app_context():
            self.budget.observe(
                company_id=COMPANY,
                service="crm",
                headers={name.replace("_", "-"): str(value) for name, value in headers.items()},
            )

    def pause(self, seconds: float) -> None:
        with self._app.app_context():
            self.budget.pause(company_id=COMPANY, service="crm", seconds=seconds)


@pytest.fixture
def workers(process: Callable[[], Process], clock: FixedClock) -> list[Worker]:
    return [Worker(process(), clock) for _ in range(3)]


def test_processes_share_one_quota(workers: list[Worker], clock: FixedClock) -> None:
    taken = sum(worker.take_all() for worker in workers)

    assert taken <= 20
    # What is left over in the batches of one process is lost to the others, and is little.
    assert taken >= 20 - 3 * 2
    clock.advance(80)
    assert workers[2].take()


def test_companies_do_not_share(workers: list[Worker]) -> None:
    workers[0].take_all()

    assert workers[1].take(company_id=COMPANY + 1)


def test_over_any_minute_at_most_four_fifths_of_what_cova_announced(
    workers: list[Worker], clock: FixedClock
) -> None:
    """Three greedy processes for ten minutes, each at its own pace."""
    workers[0].take()
    workers[0].hear(**{LIMIT: 20})
    clock.advance(120)

    made = []
    for step in range(600):
        clock.advance(1)
        for number, worker in enumerate(workers):
            if step % (number + 1) == 0 and worker.take("catalogue" if number else "orders"):
                made.append(clock.now())

    assert len(made) > 90
    for end in made:
        began = end - timedelta(seconds=60)
        assert sum(began < each <= end for each in made) <= 16


def test_a_fifth_is_kept_for_the_orders_of_every_process(workers: list[Worker]) -> None:
    catalogue = workers[0].take_all("catalogue") + workers[1].take_all("catalogue")

    assert catalogue <= 16
    assert workers[2].take_all("orders") >= 4


def test_a_429_stops_every_process_at_once(workers: list[Worker], clock: FixedClock) -> None:
    for worker in workers:
        assert worker.take()  # and has permits left
        assert worker.take()

    workers[1].pause(30)

    assert not any(worker.take() for worker in workers)
    clock.advance(29)
    # What is left to wait is little enough to be waited out.
    assert workers[0].take()
    assert workers[0].slept[-1] == pytest.approx(1, abs=0.01)


def test_a_longer_pause_is_not_made_shorter(workers: list[Worker], clock: FixedClock) -> None:
    workers[0].take()
    workers[0].pause(300)
    workers[1].take()
    workers[1].pause(10)
    clock.advance(20)

    assert not workers[2].take()


def test_what_somebody_else_leaves_of_the_quota_belongs_to_orders(workers: list[Worker]) -> None:
    workers[0].take()
    workers[0].hear(**{LIMIT: 25, LEFT: 3, RESET: 40})

    assert not workers[1].take("catalogue")
    assert workers[1].take("orders")


def test_nothing_left_means_nobody_calls(workers: list[Worker], clock: FixedClock) -> None:
    workers[0].take()
    workers[0].hear(**{LIMIT: 25, LEFT: 0, RESET: 40})

    assert not workers[1].take("orders")
    clock.advance(41)
    assert workers[1].take("orders")


def test_a_long_import_seldom_writes(process: Callable[[], Process], clock: FixedClock) -> None:
    running = process()
    worker = Worker(running, clock, per_minute=300)
    with running.shop.app.app_context():
        engine = running.shop.db.engine
    written: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not statement.lstrip().upper().startswith("SELECT"):
            written.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    for _ in range(100):
        assert worker.take("catalogue")
        worker.hear(**{LIMIT: 1000, LEFT: 900, RESET: 30})

    assert len(written) < 100 / LARGEST_BATCH + 8


def test_permits_that_lie_about_are_not_used_later(
    workers: list[Worker], clock: FixedClock
) -> None:
    """Or two minutes' worth of calls could fall into one."""
    for _ in range(4):
        workers[0].take()
    clock.advance(6)
    before = _calls_given_out(workers[0])
    workers[0].take()

    assert _calls_given_out(workers[0]) == before + 1


def test_processes_racing_for_the_last_calls(database_url: str, sim: Simulator) -> None:
    """Real threads, real time: together they never get more than there is."""
    with _racers(database_url, sim) as racers, ThreadPoolExecutor(4) as pool:
        taken = sum(pool.map(Worker.take_all, racers))

    assert 20 <= taken <= 25


@contextmanager
def _racers(database_url: str, sim: Simulator) -> Iterator[list[Worker]]:
    clock: Any = SystemClock()
    clock.advance = time.sleep
    with (
        Process.running(database_url, sim, clock) as one,
        Process.running(database_url, sim, clock) as other,
    ):
        yield [Worker(each, clock, per_minute=25) for each in (one, one, other, other)]


def test_a_database_that_fails_lets_no_call_out(
    process: Callable[[], Process], clock: FixedClock
) -> None:
    running = process()
    worker = Worker(running, clock)
    assert worker.take()
    with running.shop.app.app_context(), running.shop.db.engine.begin() as connection:
        connection.execute(sa.text("alter table cova_call_budget rename to put_away"))

    with pytest.raises(Retryable, match="database"):
        worker.take()
    worker.pause(30)  # follows a call that was made: noted if possible, never raised

    with running.shop.app.app_context(), running.shop.db.engine.begin() as connection:
        connection.execute(sa.text("alter table put_away rename to cova_call_budget"))
    clock.advance(31)
    assert worker.take()


def test_what_is_left_can_be_read(workers: list[Worker], clock: FixedClock) -> None:
    workers[0].take()
    told = workers[1].look()
    assert (told.service, told.per_minute, told.left) == ("crm", 20, 19)
    assert told.closed_until is None

    workers[2].take()
    workers[2].pause(100)
    told = workers[1].look()
    assert told.left == 0
    assert told.closed_until == clock.now() + timedelta(seconds=100)


def test_the_plugin_s_own_clients_heed_another_process_s_429(
    process: Callable[[], Process], sim: Simulator, clock: FixedClock
) -> None:
    one, other = process(), process()
    sim.faults.add("customer", action="rate_limited", retry_after=90)
    with one.client() as client, pytest.raises(RateLimited):
        client.customer("c-1")
    asked = len(sim.requests())

    with other.client() as client, pytest.raises(RateLimited) as caught:
        client.customer("c-1")

    assert [each["operation"] for each in sim.requests()[asked:]] in ([], ["token"])
    assert caught.value.retry_after == pytest.approx(90, abs=1)


def _calls_given_out(worker: Worker) -> int:
    with worker._app.app_context(), worker.ctx.database.short() as connection:
        return int(
            connection.execute(
                sa.text("select calls from cova_call_budget where company_id = :company"),
                {"company": COMPANY},
            ).scalar_one()
        )
