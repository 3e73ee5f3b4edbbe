"""`CovaPlugin`: a table of contents of what the plugin adds to a Flask app."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from flask import Flask

from aiq_cova_plugin.cli import cova as cova_commands
from aiq_cova_plugin.cli.group import print_error
from aiq_cova_plugin.config import Config, load_config
from aiq_cova_plugin.errors import ConfigurationError
from aiq_cova_plugin.host import Host, OrderLine
from aiq_cova_plugin.receivers import Receivers
from aiq_cova_plugin.safe_logging import quieten
from aiq_cova_plugin.scheduling import start_scheduler
from aiq_cova_plugin.services.connection.connection_settings import SettingsView, save_settings
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.products.show_products import product_ids_in
from aiq_cova_plugin.services.statuses.pay_orders import request_payment
from aiq_cova_plugin.services.stock.reserve_stock import reserve
from aiq_cova_plugin.store import schema
from aiq_cova_plugin.web.blueprint import build_blueprint
from aiq_cova_plugin.web.htmx import enable_htmx
from aiq_cova_plugin.wiring import EXTENSION_KEY, build_services, current_services, services_of

if TYPE_CHECKING:
    from flask_sqlalchemy import SQLAlchemy


@dataclass
class PluginState:
    """What the plugin keeps on `app.extensions["cova"]`."""

    services: ServiceContext
    receivers: Receivers
    scheduler: Any = None


class CovaPlugin:
    """Connects a Flask shop to COVA.

    Nothing of an app is kept on this object, so one of it serves many apps.
    """

    def __init__(
        self, app: Flask | None = None, *, db: SQLAlchemy | None = None, host: Host | None = None
    ) -> None:
        if app is not None:
            if db is None or host is None:
                raise TypeError("CovaPlugin(app) also needs db=… and host=…")
            self.init_app(app, db=db, host=host)

    def init_app(self, app: Flask, *, db: SQLAlchemy, host: Host) -> None:
        """Add pages, commands, signal receivers and the schedule to the app.

        `db` is the host's Flask-SQLAlchemy, `host` its implementation of
        `aiq_cova_plugin.host.Host`. Reads every `COVA_…` key now (docs/operations.md); later
        changes of the configuration have no effect.

        Raises `ConfigurationError` naming the key, and RuntimeError on a second call.
        """
        if EXTENSION_KEY in app.extensions:
            raise RuntimeError(
                "The COVA plugin is set up on this app already: call init_app once per app."
            )
        config = _checked_config(app)
        quieten()
        services = build_services(app, db=db, host=host, config=config)
        receivers = Receivers(app, services)
        state = app.extensions[EXTENSION_KEY] = PluginState(services, receivers)
        receivers.connect()
        enable_htmx(app)
        app.register_blueprint(build_blueprint(config))
        app.cli.add_command(cova_commands)
        schema.shield_from_host_migrations(app)
        state.scheduler = start_scheduler(app, services)

    def reserve(self, store_id: str, order_id: str, lines: Sequence[OrderLine]) -> None:
        """Hold every line of an order, or none and raise `InsufficientStock` naming the lines.

        For checkouts that must refuse to oversell: two shoppers never both get the last one.
        Writes through the host's session, which the host commits. Needs an app context.
        """
        reserve(current_services(), store_id, order_id, lines)

    def mark_paid(
        self, store_id: str, order_id: str, *, reference: str = "N/A", last4: str | None = None
    ) -> None:
        """Note that a queued order was paid in the shop; COVA is told once it is ready for it.

        The amount is COVA's own total. `reference` is the payment provider's, `last4` the
        card's last four digits. Afterwards COVA lets nobody cancel the order. Writes through
        the host's session, which the host commits. Raises `NeedsOperator` for an order that
        was not queued.
        """
        request_payment(current_services(), store_id, order_id, reference=reference, last4=last4)

    def products_in(self, store_id: str, chosen: str) -> list[str]:
        """COVA product ids of the store's products in a filter, for the host's own lists.

        `chosen` is `shown`, `hidden`, `absent`, `locked`, `excluded`, `differs`, `failed` or
        `unmapped`. Needs an app context. Raises KeyError for any other word.
        """
        return product_ids_in(current_services(), store_id, chosen)

    def upgrade_database(self, app: Flask) -> None:
        """Create or upgrade the plugin's tables, as `flask cova init-db` does."""
        with app.app_context():
            schema.upgrade(services_of(app).database.engine)

    def connect_store(
        self, app: Flask, store_id: str, *, check: bool = True, **settings: Any
    ) -> SettingsView:
        """Save a store's settings, as `flask cova connect` does; tested before they are saved.

        `settings` are the fields of the settings page: `company_id`, `location_id`,
        `username`, `password`, `client_id`, `client_secret`, `integrator_id`,
        `delivery_fee_product`, `enabled`, `sync_orders`; also `address_policy` (`overwrite` an
        old delivery address in COVA, or add the new one `beside` it) and `status_map` (COVA's
        fulfilment status → order status, empty for "tell the shop nothing").
        """
        given = {name: value for name, value in settings.items() if value is not None}
        with app.app_context():
            return save_settings(services_of(app), store_id, given, check=check, by="the host")


def _checked_config(app: Flask) -> Config:
    """The configuration; in a command what is wrong with it is a sentence, not a traceback."""
    try:
        return load_config(app.config)
    except ConfigurationError as exc:
        if click.get_current_context(silent=True) is None:
            raise
        raise StartUpRefused(exc) from exc


class StartUpRefused(click.ClickException):
    """A `ConfigurationError` that `flask` shows as one sentence, or as JSON with `--json`."""

    def __init__(self, cause: ConfigurationError) -> None:
        super().__init__(cause.message)
        self._cause = cause

    def show(self, file: Any = None) -> None:
        del file
        cause = self._cause
        print_error(cause.message, cause.field, cause.fix, as_json="--json" in sys.argv)
