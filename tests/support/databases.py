"""The databases tests run on: SQLite, or PostgreSQL with `COVA_TEST_DATABASE=postgresql`.

The variable is read once, before the tests hide such variables from the code. What stays on
SQLite carries the mark `sqlite` with its reason; `sqlite_guard` refuses SQLite to all else.

Migrations are run once per process. Every test gets a copy of what they made.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from tests.support.postgres import PostgresServer

_ASKED = os.environ.get("COVA_TEST_DATABASE", "") or "sqlite"
if _ASKED not in ("sqlite", "postgresql"):
    raise ValueError(f"COVA_TEST_DATABASE is {_ASKED!r}; it may be sqlite or postgresql.")

ON_POSTGRES = _ASKED == "postgresql"


def empty_sqlite(path: Path) -> str:
    """An empty SQLite file in WAL mode, as the plugin uses it; its address."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{path}"


def sqlite_with_tables(path: Path) -> str:
    """The same with the tables of the plugin and of the tests' shop, and nothing in them."""
    path.write_bytes(_file_with_tables())
    return f"sqlite:///{path}"


@contextmanager
def postgres_with_tables(server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database like that, to be used or to be copied."""
    with server.database() as url:
        make_tables(url)
        yield url


def make_tables(url: str) -> None:
    """Create the tables of the plugin and of the tests' shop in an empty database."""
    # Whoever needs no database does not wait for all that this imports.
    from aiq_cova_plugin.store import schema

    from tests.support.shop import Base

    engine = sa.create_engine(url)
    schema.upgrade(engine)
    Base.metadata.create_all(engine)
    engine.dispose()


@cache
def _file_with_tables() -> bytes:
    with tempfile.TemporaryDirectory(prefix="cova-tables-") as folder:
        path = Path(folder) / "tables.sqlite"
        make_tables(empty_sqlite(path))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()


def dump_of(url: str, *, prefix: str = "cova_") -> str:
    """Every value of every table whose name begins like that, as one text."""
    engine = sa.create_engine(url)
    lines: list[str] = []
    try:
        with engine.connect() as connection:
            for name in sa.inspect(engine).get_table_names():
                if name.startswith(prefix):
                    rows = connection.execute(sa.select("*").select_from(sa.table(name)))
                    lines += [f"{name} {tuple(row)}" for row in rows]
    finally:
        engine.dispose()
    return "\n".join(lines)
