"""`flask cova init-db`, `connect`, `doctor`, `reconcile`, `simulate`: set up and look."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import click
from flask import current_app

from aiq_cova_plugin.cli.group import command, cova, print_error, show
from aiq_cova_plugin.errors import MissingSetting
from aiq_cova_plugin.services.compare.reconcile import reconcile
from aiq_cova_plugin.services.connection.connection_settings import FIELD_LABELS, save_settings
from aiq_cova_plugin.services.connection.doctor import examine
from aiq_cova_plugin.services.connection.doctor_site import SiteFacts
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import load_connection, require_store
from aiq_cova_plugin.store import schema
from aiq_cova_plugin.wiring import current_services

_SECRETS = {
    "password": ("COVA_PASSWORD", "password_encrypted"),
    "client_secret": ("COVA_CLIENT_SECRET", "client_secret_encrypted"),
}


@command(cova, "init-db")
def init_db() -> None:
    """Create or upgrade the plugin's tables."""
    before, after = schema.upgrade(current_services().database.engine)
    was = "already up to date" if before == after else f"upgraded from {before or 'nothing'}"
    show({"before": before, "after": after}, f"The plugin's tables are at {after}: {was}.")


@command(cova, "connect")
@click.option("--store", "store_id", required=True, help="The store's id in this shop.")
@click.option("--company-id", help="COVA's Company ID.")
@click.option("--location-id", help="COVA's Location ID.")
@click.option("--username", help="COVA's API user.")
@click.option("--client-id", help="COVA's Client ID.")
@click.option("--integrator-id", help="This store's own IntegratorId.")
@click.option("--delivery-fee-product", help="COVA's product for the delivery fee (a GUID).")
@click.option("--sync-orders/--no-sync-orders", default=None, help="Send orders to COVA.")
@click.option("--enable/--disable", "enabled", default=None, help="Switch COVA on or off.")
@click.option("--no-check", is_flag=True, help="Save without trying the credentials.")
def connect(store_id: str, no_check: bool, **given: Any) -> None:
    """Save a store's COVA settings, tried before they are saved.

    Password and client secret come from COVA_PASSWORD and COVA_CLIENT_SECRET or a prompt.
    """
    ctx = current_services()
    require_store(ctx, store_id)
    raw = {name: value for name, value in given.items() if value is not None}
    raw |= _secrets(ctx, store_id, is_needed="username" in raw or "client_id" in raw)
    saved = save_settings(ctx, store_id, raw, check=not no_check, by="the command line")
    show(
        {"store_id": store_id, "state": saved.state},
        f"Store {store_id} is {saved.state.replace('_', ' ')}.",
    )


def _secrets(ctx: ServiceContext, store_id: str, *, is_needed: bool) -> dict[str, str]:
    stored = load_connection(ctx, store_id)
    found = {}
    for name, (variable, column) in _SECRETS.items():
        value = os.environ.get(variable)
        if value:
            found[name] = value
        elif is_needed and not (stored and getattr(stored, column)):
            found[name] = _prompt(name, variable)
    return found


def _prompt(name: str, variable: str) -> str:
    if not sys.stdin.isatty():
        raise MissingSetting(
            f"{FIELD_LABELS[name]} is missing.",
            field=name,
            fix=f"Set {variable} in the environment; it is never taken as an argument.",
        )
    return str(click.prompt(FIELD_LABELS[name], hide_input=True, err=True))


@command(cova, "doctor")
@click.option("--store", "store_id", help="Only this store.")
def doctor(store_id: str | None) -> bool:
    """Check configuration, credentials and every COVA service; say what to do about each."""
    app = current_app
    facts = SiteFacts(
        is_debug=app.debug,
        has_secure_cookie=bool(app.config.get("SESSION_COOKIE_SECURE")),
        has_secret_key=bool(app.secret_key),
    )
    document = examine(current_services(), store_id, facts=facts)
    lines = []
    for check in document["checks"]:
        where = f"{check['store_id']}: " if check["store_id"] else ""
        lines.append(f"{'ok  ' if check['ok'] else 'FAIL'} {where}{check['message']}")
        if check["fix"] and not check["ok"]:
            lines.append(f"     {check['fix']}")
    show(document, "\n".join(lines))
    return bool(document["ok"])


@command(cova, "reconcile")
@click.option("--store", "store_id", required=True, help="The store to look at.")
def reconcile_store(store_id: str) -> bool:
    """Compare shop, plugin and COVA: orders, holds, quantities."""
    document = reconcile(current_services(), store_id)
    lines = [
        f"{each['kind']}: {each['subject']}: shop {each['host']}, plugin {each['plugin']}, "
        f"COVA {each['cova']}. {each['fix']}"
        for each in document["differences"]
    ]
    lines = lines or [f"Store {store_id}: shop, plugin and COVA agree."]
    lines += [
        f"On purpose: {each['subject']}: shop {each['host']}, COVA {each['cova']}. {each['cause']}"
        for each in document.get("on_purpose", [])
    ]
    show(document, "\n".join(lines))
    return bool(document["agrees"])


@cova.command("simulate", with_appcontext=False)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
@click.option("--products", type=click.IntRange(1, 100_000), default=400)
@click.option("--seed", type=int, default=1)
@click.option("--json", "as_json", is_flag=True, help="The one line is JSON either way.")
def simulate(port: int, products: int, seed: int, as_json: bool) -> None:
    """Run a simulator of COVA on this machine until it is interrupted."""
    from aiq_cova_plugin.simulator import run_simulator

    def announce(connection: dict[str, Any]) -> None:
        click.echo(json.dumps(connection))
        sys.stdout.flush()

    try:
        run_simulator(port=port, products=products, seed=seed, announce=announce)
    except OSError as exc:
        message = f"Port {port} of this machine is taken ({exc.strerror})."
        print_error(message, "port", "Choose another port, or 0 for a free one.", as_json=as_json)
        click.get_current_context().exit(1)
