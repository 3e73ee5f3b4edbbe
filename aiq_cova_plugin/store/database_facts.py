"""What kind of database it is and how it is set up, for the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.models import Connection, Push, PushEvent

_SAMPLE = 500


@dataclass(frozen=True)
class DatabaseFacts:
    """`version` as numbers, such as (16, 2); `journal` is SQLite's mode, "" on PostgreSQL."""

    dialect: str
    version: tuple[int, ...]
    encoding: str
    isolation: str
    journal: str = ""


def read_facts(connection: sa.Connection) -> DatabaseFacts:
    dialect = connection.dialect
    version = tuple(int(part) for part in dialect.server_version_info or ())

    def first(answer: sa.CursorResult[Any]) -> str:
        return str(answer.scalar() or "")

    if dialect.name == "postgresql":
        return DatabaseFacts(
            dialect.name,
            version,
            first(connection.exec_driver_sql("SHOW server_encoding")),
            first(connection.exec_driver_sql("SHOW transaction_isolation")),
        )
    return DatabaseFacts(
        dialect.name,
        version,
        first(connection.exec_driver_sql("PRAGMA encoding")),
        connection.get_isolation_level().lower(),
        first(connection.exec_driver_sql("PRAGMA journal_mode")).lower(),
    )


def sealed_values(connection: sa.Connection) -> list[str]:
    """What is stored encrypted and outlives a token: all passwords, and some personal data."""
    columns = (
        Connection.password_encrypted,
        Connection.client_secret_encrypted,
        Push.candidates_encrypted,
        Push.phone_encrypted,
        PushEvent.private_encrypted,
    )
    return [
        str(value)
        for column in columns
        for value in connection.execute(
            sa.select(column).where(column.is_not(None)).limit(_SAMPLE)
        ).scalars()
    ]
