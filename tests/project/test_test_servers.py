"""The servers and the browser that other tests rely on do what their docstrings say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import flask
import pytest
import requests
import sqlalchemy as sa

from tests.support.live_server import LiveServer
from tests.support.requirements import skips_ci_refuses

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.chromium import Complaints


@pytest.fixture
def small_app() -> flask.Flask:
    app = flask.Flask("small")

    @app.get("/")
    def index() -> str:
        return "<!doctype html><html lang=en><title>Small</title><main><h1>Hello</h1></main></html>"

    @app.get("/bad")
    def bad() -> str:
        return "<!doctype html><html><img src='https://elsewhere.example/x.png'></html>"

    return app


def test_live_server_answers_on_a_real_port(
    small_app: flask.Flask, live_server: Callable[..., LiveServer]
) -> None:
    server = live_server(small_app)

    assert "Hello" in requests.get(server.at("/"), timeout=5).text


def test_no_request_context_is_pushed_around_a_test(small_app: flask.Flask) -> None:
    assert small_app is not None
    assert not flask.has_request_context()
    assert not flask.has_app_context()


def test_sockets_to_other_machines_are_blocked() -> None:
    with pytest.raises(Exception, match="host"):
        requests.get("http://192.0.2.1/", timeout=1)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(empty_database_url: str, turn: int) -> None:
    engine = sa.create_engine(empty_database_url)

    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == []
        connection.execute(sa.text("CREATE TABLE mark (id INTEGER)"))
    engine.dispose()


_GUARDED = {
    "conftest.py": """
from tests.support.sqlite_guard import SqliteGuard

def pytest_configure(config):
    config.addinivalue_line("markers", "sqlite(reason): stays")
    config.pluginmanager.register(SqliteGuard())
""",
    "test_it.py": """
import sqlite3, pytest

def test_silent():
    sqlite3.connect(":memory:").close()

@pytest.mark.sqlite("it is about the file")
def test_marked():
    sqlite3.connect(":memory:").close()
""",
}


def test_a_run_on_postgresql_refuses_sqlite_and_says_what_stayed_on_it(tmp_path: Path) -> None:
    for name, text in _GUARDED.items():
        (tmp_path / name).write_text(text)

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        check=False, capture_output=True, text=True, timeout=50, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip

    assert "1 failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "test_silent opens SQLite in a run on PostgreSQL" in ran.stdout
    assert "1 tests: it is about the file" in ran.stdout


@pytest.mark.redis
def test_redis_starts_empty(redis_url: str) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("mark", "1")


@pytest.mark.browser
def test_browser_shows_a_page_and_has_nothing_to_complain_about(
    small_app: flask.Flask,
    live_server: Callable[..., LiveServer],
    page: Page,
    page_complaints: Complaints,
) -> None:
    from tests.support.chromium import accessibility_problems

    page.goto(live_server(small_app).at("/"))

    assert page.get_by_role("heading").inner_text() == "Hello"
    assert accessibility_problems(page) == []
    assert page_complaints.all == []


@pytest.mark.browser
def test_browser_notices_a_bad_page(
    small_app: flask.Flask,
    live_server: Callable[..., LiveServer],
    page: Page,
    page_complaints: Complaints,
) -> None:
    from tests.support.chromium import accessibility_problems

    page.goto(live_server(small_app).at("/bad"))

    rules = {problem.split(":")[0] for problem in accessibility_problems(page)}
    assert {"html-has-lang", "image-alt"} <= rules
    assert any("ERR_FAILED" in complaint for complaint in page_complaints.all)


@pytest.mark.parametrize(
    ("reason", "is_refused"),
    [
        ("Chromium is not installed", True),
        ("[cannot run here] needs three machines", False),
        ("[no recordings] nobody has recorded COVA", False),
        ("", True),
    ],
)
def test_ci_refuses_skips_a_fresh_machine_could_run(reason: str, is_refused: bool) -> None:
    assert bool(skips_ci_refuses([("test", reason)])) is is_refused
