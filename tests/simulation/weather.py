"""What the wire and the machines do to us, decided call by call."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from tests.simulation.wire import AFTER_EFFECT, BEFORE_EFFECT, DEATHS, SPECIAL, Failure, WireCall

OUTAGE = ("refused", "timeout_before", "gateway_502", "unavailable_503", "reset_before")


@dataclass
class Weather:
    """Which failure the next call meets. Calm unless told otherwise."""

    rng: random.Random
    share_of_failures: float = 0.0
    outage_until: datetime | None = None
    storm_until: datetime | None = None
    ordered: deque[Failure] = field(default_factory=deque)
    """Failures that the next calls meet, one each, whatever else the weather is."""
    company: int | None = None
    """Whom outage, storm and unreliable wires are for; None when for everybody."""
    repeats_are_harmless: bool = True
    """Whether COVA takes a repeated submission for the same order; else none is repeated."""

    def clear(self) -> None:
        self.share_of_failures = 0.0
        self.outage_until = self.storm_until = None
        self.company = None
        self.ordered.clear()

    def failure_of(self, call: WireCall, now: datetime) -> Failure | None:
        """What goes wrong with this call; None when nothing does."""
        wanted = self._wanted(call, now)
        if wanted is None:
            return None
        if wanted == "late":
            return "late" if call.is_submission else "reset_after"
        if wanted == "twice":
            is_safe = call.is_reading or (call.is_submission and self.repeats_are_harmless)
            return "twice" if is_safe else "slow"
        if wanted in ("garbage", "truncated") and call.is_log_in:
            return "gateway_502"
        return wanted

    def _wanted(self, call: WireCall, now: datetime) -> Failure | None:
        if self.ordered:
            return self.ordered.popleft()
        if self.company not in (None, call.company):
            return None
        if self.outage_until is not None and now < self.outage_until:
            return self.rng.choice(OUTAGE)
        if self.storm_until is not None and now < self.storm_until:
            return "limited" if self.rng.random() < 0.8 else None
        if self.share_of_failures and self.rng.random() < self.share_of_failures:
            return self.rng.choice(EVERYTHING)
        return None


EVERYTHING = (*BEFORE_EFFECT, *AFTER_EFFECT, *SPECIAL, *DEATHS)
