"""Fixtures every test may use, and the rule that CI leaves nothing out.

What starts a server or a browser does so once per session and only when a test asks for it.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.support.databases import (
    ON_POSTGRES,
    empty_sqlite,
    postgres_with_tables,
    sqlite_with_tables,
)
from tests.support.live_server import LiveServer, running_server
from tests.support.requirements import missing, runs_in_ci, skips_ci_refuses
from tests.support.sqlite_guard import MARK, SqliteGuard, reason_of

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


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database with all tables and nothing in them, to be copied."""
    with postgres_with_tables(postgres_server) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    """A PostgreSQL database of this test alone: the plugin's tables and the shop's, all empty."""
    with postgres_server.database(copy_of=migrated_postgres) as url:
        yield url


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same on SQLite: for what does not depend on the database.

    With `COVA_TEST_DATABASE=postgresql` it is a PostgreSQL database, unless the test carries the
    mark `sqlite`.
    """
    if _goes_to_postgres(request):
        url: str = request.getfixturevalue("postgres_url")
        return url
    return sqlite_with_tables(tmp_path / "test.sqlite")


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def database_url(request: pytest.FixtureRequest) -> str:
    """The same; the test runs twice, on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue(_ON[request.param])
    return url


_ON = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Databases like `sqlite_url`, one more with each call, all of this test alone.

    `new_database(with_tables=False)` makes one without any table.
    """
    numbers = count(1)
    with ExitStack() as databases:

        def make(*, with_tables: bool = True) -> str:
            if not _goes_to_postgres(request):
                path = tmp_path / f"shop-{next(numbers)}.sqlite"
                return sqlite_with_tables(path) if with_tables else empty_sqlite(path)
            server: PostgresServer = request.getfixturevalue("postgres_server")
            if not with_tables:
                return databases.enter_context(server.database())
            template: str = request.getfixturevalue("migrated_postgres")
            return databases.enter_context(server.database(copy_of=template))

        yield make


@pytest.fixture(scope="module")
def module_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database like `sqlite_url` that all tests of a module share."""
    if not _goes_to_postgres(request):
        yield sqlite_with_tables(tmp_path_factory.mktemp("module") / "test.sqlite")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("migrated_postgres")
    with server.database(copy_of=template) as url:
        yield url


@pytest.fixture
def empty_sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database like `sqlite_url` without any table: for tests of the migrations."""
    if _goes_to_postgres(request):
        url: str = request.getfixturevalue("empty_postgres_url")
        return url
    return empty_sqlite(tmp_path / "empty.sqlite")


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database of this test alone, without any table."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """A database without any table; the test runs twice, on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue(f"empty_{_ON[request.param]}")
    return url


def _goes_to_postgres(request: pytest.FixtureRequest) -> bool:
    return ON_POSTGRES and request.node.get_closest_marker(MARK) is None


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


def pytest_configure(config: pytest.Config) -> None:
    if ON_POSTGRES:
        config.pluginmanager.register(SqliteGuard(), "sqlite-guard")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where all tests run on PostgreSQL, those that run on both need not run there twice."""
    for item in items:
        reason_of(item)
    if hasattr(config, "workerinput"):
        _long_files_first(items)
    if not ON_POSTGRES:
        return
    twice = [item for item in items if _is_the_sqlite_half(item)]
    config.hook.pytest_deselected(items=twice)
    items[:] = [item for item in items if item not in set(twice)]


def _long_files_first(items: list[pytest.Item]) -> None:
    """Of several processes none shall begin a long file when the others are about to end.

    How long a file takes is guessed; within it the order stays as it is.
    """
    seconds: Counter[Path] = Counter()
    for item in items:
        is_slow = item.get_closest_marker("slow") is not None
        is_browsing = item.get_closest_marker("browser") is not None
        seconds[item.path] += 20 if is_slow else 3 if is_browsing else 1
    items.sort(key=lambda item: (-seconds[item.path], item.path))


def _is_the_sqlite_half(item: pytest.Item) -> bool:
    told = getattr(getattr(item, "callspec", None), "params", {})
    both = ("database_url", "empty_database_url", "ready_url")
    return any(told.get(fixture) == "sqlite" for fixture in both)


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
