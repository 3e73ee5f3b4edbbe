"""Stops calling a service of COVA that is away, so that nobody waits for it in vain.

After `FAILURES_UNTIL_OPEN` failures in a row the breaker of that company and service opens:
calls fail at once. When its time is up one worker tries one call. If it works, all go on; if
not, the breaker stays open for longer, up to a few minutes. A person need do nothing.

The state is shared by all workers through a `BreakerStore`; `wiring` brings the database's.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from aiq_cova_plugin.clock import Clock
from aiq_cova_plugin.domain.breaker_state import BreakerState
from aiq_cova_plugin.errors import CovaUnavailable

log = logging.getLogger(__name__)

FAILURES_UNTIL_OPEN = 5
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 180.0
_TRIES_TO_COUNT = 3
_NAMES = {
    "dataplatform": "product service",
    "crm": "customer service",
    "covaorderintake": "order service",
    "pointofsale": "register service",
    "entitymanager": "location service",
    "taxes": "tax service",
    "token": "log-in service",
}


class CovaAway(CovaUnavailable):
    """Not sent at all: this service of COVA failed again and again, and is not asked just now.

    Nothing has left the house, read or write. `retry_after` is when it is tried again.
    """


class BreakerStore(Protocol):
    """Where breakers are shared among processes."""

    def load(self, company_id: int, service: str) -> BreakerState | None:
        """The breaker, or None when nothing ever failed."""
        ...

    def replace(self, before: BreakerState | None, after: BreakerState) -> bool:
        """Write the new state if the old one still stands; False when another was quicker."""
        ...


class Passage:
    """Leave to make one call. Say how it ended, once."""

    def answered(self) -> None:
        """COVA's service answered, be it with a refusal."""

    def failed(self, reason: str) -> None:
        """The service is away: no connection, no answer, or a failure of its own."""

    def left_open(self) -> None:
        """The call says nothing about the service, or was never made."""


class Breaker(Protocol):
    """Asked before every call."""

    def enter(self, company_id: int, service: str) -> Passage:
        """Leave to call the service now. Raises CovaAway when it is not to be called."""
        ...


class NeverOpens:
    """A breaker for connection checks: a person wants to know, so the call is made."""

    def enter(self, company_id: int, service: str) -> Passage:
        del company_id, service
        return Passage()


class SharedBreaker:
    """The breakers of all companies and services, in a store that all workers share.

    `trial_seconds`: how long a trial call may take before another worker may try.
    """

    def __init__(self, store: BreakerStore, clock: Clock, *, trial_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._trial = timedelta(seconds=trial_seconds)

    def enter(self, company_id: int, service: str) -> Passage:
        state = self._store.load(company_id, service) or BreakerState(company_id, service)
        if state.open_until is None:
            return _SharedPassage(self, state, is_trial=False)
        now = self._clock.now()
        busy_until = max(state.open_until, state.trial_until or state.open_until)
        if now < busy_until:
            raise _away(state, busy_until, now)
        trial = replace(state, trial_until=now + self._trial)
        if not self._store.replace(state, trial):
            raise _away(state, now + timedelta(seconds=FIRST_PAUSE_SECONDS), now)
        return _SharedPassage(self, trial, is_trial=True)

    # --- how a call ended, told by its passage --------------------------------------------

    def note_answer(self, seen: BreakerState) -> None:
        if not seen.failures and seen.open_until is None:
            return  # all was well when the call began: nothing to write, nothing to read
        state = self._store.load(seen.company_id, seen.service)
        if state is None or (not state.failures and state.open_until is None):
            return
        # If another worker changes it at this moment, the next answer closes it.
        closed = BreakerState(state.company_id, state.service)
        if self._store.replace(state, closed) and state.opened_at is not None:
            seconds_away = (self._clock.now() - state.opened_at).total_seconds()
            log.warning(
                "cova_service_back",
                extra={
                    "company_id": state.company_id,
                    "service": state.service,
                    "seconds_away": round(seconds_away),
                },
            )

    def note_failure(self, seen: BreakerState, reason: str, *, is_trial: bool) -> None:
        for _ in range(_TRIES_TO_COUNT):
            known = self._store.load(seen.company_id, seen.service)
            state = known or BreakerState(seen.company_id, seen.service)
            if state.open_until is not None and not is_trial:
                return  # the call was on its way when the breaker opened
            after = self._after_failure(state, reason)
            if not self._store.replace(known, after):
                continue  # another worker counted a failure at the same moment
            if state.opened_at is None and after.opened_at is not None:
                log.error(
                    "cova_service_away",
                    extra={
                        "company_id": after.company_id,
                        "service": after.service,
                        "failures": after.failures,
                    },
                )
            return

    def end_trial(self, seen: BreakerState) -> None:
        """The trial call told nothing: another worker may try at once."""
        self._store.replace(seen, replace(seen, trial_until=None))

    def _after_failure(self, state: BreakerState, reason: str) -> BreakerState:
        failures = state.failures + 1
        if failures < FAILURES_UNTIL_OPEN:
            return replace(state, failures=failures, reason=reason)
        now = self._clock.now()
        return replace(
            state,
            failures=failures,
            opened_at=state.opened_at or now,
            open_until=now + timedelta(seconds=pause_seconds(failures)),
            trial_until=None,
            reason=reason,
        )


class _SharedPassage(Passage):
    def __init__(self, breaker: SharedBreaker, seen: BreakerState, *, is_trial: bool) -> None:
        self._breaker = breaker
        self._seen = seen
        self._is_trial = is_trial

    def answered(self) -> None:
        self._breaker.note_answer(self._seen)

    def failed(self, reason: str) -> None:
        self._breaker.note_failure(self._seen, reason, is_trial=self._is_trial)

    def left_open(self) -> None:
        if self._is_trial:
            self._breaker.end_trial(self._seen)


def service_name(service: str) -> str:
    """What staff call a service of COVA."""
    return _NAMES.get(service, f"service {service}")


def pause_seconds(failures: int) -> float:
    """How long the breaker stays open after so many failures in a row."""
    doublings = min(max(failures - FAILURES_UNTIL_OPEN, 0), 20)
    return float(min(FIRST_PAUSE_SECONDS * 2**doublings, LONGEST_PAUSE_SECONDS))


def _away(state: BreakerState, until: datetime, now: datetime) -> CovaAway:
    since = state.opened_at or now
    said = f" COVA's last word: {state.reason}" if state.reason else ""
    return CovaAway(
        f"COVA's {service_name(state.service)} is not answering, so it was not asked again.{said}",
        retry_after=max((until - now).total_seconds(), 0.1),
        detail=f"{state.service} of company {state.company_id}, {state.failures} failures in a "
        f"row, away since {_clock_time(since)}, not called before {_clock_time(until)}",
        fix="Nothing was sent, and it is tried again by itself. If it stays, see COVA's status "
        "page or call their support.",
    )


def _clock_time(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
