"""The command group, and what all its commands share: `--json`, errors, exit codes."""

from __future__ import annotations

import functools
import importlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from aiq_cova_plugin.errors import CovaPluginError

_USAGE_EXIT, _FAILURE_EXIT = 2, 1
_MODULE_OF = {
    "connect": "setup",
    "doctor": "setup",
    "holds": "catalogue",
    "init-db": "setup",
    "orders": "orders",
    "personal-data": "personal_data",
    "products": "products",
    "prune": "upkeep",
    "reconcile": "setup",
    "rotate-secrets": "upkeep",
    "simulate": "setup",
    "specifications": "specifications",
    "support-bundle": "upkeep",
    "sync": "catalogue",
    "tick": "upkeep",
}
"""Which module of this folder registers which command, when it is imported."""


class _SaysMistakesInJson(click.Command):
    """Says even a wrong call in JSON when `--json` is there."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        wants_json = "--json" in args
        with _mistakes_in_json(wants_json):
            return super().make_context(info_name, args, parent, **extra)


class _CovaCommand(_SaysMistakesInJson):
    """One command."""


class _CovaGroup(_SaysMistakesInJson, AppGroup):
    command_class = _CovaCommand

    def group(  # type: ignore[override]  # Flask's own says the same, less precisely
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Group]:
        """Make the commands of a group within this one say their wrong calls in JSON, too."""
        # Flask sets its own class here, and so passes click's `group_class` by.
        kwargs.setdefault("cls", _CovaGroup)
        return super().group(*args, **kwargs)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        with _mistakes_in_json("--json" in args):
            return super().resolve_command(ctx, args)


class _LazyGroup(_CovaGroup):
    """Knows the names of all commands, and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_MODULE_OF, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in _MODULE_OF:
            importlib.import_module(f"aiq_cova_plugin.cli.{_MODULE_OF[cmd_name]}")
        return super().get_command(ctx, cmd_name)


@contextmanager
def _mistakes_in_json(wanted: bool) -> Iterator[None]:
    try:
        yield
    except click.UsageError as exc:
        if not wanted:
            raise
        parameter = getattr(exc, "param", None)
        # The field is called as the person typed it: `--store`, not `store_id`.
        field = max(parameter.opts, key=len).lstrip("-") if parameter is not None else None
        if field is not None:
            field = field.removesuffix("_id").replace("-", "_")
        print_error(exc.format_message(), field, "See --help.", as_json=True)
        raise click.exceptions.Exit(_USAGE_EXIT) from exc


@click.group("cova", cls=_LazyGroup)
def cova() -> None:
    """Connect this shop to COVA, sync its menu, send its orders."""


def command(group: click.Group, name: str) -> Callable[[Callable[..., bool | None]], Any]:
    """Register a command with `--json`, in an application context.

    The function prints its result with `show` and returns False when not all was well.
    A failure becomes one clear sentence, never a traceback.
    """

    def decorate(function: Callable[..., bool | None]) -> Any:
        @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
        @with_appcontext
        @functools.wraps(function)
        def run(*args: Any, as_json: bool, **options: Any) -> None:
            context = click.get_current_context()
            context.obj = {"as_json": as_json}
            _log_to_stderr()
            try:
                _require_plugin()
                is_well = function(*args, **options)
            except CovaPluginError as exc:
                print_error(exc.message, exc.field, exc.fix, as_json=as_json)
                context.exit(_FAILURE_EXIT)
            except Exception as exc:
                from aiq_cova_plugin.store.database import explain_trouble

                trouble = explain_trouble(exc)
                if trouble is None:
                    raise
                print_error(trouble[0], None, trouble[1], as_json=as_json)
                context.exit(_FAILURE_EXIT)
            if is_well is False:
                context.exit(_FAILURE_EXIT)

        return group.command(name)(run)

    return decorate


def show(document: dict[str, Any], text: str) -> None:
    """Print the result: the document with `--json`, else the text."""
    if click.get_current_context().obj["as_json"]:
        click.echo(json.dumps(document, default=_plain, ensure_ascii=False))
    else:
        click.echo(text)


def table(headings: tuple[str, ...], rows: list[tuple[Any, ...]], *, empty: str) -> str:
    """Rows as aligned text, or the sentence `empty` when there are none."""
    if not rows:
        return empty
    cells = [headings, *[tuple("" if each is None else str(each) for each in row) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _require_plugin() -> None:
    if "cova" not in current_app.extensions:
        raise CovaPluginError(
            "This app has not enabled the COVA plugin.",
            fix="Call CovaPlugin().init_app(app, db=db, host=…) where the app is made.",
        )


def print_error(message: str, field: str | None, fix: str, *, as_json: bool) -> None:
    """Print a failure: the contract's document on stdout with `--json`, else text on stderr."""
    if as_json:
        error = {"message": message, "field": field, "fix": fix}
        click.echo(json.dumps({"error": error}, ensure_ascii=False))
        return
    click.echo(f"Error: {message}", err=True)
    if fix:
        click.echo(fix, err=True)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _log_to_stderr() -> None:
    """Warnings of the plugin go to stderr, unless the host has set logging up itself."""
    logger = logging.getLogger("aiq_cova_plugin")
    if not logger.hasHandlers():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        logger.addHandler(handler)
