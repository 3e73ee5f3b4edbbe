"""A shop whose commands are run, and COVA behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import ConnectedShop, connected_shop, new_simulator

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with new_simulator() as simulator:
        yield simulator


@pytest.fixture
def shop(sqlite_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    with connected_shop(sqlite_url, sim) as connected:
        yield connected


@pytest.fixture
def run(shop: ConnectedShop) -> Run:
    """Run a command with `--json`: exit code and the one document on stdout."""

    def run_json(*arguments: str) -> tuple[int, dict[str, Any]]:
        return run_in(shop, *arguments)

    return run_json


def run_in(shop: ConnectedShop, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = shop.shop.run(*arguments, "--json")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    lines = result.stdout.splitlines()
    assert len(lines) == 1, f"one document and nothing else: {result.stdout!r}"
    document: dict[str, Any] = json.loads(lines[0])
    return result.exit_code, document
