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
from typing import Literal

from aiq_cova_plugin.errors import RateLimited

Priority = Literal["orders", "catalogue"]

WINDOW_SECONDS = 60.0
DEFAULT_CALLS_PER_MINUTE = 300
SHARE_OF_ANNOUNCED_LIMIT = 0.8
SHARE_OF_CATALOGUE = 0.8
"""The rest of the budget is kept free for orders."""
DEFAULT_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 600.0


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
        deadline = self._monotonic() + self._max_wait_seconds
        is_queued = False
        try:
            while True:
                with self._lock:
                    account = self._account(company_id, service)
                    wait = self._seconds_to_wait(account, priority)
                    if wait <= 0:
                        account.calls.append(self._monotonic())
                        return
                    if self._monotonic() + wait > deadline:
                        raise RateLimited(
                            "So many calls went to COVA within a minute that this one has to "
                            f"wait {wait:.0f} seconds. It is tried again by itself.",
                            retry_after=wait,
                            detail=f"own budget of service {service}, priority {priority}",
                        )
                    if priority == "orders" and not is_queued:
                        account.waiting_orders += 1
                        is_queued = True
                self._sleep(wait)
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


PROCESS_BUDGET = RateBudget()
"""What clients share that are not given a budget of their own."""
