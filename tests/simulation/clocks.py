"""The one clock of a simulated world, and COVA's, which may be wrong by some minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiq_cova_plugin.simulator.clock import SimulatorClock

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""When every simulated world begins: a Monday, eight in the morning in Denver."""


class VirtualClock:
    """The plugin's clock. It moves only when the world moves it."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        """Seconds since the world began, for those who ask for no date."""
        return (self._now - START).total_seconds()

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def move_to(self, moment: datetime) -> None:
        """Go to that moment, never back."""
        self._now = max(self._now, moment)

    def reset(self) -> None:
        self._now = START


class CovaClock(SimulatorClock):
    """COVA's clock: the world's time, wrong by `skew`."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self.skew = timedelta()

    def now(self) -> datetime:
        return self._clock.now() + self.skew

    def advance(self, seconds: float) -> datetime:
        self._clock.advance(seconds)
        return self.now()
