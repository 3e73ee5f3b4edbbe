"""Changes the rules one small thing at a time and lists the changes that no quick test notices.

    python scripts/mutants.py                    all modules below; the better part of an hour
    python scripts/mutants.py pricing phones     these only; a few minutes

mutmut makes the changes inside functions; tables at module level it leaves alone. It works on a
copy of the checkout, so that nothing here is touched. What survives without changing what the
code does stands in `equivalent_mutants.yaml` beside this file, each with its reason. Exits 1 when
anything else survives.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.project_files import copy_project_to  # noqa: E402 -- found through the path above

PLACE = ROOT / "build" / "mutants"
EQUIVALENT = ROOT / "scripts" / "equivalent_mutants.yaml"

DECIDING = (
    "pricing", "sellable", "customer_matching", "addresses", "phones", "push_states",
    "order_progress", "categories",
)  # fmt: skip
"""The modules of `domain` that decide money, stock, customers and the states of orders."""

# A timeout is a change that made a loop endless, and a crash one that ended Python: both noticed.
NOTICED = {"killed", "timeout", "suspicious", "segfault", "caught by type check"}

SETTINGS = """
[tool.mutmut]
source_paths = ["aiq_cova_plugin"]
only_mutate = {only}
also_copy = ["templates", "static", "docs", "setup.py"]
pytest_add_cli_args = ["-p", "no:randomly", "-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = ["tests/unit/domain", "tests/unit/mapping", "tests/unit/schemas"]
use_git_change_detection = false
"""


@dataclass(frozen=True)
class Survivor:
    """A change no test noticed: in which function, and what the changed line says instead."""

    name: str
    function: str
    change: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="module names; all without any")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2)
    asked = parser.parse_args()
    modules = _modules(asked.modules)
    shutil.rmtree(PLACE, ignore_errors=True)
    copy_project_to(PLACE)
    with (PLACE / "pyproject.toml").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS.format(only=modules))
    print(f"Changing {len(modules)} modules; how far it is stands in {PLACE / 'progress.txt'}.")
    with (PLACE / "progress.txt").open("w", encoding="utf-8") as progress:
        ended = subprocess.run(
            [_mutmut(), "run", "--max-children", str(asked.processes)],
            cwd=PLACE, stdout=progress, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if ended.returncode:
        print(f"mutmut stopped with {ended.returncode}: read {PLACE / 'progress.txt'}.")
        return ended.returncode
    return report(is_whole=not asked.modules)


def report(*, is_whole: bool) -> int:
    """Print kill ratios and unexplained survivors; the exit status."""
    noticed: Counter[str] = Counter()
    made: Counter[str] = Counter()
    survivors = []
    for line in _output("results", "--all", "true").splitlines():
        name, _, verdict = line.strip().partition(": ")
        if not verdict:
            continue
        module = name.removeprefix("aiq_cova_plugin.").rpartition(".")[0]
        made[module] += 1
        if verdict in NOTICED:
            noticed[module] += 1
        else:
            survivors.append(_survivor(name))
    known = {
        (entry["function"], entry["change"]) for entry in yaml.safe_load(EQUIVALENT.read_text())
    }
    explained = Counter(
        each.function.rpartition(".")[0]
        for each in survivors
        if (each.function, each.change) in known
    )
    print(f"{'module':38} {'changes':>8} {'noticed':>8} {'same':>6} {'missed':>7}")
    for module in sorted(made):
        missed = made[module] - noticed[module] - explained[module]
        print(f"{module:38} {made[module]:8} {noticed[module]:8} {explained[module]:6} {missed:7}")
    missed_ones = [each for each in survivors if (each.function, each.change) not in known]
    for each in missed_ones:
        print(f"\n{each.function}   ({each.name})\n    {each.change}")
    outdated = known - {(each.function, each.change) for each in survivors}
    if is_whole and outdated:
        print("\nIn equivalent_mutants.yaml, but not made any more, or noticed now:")
        for function, change in sorted(outdated):
            print(f"    {function}: {change}")
    return 1 if missed_ones else 0


def _modules(names: list[str]) -> list[str]:
    """Paths of the modules to change, as mutmut wants them."""
    package = ROOT / "aiq_cova_plugin"
    paths = sorted((package / "mapping").glob("[a-z]*.py"))
    paths += [package / "domain" / f"{name}.py" for name in DECIDING]
    known = {path.stem: path.relative_to(ROOT).as_posix() for path in paths}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise SystemExit(f"Not among the modules that are changed: {', '.join(unknown)}")
    return [known[name] for name in names or known]


def _survivor(name: str) -> Survivor:
    """What a change was; several changed lines are joined."""
    module, _, mangled = name.rpartition(".")
    # x_price__mutmut_3 is the third change of `price`; xǁTierǁprice__mutmut_3 of a method.
    function = mangled.rpartition("__mutmut_")[0][2:].replace("ǁ", ".")
    added = [
        line[1:].strip()
        for line in _output("show", name).splitlines()
        if line.startswith("+") and not line.startswith("+++")
    ]
    return Survivor(
        name,
        f"{module.removeprefix('aiq_cova_plugin.')}.{function}",
        " ".join(added) or "(removed)",
    )


def _output(*arguments: str) -> str:
    return subprocess.run(
        [_mutmut(), *arguments], cwd=PLACE, check=True, capture_output=True, text=True
    ).stdout


def _mutmut() -> str:
    """The program beside this Python."""
    return str(Path(sys.executable).parent / "mutmut")


if __name__ == "__main__":
    sys.exit(main())
