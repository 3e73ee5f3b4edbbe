"""A shop's own `flask` commands do not pay for ours."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys

import click

from aiq_cova_plugin import cli
from aiq_cova_plugin.cli import cova

_LOADED = (
    "import sys; from aiq_cova_plugin.cli import cova; "
    "print([m for m in sys.modules if m.startswith('aiq_cova_plugin.') or m == 'sqlalchemy'])"
)


def test_the_group_is_there_without_the_plugin_behind_it() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True, timeout=60
    )

    assert set(ast.literal_eval(answer.stdout)) == {
        "aiq_cova_plugin.cli",
        "aiq_cova_plugin.cli.group",
        "aiq_cova_plugin.errors",
    }


def test_every_command_is_listed_before_it_is_imported() -> None:
    context = click.Context(cova)
    listed = cova.list_commands(context)
    found = {name: cova.get_command(context, name) for name in listed}

    for module in pkgutil.iter_modules(cli.__path__):
        importlib.import_module(f"aiq_cova_plugin.cli.{module.name}")
    assert sorted(cova.commands) == listed
    assert {name: command for name, command in found.items() if command is None} == {}
    assert cova.get_command(context, "nothing") is None
