"""Proves that a run on PostgreSQL runs on PostgreSQL: no unmarked test opens SQLite.

Python itself tells of every SQLite connection of this process, whoever opens it and however.
What a test starts in another process is not seen; such tests carry the mark all the same.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pytest

MARK = "sqlite"


class SqliteGuard:
    """A pytest plugin. Refuses SQLite to tests without the mark, and counts those with it."""

    def __init__(self) -> None:
        self._item: pytest.Item | None = None
        self.stayed: Counter[str] = Counter()
        sys.addaudithook(self._watch)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._item = item
        reason = reason_of(item)
        if reason is not None:
            # It travels with the report, from whichever process runs the test.
            item.user_properties.append((MARK, reason))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup":
            told = report.user_properties
            self.stayed.update(str(reason) for name, reason in told if name == MARK)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("all on PostgreSQL, except")
        for reason, count in self.stayed.most_common():
            terminalreporter.line(f"{count} tests: {reason}")

    def _watch(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if event != "sqlite3.connect" or self._item is None or reason_of(self._item) is not None:
            return
        raise AssertionError(
            f"{self._item.nodeid} opens SQLite in a run on PostgreSQL. Take a database from the "
            f'fixtures, or mark the test: @pytest.mark.{MARK}("why it must stay there").'
        )


def reason_of(item: pytest.Item) -> str | None:
    """Why the test stays on SQLite; None when it does not. Raises `UsageError` without a reason."""
    mark = item.get_closest_marker(MARK)
    if mark is None:
        return None
    if len(mark.args) != 1 or not mark.args[0]:
        raise pytest.UsageError(f"{item.nodeid}: the mark {MARK} needs a reason.")
    return str(mark.args[0])
