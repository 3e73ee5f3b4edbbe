"""A demo shop on a throw-away database, beside a stand-in for the plugin.

The shop's own behaviour is tested with `FakePlugin`, which remembers what it was told; the journey
with the real plugin and the simulator is in `test_journey.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from aiq_cova_plugin import demo
from aiq_cova_plugin.demo import orders, starter
from aiq_cova_plugin.demo.host import DemoHost
from aiq_cova_plugin.demo.models import db

from tests.demo.kit import FakePlugin


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> FakePlugin:
    fake = FakePlugin()
    for module in (demo, orders, starter):
        monkeypatch.setattr(module, "cova", fake)
    return fake


@pytest.fixture
def app(plugin: FakePlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    for key in ("COVA_API_URL", "COVA_SECRET_KEYS", "DEMO_DATABASE_URL", "DEMO_INSTANCE_PATH"):
        monkeypatch.delenv(key, raising=False)
    shop = demo.create_app(
        {
            "TESTING": True,
            "WTF_CSRF_ENABLED": False,
            "DEMO_INSTANCE_PATH": str(tmp_path),
            "COVA_API_URL": "http://127.0.0.1:9",
        }
    )
    yield shop
    with shop.app_context():
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
