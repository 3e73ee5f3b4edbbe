"""Fixtures every test may use, and the rule that CI leaves nothing out.

What starts a server or a browser does so once per session and only when a test asks for it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.support.databases import ON_POSTGRES
from tests.support.live_server import LiveServer, running_server
from tests.support.requirements import missing, runs_in_ci, skips_ci_refuses

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.support.chromium import Complaints
    from tests.support.postgres import PostgresServer

# HYPOTHESIS_PROFILE=nightly looks fifty times longer than CI does. No test depends on speed.
settings.register_profile("ci", deadline=None)
settings.register_profile("nightly", settings.get_profile("ci"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

ARTEFACTS = Path(__file__).parent / "artefacts"

_HOW_TO_INSTALL = "`make test` installs it where it can."


# --- Flask ----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _push_request_context() -> None:
    """Take pytest-flask's automatic request context away.

    With it, `g` and `db.session` would survive from one request of a test to the next, and a job
    that forgot its application context would pass.
    """


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide COVA_* variables and proxies of the developer's shell from the test."""
    for name in list(os.environ):
        if name.startswith("COVA_") or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
            monkeypatch.delenv(name)


@pytest.fixture
def live_server() -> Iterator[Callable[..., LiveServer]]:
    """Serve WSGI apps on real ports: `server = live_server(app)`, then `server.url`."""
    with ExitStack() as servers:
        yield lambda app, **options: servers.enter_context(running_server(app, **options))


# --- databases ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL server."""
    from tests.support.postgres import find_postgres_programs, running_postgres

    programs = find_postgres_programs()
    if programs is None:
        missing("PostgreSQL", _HOW_TO_INSTALL)
    with running_postgres(programs) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database of this test alone."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database with the plugin's tables and nothing in them, to be copied."""
    import sqlalchemy as sa

    from aiq_cova_plugin.store import schema

    with postgres_server.database() as url:
        engine = sa.create_engine(url)
        schema.upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty SQLite file of this test alone, in WAL mode as the plugin uses it.

    With `COVA_TEST_DATABASE=postgresql` it is a PostgreSQL database, unless the test carries the
    mark `sqlite`.
    """
    if ON_POSTGRES and request.node.get_closest_marker("sqlite") is None:
        url: str = request.getfixturevalue("postgres_url")
        return url
    path = tmp_path / "test.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{path}"


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database; the test runs twice, on SQLite and on PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The session's Redis server, as an address."""
    from tests.support.redis_server import running_redis

    program = shutil.which("redis-server")
    if program is None:
        missing("Redis", _HOW_TO_INSTALL)
    with running_redis(program) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis."""
    import redis

    with closing(redis.Redis.from_url(redis_server)) as client:
        client.flushall()
    return redis_server


# --- browser --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The session's Chromium."""
    from playwright.sync_api import sync_playwright

    from tests.support.chromium import CHROMIUM_ARGUMENTS, find_chromium

    program = find_chromium()
    if program is None:
        missing("Chromium", _HOW_TO_INSTALL)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest, artefacts: Path) -> Iterator[Page]:
    """A fresh page with its own cookies, which reaches this machine only.

    When the test fails, what the page showed is kept as a picture.
    """
    from tests.support.chromium import stay_on_this_machine

    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    stay_on_this_machine(page)
    yield page
    if request.node.stash.get(_FAILED, False):
        page.screenshot(path=artefacts / f"failed-{_as_file_name(request.node.name)}.png")
    context.close()


@pytest.fixture
def page_complaints(page: Page) -> Complaints:
    """What the page complains about from now on: `assert page_complaints.all == []`."""
    from tests.support.chromium import Complaints

    return Complaints(page)


@pytest.fixture
def take_screenshot(page: Page, artefacts: Path) -> Callable[[str], Path]:
    """Keep a picture of the whole page: `take_screenshot("settings")`; answers its path."""

    def take(name: str) -> Path:
        path = artefacts / f"{_as_file_name(name)}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """The folder for pictures and reports that a person may want to look at afterwards."""
    ARTEFACTS.mkdir(exist_ok=True)
    return ARTEFACTS


def _as_file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in text)


# --- which database ---------------------------------------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where all tests run on PostgreSQL, those that run on both need not run there twice."""
    if not ON_POSTGRES:
        return
    twice = [item for item in items if _is_the_sqlite_half(item)]
    config.hook.pytest_deselected(items=twice)
    items[:] = [item for item in items if item not in set(twice)]


def _is_the_sqlite_half(item: pytest.Item) -> bool:
    told = getattr(getattr(item, "callspec", None), "params", {})
    return any(told.get(fixture) == "sqlite" for fixture in ("database_url", "ready_url"))


# --- what happened --------------------------------------------------------------------------------

_FAILED: pytest.StashKey[bool] = pytest.StashKey()
_skips: list[tuple[str, str]] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Note on the test that it failed, for fixtures that leave something behind then."""
    report = yield
    if report.when in {"setup", "call"} and report.failed:
        item.stash[_FAILED] = True
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _note_skip(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _note_skip(report)


def _note_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    where = report.longrepr
    # From another process it comes as a list.
    reason = where[2] if isinstance(where, tuple | list) else str(where)
    _skips.append((report.nodeid, reason.removeprefix("Skipped: ")))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a CI run that left out what a fresh machine could have run."""
    if runs_in_ci() and skips_ci_refuses(_skips) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    refused = skips_ci_refuses(_skips)
    if not (runs_in_ci() and refused):
        return
    terminalreporter.section("skipped, although a fresh machine could run them", red=True)
    for test, reason in refused:
        terminalreporter.line(f"{test}: {reason}")
    terminalreporter.line('A skip that must stay begins with "[cannot run here]".')
