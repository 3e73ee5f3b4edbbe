"""How the demo finds its COVA, and what it keeps in the instance folder."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from aiq_cova_plugin import demo
from aiq_cova_plugin.demo import instance_files, starter
from aiq_cova_plugin.demo.models import db
from aiq_cova_plugin.demo.seed import MANAGER
from aiq_cova_plugin.simulator import Simulator

from tests.demo.kit import FakePlugin

MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(
    plugin: FakePlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeApp]:
    """Apps on one instance folder; simulators they start are stopped at the end."""
    apps: list[Flask] = []
    stops: list[Callable[[], None]] = []
    monkeypatch.setattr("atexit.register", stops.append)

    def make(simulator: Simulator | None = None, **config: Any) -> Flask:
        config = {"DEMO_INSTANCE_PATH": str(tmp_path), "DEMO_SIMULATOR_PRODUCTS": 5} | config
        apps.append(demo.create_app(config, simulator=simulator))
        return apps[-1]

    yield make
    for stop in stops:
        stop()
    for app in apps:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def test_with_an_address_no_simulator_is_started(make_app: MakeApp, plugin: FakePlugin) -> None:
    app = make_app(COVA_API_URL="https://cova.example")
    assert app.config["COVA_API_URL"] == "https://cova.example"
    assert "demo-live.sqlite" in app.config["SQLALCHEMY_DATABASE_URI"]
    assert plugin.connected == []


def test_given_simulator_is_connected_once(make_app: MakeApp, plugin: FakePlugin) -> None:
    with Simulator(products=5) as simulator:
        app = make_app(simulator)
        make_app(simulator)
    assert app.config["COVA_API_URL"] == simulator.url
    assert app.config["COVA_TOKEN_URL"] == simulator.token_url
    assert app.config["COVA_INTEGRATOR_ID"] == simulator.integrator_id
    ((store_id, connection),) = plugin.connected
    assert store_id == "1"
    assert connection["company_id"] == simulator.company_id
    assert connection["delivery_fee_product"] == simulator.delivery_fee_product_id


def test_second_process_finds_the_running_simulator(make_app: MakeApp) -> None:
    first = make_app()
    second = make_app()
    assert first.config["COVA_API_URL"] == second.config["COVA_API_URL"]


def test_dead_simulator_is_replaced(make_app: MakeApp, tmp_path: Path) -> None:
    with Simulator(products=5) as gone:
        pass
    file = tmp_path / "simulator.json"
    instance_files.write(file, json.dumps({"url": gone.url}))
    app = make_app()
    assert json.loads(file.read_text())["url"] == app.config["COVA_API_URL"]


def test_new_simulator_is_read_from_the_start(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[bool] = []
    monkeypatch.setattr(starter, "services_of", lambda app: None)
    monkeypatch.setattr(
        starter, "start_sync", lambda _services, _store, *, full, by: started.append(full)
    )
    make_app()
    make_app()
    assert started == []
    (tmp_path / "simulator.json").unlink()
    make_app()
    assert started == [True]


def test_busy_port_is_passed_over(make_app: MakeApp) -> None:
    with Simulator(products=5) as busy:
        port = int(busy.url.rpartition(":")[2])
        app = make_app(DEMO_SIMULATOR_PORT=port)
        assert app.config["COVA_API_URL"] != busy.url


def test_command_leaves_no_trace_of_its_own_simulator(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter, "is_serving", lambda: False)
    app = make_app()
    assert app.config["COVA_API_URL"].startswith("http://127.0.0.1:")
    assert not (tmp_path / "simulator.json").exists()


def test_secrets_are_kept_and_readable_by_their_owner_alone(
    make_app: MakeApp, tmp_path: Path
) -> None:
    first = make_app(COVA_API_URL="https://cova.example")
    second = make_app(COVA_API_URL="https://cova.example")
    for key in ("SECRET_KEY", "COVA_SECRET_KEYS"):
        assert first.config[key] == second.config[key]
    for name in ("secret-key", "cova-secret-key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_start_says_where_and_who(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app = make_app()
    said = capsys.readouterr().out
    assert f"{MANAGER.username} / {MANAGER.password}" in said
    assert app.config["COVA_API_URL"] in said
