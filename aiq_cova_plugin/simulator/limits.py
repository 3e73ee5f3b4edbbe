"""Rate limits per service, in fixed windows (section 10.1)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from .switches import Switches
from .wire import wire_time


@dataclass(frozen=True)
class Allowance:
    """What is left of a service's window after this call."""

    limit: int
    remaining: int
    resets_at: datetime
    reset_seconds: int
    is_exceeded: bool

    def headers(self) -> dict[str, str]:
        """The headers of section 10.1; the last three are the likely names."""
        return {
            "COVA-APIM-RateLimit-Limit": str(self.limit),
            "COVA-APIM-RateLimit-Remaining": str(self.remaining),
            "COVA-APIM-RateLimit-Reset": wire_time(self.resets_at) or "",
            "COVA-APIM-RateLimit-ResetSeconds": str(self.reset_seconds),
        }


class RateLimits:
    """Counts the calls of each service; limits are read from the switches at each call."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[datetime, int]] = {}

    def count(self, service: str, now: datetime) -> Allowance:
        """Count one call of that service and say what is left."""
        limit = self._switches.rate_limit
        length = timedelta(seconds=self._switches.rate_limit_window_seconds)
        with self._lock:
            start, used = self._windows.get(service, (now, 0))
            if not start <= now < start + length:
                start, used = now, 0
            used += 1
            self._windows[service] = (start, used)
        resets_at = start + length
        return Allowance(
            limit=limit,
            remaining=max(0, limit - used),
            resets_at=resets_at,
            reset_seconds=max(1, ceil((resets_at - now).total_seconds())),
            is_exceeded=used > limit,
        )

    def reset(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._windows.clear()
