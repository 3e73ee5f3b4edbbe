"""The two ways to the host's database, and when to take which.

*Shared*: the connection of the host's own session. What must commit or fail together with
the host's work goes through it (signals, a batch of products, an order's status). The
plugin commits it in jobs only.

*Short*: a connection of our own, committed at once. Claims, leases, tokens, run records and
plain reading go through it, so that no transaction is open while COVA is being called. Never
use it while the shared one may hold a write lock: SQLite has one writer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
)

if TYPE_CHECKING:
    from flask_sqlalchemy import SQLAlchemy

T = TypeVar("T")

DatabaseConnection = sa.Connection
"""What the repositories of this room work on; services only pass it around."""


class Database:
    """The host's database, borrowed. Everything needs an application context."""

    def __init__(self, db: SQLAlchemy, *, is_in_request: Callable[[], bool]) -> None:
        self._db = db
        self._is_in_request = is_in_request

    @property
    def engine(self) -> sa.Engine:
        return self._db.engine

    @property
    def allows_threads(self) -> bool:
        """May several threads work at once? Not on an SQLite database that lives in memory."""
        url = self._db.engine.url
        return not (url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"))

    def forget_connections(self) -> None:
        """Leave the pool's connections to the process we were forked from."""
        for engine in self._db.engines.values():
            engine.dispose(close=False)

    @contextmanager
    def short(self) -> Iterator[sa.Connection]:
        """A connection of our own; commits at the end, rolls back on an exception."""
        with self._db.engine.begin() as connection:
            yield connection

    def shared(self) -> sa.Connection:
        """The connection the host's session is using now. Nothing here flushes or commits it."""
        return self._db.session.connection()

    @contextmanager
    def job_transaction(self) -> Iterator[sa.Connection]:
        """The shared connection, committed at the end; for jobs alone.

        Whatever the host wrote through its session inside the block and whatever we wrote
        on the connection commit together, or not at all.
        """
        try:
            yield self.shared()
            self._db.session.commit()
        except BaseException:
            self._db.session.rollback()
            raise

    def end_reading(self) -> None:
        """End a transaction the host's session opened by reading, so that none is open
        while COVA is called. In a request the session is the host's and is left alone."""
        if not self._is_in_request():
            self._db.session.rollback()

    def guarded(self, connection: sa.Connection, action: Callable[[], T]) -> T:
        """Run `action` on the shared connection so that its failure leaves the rest intact.

        PostgreSQL spoils a whole transaction on any error, so a savepoint is set there. It is
        the session's: what the host has pending is written before it. Set on the connection
        alone, a failure would undo what the session wrote meanwhile, and the host's commit
        would lose its order without a word.
        SQLite does not spoil it. There a savepoint is set only once the driver has begun a
        transaction, as it does before the first write: earlier, its end would be a commit.
        """
        if connection.dialect.name == "sqlite" and not _has_begun(connection):
            return action()
        with self._db.session.begin_nested():
            return action()


def _has_begun(connection: sa.Connection) -> bool:
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))


def insert_for(connection: sa.Connection, table: type) -> sqlite.Insert | postgresql.Insert:
    """An `INSERT` that knows `on_conflict_do_…`, for the connection's dialect."""
    return _insert(connection.dialect.name, table)


def insert_if_new(connection: sa.Connection, table: type) -> sa.Insert:
    """An `INSERT` that leaves a row alone that is there already; the parameters are the row."""
    return _insert_if_new(connection.dialect.name, table)


def insert_or_change(
    connection: sa.Connection, table: type, *, key: tuple[str, ...], columns: Collection[str]
) -> sa.Insert:
    """An `INSERT` that sets the given columns of a row with the same key instead; the parameters
    are the row."""
    changed = tuple(sorted(set(columns) - set(key)))
    return _insert_or_change(connection.dialect.name, table, key, changed)


def _insert(dialect: str, table: type) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


# Kept: there are few of them, and building one costs more than the database needs for it.
@cache
def _insert_if_new(dialect: str, table: type) -> sa.Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _insert_or_change(
    dialect: str, table: type, key: tuple[str, ...], columns: tuple[str, ...]
) -> sa.Insert:
    statement = _insert(dialect, table)
    told = {column: statement.excluded[column] for column in columns}
    return statement.on_conflict_do_update(index_elements=list(key), set_=told)


def is_database_trouble(error: BaseException) -> bool:
    """Did the database itself fail (locked, gone, full), and not a statement's content?

    A value that a column or a constraint of the host's tables refuses is the trouble of the
    one product it belongs to.
    """
    return isinstance(error, DBAPIError) and not isinstance(error, IntegrityError | DataError)


def explain_trouble(error: BaseException) -> tuple[str, str] | None:
    """What is wrong with the database and what to do, or None when it is something else."""
    if not isinstance(error, OperationalError | ProgrammingError | InternalError):
        return None
    # PostgreSQL's codes say it in every language; SQLite has its words alone.
    code = str(getattr(error.orig, "sqlstate", None) or "")
    text = str(error.orig).lower()
    for trouble, codes, words in _TROUBLES:
        if code in codes or any(each in text for each in words):
            return trouble
    if not isinstance(error, OperationalError | ProgrammingError):
        return None
    return (
        f"The database does not answer ({type(error).__name__}).",
        "Check the shop's database; nothing was changed halfway.",
    )


_TROUBLES: tuple[tuple[tuple[str, str], tuple[str, ...], tuple[str, ...]], ...] = (
    (
        (
            "The plugin's tables are missing or older than this version needs.",
            "Run: flask cova init-db",
        ),
        ("42P01", "42703"),  # undefined table, undefined column
        ("no such table", "no such column"),
    ),
    (
        (
            "There is no room left for the shop's database: its disk is full.",
            "Make room on that disk; the plugin goes on by itself.",
        ),
        ("53100",),
        ("is full", "no space left"),
    ),
    (
        ("The database is busy with another write.", "Try again in a moment."),
        ("40P01", "40001", "55P03"),  # deadlock, serialization failure, lock not available
        ("locked",),
    ),
    (
        (
            "The database broke a statement off because it took too long.",
            "Try again in a moment; if it stays so, look at the database's load and time limit.",
        ),
        ("57014",),
        (),
    ),
    (
        (
            "The database lets nobody write: it is read-only.",
            "After a fail-over, point the shop at the server that is the primary now.",
        ),
        ("25006",),
        ("readonly database",),
    ),
)
