"""The wheel works where the checkout is not: built, installed elsewhere, opened as a host would."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.project_files import copy_project_to, project_files

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.sqlite("a host with nothing but the installed wheel: no driver of PostgreSQL"),
]

# The smallest host there is: an app, a database, the in-memory host, one registration.
HOST_APP = '''
import json
import sys
from importlib.metadata import entry_points

import aiq_cova_plugin
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

[registration] = entry_points(group="aiq_ecommerce.plugins", name="cova")
CovaPlugin = registration.load()
assert CovaPlugin is aiq_cova_plugin.CovaPlugin


class EmptyHost:
    """A shop without stores; a Host needs no more to be opened."""

    def stores(self):
        return []

    def can(self, action, store_id):
        return False


app = Flask("tiny_host")
app.config.update(
    SECRET_KEY="only for this test",
    SQLALCHEMY_DATABASE_URI="sqlite:///" + sys.argv[1],
    COVA_SCHEDULER="none",
)
db = SQLAlchemy(app)
CovaPlugin().init_app(app, db=db, host=EmptyHost())
client = app.test_client()
runner = app.test_cli_runner()
answers = {
    path: client.get(path).status_code
    for path in ("/cova/health", "/cova/static/vendor/htmx-2.0.11.min.js")
}
init_db = runner.invoke(args=["cova", "init-db"])
print(json.dumps({
    "package": aiq_cova_plugin.__file__,
    "version": aiq_cova_plugin.__version__,
    "answers": answers,
    "health": client.get("/cova/health").get_json(silent=True),
    "init_db": [init_db.exit_code, init_db.output],
}))
'''


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    checkout = copy_project_to(tmp_path_factory.mktemp("checkout"))
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--outdir", out, checkout, cwd=out)
    return out


@pytest.fixture(scope="module")
def files_in_wheel(distributions: Path) -> set[str]:
    [wheel] = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def tiny_host(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a tiny host reports that has the wheel installed, and nothing of the checkout."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    venv.create(elsewhere / "venv", with_pip=True)
    python = elsewhere / "venv" / "bin" / "python"
    [wheel] = distributions.glob("*.whl")
    _run(python, "-m", "pip", "install", "--quiet", wheel, cwd=elsewhere)
    (elsewhere / "host_app.py").write_text(HOST_APP, "utf-8")
    output = _run(python, "host_app.py", elsewhere / "host.sqlite", cwd=elsewhere)
    report: dict[str, Any] = json.loads(output.splitlines()[-1])
    return report


def test_wheel_holds_every_file_it_needs(files_in_wheel: set[str]) -> None:
    """Compared with version control, so that a forgotten pattern in setup.py is noticed."""
    expected = set()
    for path in project_files():
        if path.parts[0] in {"templates", "static"}:
            expected.add(f"aiq_cova_plugin/{path.as_posix()}")
        elif path.parts[0] == "aiq_cova_plugin":
            expected.add(path.as_posix())

    assert sorted(expected - files_in_wheel) == []


def test_wheel_holds_nothing_else(files_in_wheel: set[str]) -> None:
    strangers = [
        name
        for name in files_in_wheel
        if not name.startswith("aiq_cova_plugin/") and ".dist-info/" not in name
    ]
    leftovers = [name for name in files_in_wheel if "__pycache__" in name or name.endswith(".pyc")]

    assert strangers == []
    assert leftovers == []


def test_sdist_holds_what_is_needed_to_build_and_test(distributions: Path) -> None:
    [sdist] = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    needed = {"setup.py", "pyproject.toml", "LICENSE", "tests/conftest.py", "static/cova"}
    assert needed <= names


def test_tiny_host_runs_the_installed_package(tiny_host: dict[str, Any]) -> None:
    assert "site-packages" in tiny_host["package"]
    assert tiny_host["version"] == "0.1.0"


def test_tiny_host_opens_a_page_and_a_static_file(tiny_host: dict[str, Any]) -> None:
    assert tiny_host["answers"]["/cova/static/vendor/htmx-2.0.11.min.js"] == 200
    # 503 is an honest answer of a plugin without tables; 404 or 500 would mean a broken wheel.
    assert tiny_host["answers"]["/cova/health"] in {200, 503}
    assert tiny_host["health"]["status"] in {"ok", "attention", "down"}


def test_tiny_host_makes_its_tables_from_the_packaged_migrations(tiny_host: dict[str, Any]) -> None:
    exit_code, output = tiny_host["init_db"]
    assert exit_code == 0, output


def _run(*command: str | Path, cwd: Path) -> str:
    """Run to the end and give back stdout; on failure the test shows everything it printed."""
    finished = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"
    return finished.stdout
