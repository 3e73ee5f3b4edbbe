"""Two apps on one database stand for two processes: they share nothing but its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from aiq_cova_plugin.clock import FixedClock
from aiq_cova_plugin.simulator import Simulator

from tests.integration.scheduling.kit import Process
from tests.support.connected import new_simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with new_simulator(products=20) as simulator:
        yield simulator
    assert simulator.broken == []


@pytest.fixture
def clock() -> FixedClock:
    """The time of all processes; a wait moves it."""
    return FixedClock(datetime.now(UTC))


@pytest.fixture
def process(
    database_url: str, sim: Simulator, clock: FixedClock
) -> Iterator[Callable[[], Process]]:
    """Start one more process on the database."""
    with ExitStack() as running:
        yield lambda: running.enter_context(Process.running(database_url, sim, clock))
