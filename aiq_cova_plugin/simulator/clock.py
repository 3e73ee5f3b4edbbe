"""The simulator's own time, which a test moves forward instead of sleeping."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class SimulatorClock:
    """Real UTC time plus an offset; token lifetimes, order states and `Date` headers follow it."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self._offset = offset
        self._lock = threading.Lock()

    @property
    def offset(self) -> timedelta:
        """How far this clock is ahead of the real one."""
        with self._lock:
            return self._offset

    def now(self) -> datetime:
        """The current simulated time, aware, UTC."""
        return datetime.now(UTC) + self.offset

    def advance(self, seconds: float) -> datetime:
        """Move the clock by that many seconds (backwards when negative); answers the new time."""
        with self._lock:
            self._offset += timedelta(seconds=seconds)
        return self.now()

    def reset(self) -> None:
        """Go back to the real time."""
        with self._lock:
            self._offset = timedelta()
