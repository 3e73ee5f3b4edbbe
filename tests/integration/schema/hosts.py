"""A host with a table and migrations of its own, before or after the plugin."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from aiq_cova_plugin import CovaPlugin

from tests.support.shop import ShopHost


def host_app(
    database_url: str, *, migrate_first: bool, **arguments: Any
) -> tuple[Flask, SQLAlchemy]:
    """The app and its database; `arguments` are those of `Migrate`."""
    app, db = Flask("host"), SQLAlchemy(metadata=sa.MetaData())
    app.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=database_url)
    db.init_app(app)
    sa.Table("host_thing", db.metadata, sa.Column("id", sa.Integer, primary_key=True))
    if migrate_first:
        Migrate(app, db, **arguments)
    CovaPlugin().init_app(app, db=db, host=ShopHost(db))
    if not migrate_first:
        Migrate(app, db, **arguments)
    return app, db
