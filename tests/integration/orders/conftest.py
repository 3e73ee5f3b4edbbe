"""The order tests' simulator and shop; how they work is told in `kit`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.integration.orders.kit import (
    Bench,
    config_for,
    copy_database,
    fresh,
    open_bench,
    settings_for,
)
from tests.support.shop import Shop


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    with Simulator(products=30) as sim:
        yield sim


@pytest.fixture
def sim(running_simulator: Simulator) -> Simulator:
    """The simulator as it was when it started; one server for all tests."""
    return fresh(running_simulator)


@pytest.fixture(scope="session")
def _ready_database(running_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and store s1 connected, to be copied."""
    path = tmp_path_factory.mktemp("template") / "shop.sqlite"
    shop = Shop(f"sqlite:///{path}", **config_for(running_simulator))
    shop.cova.connect_store(shop.app, "s1", check=False, **settings_for(running_simulator))
    shop.close()
    return path


@pytest.fixture
def bench(sim: Simulator, _ready_database: Path, tmp_path: Path) -> Iterator[Bench]:
    """A connected shop on SQLite: for whatever does not depend on the database."""
    url = copy_database(_ready_database, tmp_path / "shop.sqlite")
    shop = Shop(url, **config_for(sim))
    made = Bench(sim, shop)
    yield made
    made.close()
    assert sim.broken == []


@pytest.fixture
def both(sim: Simulator, database_url: str) -> Iterator[Bench]:
    """A connected shop, once on SQLite and once on PostgreSQL."""
    with open_bench(sim, database_url) as made:
        yield made
    assert sim.broken == []


@pytest.fixture
def patient(sim: Simulator, database_url: str) -> Iterator[Bench]:
    """A connected shop on both databases that waits long for COVA, so that a call can hang."""
    with open_bench(sim, database_url, COVA_READ_TIMEOUT_SECONDS=20) as made:
        yield made
    assert sim.broken == []


@pytest.fixture
def postgres_bench(sim: Simulator, postgres_url: str) -> Iterator[Bench]:
    """A connected shop on PostgreSQL, where two transactions really overlap."""
    with open_bench(sim, postgres_url) as made:
        yield made
    assert sim.broken == []
