"""The files of docs/deployment name commands, modules and settings that there are."""

from __future__ import annotations

import configparser
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from cryptography.fernet import Fernet

from aiq_cova_plugin.cli import cova as cova_commands
from aiq_cova_plugin.config import DEFAULTS

from tests.support.project_files import ROOT

DEPLOYMENT = ROOT / "docs" / "deployment"


def commands() -> Iterator[tuple[str, str]]:
    """(where, command line) of everything these files start, but the databases."""
    for line in (DEPLOYMENT / "Procfile").read_text().splitlines():
        name, command = line.split(":", 1)
        yield f"Procfile {name}", command.strip()
    for unit in sorted((DEPLOYMENT / "systemd").glob("*.service")):
        section = _unit(unit)["Service"]
        for key in ("ExecStartPre", "ExecStart"):
            if key in section:
                yield f"{unit.name} {key}", section[key]
    for name, service in _compose()["services"].items():
        if "build" in service:
            yield f"compose {name}", service["command"]


def _unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parser.read_string(path.read_text())
    return parser


def _compose() -> Any:
    return yaml.safe_load((DEPLOYMENT / "compose.yaml").read_text())


ALL = list(commands())


def test_every_way_starts_the_same_things() -> None:
    programs = {where: Path(shlex.split(command)[0]).name for where, command in ALL}

    for way in ("Procfile", "compose", "shop-"):
        started = sorted(program for where, program in programs.items() if where.startswith(way))
        assert started == ["celery", "celery", "flask", "gunicorn"], way


@pytest.mark.parametrize("where,command", ALL, ids=[where for where, _ in ALL])
def test_a_command_line_is_understood_by_its_program(where: str, command: str) -> None:
    program, *arguments = shlex.split(command)
    name = Path(program).name
    if name == "flask":
        assert arguments[:2] == ["--app", "myshop"]
        assert arguments[2] == "cova"
        assert arguments[3] in cova_commands.list_commands(click.Context(cova_commands))
    elif name == "gunicorn":
        from gunicorn.config import Config

        parsed = Config().parser().parse_args([each.replace("$PORT", "80") for each in arguments])
        assert parsed.args == ["myshop:create_app()"]
        assert parsed.workers > 1
        assert not parsed.preload_app, "workers must not inherit connections and tickers"
    else:
        _check_celery(arguments)


def _check_celery(arguments: list[str]) -> None:
    from celery.bin.celery import celery

    assert arguments[:2] == ["-A", "celery_worker:celery_app"]
    command = celery.commands[arguments[2]]
    known = {option for each in command.params for option in each.opts}
    assert {each for each in arguments[3:] if each.startswith("-")} <= known


def test_the_celery_module_gives_an_app_with_our_tasks(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aiq_cova_plugin.scheduling.celery_tasks import CATALOGUE_TASK, ORDERS_TASK

    from tests.support.shop import Shop

    shop = Shop(sqlite_url, COVA_SECRET_KEYS=Fernet.generate_key().decode())
    myshop = types.ModuleType("myshop")
    myshop.create_app = lambda: shop.app  # type: ignore[attr-defined]  # a module made up here
    monkeypatch.setitem(sys.modules, "myshop", myshop)

    names = runpy.run_path(str(DEPLOYMENT / "celery_worker.py"))

    assert {ORDERS_TASK, CATALOGUE_TASK} <= set(names["celery_app"].tasks)
    names["celery_app"].close()
    shop.close()


def test_every_setting_is_one_of_ours() -> None:
    text = (DEPLOYMENT / "shop.env").read_text()

    named = set(re.findall(r"^(COVA_\w+)=", text, re.MULTILINE))

    assert named
    assert named <= DEFAULTS.keys()


def test_no_real_secret_is_in_them() -> None:
    for path in DEPLOYMENT.rglob("*"):
        if path.is_file():
            for value in re.findall(
                r"(?:PASSWORD|SECRET_KEYS?|TOKEN)\s*[=:]\s*(\S+)", path.read_text()
            ):
                assert value == "change-me", path


def test_the_compose_file_s_dependencies_are_services_of_it() -> None:
    services = _compose()["services"]

    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed]


def test_the_units_read_one_environment_and_come_back_after_a_crash() -> None:
    for path in (DEPLOYMENT / "systemd").glob("*.service"):
        service = _unit(path)["Service"]
        assert service["EnvironmentFile"] == "/etc/shop/shop.env"
        assert service["Restart"] == "always"
        assert service["User"] == "shop"


def test_systemd_itself_accepts_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("[cannot run here] systemd-analyze is not on this machine")
    units = []
    for path in sorted((DEPLOYMENT / "systemd").glob("*.service")):
        units.append(tmp_path / path.name)
        # The shop's environment is not here; every program of it is taken for one that is.
        units[-1].write_text(re.sub(r"/srv/shop/venv/bin/\w+", sys.executable, path.read_text()))
    answer = subprocess.run(
        [program, "verify", "--man=no", *map(str, units)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = [line for line in answer.stderr.splitlines() if "shop-" in line]
    assert (answer.returncode, said) == (0, [])


def test_operations_tells_of_every_file() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()

    for path in DEPLOYMENT.rglob("*"):
        if path.is_file():
            assert path.relative_to(DEPLOYMENT.parent).as_posix() in text, path
