"""Any order of register sales, web orders, syncs, edits and failures keeps the menu right."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.simulation import actors
from tests.simulation.machines import SETTINGS, WorldMachine, few, some
from tests.simulation.wire import AFTER_EFFECT, BEFORE_EFFECT, DEATHS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.sqlite("its virtual world is one SQLite file, put back between seeds"),
]


class CatalogueMachine(WorldMachine):
    """Weeks at the shelf, in steps that Hypothesis chooses."""

    @rule(product=some, quantity=few)
    def register_sells(self, product: int, quantity: int) -> None:
        actors.register_sells(self.world.home, product, quantity)

    @rule(product=some, quantity=st.sampled_from((0, 1, 3, 40)))
    def register_counts(self, product: int, quantity: int) -> None:
        actors.register_counts(self.world.home, product, quantity)

    @rule(product=some, cents=st.integers(1, 20_000))
    def register_prices(self, product: int, cents: int) -> None:
        actors.register_prices(self.world.home, product, cents)

    @rule(product=some, number=some)
    def register_renames(self, product: int, number: int) -> None:
        actors.register_renames(self.world.home, product, number)

    @rule(product=some, starts_in=st.integers(-40, 40), minutes=st.integers(1, 90))
    def register_puts_on_sale(self, product: int, starts_in: int, minutes: int) -> None:
        actors.register_puts_on_sale(self.world.home, product, starts_in, minutes)

    @rule(product=some)
    def register_archives(self, product: int) -> None:
        actors.register_archives(self.world.home, product)

    @rule(products=st.integers(0, 40), count=st.integers(15, 40))
    def register_archives_much(self, products: int, count: int) -> None:
        for number in range(count):
            actors.register_archives(self.world.home, products + number)

    @rule(product=some, lifecycle=st.sampled_from(("Active", "Inactive", "Coming Soon")))
    def register_pauses(self, product: int, lifecycle: str) -> None:
        actors.register_pauses(self.world.home, product, lifecycle)

    @rule(quantity=st.integers(0, 9))
    def register_adds_product(self, quantity: int) -> None:
        actors.register_adds_product(self.world.home, quantity)

    @rule(product=some, quantity=few, confirms=st.sampled_from(("at once", "later", "unheard")))
    def shopper_orders(self, product: int, quantity: int, confirms: str) -> None:
        actors.shopper_orders(self.world.home, 0, [(product, quantity)], confirms=confirms)

    @rule(order=some)
    def shopper_cancels(self, order: int) -> None:
        actors.shopper_cancels(self.world.home, order)

    @rule(order=some)
    def cashier_completes(self, order: int) -> None:
        actors.cashier_completes(self.world.home, order)

    @rule(fields=st.sets(st.sampled_from(actors.EDITABLE), max_size=3))
    def staff_own(self, fields: set[str]) -> None:
        actors.staff_own(self.world.home, tuple(sorted(fields)))

    @rule(product=some, field=few, number=some)
    def staff_edit(self, product: int, field: int, number: int) -> None:
        actors.staff_edit(self.world.home, product, field, number)

    @rule(product=some)
    def staff_lock(self, product: int) -> None:
        actors.staff_lock(self.world.home, product)

    @rule(full=st.booleans(), worker=st.integers(0, 1))
    def staff_sync(self, full: bool, worker: int) -> None:
        actors.staff_sync(self.world.home, worker=worker, full=full)

    @rule(minutes=st.integers(1, 45))
    def time_passes(self, minutes: int) -> None:
        self.world.pass_time(minutes * 60, drowsy=20)

    @rule(failure=st.sampled_from((*BEFORE_EFFECT, *AFTER_EFFECT, *DEATHS)))
    def next_call_meets(self, failure: str) -> None:
        actors.next_call_meets(self.world, failure)

    @rule(worker=st.integers(0, 1), statements=st.integers(0, 60))
    def worker_dies(self, worker: int, statements: int) -> None:
        actors.worker_dies(self.world, worker, statements)

    @rule(product=some, quantity=few)
    def register_sells_during_a_call(self, product: int, quantity: int) -> None:
        world = self.world
        world.meanwhile.append(lambda: actors.register_sells(world.home, product, quantity))

    @rule(product=some, quantity=few)
    def shopper_orders_during_a_call(self, product: int, quantity: int) -> None:
        world = self.world
        world.meanwhile.append(lambda: actors.shopper_orders(world.home, 1, [(product, quantity)]))

    @rule(seconds=st.integers(-120, 400))
    def cova_clock_is_wrong(self, seconds: int) -> None:
        actors.cova_clock_is_wrong(self.world, seconds)


class TestCatalogue(CatalogueMachine.TestCase):  # type: ignore[valid-type, misc]
    """Hypothesis runs the machine; a failure names the schedule and how to replay it."""

    settings = SETTINGS
