"""`flask cova personal-data export|erase`: what is held about one customer."""

from __future__ import annotations

import json
import os
import sys

import click

from aiq_cova_plugin.cli.group import command, cova, show
from aiq_cova_plugin.errors import MissingPhone
from aiq_cova_plugin.services.upkeep.personal_data import erase_personal_data, export_personal_data
from aiq_cova_plugin.wiring import current_services

_PHONE = "COVA_CUSTOMER_PHONE"
_OPERATOR = "the command line"


@cova.group("personal-data")
def personal_data() -> None:
    """Hand out or erase what the plugin holds about one customer.

    The phone number comes from COVA_CUSTOMER_PHONE or a prompt, never from an argument: those
    end up in shell histories and process lists.
    """


@command(personal_data, "export")
@click.option("--store", "store_id", help="Only this store.")
def export(store_id: str | None) -> None:
    """Print all that is held about a customer, decrypted."""
    document = export_personal_data(current_services(), _phone(), store_id, by=_OPERATOR)
    show(document, json.dumps(document, indent=2, ensure_ascii=False))


@command(personal_data, "erase")
@click.option("--store", "store_id", help="Only this store.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
def erase(store_id: str | None, yes: bool) -> bool:
    """Forget a customer; of finished orders the accounting stays."""
    phone = _phone()
    if not yes and sys.stdin.isatty():
        click.confirm("This cannot be undone. Erase?", abort=True, err=True)
    done = erase_personal_data(current_services(), phone, store_id, by=_OPERATOR)
    text = f"Erased {done['values']} values in {done['orders']} orders, {done['links']} links."
    if done["open_orders"]:
        text += (
            f" {done['open_orders']} orders are still on their way and were left alone: erase "
            "again once they are finished."
        )
    show(dict(done), text)
    return not done["open_orders"]


def _phone() -> str:
    given = os.environ.get(_PHONE, "").strip()
    if given:
        return given
    if not sys.stdin.isatty():
        raise MissingPhone(
            "Whose data? The phone number is missing.",
            field="phone",
            fix=f"Set {_PHONE} in the environment; it is never taken as an argument.",
        )
    return str(click.prompt("The customer's phone number", hide_input=True, err=True))
