"""A tiny shop with the staff pages, and a browser without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from aiq_cova_plugin.simulator import Simulator

from tests.support.databases import ON_POSTGRES
from tests.unit.web.kit import Browser, Records, TinyHost, close, tiny_shop


@pytest.fixture
def host() -> TinyHost:
    return TinyHost()


@pytest.fixture
def make_shop(
    request: pytest.FixtureRequest, tmp_path: Path, host: TinyHost
) -> Iterator[Callable[..., Flask]]:
    """A shop with other configuration: `make_shop(COVA_METRICS_TOKEN="…")`."""
    made: list[Flask] = []
    with ExitStack() as databases:

        def make(**options: Any) -> Flask:
            folder = tmp_path / f"shop-{len(made)}"
            folder.mkdir()
            if ON_POSTGRES:
                server = request.getfixturevalue("postgres_server")
                copied = {}
                if options.get("with_tables", True):
                    copied = {"copy_of": request.getfixturevalue("migrated_postgres")}
                url = databases.enter_context(server.database(**copied))
                options = {"SQLALCHEMY_DATABASE_URI": url} | options
            made.append(tiny_shop(folder, host, **options))
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
