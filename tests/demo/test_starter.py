"""How the demo finds its COVA, and what it keeps in the instance folder."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
import requests
from flask import Flask

from aiq_cova_plugin import demo
from aiq_cova_plugin.demo import instance_files, starter, terminal
from aiq_cova_plugin.demo.models import Store, db
from aiq_cova_plugin.demo.seed import MANAGER
from aiq_cova_plugin.simulator import Simulator

from tests.demo.kit import FakePlugin

pytestmark = pytest.mark.sqlite("about the demo's instance folder, in which it keeps SQLite")

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
    assert "Begin here" in said


@contextmanager
def flask_run(port: int) -> Iterator[None]:
    """As if `flask run --port` were starting this process."""
    context = click.Context(click.Command("run"), info_name="run")
    context.params = {"host": "127.0.0.1", "port": port}
    with context:
        yield


def test_a_taken_port_is_said_first_and_nothing_is_started(
    make_app: MakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with flask_run(port), pytest.raises(click.ClickException) as refused:
            make_app()
    assert f"Port {port} is taken" in refused.value.message
    advised = re.search(r"make demo PORT=(\d+)", refused.value.message)
    assert advised is not None
    assert terminal.is_free(int(advised[1]))
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_an_earlier_version_is_put_aside(
    make_app: MakeApp, tmp_path: Path, plugin: FakePlugin
) -> None:
    with Simulator(products=5) as simulator:
        first = make_app(simulator)
        with first.app_context():
            db.session.remove()
            db.engine.dispose()
        with closing(sqlite3.connect(tmp_path / "demo.sqlite")) as connection:
            connection.execute("ALTER TABLE shop_store DROP COLUMN phone")
        second = make_app(simulator)
    assert (tmp_path / "earlier-demo.sqlite").exists()
    with second.app_context():
        assert db.session.get_one(Store, 1).phone
    assert len(plugin.connected) == 2


@pytest.mark.slow
def test_ctrl_c_ends_shop_and_simulator_without_a_word_too_many(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = {"DEMO_INSTANCE_PATH": str(tmp_path), "DEMO_SIMULATOR_PRODUCTS": "5"}
    shop = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "flask",
            "--app",
            "aiq_cova_plugin.demo",
            "run",
            "--port",
            str(port),
        ],
        env={**os.environ, **settings, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said: list[str] = []
        assert shop.stdout is not None
        for line in shop.stdout:
            said.append(line)
            if "Running on" in line:
                break
        # It says so a moment before it serves; a signal in between would meet click instead.
        assert requests.get(f"http://127.0.0.1:{port}/", timeout=30).ok
        shop.send_signal(signal.SIGINT)
        rest, _ = shop.communicate(timeout=60)
    finally:
        shop.kill()
        shop.wait(30)
    assert shop.returncode == 0, "".join(said) + rest
    assert "Traceback" not in "".join(said) + rest
