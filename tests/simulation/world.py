"""A shop, its plugin, two workers and COVA, on one clock: what actors act on.

Nothing here is random but through `rng`, and nothing here waits: a world is a function of its
seed and of what is done to it. `journal` tells in plain words what happened.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs, run_due_order_jobs
from aiq_cova_plugin.simulator.switches import Switches
from aiq_cova_plugin.simulator.world import World as CovaWorld

from tests.simulation import wire
from tests.simulation.companies import STORES
from tests.simulation.place import Place
from tests.simulation.stage import READ_TIMEOUT_SECONDS, SeededIds, Stage
from tests.simulation.weather import Weather
from tests.simulation.wire import WireAnswer, WireCall
from tests.simulation.worker import Worker, WorkerDied


class Violation(AssertionError):
    """A promise was broken."""


def require(is_kept: bool, promise: str, detail: str) -> None:
    """Raise `Violation` unless the promise is kept."""
    if not is_kept:
        raise Violation(f"{promise}: {detail}")


class Surprises(logging.Handler):
    """Keeps what the plugin logs when something happens to it that it did not foresee."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            cause = record.exc_info[1]
            text = "".join(traceback.format_exception(cause)[-4:])
            self.found.append(f"{record.getMessage()}: {type(cause).__name__}: {cause}\n{text}")


class World:
    """One world, from its first moment until `close`."""

    def __init__(
        self,
        stage: Stage,
        seed: int,
        *,
        switches: Switches | None = None,
        stocked: bool = True,
        stores: int = 1,
    ) -> None:
        self.stage, self.seed = stage, seed
        self.rng = random.Random(f"world {seed}")
        self._ids = SeededIds(random.Random(f"ids {seed}"))
        self._ids.begin()
        random.seed(f"plugin {seed}")
        stage.reset(switches=switches or Switches(), stocked=stocked, stores=stores)
        self.clock, self.shop = stage.clock, stage.shop
        self.companies = stage.companies[: 1 + max(each[1] for each in STORES[:stores])]
        self.weather = Weather(random.Random(f"weather {seed}"))
        self.weather.repeats_are_harmless = self.companies[0].switches.repeated_put != "duplicate"
        self.journal: deque[str] = deque(maxlen=400)
        self._digest = hashlib.blake2b(digest_size=12)
        self.began_at = self.clock.now()
        self.wire_log: deque[tuple[datetime, int, str]] = deque(maxlen=20_000)
        """When which company's which service was called."""
        self.troubled_at: dict[int, datetime] = {}
        """When something last went wrong with a call of that company."""
        self.dozed_until = self.clock.now()
        """Until when the workers were kept from looking as often as they should."""
        self.meanwhile: deque[Callable[[], None]] = deque()
        self.chance_of_meanwhile = 0.0
        self.on_meanwhile: Callable[[], None] | None = None
        self.echoes_cancel = bool(seed % 2)
        self._late: list[tuple[datetime, Callable[[], WireAnswer], str]] = []
        self._current: list[Worker] = []
        self._is_meanwhile = False
        self.restarts = 0
        self.places: list[Place] = []
        for store_id, company, location in STORES[:stores]:
            cova = self.companies[company]
            where = cova.account.location_ids[location]
            self.places.append(Place(self, store_id, cova, where))
        stage.on_statement, stage.carry = self._statement, self._carry
        self.workers = [Worker.start(stage, name) for name in ("worker A", "worker B")]
        self.surprises = Surprises()
        logging.getLogger("aiq_cova_plugin").addHandler(self.surprises)
        self.broken: Violation | None = None
        """A promise that was found broken inside the plugin, which forgives every exception."""
        self.checks: Any = None
        """The promises that watch this world; see `promises.py`."""

    def close(self) -> None:
        self.stage.on_statement, self.stage.carry = lambda: None, None
        logging.getLogger("aiq_cova_plugin").removeHandler(self.surprises)
        self._ids.end()

    def trouble_everybody(self) -> None:
        """Note that something went wrong for all companies."""
        for each in self.companies:
            self.troubled_at[each.account.company_id] = self.now

    def require_own_rows(self, place: Place, others: set[str]) -> None:
        """What happens in one store must not change another's rows."""
        if others:
            raise Violation(
                f"one store never touches another's rows: {place.store_id} changed rows of "
                f"{', '.join(sorted(others))}"
            )

    def stop_if_broken(self) -> None:
        """Raise what was found broken while the plugin was at work."""
        if self.broken is not None:
            raise self.broken
        if self.surprises.found:
            raise Violation(f"nothing unexpected happens to the plugin: {self.surprises.found[0]}")

    # --- what happened --------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Write one line into the journal; every replay of the seed writes the same."""
        line = f"{self.clock.now():%a %d %H:%M:%S}  {text}"
        self.journal.append(line)
        self._digest.update(line.encode())

    @property
    def fingerprint(self) -> str:
        """Stands for everything that was ever said: equal for equal histories."""
        return self._digest.hexdigest()

    def take_wire_log(self) -> list[tuple[datetime, int, str]]:
        """When which service of which company was called since this was last asked."""
        taken = list(self.wire_log)
        self.wire_log.clear()
        return taken

    # --- time and work --------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def pass_time(self, seconds: float, *, drowsy: float = 0.0) -> None:
        """Let time pass, with the workers doing what falls due in it.

        With `drowsy` they look no more often than every so many seconds, as on a machine that
        sleeps: a night costs little then, and what is late is found late.
        """
        end = self.now + timedelta(seconds=seconds)
        while True:
            due = self.next_due()
            if due is None or due >= end:
                break
            look_at = min(max(due, self.now + timedelta(seconds=drowsy)), end)
            if look_at > due + timedelta(minutes=1):
                self.dozed_until = look_at
            self.clock.move_to(look_at)
            self.deliver_late()
            before = self.now
            self.tick()
            if self.now == before:
                # What is due cannot be done just now: look again as a ticker does.
                self.clock.advance(5)
        self.clock.move_to(end)
        self.deliver_late()

    def tick(self) -> None:
        """One of the workers, the one whose ticker happens to be first, looks what is due.

        The other one would find nothing; where it matters that both are at work, it ticks
        while the first waits for COVA (`actors.other_worker_ticks`).
        """
        index = self.rng.randrange(2)
        self.work(index, run_due_order_jobs)
        self.work(index, run_due_catalogue_jobs)

    def work(self, index: int, job: Callable[[Any], Any]) -> Any:
        """Let a worker do something; a worker that dies over it is replaced."""
        worker = self.workers[index]
        self._current.append(worker)
        try:
            with self.shop.app.app_context():
                return job(worker.ctx)
        except WorkerDied:
            self.say(f"{worker.name} is dead")
            self.trouble_everybody()
            self.restarts += 1
            if self.workers[index] is worker:
                name = f"worker {'AB'[index]}{self.restarts}"
                self.workers[index] = Worker.start(self.stage, name)
            return None
        finally:
            self._current.pop()
            if not self._current:
                self.stop_if_broken()

    def next_due(self) -> datetime | None:
        """When the next thing falls due, or a dead worker's claim ends."""
        moments = [moment for moment, _, _ in self._late]
        with self.reading() as connection:
            for question in _DUE:
                found = connection.execute(question).scalar()
                if found is not None:
                    moments.append(moment_of(found))
        return min(moments) if moments else None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A look into the database by nobody in particular."""
        with self.outside(), self.shop.app.app_context(), self.shop.db.engine.connect() as found:
            yield found

    @contextlib.contextmanager
    def outside(self) -> Iterator[None]:
        """Whatever happens in the block happens in no worker."""
        current, self._current = self._current, []
        try:
            yield
        finally:
            self._current = current

    @contextlib.contextmanager
    def in_shop(self) -> Iterator[Any]:
        """A request of the shop's own: its session, committed at the end."""
        with self.outside(), self.shop.app.app_context():
            try:
                yield self.shop.db.session
                self.shop.db.session.commit()
            except BaseException:
                self.shop.db.session.rollback()
                raise

    # --- COVA -----------------------------------------------------------------------------

    @property
    def home(self) -> Place:
        """The first store, and in most worlds the only one."""
        return self.places[0]

    @property
    def cova(self) -> CovaWorld:
        """The first store's company."""
        return self.home.cova

    def deliver_late(self) -> None:
        """Let calls arrive in COVA that their senders have given up."""
        waiting, self._late = self._late, []
        for moment, work, name in waiting:
            if moment <= self.now:
                work()
                self.say(f"  … {name} arrives at COVA only now")
            else:
                self._late.append((moment, work, name))

    # --- the wire -------------------------------------------------------------------------

    def _statement(self) -> None:
        """Before every database statement: the dead write nothing, and the doomed die."""
        if not self._current:
            return
        worker = self._current[-1]
        if worker.is_dead:
            raise WorkerDied(worker.name)
        if worker.dies_after is not None:
            worker.dies_after -= 1
            if worker.dies_after < 0:
                self._kill(worker, "between two statements")

    def _kill(self, worker: Worker, where: str) -> None:
        worker.is_dead, worker.dies_after = True, None
        self.say(f"{worker.name} is killed {where}")
        raise WorkerDied(worker.name)

    def _carry(self, call: WireCall, work: Callable[[], WireAnswer], timeout: float) -> WireAnswer:
        """What becomes of one call of a worker."""
        self._require_no_transaction(call)
        self.wire_log.append((self.now, call.company, call.service))
        failure = self.weather.failure_of(call, self.now)
        if call.is_payment:
            work = partial(self._pay, call, work)
        self.clock.advance(wire.LATENCY_SECONDS)
        if failure is None:
            answer = work()
            self._meanwhile()
            return answer
        self.say(f"  {call}: {failure}")
        self.troubled_at[call.company] = self.now
        return self._fail(failure, call, work, timeout)

    def _pay(self, call: WireCall, work: Callable[[], WireAnswer]) -> WireAnswer:
        """A payment reaches COVA; it must be due, and the only one."""
        try:
            if self.checks is not None:
                self.checks.payment_arrives(call)
        except Violation as exc:
            self._note_broken(exc)
        return work()

    def _fail(
        self, failure: str, call: WireCall, work: Callable[[], WireAnswer], timeout: float
    ) -> WireAnswer:
        worker = self._current[-1] if self._current else None
        if failure == "refused":
            raise wire.refused()
        if failure == "die_before" and worker is not None:
            self._kill(worker, f"before {call}")
        if failure == "reset_before":
            raise wire.reset()
        if failure == "timeout_before":
            self._hang(timeout)
        if failure in wire.BEFORE_EFFECT:
            wait = self.rng.choice((None, 1, 7, 30))
            return wire.plain_answer(failure, wait)
        if failure == "late":
            after = self.rng.uniform(1, 30)
            self._late.append((self.now + timedelta(seconds=after), work, str(call)))
            raise wire.reset()
        answer = work()
        if failure == "slow":
            self.clock.advance(wire.SLOW_SECONDS)
        if failure == "twice":
            answer = work()
        self._meanwhile()
        if failure == "die_after" and worker is not None:
            self._kill(worker, f"after {call}")
        if failure == "reset_after":
            raise wire.reset()
        if failure == "timeout_after":
            self._hang(timeout)
        if failure == "gateway_502_after":
            return wire.plain_answer(failure, None)
        if failure == "garbage":
            return 200, [("Content-Type", "application/json")], b"<!doctype html>Please wait"
        if failure == "truncated":
            return 200, answer[1], answer[2][: len(answer[2]) // 2]
        return answer

    def _hang(self, timeout: float) -> None:
        self.clock.advance(min(timeout, READ_TIMEOUT_SECONDS))
        self._meanwhile()
        raise wire.timed_out()

    def _meanwhile(self) -> None:
        """While a worker waits for COVA, the rest of the world goes on."""
        self.deliver_late()
        if self._is_meanwhile:
            return
        happens = self.meanwhile.popleft() if self.meanwhile else None
        is_time = self.chance_of_meanwhile and self.rng.random() < self.chance_of_meanwhile
        if happens is None and is_time:
            happens = self.on_meanwhile
        if happens is None:
            return
        self._is_meanwhile = True
        try:
            happens()
        except Exception as exc:
            self._note_broken(exc)
            raise
        finally:
            self._is_meanwhile = False

    def _note_broken(self, exc: Exception) -> None:
        """Keep the first thing that broke, whatever the plugin makes of the exception."""
        if self.broken is None:
            text = "".join(traceback.format_exception(exc)[-4:])
            found = exc if isinstance(exc, Violation) else Violation(f"{exc!r}\n{text}")
            self.broken = found

    def _require_no_transaction(self, call: WireCall) -> None:
        """No connection may be in use, let alone in a transaction, while COVA is called."""
        with_app = self.shop.db.engine if self._current else None
        in_use = 0 if with_app is None else with_app.pool.checkedout()  # type: ignore[attr-defined]
        if in_use:
            self._note_broken(
                Violation(f"{in_use} database connection(s) are in use during {call}")
            )


def moment_of(stored: str | datetime) -> datetime:
    """A time as the database keeps it: SQLite as text, PostgreSQL without zone."""
    found = stored if isinstance(stored, datetime) else datetime.fromisoformat(stored)
    return found.replace(tzinfo=UTC)


_NEXT_JOB = """
select min(case when lease_until > due_at then lease_until else due_at end)
from cova_schedule where job <> 'watch'
"""
"""The watch looks every minute whether to raise an alarm; it may do so along with other work."""
_NEXT_PUSH = """
select min(case when lease_until > next_attempt_at then lease_until else next_attempt_at end)
from cova_push
where next_attempt_at is not null and (state in ('queued', 'sending', 'checking')
  or (state = 'in_pos' and cancel_requested))
"""
_NEXT_POLL = """
select min(poll_due_at) from cova_push
where in_pos_at is not null and finished_at is null and poll_due_at is not null
"""
_DUE = tuple(sa.text(each) for each in (_NEXT_JOB, _NEXT_PUSH, _NEXT_POLL))
