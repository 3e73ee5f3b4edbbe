"""What is promised about speed and memory is measured by a script that still runs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.support.project_files import ROOT

README = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
SCRIPTS = sorted(path.name for path in (ROOT / "benchmarks").glob("*.py"))


def test_every_budget_names_the_script_that_measures_it() -> None:
    budgets = README.partition("## Budgets")[2].partition("\n## ")[0]
    rows = [line for line in budgets.splitlines() if line.startswith("| ") and "---" not in line]

    assert len(rows) > 1, "the table of budgets is gone"
    for row in rows[1:]:
        named = re.findall(r"`(\w+\.py)`", row)
        assert named or "not measured" in row, row
        assert set(named) <= set(SCRIPTS), row


def test_every_script_is_explained() -> None:
    assert [name for name in SCRIPTS if f"`{name}`" not in README] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "options", "says"),
    [
        ("reserve_stock.py", ["--shoppers", "3"], r"8 shoppers: 8 held"),
        (
            "pages.py",
            ["--products", "20", "--orders", "8", "--log-rows", "60", "--times", "1"],
            r"/orders .* median",
        ),
    ],
)
def test_a_script_still_measures(script: str, options: list[str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / script), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stderr
    assert re.search(says, done.stdout), done.stdout
