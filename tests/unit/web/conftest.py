"""A tiny shop with the staff pages, and a browser without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from aiq_cova_plugin.simulator import Simulator

from tests.unit.web.kit import Browser, Records, TinyHost, close, tiny_shop


@pytest.fixture
def host() -> TinyHost:
    return TinyHost()


@pytest.fixture
def make_shop(
    new_database: Callable[..., str], tmp_path: Path, host: TinyHost
) -> Iterator[Callable[..., Flask]]:
    """A shop with other configuration: `make_shop(COVA_METRICS_TOKEN="…")`."""
    made: list[Flask] = []

    def make(*, with_tables: bool = True, **options: Any) -> Flask:
        folder = tmp_path / f"shop-{len(made)}"
        folder.mkdir()
        database_url = new_database(with_tables=with_tables)
        made.append(tiny_shop(folder, host, database_url=database_url, **options))
        return made[-1]

    yield make
    for app in made:
        close(app)


@pytest.fixture
def shop(make_shop: Callable[..., Flask]) -> Flask:
    return make_shop()


@pytest.fixture
def browser_without_js(shop: Flask) -> Browser:
    return Browser(shop.test_client())


@pytest.fixture
def records(shop: Flask) -> Records:
    return Records(shop)


@pytest.fixture(scope="session")
def simulated_cova() -> Iterator[Simulator]:
    """A running COVA with a small catalogue; tests of forms change nothing in it."""
    with Simulator(products=30, seed=1) as simulator:
        yield simulator


@pytest.fixture
def connected_shop(make_shop: Callable[..., Flask], simulated_cova: Simulator) -> Flask:
    """A shop that talks to the simulator, with no settings saved yet."""
    return make_shop(COVA_API_URL=simulated_cova.url, COVA_TOKEN_URL=simulated_cova.token_url)


@pytest.fixture
def six_fields(simulated_cova: Simulator) -> dict[str, str]:
    """The onboarding package the simulator accepts."""
    names = ("company_id", "location_id", "username", "password", "client_id", "client_secret")
    return {name: str(getattr(simulated_cova, name)) for name in names}
