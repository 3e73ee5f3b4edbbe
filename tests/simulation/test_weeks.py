"""Seeded days of a shop, with everything that can go wrong in them; and their exact replay."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.simulation.__main__ import main
from tests.simulation.machines import the_stage
from tests.simulation.weeks import play
from tests.support.project_files import ROOT

FIRST_SEED = int(os.environ.get("SIMULATION_FIRST_SEED", "1"))
SEEDS = 8
HOURS = 12.0
"""Eight half days are about a minute's work. `make simulate-weeks` plays whole weeks."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SEEDS))
def test_every_promise_is_kept(seed: int) -> None:
    outcome = play(the_stage(), seed, HOURS)

    assert outcome.failure is None, outcome.told()
    assert outcome.acts > 20


def test_a_seed_replays_exactly() -> None:
    """In this process and in others, whose sets and dicts have another order."""
    here = play(the_stage(), 3, 4.0)

    elsewhere = {_fingerprint_elsewhere(3, 4.0, hash_seed) for hash_seed in ("1", "2")}

    assert elsewhere == {here.fingerprint}


def _fingerprint_elsewhere(seed: int, hours: float, hash_seed: str) -> str:
    told = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seeds", str(seed), "--hours", str(hours)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"s, (\w+)\)", told.stdout)
    assert found is not None, told.stdout
    return found[1]


def test_a_failing_seed_is_told_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which promise, which seed, what happened before, and how to see it again."""
    monkeypatch.setattr("tests.simulation.weeks.Stage", the_stage)
    monkeypatch.setattr("tests.simulation.__main__.Stage", the_stage)
    monkeypatch.setattr(the_stage(), "close", lambda: None)
    monkeypatch.setattr(
        "aiq_cova_plugin.services.stock.reserve_stock.holds.replace_holds", lambda *_, **__: None
    )
    monkeypatch.setattr(
        "aiq_cova_plugin.services.stock.reserve_stock.holds.take_holds", lambda *_, **__: None
    )

    code = main(["--seeds", "5", "--hours", "12"])

    told = capsys.readouterr().out
    assert code == 1
    assert "seed 5 broke a promise" in told
    assert "orders WEB-1" in told
    assert "make simulate-weeks SEEDS=5 HOURS=12" in told
