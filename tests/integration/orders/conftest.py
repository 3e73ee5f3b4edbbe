"""The order tests' simulator and shop; how they work is told in `kit`."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.integration.orders.kit import Bench, fresh, make_ready, open_bench
from tests.support.databases import ON_POSTGRES
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    with Simulator(products=30) as sim:
        yield sim


@pytest.fixture
def sim(running_simulator: Simulator) -> Simulator:
    """The simulator as it was when it started; one server for all tests."""
    return fresh(running_simulator)


@pytest.fixture(scope="session")
def _ready_sqlite(running_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and store s1 connected, to be copied."""
    path = tmp_path_factory.mktemp("template") / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    make_ready(running_simulator, f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _ready_postgres(running_simulator: Simulator, postgres_server: PostgresServer) -> Iterator[str]:
    """The same on PostgreSQL."""
    with postgres_server.database() as url:
        make_ready(running_simulator, url)
        yield url


@pytest.fixture
def ready_sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of this test alone with all tables and store s1 connected."""
    if ON_POSTGRES:
        url: str = request.getfixturevalue("ready_postgres_url")
        return url
    template: Path = request.getfixturevalue("_ready_sqlite")
    target = tmp_path / "shop.sqlite"
    shutil.copyfile(template, target)
    return f"sqlite:///{target}"


@pytest.fixture
def ready_postgres_url(_ready_postgres: str, postgres_server: PostgresServer) -> Iterator[str]:
    """The same on PostgreSQL."""
    with postgres_server.database(copy_of=_ready_postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ready_url(request: pytest.FixtureRequest) -> str:
    """The same on each of both."""
    names = {"sqlite": "ready_sqlite_url", "postgresql": "ready_postgres_url"}
    url: str = request.getfixturevalue(names[request.param])
    return url


def _patience(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How long calls may take, where the test's module says."""
    seconds = getattr(request.module, "READ_TIMEOUT_SECONDS", None)
    return {} if seconds is None else {"COVA_READ_TIMEOUT_SECONDS": seconds}


@pytest.fixture
def bench(request: pytest.FixtureRequest, sim: Simulator, ready_sqlite_url: str) -> Iterator[Bench]:
    """A connected shop on SQLite: for whatever does not depend on the database."""
    with open_bench(sim, ready_sqlite_url, **_patience(request)) as made:
        yield made
    assert sim.broken == []


@pytest.fixture
def both(request: pytest.FixtureRequest, sim: Simulator, ready_url: str) -> Iterator[Bench]:
    """A connected shop, once on SQLite and once on PostgreSQL."""
    with open_bench(sim, ready_url, **_patience(request)) as made:
        yield made
    assert sim.broken == []


@pytest.fixture
def patient(sim: Simulator, ready_url: str) -> Iterator[Bench]:
    """The same, and it waits long for COVA, so that a call can hang."""
    with open_bench(sim, ready_url, COVA_READ_TIMEOUT_SECONDS=20) as made:
        yield made
    assert sim.broken == []


@pytest.fixture
def postgres_bench(sim: Simulator, ready_postgres_url: str) -> Iterator[Bench]:
    """A connected shop on PostgreSQL, where two transactions really overlap."""
    with open_bench(sim, ready_postgres_url) as made:
        yield made
    assert sim.broken == []
