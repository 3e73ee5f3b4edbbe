"""Our own budget of calls, well below COVA's limit, orders before the catalogue.

COVA limits each service for itself (cova-api.md section 10.1) and announces the limit in
headers of which only one name is known, so all `*RateLimit*` headers are matched by their
ending.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from aiq_cova_plugin.clock import Clock
from aiq_cova_plugin.domain.call_quota import PERMIT_SECONDS, Grant, Quota
from aiq_cova_plugin.errors import RateLimited

Priority = Literal["orders", "catalogue"]

WINDOW_SECONDS = 60.0
DEFAULT_CALLS_PER_MINUTE = 300
SHARE_OF_ANNOUNCED_LIMIT = 0.8
SHARE_OF_CATALOGUE = 0.8
"""The rest of the budget is kept free for orders."""
DEFAULT_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 600.0
LARGEST_BATCH = 10
"""So many calls a process takes at once, at most, out of what all processes share."""


@dataclass(frozen=True)
class AnnouncedLimit:
    """What the headers of one answer say; None where they say nothing."""

    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None


def announced_limit(headers: Mapping[str, str]) -> AnnouncedLimit:
    """Read the `*RateLimit-Limit`, `-Remaining` and `-ResetSeconds` headers, any case."""
    told: dict[str, float] = {}
    for name, value in headers.items():
        lowered = name.lower()
        if "ratelimit" not in lowered:
            continue
        ending = lowered.rpartition("-")[2]
        try:
            number = float(value)
        except ValueError:
            continue
        if 0 <= number < 1e9:
            told[ending] = number
    limit, remaining = told.get("limit"), told.get("remaining")
    return AnnouncedLimit(
        limit=int(limit) if limit else None,
        remaining=None if remaining is None else int(remaining),
        reset_seconds=told.get("resetseconds"),
    )


@dataclass
class _Account:
    """The calls of the last minute of one company and service."""

    calls: deque[float] = field(default_factory=deque)
    per_minute: int = DEFAULT_CALLS_PER_MINUTE
    closed_until: float = 0.0
    catalogue_closed_until: float = 0.0
    waiting_orders: int = 0


class CallBudget(Protocol):
    """Asked before every call, and told what each answer says of the quota."""

    def acquire(self, *, company_id: int, service: str, priority: Priority) -> None:
        """Take one call out of the budget. Raises RateLimited when that takes too long."""
        ...

    def observe(self, *, company_id: int, service: str, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers."""
        ...

    def pause(self, *, company_id: int, service: str, seconds: float) -> None:
        """Let nobody call this service for so long: COVA answered 429."""
        ...


class RateBudget:
    """Counts calls per (company, service) in this process; safe to share among threads.

    `max_wait_seconds` bounds how long `acquire` waits itself; beyond that it raises
    RateLimited, so that no worker sleeps through its lease.
    """

    def __init__(
        self,
        *,
        calls_per_minute: int = DEFAULT_CALLS_PER_MINUTE,
        max_wait_seconds: float = 2.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calls_per_minute = calls_per_minute
        self._max_wait_seconds = max_wait_seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._accounts: dict[tuple[int, str], _Account] = {}

    def acquire(self, *, company_id: int, service: str, priority: Priority) -> None:
        """Take one call out of the budget, after a short wait where that is enough.

        Raises RateLimited, with the wait in `retry_after`, when it is not.
        """
        waited = 0.0
        is_queued = False
        try:
            while True:
                with self._lock:
                    account = self._account(company_id, service)
                    wait = self._seconds_to_wait(account, priority)
                    if wait <= 0:
                        account.calls.append(self._monotonic())
                        return
                    # Counted by what was slept, so that it also ends where a clock stands still.
                    if waited + wait > self._max_wait_seconds:
                        raise _too_many(wait, service, priority)
                    if priority == "orders" and not is_queued:
                        account.waiting_orders += 1
                        is_queued = True
                self._sleep(wait)
                waited += wait
        finally:
            if is_queued:
                with self._lock:
                    self._account(company_id, service).waiting_orders -= 1

    def observe(self, *, company_id: int, service: str, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers: at most 80 % of the announced limit is used."""
        told = announced_limit(headers)
        with self._lock:
            account = self._account(company_id, service)
            if told.limit is None:
                return
            usable = max(1, int(told.limit * SHARE_OF_ANNOUNCED_LIMIT))
            account.per_minute = min(self._calls_per_minute, usable)
            if told.remaining is None or told.remaining > told.limit - usable:
                return
            # Others use up the same limit: what is left of it belongs to orders.
            reset = WINDOW_SECONDS if told.reset_seconds is None else told.reset_seconds
            pause = min(reset, WINDOW_SECONDS)
            account.catalogue_closed_until = self._monotonic() + pause
            if told.remaining == 0:
                account.closed_until = max(account.closed_until, self._monotonic() + pause)

    def pause(self, *, company_id: int, service: str, seconds: float) -> None:
        """Let nobody call this service for so long: COVA answered 429."""
        until = self._monotonic() + min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)
        with self._lock:
            account = self._account(company_id, service)
            account.closed_until = max(account.closed_until, until)

    def give_back(self, *, company_id: int, service: str) -> None:
        """The call that was taken last was not made after all."""
        with self._lock:
            account = self._account(company_id, service)
            if account.calls:
                account.calls.pop()

    def _account(self, company_id: int, service: str) -> _Account:
        return self._accounts.setdefault(
            (company_id, service), _Account(per_minute=self._calls_per_minute)
        )

    def _seconds_to_wait(self, account: _Account, priority: Priority) -> float:
        now = self._monotonic()
        while account.calls and account.calls[0] <= now - WINDOW_SECONDS:
            account.calls.popleft()
        closed_for = account.closed_until - now
        allowed = account.per_minute
        if priority == "catalogue":
            closed_for = max(closed_for, account.catalogue_closed_until - now)
            allowed = max(1, int(allowed * SHARE_OF_CATALOGUE))
            if account.waiting_orders:
                closed_for = max(closed_for, 0.1)
        surplus = len(account.calls) - allowed
        if surplus >= 0:
            free_at = account.calls[surplus] + WINDOW_SECONDS
            closed_for = max(closed_for, free_at - now)
        return closed_for


class BudgetLedger(Protocol):
    """Where all workers together count the calls of a company and service."""

    def load(self, company_id: int, service: str) -> Quota | None: ...

    def take(
        self,
        company_id: int,
        service: str,
        *,
        wanted: int,
        share: float,
        per_minute: int,
        now: datetime,
    ) -> Grant: ...

    def learn(self, company_id: int, service: str, *, per_minute: int) -> None: ...

    def close(
        self, company_id: int, service: str, *, until: datetime, for_orders: bool
    ) -> None: ...


@dataclass
class _Permits:
    """Calls this process has taken out of the ledger and not made yet."""

    calls: int = 0
    good_until: datetime | None = None
    next_batch: int = 1


class SharedBudget:
    """One budget for all processes that share a ledger, with this process's own in front.

    Permits are taken from the ledger in batches that grow while they are used up in time, so a
    long import writes seldom. Whether COVA asked for a pause is read before every call: a 429
    that one process gets stops all of them. Permits of a batch that are not used within
    `PERMIT_SECONDS` are lost.

    Never call it while a write transaction is open: it writes through a connection of its own.
    """

    def __init__(
        self,
        front: RateBudget,
        ledger: BudgetLedger,
        clock: Clock,
        *,
        calls_per_minute: int = DEFAULT_CALLS_PER_MINUTE,
        max_wait_seconds: float = 2.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._front = front
        self._ledger = ledger
        self._clock = clock
        self._calls_per_minute = calls_per_minute
        self._max_wait_seconds = max_wait_seconds
        self._sleep = sleep
        self._lock = threading.Lock()
        self._permits: dict[tuple[int, str, Priority], _Permits] = {}
        self._quotas: dict[tuple[int, str], Quota] = {}

    def acquire(self, *, company_id: int, service: str, priority: Priority) -> None:
        """Take one call out of both budgets, after a short wait where that is enough.

        Raises RateLimited with the wait in `retry_after`, and Retryable when the ledger fails.
        """
        self._front.acquire(company_id=company_id, service=service, priority=priority)
        is_taken, waited = False, 0.0
        try:
            while True:
                wait = self._take(company_id, service, priority)
                if wait <= 0:
                    is_taken = True
                    return
                if waited + wait > self._max_wait_seconds:
                    raise _too_many(wait, service, priority)
                self._sleep(wait)
                waited += wait
        finally:
            if not is_taken:
                self._front.give_back(company_id=company_id, service=service)

    def observe(self, *, company_id: int, service: str, headers: Mapping[str, str]) -> None:
        self._front.observe(company_id=company_id, service=service, headers=headers)
        told = announced_limit(headers)
        if told.limit is None:
            return
        known = self._quotas.get((company_id, service))
        usable = max(1, int(told.limit * SHARE_OF_ANNOUNCED_LIMIT))
        per_minute = min(self._calls_per_minute, usable)
        if known is None or known.per_minute != per_minute:
            self._ledger.learn(company_id, service, per_minute=per_minute)
        if told.remaining is None or told.remaining > told.limit - usable:
            return
        # Somebody else uses up the same limit: what is left of it belongs to orders.
        reset = WINDOW_SECONDS if told.reset_seconds is None else told.reset_seconds
        until = self._clock.now() + timedelta(seconds=min(reset, WINDOW_SECONDS))
        if told.remaining == 0:
            self._ledger.close(company_id, service, until=until, for_orders=True)
        known_until = None if known is None else known.catalogue_closed_until
        # COVA counts down, so this end is the one it told with the last answer: no need to
        # write it again.
        if known_until is None or until - known_until > timedelta(seconds=2):
            self._ledger.close(company_id, service, until=until, for_orders=False)

    def pause(self, *, company_id: int, service: str, seconds: float) -> None:
        self._front.pause(company_id=company_id, service=service, seconds=seconds)
        length = timedelta(seconds=min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS))
        self._ledger.close(company_id, service, until=self._clock.now() + length, for_orders=True)

    def _take(self, company_id: int, service: str, priority: Priority) -> float:
        """0 when a call was taken, else how many seconds to wait before asking again."""
        now = self._clock.now()
        quota = self._ledger.load(company_id, service)
        if quota is not None:
            with self._lock:
                self._quotas[company_id, service] = quota
            closed_for = _closed_for(quota, priority, now)
            if closed_for > 0:
                return closed_for
        batch = self._use_permit((company_id, service, priority), now)
        if batch == 0:
            return 0.0
        per_minute = self._calls_per_minute if quota is None else quota.per_minute
        grant = self._ledger.take(
            company_id,
            service,
            # A small quota must not be locked up in one process.
            wanted=min(batch, max(1, per_minute // 10)),
            share=SHARE_OF_CATALOGUE if priority == "catalogue" else 1.0,
            per_minute=self._calls_per_minute,
            now=now,
        )
        if grant.calls == 0:
            return max(grant.wait_seconds, 0.01)
        self._keep((company_id, service, priority), grant.calls - 1, now)
        return 0.0

    def _use_permit(self, key: tuple[int, str, Priority], now: datetime) -> int:
        """0 when a permit was at hand and is used; else how many to take from the ledger."""
        with self._lock:
            kept = self._permits.setdefault(key, _Permits())
            is_good = kept.good_until is not None and now < kept.good_until
            if is_good and kept.calls > 0:
                kept.calls -= 1
                return 0
            # All of the last batch went in time: the next may be larger.
            grows = is_good and kept.calls == 0
            kept.next_batch = min(kept.next_batch * 2, LARGEST_BATCH) if grows else 1
            return kept.next_batch

    def _keep(self, key: tuple[int, str, Priority], calls: int, now: datetime) -> None:
        end = now + timedelta(seconds=PERMIT_SECONDS)
        with self._lock:
            kept = self._permits[key]
            if kept.calls and kept.good_until is not None and now < kept.good_until:
                # Two threads took a batch at once: the earlier end holds for both.
                end = min(kept.good_until, end)
            else:
                kept.calls = 0
            kept.calls += calls
            kept.good_until = end


def _closed_for(quota: Quota, priority: Priority, now: datetime) -> float:
    ends = [quota.closed_until]
    if priority == "catalogue":
        ends.append(quota.catalogue_closed_until)
    return max(((end - now).total_seconds() for end in ends if end is not None), default=0.0)


def _too_many(wait: float, service: str, priority: Priority) -> RateLimited:
    return RateLimited(
        "So many calls went to COVA within a minute that this one has to "
        f"wait {wait:.0f} seconds. It is tried again by itself.",
        retry_after=wait,
        detail=f"own budget of service {service}, priority {priority}",
    )


PROCESS_BUDGET = RateBudget()
"""What clients share that are not given a budget of their own."""
