"""The one database of a stage, put back to a kept state in a moment: SQLite or PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

_MEMORY = Path("/dev/shm")


class Database(Protocol):
    """Where the shop and the plugin keep everything."""

    url: str

    def prepare(self, engine: sa.Engine) -> None:
        """Set the engine and the tables up for playing."""

    def keep(self, engine: sa.Engine) -> Any:
        """The present state, for `restore`."""

    def restore(self, engine: sa.Engine, kept: Any) -> None:
        """Everything as it was then."""

    def close(self) -> None:
        """Leave nothing behind."""


class SqliteFile:
    """A file that never reaches a disk, where the machine has such a folder."""

    def __init__(self) -> None:
        where = str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None
        self._folder = tempfile.TemporaryDirectory(prefix="weeks-", dir=where)
        self._path = Path(self._folder.name) / "world.sqlite"
        self.url = f"sqlite:///{self._path}"

    def prepare(self, engine: sa.Engine) -> None:
        sa.event.listen(engine, "connect", _make_fast)
        engine.dispose()
        with closing(sqlite3.connect(self._path)) as plain:
            plain.executescript(_sqlite_triggers())

    def keep(self, engine: sa.Engine) -> sqlite3.Connection:
        del engine
        kept = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(self._path)) as source:
            source.backup(kept)
        return kept

    def restore(self, engine: sa.Engine, kept: Any) -> None:
        del engine
        with closing(sqlite3.connect(self._path)) as target:
            kept.backup(target)

    def close(self) -> None:
        self._folder.cleanup()


class PostgresDatabase:
    """A database of a running server; kept states are databases, copied by the server."""

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = sa.make_url(url)
        self._name = str(parsed.database)
        self._administrator = sa.create_engine(
            parsed.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        self._numbers = count(1)
        self._kept: list[str] = []

    def prepare(self, engine: sa.Engine) -> None:
        with engine.begin() as connection:
            tables = connection.execute(
                sa.text("select tablename from pg_tables where schemaname = 'public'")
            ).scalars()
            for table in tables.all():
                # A row that moves at its own moment would make the order of an unsorted
                # reading differ from one replay to the next.
                connection.execute(sa.text(f"alter table {table} set (autovacuum_enabled = off)"))
            for statement in _postgres_triggers():
                connection.exec_driver_sql(statement)

    def keep(self, engine: sa.Engine) -> str:
        kept = f"{self._name}_kept_{next(self._numbers)}"
        engine.dispose()
        self._administer(f"create database {kept} template {self._name}")
        self._kept.append(kept)
        return kept

    def restore(self, engine: sa.Engine, kept: Any) -> None:
        engine.dispose()
        self._administer(f"drop database {self._name} with (force)")
        self._administer(f"create database {self._name} template {kept}")

    def close(self) -> None:
        for each in self._kept:
            self._administer(f"drop database {each} with (force)")
        self._administrator.dispose()

    def _administer(self, statement: str) -> None:
        with self._administrator.connect() as connection:
            connection.exec_driver_sql(statement)


def _make_fast(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode = wal", "synchronous = off", "temp_store = memory"):
        connection.execute(f"pragma {pragma}")


# --- what the database itself writes down ---------------------------------------------------------

_MOVES = (
    ("push", "cova_push", "state", "new.order_id"),
    ("hold", "cova_hold", "state", "new.order_id || ' ' || new.cova_product_id"),
    ("order", "shop_order", "status", "new.order_id"),
)
"""Every move of a push, a hold and a shop's order: its kind, table, column and whose it is."""
_TOUCHED = (
    "cova_push",
    "cova_hold",
    "cova_product",
    "cova_connection",
    "cova_sync_state",
    "shop_product",
    "shop_order",
)
"""Rows of a store: whenever one changes, the store's count goes up."""
_WHAT_MOVED = "kind text, store text, ref text, old text, new text"
_COUNT = (
    "insert into sim_touch (store_id, changes) values (new.store_id, 1) "
    "on conflict (store_id) do update set changes = sim_touch.changes + 1"
)


def _note(kind: str, column: str, ref: str) -> str:
    what = f"'{kind}', new.store_id, {ref}, old.{column}, new.{column}"
    return f"insert into sim_move (kind, store, ref, old, new) values ({what})"  # noqa: S608


def _function(name: str, statement: str) -> str:
    body = f"begin {statement}; return null; end"
    return f"create function {name}() returns trigger language plpgsql as $$ {body} $$"


def _sqlite_triggers() -> str:
    script = [
        f"create table sim_move (id integer primary key, {_WHAT_MOVED})",
        "create table sim_touch (store_id text primary key, changes integer)",
    ]
    for kind, table, column, ref in _MOVES:
        script.append(
            f"create trigger sim_{kind} after update of {column} on {table} "
            f"when old.{column} <> new.{column} begin {_note(kind, column, ref)}; end"
        )
    for table in _TOUCHED:
        for verb in ("insert", "update"):
            script.append(
                f"create trigger sim_touch_{table}_{verb} after {verb} on {table} "
                f"begin {_COUNT}; end"
            )
    return ";\n".join(script) + ";"


def _postgres_triggers() -> list[str]:
    script = [
        f"create table sim_move (id serial primary key, {_WHAT_MOVED})",
        "create table sim_touch (store_id text primary key, changes integer)",
        _function("sim_touched", _COUNT),
    ]
    for kind, table, column, ref in _MOVES:
        script += [
            _function(f"sim_{kind}", _note(kind, column, ref)),
            (
                f"create trigger sim_{kind} after update of {column} on {table} for each row when "
                f"(old.{column} <> new.{column}) execute function sim_{kind}()"
            ),
        ]
    script += [
        f"create trigger sim_touched after insert or update on {table} "
        f"for each row execute function sim_touched()"
        for table in _TOUCHED
    ]
    return script
