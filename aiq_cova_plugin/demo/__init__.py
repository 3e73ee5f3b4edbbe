"""A small but real shop that uses the plugin: `flask --app aiq_cova_plugin.demo run`.

Start reading at `host.py`, which is all a shop has to write for the plugin; `orders.py` shows the
signals, and `create_app` below the lines of registration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask

from aiq_cova_plugin.demo import (
    formats,
    older_database,
    playground,
    settings,
    shop,
    site,
    staff,
    starter,
    terminal,
)
from aiq_cova_plugin.demo.extensions import cova, csrf
from aiq_cova_plugin.demo.host import DemoHost
from aiq_cova_plugin.demo.models import db, tune_sqlite
from aiq_cova_plugin.demo.seed import seed

if TYPE_CHECKING:
    from aiq_cova_plugin.simulator import Simulator

__all__ = ["create_app"]


def create_app(
    config: Mapping[str, Any] | None = None, *, simulator: Simulator | None = None
) -> Flask:
    """The demo shop, ready to serve: tables made, two stores in it, connected to a COVA.

    With `COVA_API_URL` in `config` or the environment it talks to that address; with a running
    `simulator` to that one; else it finds or starts one of its own (`starter.py`).
    """
    terminal.check_port()
    app = settings.new_app(config or {})
    connection = starter.connection_for(app, simulator)
    starter.configure(app, connection)

    db.init_app(app)
    csrf.init_app(app)
    formats.init_app(app)
    site.init_app(app)
    app.register_blueprint(shop.blueprint)
    staff.init_app(app)
    playground.init_app(app)
    with starter.one_at_a_time(app), app.app_context():
        older_database.set_aside(app)
        tune_sqlite(db.engine)
        db.create_all()
        seed()

        # These two are the plugin's lines; everything else here a shop has anyway.
        cova.init_app(app, db=db, host=DemoHost())
        cova.upgrade_database(app)

        starter.listen_for_samples(app, connection, simulator)
        starter.connect_first_store(app, connection)
    terminal.announce(app, connection, forgotten=starter.forgotten_orders(app))
    return app
