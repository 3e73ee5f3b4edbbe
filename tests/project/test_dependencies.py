"""Whatever the package imports is declared in setup.py, and whatever is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions

from tests.support.project_files import ROOT, project_files

# Needed at run time, never imported by name.
NOT_IMPORTED = {
    "tzdata": "zoneinfo reads it where the system has no time zones",
}

# Extras a room may import, because that room is only reached when they are installed.
OPTIONAL_IMPORTS = {
    "celery": "aiq_cova_plugin/scheduling/",
    "kombu": "aiq_cova_plugin/scheduling/",
    "pytest": "aiq_cova_plugin/testing/",
    "psycopg": "aiq_cova_plugin/store/",
    # Comes with Flask-APScheduler, which cannot be had without it.
    "apscheduler": "aiq_cova_plugin/scheduling/",
}


def test_every_import_is_declared() -> None:
    provided_by = packages_distributions()
    undeclared = {}
    for module, places in _imports_of_the_package().items():
        distributions = {_normal(name) for name in provided_by.get(module, [module])}
        allowed_room = OPTIONAL_IMPORTS.get(module)
        if distributions & _declared():
            continue
        if allowed_room and all(place.startswith(allowed_room) for place in places):
            continue
        undeclared[module] = sorted(places)

    assert undeclared == {}


def test_every_declared_dependency_is_imported() -> None:
    provided_by = packages_distributions()
    imported = {
        _normal(name)
        for module in _imports_of_the_package()
        for name in provided_by.get(module, [])
    }

    assert sorted(_declared() - imported - NOT_IMPORTED.keys()) == []


def _imports_of_the_package() -> dict[str, set[str]]:
    """Top-level module outside the standard library → files of ours that import it."""
    imports: dict[str, set[str]] = {}
    for path in project_files():
        if path.parts[0] != "aiq_cova_plugin" or path.suffix != ".py":
            continue
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        for node in ast.walk(tree):
            for module in _modules(node):
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "aiq_cova_plugin":
                    imports.setdefault(top, set()).add(path.as_posix())
    return imports


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module]
    return []


def _declared() -> set[str]:
    """The names in INSTALL_REQUIRES, read from setup.py without running it."""
    tree = ast.parse((ROOT / "setup.py").read_text("utf-8"))
    [requirements] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "INSTALL_REQUIRES"
    ]
    return {_normal(re.split(r"[\[<>=!~ ;]", text, maxsplit=1)[0]) for text in requirements}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
