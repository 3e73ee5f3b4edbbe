"""The documentation keeps up: settings are explained, and quality claims name their proof."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import yaml

from tests.support.project_files import ROOT, project_files

QUALITY = yaml.safe_load((ROOT / "docs" / "quality.yaml").read_text("utf-8"))


def test_every_configuration_key_is_documented() -> None:
    config = (ROOT / "aiq_cova_plugin" / "config.py").read_text("utf-8")
    documents = "".join(
        path.read_text("utf-8")
        for path in (ROOT / "docs" / "operations.md", ROOT / "README.md")
        if path.exists()
    )
    keys = set(re.findall(r"\bCOVA_[A-Z][A-Z_]*[A-Z]\b", config))

    assert keys, "config.py names no key: has the pattern aged?"
    assert sorted(key for key in keys if not re.search(rf"\b{key}\b", documents)) == []


def _rules() -> list[Any]:
    return [
        pytest.param(rule, id=f"{step}-{rule['id']}")
        for step, rules in QUALITY["steps"].items()
        for rule in rules
    ]


@pytest.mark.parametrize("rule", _rules())
def test_quality_rule_is_well_formed(rule: dict[str, Any]) -> None:
    assert rule["status"] in {"done", "todo", "exempt"}
    assert rule["rule"].strip()
    if rule["status"] == "exempt":
        assert rule.get("reason", "").strip(), "an exemption says why"
    if rule["status"] == "done":
        assert rule.get("tests"), "a rule that is done names its tests"


@pytest.mark.parametrize("rule", _rules())
def test_quality_rule_names_tests_that_exist(rule: dict[str, Any]) -> None:
    missing = [test for test in rule.get("tests", []) if not _test_exists(test)]

    assert missing == []


def test_quality_ids_are_unique() -> None:
    ids = [rule["id"] for rules in QUALITY["steps"].values() for rule in rules]

    assert len(ids) == len(set(ids))


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in project_files():
        if path.suffix != ".md" or path.parts[0] not in {"docs", path.name}:
            continue
        text = (ROOT / path).read_text("utf-8")
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
            if not (ROOT / path.parent / target).exists():
                broken.append(f"{path}: {target}")

    assert broken == []


def _test_exists(node_id: str) -> bool:
    """Does `tests/file.py::[Class::]test_name[case]` name a function that is there?"""
    file, *names = node_id.split("::")
    path = ROOT / file
    if not path.is_file():
        return False
    scope: list[ast.stmt] = ast.parse(path.read_text("utf-8")).body
    for name in names:
        wanted = name.partition("[")[0]
        found = [
            node
            for node in scope
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and node.name == wanted
        ]
        if not found:
            return False
        scope = found[0].body
    return True
