"""The demo shop behind a real port, with its worker running, beside a simulated COVA."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from aiq_cova_plugin.demo import create_app
from aiq_cova_plugin.demo.models import db
from aiq_cova_plugin.simulator import Simulator

from tests.support.live_server import LiveServer
from tests.unit.web.kit import Records, TinyHost, close, tiny_shop


@pytest.fixture
def simulated_cova() -> Iterator[Simulator]:
    with Simulator(products=40, seed=1) as simulator:
        yield simulator
        assert simulator.broken == []


@pytest.fixture
def demo_shop(simulated_cova: Simulator, tmp_path: Path, empty_sqlite_url: str) -> Iterator[Flask]:
    """A demo shop no store of which is connected yet; it syncs, pushes and polls by itself."""
    app = create_app(
        {
            "DEMO_INSTANCE_PATH": str(tmp_path),
            "DEMO_DATABASE_URL": empty_sqlite_url,
            "COVA_API_URL": simulated_cova.url,
            "COVA_TOKEN_URL": simulated_cova.token_url,
            "COVA_SCHEDULER": "apscheduler",
            "COVA_TICK_SECONDS": 0.4,
            "COVA_STATUS_INTERVAL_SECONDS": 1,
        }
    )
    yield app
    app.extensions["cova"].scheduler.shutdown(wait=True)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def demo_server(demo_shop: Flask, live_server: Callable[..., LiveServer]) -> LiveServer:
    return live_server(demo_shop)


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str) -> Iterator[Flask]:
    """A tiny shop with the plugin's pages and nothing in it; `records` fills it."""
    app = tiny_shop(tmp_path, TinyHost(), database_url=sqlite_url)
    yield app
    close(app)


@pytest.fixture
def server(shop: Flask, live_server: Callable[..., LiveServer]) -> LiveServer:
    return live_server(shop)


@pytest.fixture
def records(shop: Flask) -> Records:
    return Records(shop)
