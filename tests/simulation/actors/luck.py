"""Bad luck: what the wire, the machines and the clocks do."""

from __future__ import annotations

from datetime import timedelta

from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs, run_due_order_jobs

from tests.simulation.clocks import CovaClock
from tests.simulation.world import World


def outage(world: World, minutes: int, company: int | None = None) -> bool:
    """COVA is away, for everybody or for one company."""
    world.weather.company = company
    world.weather.outage_until = world.now + timedelta(minutes=minutes)
    world.say(f"COVA is away for {minutes} minutes{_for(company)}")
    return True


def storm(world: World, minutes: int, company: int | None = None) -> bool:
    world.weather.company = company
    world.weather.storm_until = world.now + timedelta(minutes=minutes)
    world.say(f"COVA answers 429 for {minutes} minutes{_for(company)}")
    return True


def unreliable(world: World, percent: int, company: int | None = None) -> bool:
    world.weather.company = company
    world.weather.share_of_failures = percent / 100
    world.say(f"{percent} % of the calls fail{_for(company)}")
    return True


def _for(company: int | None) -> str:
    return "" if company is None else f" for company {company}"


def next_call_meets(world: World, failure: str) -> bool:
    world.weather.ordered.append(failure)
    world.say(f"(the next call meets: {failure})")
    return True


def cova_clock_is_wrong(world: World, seconds: int) -> bool:
    for each in world.companies:
        assert isinstance(each.clock, CovaClock)
        each.clock.skew = timedelta(seconds=seconds)
    world.say(f"COVA's clock is wrong by {seconds} seconds")
    return True


def worker_dies(world: World, worker: int, statements: int) -> bool:
    """The worker is killed after so many more database statements."""
    world.workers[worker % 2].dies_after = statements
    world.say(f"({world.workers[worker % 2].name} dies after {statements} statements)")
    return True


def other_worker_ticks(world: World) -> bool:
    """The other worker looks what is due; for use while the first one waits for COVA."""
    world.work(1, run_due_order_jobs)
    world.work(1, run_due_catalogue_jobs)
    return True
