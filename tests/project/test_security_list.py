"""docs/security.md says something of every item of the standard it names, and names real tests."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import yaml

from tests.project.test_docs import _test_exists
from tests.support.project_files import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
STANDARD = yaml.safe_load((ROOT / "tests" / "project" / "asvs-4.0.3.yaml").read_text("utf-8"))
ASKED_FOR = {
    f"{section}.{number}"
    for section, by_level in STANDARD.items()
    for numbers in by_level.values()
    for number in numbers
}


def rows(heading: str) -> list[tuple[str, ...]]:
    """The rows of the table under a heading, but its first two lines."""
    part = TEXT.partition(f"### {heading}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    assert len(lines) > 4, f"is the table {heading!r} gone?"
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


def items(cell: str) -> Iterator[str]:
    """The numbers a cell begins with or consists of; `2.1.1–2.1.12` is all of them."""
    for first, last in re.findall(r"(?<![\d.])(\d+\.\d+\.\d+)(?:–(\d+\.\d+\.\d+))?", cell):
        if not last:
            yield first
            continue
        section, _, low = first.rpartition(".")
        assert last.startswith(f"{section}."), cell
        for number in range(int(low), int(last.rpartition(".")[2]) + 1):
            yield f"{section}.{number}"


def listed(heading: str) -> list[str]:
    return [item for row in rows(heading) for item in items(row[0])]


def test_every_item_of_level_2_is_met_not_met_or_no_matter_of_a_plugin() -> None:
    found = Counter(listed("Met") + listed("Not met") + listed("No matter of a plugin"))

    assert len(ASKED_FOR) > 250
    assert sorted(ASKED_FOR - found.keys()) == []
    assert sorted(found.keys() - ASKED_FOR) == [], "no such item, or one of level 3 alone"
    assert [item for item, times in found.items() if times > 1] == []


def test_what_is_met_names_the_test_that_shows_it() -> None:
    shown = [row[2] for row in rows("Met") + rows("Beyond the list")]

    assert [each for each in shown if not re.fullmatch(r"tests/[\w/]+\.py(::\w+)?", each)] == []
    assert [each for each in shown if not _test_exists(each)] == []


def test_every_test_named_in_the_document_exists() -> None:
    named = re.findall(r"tests/[\w/]+\.py(?:::\w+)*", TEXT)

    assert len(named) > 60
    assert [each for each in named if not _test_exists(each)] == []


def test_what_is_not_met_says_what_is_missing() -> None:
    assert [row[0] for row in rows("Not met") if len(row[1]) < 20] == []


def test_the_advisories_are_asked_for() -> None:
    """`make test` is what CI runs, and asks `pip-audit`."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    steps = re.search(r"^test: (.+?) ##", makefile, re.MULTILINE)

    assert steps is not None
    assert "audit" in steps.group(1).split()
    assert "pip-audit" in (ROOT / "scripts" / "audit_dependencies.sh").read_text("utf-8")
    assert "pip-audit" in (ROOT / "setup.py").read_text("utf-8")
