"""What the demo says on the terminal, and the check of the port it is about to serve on."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import click
from flask import Flask
from werkzeug.serving import is_running_from_reloader

from aiq_cova_plugin.demo.seed import GROUP_NAME, LOGINS

if TYPE_CHECKING:
    from aiq_cova_plugin.demo.starter import Connection

_PORTS_TO_TRY = 50


def is_serving() -> bool:
    """Is this process a web server, and not one of the `flask` commands beside it?"""
    context = click.get_current_context(silent=True)
    names = []
    while context is not None:
        names.append(context.info_name)
        context = context.parent
    return not names or names[0] == "run"


def check_port() -> None:
    """Stop a `flask run` whose port is taken, before anything is started or announced.

    `flask run` itself would find out last, after the shop has said where it is.
    """
    host, port = _where()
    # The debug reloader's child serves on the socket its parent holds.
    if not port or is_running_from_reloader() or is_free(port, host):
        return
    others = range(port + 1, min(port + _PORTS_TO_TRY, 65536))
    free = next((each for each in others if is_free(each, host)), None)
    advice = f"\nPort {free} is free:   make demo PORT={free}" if free else ""
    raise click.ClickException(
        f"Port {port} is taken by another program. Nothing was started.{advice}"
    )


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Could a server listen there now?"""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # Otherwise a port would count as taken for a minute after its last server ended.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True


def announce(app: Flask, connection: Connection | None, *, forgotten: int) -> None:
    """Say where the shop is, who may sign in and what to try; a command's output stays its own.

    The child of the debug reloader says nothing, since its parent just did.
    """
    if app.testing or not is_serving() or is_running_from_reloader():
        return
    lines = ["", f"  {GROUP_NAME}, the demo shop of aiq_cova_plugin", ""]
    host, port = _where()
    address = f"http://{host}:{port}" if port else ""
    if address:
        lines += [f"  Shop          {address}/", f"  Back office   {address}/staff/"]
    lines += [
        f"  Staff login   {login.username} / {login.password}   ({login.role})" for login in LOGINS
    ]
    if connection is None:
        lines += [
            "",
            "  COVA is at the address given in COVA_API_URL. Connect a store to it in the",
            "  back office under Store > Integrations.",
        ]
    else:
        lines += _about_the_simulator(connection, address)
    if forgotten:
        lines += [
            "",
            f"  {forgotten} open orders are from an earlier start: the simulated COVA, which lives",
            f"  as long as this process, has forgotten them. Delete {app.instance_path}",
            "  to begin afresh.",
        ]
    print("\n".join(lines), end="\n\n", flush=True)


def _about_the_simulator(connection: Connection, address: str) -> list[str]:
    return [
        f"  Cashier       {connection.url}/   (the simulated COVA: orders, stock, prices)",
        "",
        f'  Begin here: {address}/staff/ as manager, then "Try it" in the menu. In five steps:',
        "    1 Connect    the first store is; connect the second with the package below",
        '    2 Sync       Menu > Products, "Sync with COVA", and see the menu fill',
        "    3 Order      put something into the basket in the shop; phone 303-555-0142",
        '    4 Register   under "Try it" hand the order over, as the cashier would',
        "    5 Come back  the shopper's page and the back office say Completed by themselves",
        "",
        "  Onboarding package for the second store (all of it invented):",
        f"    Company ID {connection.company_id}, Location ID {connection.second_location_id}",
        f"    Username {connection.username}, Password {connection.password}",
        f"    Client ID {connection.client_id}, Client Secret {connection.client_secret}",
        "",
        "  Ctrl-C stops the shop and the simulator.",
    ]


def _where() -> tuple[str, int]:
    """Host and port that `flask run` is about to serve on; port 0 under anything else."""
    context = click.get_current_context(silent=True)
    if context is None or context.info_name != "run":
        return "127.0.0.1", 0
    return str(context.params.get("host") or "127.0.0.1"), int(context.params.get("port") or 0)
