"""A database that an earlier version of this demo made is put aside, and a new one begun.

A shop of yours has migrations instead; the plugin's own tables have (`flask cova init-db`).
"""

from __future__ import annotations

from pathlib import Path

import click
import sqlalchemy as sa
from flask import Flask

from aiq_cova_plugin.demo.models import db


def set_aside(app: Flask) -> None:
    """Rename our SQLite file when its tables lack a column; stop when it is not ours to rename."""
    missing = _missing_columns()
    if not missing:
        return
    db.session.remove()
    db.engine.dispose()
    file = Path(db.engine.url.database or "")
    if file.parent != Path(app.instance_path):
        raise click.ClickException(
            f"The demo's tables are from an earlier version: {', '.join(missing)} is missing. "
            "Give the demo an empty database."
        )
    for ending in ("", "-wal", "-shm"):
        part = file.with_name(file.name + ending)
        if part.exists():
            part.rename(part.with_name(f"earlier-{part.name}"))


def _missing_columns() -> list[str]:
    inspector = sa.inspect(db.engine)
    known = set(inspector.get_table_names())
    return [
        f"{table.name}.{column.name}"
        for table in db.metadata.tables.values()
        if table.name in known
        for column in table.columns
        if column.name not in {each["name"] for each in inspector.get_columns(table.name)}
    ]
