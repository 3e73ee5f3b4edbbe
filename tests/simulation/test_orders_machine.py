"""Any order of shoppers, cashiers, faults, cancels and deaths brings each order to COVA once."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.simulation import actors
from tests.simulation.machines import SETTINGS, WorldMachine, few, some
from tests.simulation.weather import EVERYTHING

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.sqlite("its virtual world is one SQLite file, put back between seeds"),
]


class OrderMachine(WorldMachine):
    """Orders, and everything that can happen to them, in steps that Hypothesis chooses."""

    @rule(
        person=some,
        basket=st.lists(st.tuples(st.integers(0, 5), few), min_size=1, max_size=3),
        spelling=few,
        address=st.none() | st.integers(0, 2),
        confirms=st.sampled_from(("at once", "at once", "later", "unheard")),
    )
    def shopper_orders(
        self,
        person: int,
        basket: list[tuple[int, int]],
        spelling: int,
        address: int | None,
        confirms: str,
    ) -> None:
        actors.shopper_orders(
            self.world.home, person, basket, spelling=spelling, address=address, confirms=confirms
        )

    @rule(order=some, is_heard=st.booleans())
    def shopper_confirms(self, order: int, is_heard: bool) -> None:
        actors.shopper_confirms(self.world.home, order, is_heard=is_heard)

    @rule(order=some)
    def shopper_cancels(self, order: int) -> None:
        actors.shopper_cancels(self.world.home, order)

    @rule(
        order=some,
        name=st.sampled_from(("aiq.order-placed", "aiq.order-confirmed", "aiq.order-cancelled")),
    )
    def signal_comes_again(self, order: int, name: str) -> None:
        actors.signal_comes_again(self.world.home, order, name)

    @rule(order=some)
    def shopper_pays(self, order: int) -> None:
        actors.shopper_pays(self.world.home, order)

    @rule(order=some)
    def cashier_completes(self, order: int) -> None:
        actors.cashier_completes(self.world.home, order)

    @rule(order=some)
    def cashier_cancels(self, order: int) -> None:
        actors.cashier_cancels(self.world.home, order)

    @rule(order=some, status=st.sampled_from(("OrderPlaced", "InProgress", "ReadyForPickup")))
    def cashier_prepares(self, order: int, status: str) -> None:
        actors.cashier_prepares(self.world.home, order, status)

    @rule(product=st.integers(0, 5), quantity=few)
    def register_sells(self, product: int, quantity: int) -> None:
        actors.register_sells(self.world.home, product, quantity)

    @rule(product=st.integers(0, 5), quantity=st.sampled_from((0, 2, 9)))
    def register_counts(self, product: int, quantity: int) -> None:
        actors.register_counts(self.world.home, product, quantity)

    @rule()
    def staff_retry(self) -> None:
        actors.staff_retry(self.world.home)

    @rule(seconds=st.sampled_from((1, 3, 12, 40, 130, 400, 1500)))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds, drowsy=10 if seconds > 60 else 0)

    @rule(failures=st.lists(st.sampled_from(EVERYTHING), min_size=1, max_size=4))
    def next_calls_meet(self, failures: list[str]) -> None:
        for failure in failures:
            actors.next_call_meets(self.world, failure)

    @rule(minutes=st.sampled_from((1, 10, 60)))
    def outage(self, minutes: int) -> None:
        actors.outage(self.world, minutes)

    @rule(worker=st.integers(0, 1), statements=st.integers(0, 60))
    def worker_dies(self, worker: int, statements: int) -> None:
        actors.worker_dies(self.world, worker, statements)

    @rule(calls=st.integers(0, 3))
    def other_worker_ticks_during_a_call(self, calls: int) -> None:
        world = self.world
        world.meanwhile.extend([lambda: None] * calls)
        world.meanwhile.append(lambda: actors.other_worker_ticks(world))

    @rule(order=some, calls=st.integers(0, 4), by=st.sampled_from(("shopper", "cashier")))
    def cancelled_during_a_call(self, order: int, calls: int, by: str) -> None:
        world = self.world
        act = actors.shopper_cancels if by == "shopper" else actors.cashier_cancels
        world.meanwhile.extend([lambda: None] * calls)
        world.meanwhile.append(lambda: act(world.home, order))

    @rule(order=some, calls=st.integers(0, 4))
    def completed_during_a_call(self, order: int, calls: int) -> None:
        world = self.world
        world.meanwhile.extend([lambda: None] * calls)
        world.meanwhile.append(lambda: actors.cashier_completes(world.home, order))


class TestOrders(OrderMachine.TestCase):  # type: ignore[valid-type, misc]
    """Hypothesis runs the machine; a failure names the schedule and how to replay it."""

    settings = SETTINGS
