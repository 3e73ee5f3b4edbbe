"""Plays a shop's weeks from one seed: who does what when, and what goes wrong."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from aiq_cova_plugin.simulator.switches import Switches

from tests.simulation import actors, quiet
from tests.simulation.promises import Promises
from tests.simulation.stage import Stage
from tests.simulation.weather import EVERYTHING
from tests.simulation.wire import DEATHS
from tests.simulation.world import World

Act = Callable[[World], object]
CHANCE_OF_MEANWHILE = 0.15
"""How often something happens while a worker waits for COVA's answer."""
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
    journal: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def told(self) -> str:
        """The failure in plain words, with what happened before it."""
        lines = "\n".join(self.journal[-LINES:])
        return (
            f"seed {self.seed} broke a promise after {self.acts} acts:\n"
            f"  {self.failure}\n\nWhat happened before, newest last:\n{lines}\n\n"
            f"Replay: make simulate-weeks SEEDS={self.seed} HOURS={self.hours:g}"
        )


def play(stage: Stage, seed: int, hours: float, *, quiet_every: float = 30.0) -> Outcome:
    """One seed, so many hours of the shop's life, quiet at the end and every now and then."""
    outcome = Outcome(seed, hours)
    began = time.perf_counter()
    world = World(stage, seed, switches=switches_of(seed))
    world.checks = Promises(world)
    try:
        _play(world, outcome, hours, quiet_every)
    except Exception as exc:  # noqa: BLE001 - whatever it is, the seed is what a person needs
        outcome.failure = f"{type(exc).__name__}: {exc}"
        outcome.journal = list(world.journal)
    finally:
        outcome.fingerprint = world.fingerprint
        outcome.seconds = time.perf_counter() - began
        world.checks.close()
        world.close()
    return outcome


def _play(world: World, outcome: Outcome, hours: float, quiet_every: float) -> None:
    rng = world.rng
    end = world.now + timedelta(hours=hours)
    next_quiet = world.now + timedelta(hours=quiet_every)
    world.chance_of_meanwhile = CHANCE_OF_MEANWHILE
    world.on_meanwhile = lambda: _meanwhile(world)
    while world.now < end:
        if _is_night(world):
            world.pass_time(rng.expovariate(1 / 5400), drowsy=3000)
        else:
            world.pass_time(rng.expovariate(1 / 600))
        rng.choices(_ACTS, _WEIGHTS)[0](world)
        outcome.acts += 1
        world.checks.step()
        if world.now >= next_quiet:
            next_quiet = world.now + timedelta(hours=quiet_every)
            quiet.calm_down(world)
            quiet.all_agree(world)
            world.chance_of_meanwhile = CHANCE_OF_MEANWHILE
    quiet.calm_down(world)
    quiet.all_agree(world)


def _is_night(world: World) -> bool:
    """Between nine in the evening and eight in the morning little happens."""
    return not 8 <= (world.now.hour - 7) % 24 < 21


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
    )


# --- what happens -----------------------------------------------------------------------------


def _basket(rng: random.Random) -> list[tuple[int, int]]:
    return [(rng.randrange(8), rng.randint(1, 3)) for _ in range(rng.randint(1, 3))]


def _order(world: World) -> object:
    rng = world.rng
    return actors.shopper_orders(
        world,
        rng.randrange(99),
        _basket(rng),
        spelling=rng.randrange(9),
        address=rng.choice((None, None, 0, 1, 2)),
        confirms=rng.choice(("at once", "at once", "at once", "later", "unheard")),
    )


def _rush(world: World) -> None:
    for _ in range(world.rng.randint(3, 8)):
        _order(world)


def _own(world: World) -> object:
    fields = [each for each in actors.EDITABLE if world.rng.random() < 0.3]
    return actors.staff_own(world, tuple(fields))


def _unlucky(world: World) -> object:
    rng = world.rng
    for _ in range(rng.randint(1, 4)):
        actors.next_call_meets(world, rng.choice(EVERYTHING))
    return True


def _weather(world: World) -> object:
    rng = world.rng
    kind = rng.randrange(4)
    if kind == 0:
        return actors.outage(world, rng.choice((2, 15, 90, 300)))
    if kind == 1:
        return actors.storm(world, rng.choice((1, 10, 45)))
    if kind == 2:
        return actors.unreliable(world, rng.choice((0, 3, 10, 30)))
    return actors.unreliable(world, 0)


def _archive_many(world: World) -> None:
    for _ in range(world.rng.randint(2, 6)):
        actors.register_archives(world, world.rng.randrange(99))


_TABLE: tuple[tuple[int, Act], ...] = (
    (14, _order),
    (2, _rush),
    (12, lambda w: actors.register_sells(w, w.rng.randrange(99), w.rng.randint(1, 4))),
    (5, lambda w: actors.register_counts(w, w.rng.randrange(99), w.rng.choice((0, 1, 5, 20)))),
    (4, lambda w: actors.register_prices(w, w.rng.randrange(99), w.rng.randint(100, 9000))),
    (2, lambda w: actors.register_renames(w, w.rng.randrange(99), w.rng.randrange(999))),
    (
        3,
        lambda w: actors.register_puts_on_sale(
            w, w.rng.randrange(99), w.rng.choice((-30, 5, 95)), w.rng.choice((10, 60, 700))
        ),
    ),
    (1, lambda w: actors.register_ends_sale(w, w.rng.randrange(99))),
    (2, lambda w: actors.register_archives(w, w.rng.randrange(99))),
    (1, _archive_many),
    (
        2,
        lambda w: actors.register_pauses(
            w, w.rng.randrange(99), w.rng.choice(("Active", "Inactive", "Coming Soon"))
        ),
    ),
    (1, lambda w: actors.register_adds_product(w, w.rng.randint(0, 12))),
    (6, lambda w: actors.shopper_confirms(w, w.rng.randrange(99), is_heard=w.rng.random() < 0.8)),
    (5, lambda w: actors.shopper_cancels(w, w.rng.randrange(99))),
    (
        2,
        lambda w: actors.signal_comes_again(
            w,
            w.rng.randrange(99),
            w.rng.choice(("aiq.order-placed", "aiq.order-confirmed", "aiq.order-cancelled")),
        ),
    ),
    (16, lambda w: actors.cashier_completes(w, w.rng.randrange(99))),
    (3, lambda w: actors.cashier_cancels(w, w.rng.randrange(99))),
    (
        8,
        lambda w: actors.cashier_prepares(
            w, w.rng.randrange(99), w.rng.choice(("InProgress", "ReadyForPickup", "OrderPlaced"))
        ),
    ),
    (1, _own),
    (
        3,
        lambda w: actors.staff_edit(
            w, w.rng.randrange(99), w.rng.randrange(9), w.rng.randrange(99)
        ),
    ),
    (1, lambda w: actors.staff_lock(w, w.rng.randrange(99))),
    (1, lambda w: actors.staff_retry(w, w.rng.randrange(2))),
    (1, lambda w: actors.staff_sync(w, worker=w.rng.randrange(2), full=w.rng.random() < 0.5)),
    (2, _weather),
    (8, _unlucky),
    (1, lambda w: actors.cova_clock_is_wrong(w, w.rng.choice((0, 0, -90, 200, 400)))),
    (3, lambda w: actors.worker_dies(w, w.rng.randrange(2), w.rng.randrange(60))),
)
_WEIGHTS = [weight for weight, _ in _TABLE]
_ACTS = [act for _, act in _TABLE]

_MEANWHILE: tuple[Act, ...] = (
    actors.other_worker_ticks,
    actors.other_worker_ticks,
    _order,
    lambda w: actors.shopper_cancels(w, w.rng.randrange(99)),
    lambda w: actors.shopper_confirms(w, w.rng.randrange(99)),
    lambda w: actors.cashier_completes(w, w.rng.randrange(99)),
    lambda w: actors.cashier_cancels(w, w.rng.randrange(99)),
    lambda w: actors.register_sells(w, w.rng.randrange(9), 1),
    lambda w: actors.register_counts(w, w.rng.randrange(9), w.rng.choice((0, 4))),
    lambda w: actors.register_archives(w, w.rng.randrange(99)),
    lambda w: actors.worker_dies(w, w.rng.randrange(2), w.rng.randrange(8)),
)


def _meanwhile(world: World) -> None:
    world.say("  meanwhile:")
    world.rng.choice(_MEANWHILE)(world)


assert set(DEATHS) <= set(EVERYTHING)
