"""What both Hypothesis machines share: one world per schedule, watched after every step."""

from __future__ import annotations

import atexit
import os
from functools import cache
from typing import Any

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from tests.simulation import quiet
from tests.simulation.promises import Promises
from tests.simulation.stage import Stage
from tests.simulation.weeks import switches_of
from tests.simulation.world import World

SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "15"))
"""How many schedules each machine plays: the same 15 of both in CI, so that what turns red is the
change; 10,000 others at night."""
STEPS = int(os.environ.get("SIMULATION_STEPS", "10"))

SETTINGS = settings(
    max_examples=SCHEDULES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize="SIMULATION_SCHEDULES" not in os.environ,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

some = st.integers(0, 40)
few = st.integers(1, 4)


@cache
def the_stage() -> Stage:
    """The one stage of this process."""
    stage = Stage()
    atexit.register(stage.close)
    return stage


class WorldMachine(RuleBasedStateMachine):
    """A schedule in one world. Subclasses add the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.world: Any = None
        self._is_broken = False
        self._noted = 0

    @initialize(seed=st.integers(0, 10_000))
    def begin(self, seed: int) -> None:
        self.world = World(the_stage(), seed, switches=switches_of(seed))
        self.world.checks = Promises(self.world)

    @invariant()
    def promises_are_kept(self) -> None:
        if self.world is None:
            return
        self._tell()
        self._is_broken = True
        self.world.checks.step()
        self._is_broken = False

    def _tell(self) -> None:
        """What happened, for the report of a schedule that fails."""
        lines = list(self.world.journal)
        for line in lines[self._noted :]:
            note(line)
        self._noted = len(lines)

    def teardown(self) -> None:
        """When all is quiet again, everything agrees."""
        if self.world is None:
            return
        try:
            if not self._is_broken:
                quiet.calm_down(self.world)
                quiet.all_agree(self.world)
        finally:
            self._tell()
            self.world.checks.close()
            self.world.close()
