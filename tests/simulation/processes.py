"""Plays seeds in processes of their own; they import this module, as they cannot `__main__`."""

from __future__ import annotations

from tests.simulation.stage import Stage
from tests.simulation.weeks import Outcome, play

_stage: list[Stage] = []
"""The stage of this process, built for its first seed."""


def play_elsewhere(seed: int, *, hours: float, weather: str) -> Outcome:
    if not _stage:
        _stage.append(Stage())
    return play(_stage[0], seed, hours, weather=weather)
