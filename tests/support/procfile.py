"""The command lines of docs/deployment/Procfile, as the tests start them."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from tests.support.project_files import ROOT

DEPLOYMENT = ROOT / "docs" / "deployment"


def lay_out_shop(folder: Path) -> dict[str, str]:
    """Put a shop into the folder as docs/operations.md tells; the environment to find it by.

    `myshop` is the tests' shop, whose settings come from `TEST_SHOP`.
    """
    folder.mkdir(exist_ok=True)
    (folder / "myshop.py").write_text(
        '"""The shop."""\n\nfrom tests.integration.scheduling.web_app import create_app\n\n'
        '__all__ = ["create_app"]\n'
    )
    shutil.copy(DEPLOYMENT / "celery_worker.py", folder)
    return {"PYTHONPATH": str(folder)}


def procfile_command(name: str, *, folder: Path, port: int | None = None) -> list[str]:
    """What the Procfile starts as `name`, on a free port of loopback and with files in `folder`."""
    lines = (line.split(":", 1) for line in (DEPLOYMENT / "Procfile").read_text().splitlines())
    command = {kind: text.strip() for kind, text in lines}[name]
    # Tests listen on loopback alone, and leave nothing in /tmp.
    told = command.replace("0.0.0.0:$PORT", f"127.0.0.1:{port}").replace("/tmp/", f"{folder}/")
    return shlex.split(told)
