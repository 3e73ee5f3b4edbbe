"""A connected shop for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import ConnectedShop, connected_shop, new_simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with new_simulator() as simulator:
        yield simulator


@pytest.fixture
def shop(sqlite_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    with connected_shop(sqlite_url, sim, sync_orders=True) as connected:
        yield connected
