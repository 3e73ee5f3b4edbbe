"""Plays a shop's weeks from one seed: who does what when, and what goes wrong."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from aiq_cova_plugin.simulator.switches import Switches

from tests.simulation import actors, quiet
from tests.simulation.place import Place
from tests.simulation.promises import Promises
from tests.simulation.stage import Stage
from tests.simulation.weather import EVERYTHING
from tests.simulation.wire import DEATHS
from tests.simulation.world import World
from tests.support.databases import ON_POSTGRES

Act = Callable[[Place], object]
CHANCE_OF_MEANWHILE = 0.15
"""How often something happens while a worker waits for COVA's answer."""
STORMY, CALM = "stormy", "calm"
LINES = 60
"""How many lines of the journal a failure tells."""


@dataclass
class Outcome:
    """How one seed went; `failure` is None when every promise was kept."""

    seed: int
    hours: float
    acts: int = 0
    fingerprint: str = ""
    failure: str | None = None
    weather: str = STORMY
    journal: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def told(self) -> str:
        """The failure in plain words, with what happened before it."""
        lines = "\n".join(self.journal[-LINES:])
        return (
            f"seed {self.seed} broke a promise after {self.acts} acts:\n"
            f"  {self.failure}\n\nWhat happened before, newest last:\n{lines}\n\n"
            f"Replay: {self.replay}"
        )

    @property
    def replay(self) -> str:
        """The one command that plays exactly this again."""
        database = "COVA_TEST_DATABASE=postgresql " if ON_POSTGRES else ""
        weather = "" if self.weather == STORMY else f" WEATHER={self.weather}"
        return f"{database}make simulate-weeks SEEDS={self.seed} HOURS={self.hours:g}{weather}"


def play(stage: Stage, seed: int, hours: float, *, weather: str = STORMY) -> Outcome:
    """One seed, so many hours of the shop's life, quiet at the end and every now and then.

    In calm weather nothing fails, people come more rarely, and the machine looks at its work
    every half an hour.
    """
    outcome = Outcome(seed, hours, weather=weather)
    began = time.perf_counter()
    world = World(stage, seed, switches=switches_of(seed), stores=stores_of(seed))
    world.checks = Promises(world)
    try:
        _play(world, outcome, hours, is_calm=weather == CALM)
    except Exception as exc:  # noqa: BLE001 - whatever it is, the seed is what a person needs
        outcome.failure = f"{type(exc).__name__}: {exc}"
        outcome.journal = list(world.journal)
    finally:
        outcome.fingerprint = world.fingerprint
        outcome.seconds = time.perf_counter() - began
        world.checks.close()
        world.close()
    return outcome


def _play(world: World, outcome: Outcome, hours: float, *, is_calm: bool) -> None:
    rng = world.rng
    end = world.now + timedelta(hours=hours)
    quiet_every = timedelta(hours=30 if hours > 30 else hours)
    next_quiet = world.now + quiet_every
    world.chance_of_meanwhile = 0.0 if is_calm else CHANCE_OF_MEANWHILE
    table = _CALM if is_calm else _TABLE
    weights, acts = [weight for weight, _ in table], [act for _, act in table]
    world.on_meanwhile = lambda: _meanwhile(world)
    while world.now < end:
        if _is_night(world):
            world.pass_time(rng.expovariate(1 / 5400), drowsy=3000)
        elif is_calm:
            world.pass_time(rng.expovariate(1 / 1800), drowsy=1800)
        else:
            world.pass_time(rng.expovariate(1 / 600))
        rng.choices(acts, weights)[0](rng.choice(world.places))
        outcome.acts += 1
        world.checks.step()
        if world.now >= next_quiet:
            next_quiet = world.now + quiet_every
            chance = world.chance_of_meanwhile
            quiet.calm_down(world)
            quiet.all_agree(world)
            world.chance_of_meanwhile = chance
    quiet.calm_down(world)
    quiet.all_agree(world)


def _is_night(world: World) -> bool:
    """Between nine in the evening and eight in the morning little happens."""
    return not 8 <= (world.now.hour - 7) % 24 < 21


def stores_of(seed: int) -> int:
    """How many stores that seed's world has: every third has three, of two companies."""
    return 3 if seed % 3 == 0 else 1


def switches_of(seed: int) -> Switches:
    """Which reading of COVA's open questions this seed plays against."""
    rng = random.Random(f"switches {seed}")
    return Switches(
        repeated_put=rng.choice(("same_order", "duplicate", "error")),
        order_mode=rng.choice(("synchronous", "asynchronous")),
        order_step_seconds=rng.choice((0.5, 2.0, 20.0)),
        enum_style=rng.choice(("number", "name")),
        invalid_order=rng.choice(("status", "error_400")),
        order_of_products=rng.choice(("stable", "on_change", "every_call")),
        tax_pricing=rng.choice(("Exclusive", "Inclusive", "absent")),
        search_operations=rng.choice((("Equals", "Contains"), ("Equals",), ("Contains",))),
        search_normalises_phone=rng.random() < 0.3,
        rate_limit=rng.choice((150, 300, 1000)),
        rate_limit_headers=rng.random() < 0.8,
        rate_limit_retry_after=rng.random() < 0.5,
        updated_by_sale_window=rng.random() < 0.3,
        updates_report_archived=rng.random() < 0.7,
        second_tax_pricing=rng.choice(("Exclusive", "Inclusive", "absent")),
        repeated_payment=rng.choice(("error", "accept")),
    )


# --- what happens -----------------------------------------------------------------------------


def _basket(rng: random.Random) -> list[tuple[int, int]]:
    return [(rng.randrange(8), rng.randint(1, 3)) for _ in range(rng.randint(1, 3))]


def _order(place: Place) -> object:
    rng = place.rng
    return actors.shopper_orders(
        place,
        rng.randrange(99),
        _basket(rng),
        spelling=rng.randrange(9),
        address=rng.choice((None, None, 0, 1, 2)),
        confirms=rng.choice(("at once", "at once", "at once", "later", "unheard")),
    )


def _rush(place: Place) -> None:
    for _ in range(place.rng.randint(3, 8)):
        _order(place)


def _own(place: Place) -> object:
    fields = [each for each in actors.EDITABLE if place.rng.random() < 0.3]
    return actors.staff_own(place, tuple(fields))


def _unlucky(place: Place) -> object:
    rng = place.rng
    for _ in range(rng.randint(1, 4)):
        actors.next_call_meets(place.world, rng.choice(EVERYTHING))
    return True


def _weather(place: Place) -> object:
    """Bad weather for everybody, or for the one company only; or the end of it."""
    rng, world = place.rng, place.world
    company = rng.choice((None, place.company_id)) if len(world.companies) > 1 else None
    kind = rng.randrange(4)
    if kind == 0:
        return actors.outage(world, rng.choice((2, 15, 90, 300)), company)
    if kind == 1:
        return actors.storm(world, rng.choice((1, 10, 45)), company)
    if kind == 2:
        return actors.unreliable(world, rng.choice((0, 3, 10, 30)), company)
    return actors.unreliable(world, 0)


def _archive_many(place: Place) -> None:
    for _ in range(place.rng.randint(2, 6)):
        actors.register_archives(place, place.rng.randrange(99))


_TABLE: tuple[tuple[int, Act], ...] = (
    (14, _order),
    (2, _rush),
    (12, lambda p: actors.register_sells(p, p.rng.randrange(99), p.rng.randint(1, 4))),
    (5, lambda p: actors.register_counts(p, p.rng.randrange(99), p.rng.choice((0, 1, 5, 20)))),
    (4, lambda p: actors.register_prices(p, p.rng.randrange(99), p.rng.randint(100, 9000))),
    (2, lambda p: actors.register_renames(p, p.rng.randrange(99), p.rng.randrange(999))),
    (
        3,
        lambda p: actors.register_puts_on_sale(
            p, p.rng.randrange(99), p.rng.choice((-30, 5, 95)), p.rng.choice((10, 60, 700))
        ),
    ),
    (1, lambda p: actors.register_ends_sale(p, p.rng.randrange(99))),
    (2, lambda p: actors.register_archives(p, p.rng.randrange(99))),
    (1, _archive_many),
    (
        2,
        lambda p: actors.register_pauses(
            p, p.rng.randrange(99), p.rng.choice(("Active", "Inactive", "Coming Soon"))
        ),
    ),
    (1, lambda p: actors.register_adds_product(p, p.rng.randint(0, 12))),
    (6, lambda p: actors.shopper_confirms(p, p.rng.randrange(99), is_heard=p.rng.random() < 0.8)),
    (5, lambda p: actors.shopper_cancels(p, p.rng.randrange(99))),
    (5, lambda p: actors.shopper_pays(p, p.rng.randrange(99))),
    (
        2,
        lambda p: actors.signal_comes_again(
            p,
            p.rng.randrange(99),
            p.rng.choice(("aiq.order-placed", "aiq.order-confirmed", "aiq.order-cancelled")),
        ),
    ),
    (16, lambda p: actors.cashier_completes(p, p.rng.randrange(99))),
    (3, lambda p: actors.cashier_cancels(p, p.rng.randrange(99))),
    (
        8,
        lambda p: actors.cashier_prepares(
            p, p.rng.randrange(99), p.rng.choice(("InProgress", "ReadyForPickup", "OrderPlaced"))
        ),
    ),
    (1, _own),
    (
        3,
        lambda p: actors.staff_edit(
            p, p.rng.randrange(99), p.rng.randrange(9), p.rng.randrange(99)
        ),
    ),
    (1, lambda p: actors.staff_lock(p, p.rng.randrange(99))),
    (1, lambda p: actors.staff_retry(p, p.rng.randrange(2))),
    (1, lambda p: actors.staff_sync(p, worker=p.rng.randrange(2), full=p.rng.random() < 0.5)),
    (2, _weather),
    (8, _unlucky),
    (1, lambda p: actors.cova_clock_is_wrong(p.world, p.rng.choice((0, 0, -90, 200, 400)))),
    (3, lambda p: actors.worker_dies(p.world, p.rng.randrange(2), p.rng.randrange(60))),
)
_CALM = _TABLE[:-4]
"""What people do, without the weather, bad luck, wrong clocks and dying workers at the end."""

_MEANWHILE: tuple[Act, ...] = (
    lambda p: actors.other_worker_ticks(p.world),
    lambda p: actors.other_worker_ticks(p.world),
    _order,
    lambda p: actors.shopper_cancels(p, p.rng.randrange(99)),
    lambda p: actors.shopper_confirms(p, p.rng.randrange(99)),
    lambda p: actors.shopper_pays(p, p.rng.randrange(99)),
    lambda p: actors.cashier_completes(p, p.rng.randrange(99)),
    lambda p: actors.cashier_cancels(p, p.rng.randrange(99)),
    lambda p: actors.register_sells(p, p.rng.randrange(9), 1),
    lambda p: actors.register_counts(p, p.rng.randrange(9), p.rng.choice((0, 4))),
    lambda p: actors.register_archives(p, p.rng.randrange(99)),
    lambda p: actors.worker_dies(p.world, p.rng.randrange(2), p.rng.randrange(8)),
)


def _meanwhile(world: World) -> None:
    world.say("  meanwhile:")
    world.rng.choice(_MEANWHILE)(world.rng.choice(world.places))


assert set(DEATHS) <= set(EVERYTHING)
