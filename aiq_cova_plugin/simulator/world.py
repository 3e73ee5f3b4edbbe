"""Everything one running simulator consists of, handed to its routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from . import catalogue, people
from .account import Account
from .clock import SimulatorClock
from .faults import Faults
from .limits import RateLimits
from .register import Register
from .state import State
from .switches import Switches

_KEY = "cova_simulator"


@dataclass
class World:
    """The parts of one simulator; nothing is shared between two of them.

    `broken` collects errors of the simulator itself, which a test run looks at in the end.
    """

    account: Account
    clock: SimulatorClock
    switches: Switches
    faults: Faults
    limits: RateLimits
    state: State
    register: Register
    products: int
    seed: int
    base_url: str = ""
    broken: list[Exception] = field(default_factory=list)

    @classmethod
    def create(cls, *, products: int, seed: int, switches: Switches, account: Account) -> World:
        """A world with its seeded catalogue and customers."""
        clock = SimulatorClock()
        state = State(account=account, started_at=clock.now())
        fill(state, products=products, seed=seed)
        return cls(
            account=account,
            clock=clock,
            switches=switches,
            faults=Faults(),
            limits=RateLimits(switches),
            state=state,
            register=Register(state, switches, clock),
            products=products,
            seed=seed,
        )

    def reset(self) -> None:
        """Go back to the seeded records in place: no orders, faults, tokens or requests."""
        self.faults.clear()
        self.limits.reset()
        self.clock.reset()
        fresh = State(account=self.account, started_at=self.clock.now())
        fill(fresh, products=self.products, seed=self.seed)
        with self.state.lock:
            for name, value in vars(fresh).items():
                if name != "lock":
                    setattr(self.state, name, value)


def fill(state: State, *, products: int, seed: int) -> None:
    """Put the seeded records into an empty state."""
    catalogue.fill(state, count=products, seed=seed, now=state.started_at)
    people.fill(state, seed=seed, now=state.started_at)


def attach(app: Flask, world: World) -> None:
    """Make the world known to the routes of that app."""
    app.extensions[_KEY] = world


def the_world() -> World:
    """The world of the app that answers the current request."""
    return cast(World, current_app.extensions[_KEY])
