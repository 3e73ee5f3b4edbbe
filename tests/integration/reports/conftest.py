"""COVA, and a shop connected to it, for every test anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import ConnectedShop, connected_shop, new_simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with new_simulator(products=30) as simulator:
        yield simulator


@pytest.fixture
def shop(sqlite_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    """On SQLite: for what does not depend on the database."""
    with connected_shop(sqlite_url, sim) as connected:
        yield connected


@pytest.fixture
def any_shop(database_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    """On SQLite and on PostgreSQL: for what does."""
    with connected_shop(database_url, sim) as connected:
        yield connected
