"""A demo shop on a throw-away database, beside a stand-in for the plugin.

The shop's own behaviour is tested with `FakePlugin`, which remembers what it was told; the journey
with the real plugin and the simulator is in `test_journey.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiq_cova_plugin import demo
from aiq_cova_plugin.demo import orders, staff_products, starter
from aiq_cova_plugin.demo.host import DemoHost
from aiq_cova_plugin.demo.models import db

from tests.demo.kit import FakePlugin
from tests.support.databases import ON_POSTGRES
from tests.support.postgres import PostgresServer


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> FakePlugin:
    fake = FakePlugin()
    install(fake, monkeypatch)
    return fake


@pytest.fixture(scope="session")
def seeded_instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with a seeded shop; hashing its passwords once is slow enough."""
    return _seeded(tmp_path_factory.mktemp("seeded"))


@pytest.fixture(scope="session")
def seeded_postgres(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A PostgreSQL database with a seeded shop, to be copied."""
    with postgres_server.database() as url:
        _seeded(tmp_path_factory.mktemp("seeded"), DEMO_DATABASE_URL=url)
        yield url


def _seeded(folder: Path, **config: str) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        install(FakePlugin(), patch)
        close(demo.create_app(config_for(folder, **config)))
    return folder


@pytest.fixture
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, object]]:
    """The configuration of a seeded shop of this test alone."""
    folder = tmp_path / "instance"
    if not ON_POSTGRES:
        shutil.copytree(request.getfixturevalue("seeded_instance"), folder)
        yield config_for(folder)
        return
    template: str = request.getfixturevalue("seeded_postgres")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(copy_of=template) as url:
        yield config_for(folder, DEMO_DATABASE_URL=url)


@pytest.fixture
def app(plugin: FakePlugin, instance: dict[str, object]) -> Iterator[Flask]:
    shop = demo.create_app(instance)
    yield shop
    close(shop)


def config_for(folder: Path, **config: str) -> dict[str, object]:
    return {
        **config,
        "TESTING": True,
        "WTF_CSRF_ENABLED": False,
        "DEMO_INSTANCE_PATH": str(folder),
        "COVA_API_URL": "http://127.0.0.1:9",
    }


def install(fake: FakePlugin, patch: pytest.MonkeyPatch) -> None:
    for module in (demo, orders, staff_products, starter):
        patch.setattr(module, "cova", fake)
    for key in ("COVA_API_URL", "COVA_SECRET_KEYS", "DEMO_DATABASE_URL", "DEMO_INSTANCE_PATH"):
        patch.delenv(key, raising=False)


def close(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def host(app: Flask) -> Iterator[DemoHost]:
    """The host inside an application context, as the plugin's jobs call it."""
    with app.app_context():
        yield DemoHost()
