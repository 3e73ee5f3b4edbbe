"""A service of COVA that is well, failing, or away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class BreakerState:
    """One breaker as all workers see it. Times are UTC; a closed one has no `opened_at`.

    `failures` counts those in a row; `reason` is the last one's, in words for people.
    """

    company_id: int
    service: str
    failures: int = 0
    opened_at: datetime | None = None
    open_until: datetime | None = None
    trial_until: datetime | None = None
    reason: str = ""

    @property
    def is_open(self) -> bool:
        return self.open_until is not None
