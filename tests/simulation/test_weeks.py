"""Seeded days of a shop, with everything that can go wrong in them; and their exact replay."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.simulation.__main__ import main
from tests.simulation.machines import the_stage
from tests.simulation.stage import Stage
from tests.simulation.weeks import CALM, play
from tests.support.postgres import PostgresServer
from tests.support.project_files import ROOT

FIRST_SEED = int(os.environ.get("SIMULATION_FIRST_SEED") or 3)
"""The same seeds in each run, so that what turns red is the change; `make simulate-weeks SEEDS=any`
plays others. A failure tells the command that replays it."""
HOURS = 4.0
REPLAYED = 6, 1.0
"""A seed whose world has three stores, and its hours."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("offset", range(3), ids=["three stores", "one store", "another store"])
def test_every_promise_is_kept(offset: int) -> None:
    seed = FIRST_SEED // 3 * 3 + offset

    outcome = play(the_stage(), seed, HOURS)

    assert outcome.failure is None, outcome.told()
    assert outcome.acts > 5


def test_every_promise_is_kept_in_calm_weather() -> None:
    outcome = play(the_stage(), FIRST_SEED // 3 * 3 + 1, 24.0, weather=CALM)

    assert outcome.failure is None, outcome.told()


def test_a_seed_replays_exactly() -> None:
    """Here again, and in another process, whose sets and dicts have another order."""
    here = [play(the_stage(), *REPLAYED).fingerprint for _ in range(2)]

    assert here == [_fingerprint_elsewhere(*REPLAYED)] * 2


def _fingerprint_elsewhere(seed: int, hours: float) -> str:
    told = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seeds", str(seed), "--hours", str(hours)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"s, (\w+)\)", told.stdout)
    assert found is not None, told.stdout
    return found[1]


@pytest.mark.postgres
def test_the_promises_are_kept_on_postgresql_and_replay_exactly(
    postgres_server: PostgresServer,
) -> None:
    with postgres_server.database() as url:
        stage = Stage(url)
        try:
            played = [play(stage, REPLAYED[0], 0.5) for _ in range(2)]
        finally:
            stage.close()

    assert [each.failure for each in played] == [None, None], played[0].told()
    assert played[0].fingerprint == played[1].fingerprint


def test_a_failing_seed_is_told_in_plain_words_and_its_command_replays_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which promise, which seed, what happened before, and how to see exactly that again."""
    monkeypatch.setattr("tests.simulation.__main__.Stage", the_stage)
    monkeypatch.setattr(the_stage(), "close", lambda: None)
    for name in ("replace_holds", "take_holds"):
        monkeypatch.setattr(
            f"aiq_cova_plugin.services.stock.reserve_stock.holds.{name}", lambda *_, **__: None
        )

    code = main(["--seeds", "5-7", "--hours", "12", "--jobs", "1"])

    told = capsys.readouterr().out
    assert code == 1
    assert "seed 5 broke a promise" in told
    assert "seed 6" not in told
    assert "orders WEB-1" in told
    command = re.search(r"Replay: (make simulate-weeks .*)", told)
    assert command is not None
    assert main(_options_of(command[1])) == 1
    assert _failure_in(capsys.readouterr().out) == _failure_in(told)


def test_seeds_are_played_in_several_processes_as_in_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--seeds", "1-2", "--hours", "1", "--jobs"]

    told = []
    for jobs in ("2", "1"):
        assert main([*options, jobs]) == 0
        said = capsys.readouterr().out
        told.append(sorted(re.findall(r"seed (\d+): .* ([0-9a-f]{24})\)", said)))

    assert told[0] == told[1]
    assert len(told[0]) == 2


def _options_of(command: str) -> list[str]:
    """What the Makefile hands on for that command."""
    told = subprocess.run(
        [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    line = told.replace("\\\n", " ").partition("scripts/simulate_weeks.sh ")[2]
    return shlex.split(line.splitlines()[0])[1:]


def _failure_in(told: str) -> str:
    """Everything that was said of it: the promise, the acts, and what happened before."""
    return told[told.index("broke a promise") : told.index("Replay:")]
