"""A store whose COVA hangs delays no other: shown by the order of events, not by the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import pytest

from aiq_cova_plugin.host import Store
from aiq_cova_plugin.services.crew import Crew, Piece
from aiq_cova_plugin.services.run_due import (
    run_due_catalogue_jobs,
    run_due_order_jobs,
    run_everything_due,
)
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import outbox, runs

from tests.support.connected import SECRET_KEY
from tests.support.many_companies import ManyCompanies, connection_of
from tests.support.shop import Shop

STORES = 8


@pytest.fixture(scope="module")
def companies() -> ManyCompanies:
    return ManyCompanies(STORES, products=20)


@pytest.fixture
def chain(database_url: str, companies: ManyCompanies) -> Iterator[Shop]:
    """A shop with a store in each of the companies."""
    with companies.serving() as url, closing(_shop_of(companies, database_url, url)) as shop:
        yield shop
    assert companies.broken == []


def _shop_of(companies: ManyCompanies, database_url: str, url: str) -> Shop:
    for each in companies.simulators:
        each.reset()
    shop = Shop(
        database_url,
        COVA_API_URL=url,
        COVA_TOKEN_URL=f"{url}/v1/oauth2/token",
        COVA_SECRET_KEYS=SECRET_KEY,
        # Longer than the test: what hangs is let go by the test alone.
        COVA_READ_TIMEOUT_SECONDS=200,
    )
    shop.host.store_list = [
        Store(f"s{number}", f"Store {number}", "America/Denver", "US", "USD")
        for number in range(STORES)
    ]
    for number, each in enumerate(companies.simulators):
        shop.cova.connect_store(
            shop.app,
            f"s{number}",
            check=False,
            enabled=True,
            sync_orders=True,
            integrator_id=each.integrator_id,
            **connection_of(each, url=url),
        )
    return shop


@contextmanager
def hanging(simulator: Simulator, operation: str | None) -> Iterator[Callable[[], None]]:
    """COVA does not answer this company inside the block."""
    fault = simulator.faults.add(operation, action="timeout_before_effect", times=None)

    def wait_until_it_hangs() -> None:
        patience = threading.Event()
        for _ in range(3000):
            if fault.hits:
                return
            patience.wait(0.01)
        raise AssertionError("nobody called")

    try:
        yield wait_until_it_hangs
    finally:
        simulator.faults.stop()
        simulator.faults.clear()
        simulator.faults.resume()


def place_everywhere(chain: Shop, companies: ManyCompanies) -> None:
    for number, each in enumerate(companies.simulators):
        chain.place(
            f"o{number}",
            [(each.ordinary_products(1)[0], "A product", "1", "10.00")],
            store_id=f"s{number}",
        )


def states(chain: Shop) -> dict[str, str]:
    with chain.app.app_context(), chain.services.database.short() as connection:
        return {push.store_id: push.state for push in outbox.pushes(connection)}


def synced(chain: Shop) -> set[str]:
    with chain.app.app_context(), chain.services.database.short() as connection:
        return {
            f"s{number}"
            for number in range(STORES)
            if any(
                run.status == "succeeded" for run in runs.runs_of(connection, f"s{number}", limit=5)
            )
        }


def wait_for(condition: Callable[[], bool]) -> None:
    patience = threading.Event()
    for _ in range(4000):
        if condition():
            return
        patience.wait(0.01)
    raise AssertionError("it did not happen")


@pytest.mark.slow
def test_a_hanging_store_s_orders_delay_no_other_s(chain: Shop, companies: ManyCompanies) -> None:
    place_everywhere(chain, companies)
    others = {f"s{number}" for number in range(1, STORES)}
    with hanging(companies.simulators[0], None) as wait_until_it_hangs:
        with chain.app.app_context():
            run_due_order_jobs(chain.services, wait="none")
        wait_until_it_hangs()

        wait_for(lambda: all(states(chain)[store] == "in_pos" for store in others))

        assert states(chain)["s0"] != "in_pos"
        # The next order of another store is sent while the first store still hangs.
        chain.place(
            "late",
            [(companies.simulators[3].ordinary_products(1)[0], "A product", "1", "10.00")],
            store_id="s3",
        )
        with chain.app.app_context():
            run_due_order_jobs(chain.services, wait="none")
        wait_for(lambda: len(companies.simulators[3].orders()) == 2)
    with chain.app.app_context():
        chain.services.crews["orders"].wait_until_idle()


@pytest.mark.slow
def test_a_hanging_store_s_menu_delays_no_other_s(chain: Shop, companies: ManyCompanies) -> None:
    others = {f"s{number}" for number in range(1, STORES)}
    with hanging(companies.simulators[0], "product_data") as wait_until_it_hangs:
        with chain.app.app_context():
            run_due_catalogue_jobs(chain.services, wait="none")
        wait_until_it_hangs()

        wait_for(lambda: synced(chain) == others)

        # Orders do not wait behind a catalogue that hangs, not even its own store's.
        place_everywhere(chain, companies)
        with chain.app.app_context():
            run_due_order_jobs(chain.services, wait="none")
        wait_for(lambda: set(states(chain).values()) == {"in_pos"})
    with chain.app.app_context():
        chain.services.crews["orders"].wait_until_idle()
        chain.services.crews["catalogue"].wait_until_idle()


@pytest.mark.slow
def test_one_tick_by_cron_does_all_there_is(chain: Shop, companies: ManyCompanies) -> None:
    place_everywhere(chain, companies)

    with chain.app.app_context():
        done = run_everything_due(chain.services)

    # A push, a sweep and a first sync for each, and what looks at all of them.
    assert done >= 3 * STORES
    assert len(synced(chain)) == STORES
    assert set(states(chain).values()) == {"in_pos"}


# --- the crew itself, with work that does what it is told -----------------------------------------


class Pieces:
    """A source of pieces that wait for their signal."""

    def __init__(self, *pieces: tuple[str, str | None]) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.let_go = {key: threading.Event() for key, _ in pieces}
        self._left = list(pieces)

    def next_piece(self, *, busy: Any, full: Any) -> Piece | None:
        for place in self._left:
            key, group = place
            if key not in busy and group not in full:
                self._left.remove(place)
                return Piece(key=key, group=group, work=partial(self._work, key))
        return None

    def _work(self, key: str) -> None:
        self.began.append(key)
        assert self.let_go[key].wait(50)
        self.ended.append(key)


@contextmanager
def no_context() -> Iterator[None]:
    yield


def test_a_crew_has_so_many_places() -> None:
    pieces = Pieces(("a", None), ("b", None), ("c", None))
    crew = Crew("test", 2)

    crew.work_off(pieces, in_context=no_context, wait="none")
    wait_for(lambda: pieces.began == ["a", "b"])
    pieces.let_go["a"].set()

    wait_for(lambda: pieces.began == ["a", "b", "c"])
    for event in pieces.let_go.values():
        event.set()
    crew.wait_until_idle()
    assert sorted(pieces.ended) == ["a", "b", "c"]


def test_who_is_slow_gives_the_place_up() -> None:
    now = [0.0]
    pieces = Pieces(("slow", None), ("quick", None))
    crew = Crew("test", 2, patience_seconds=10, monotonic=lambda: now[0])
    first = Pieces(("one", None), ("two", None))
    crew.work_off(first, in_context=no_context, wait="none")
    wait_for(lambda: len(first.began) == 2)

    crew.work_off(pieces, in_context=no_context, wait="none")
    assert pieces.began == []
    now[0] = 11
    crew.work_off(pieces, in_context=no_context, wait="none")

    wait_for(lambda: len(pieces.began) == 2)
    for event in (*pieces.let_go.values(), *first.let_go.values()):
        event.set()
    crew.wait_until_idle()


def test_a_company_has_two_places_at_most() -> None:
    pieces = Pieces(("a1", "A"), ("a2", "A"), ("a3", "A"), ("b1", "B"))
    crew = Crew("test", 4)

    crew.work_off(pieces, in_context=no_context, wait="none")
    wait_for(lambda: len(pieces.began) == 3)

    assert set(pieces.began) == {"a1", "a2", "b1"}
    pieces.let_go["a1"].set()
    wait_for(lambda: "a3" in pieces.began)
    for event in pieces.let_go.values():
        event.set()
    crew.wait_until_idle()


def test_the_same_work_is_not_begun_twice() -> None:
    first, second = Pieces(("a", None)), Pieces(("a", None))
    crew = Crew("test", 4)

    crew.work_off(first, in_context=no_context, wait="none")
    wait_for(lambda: first.began == ["a"])
    crew.work_off(second, in_context=no_context, wait="none")

    assert second.began == []
    first.let_go["a"].set()
    crew.wait_until_idle()


def test_with_one_place_there_are_no_threads() -> None:
    here = threading.current_thread()
    seen: list[threading.Thread] = []

    class Two:
        def __init__(self) -> None:
            self.left = ["a", "b"]

        def next_piece(self, *, busy: Any, full: Any) -> Piece | None:
            if not self.left:
                return None
            key = self.left.pop()
            return Piece(key, None, lambda: seen.append(threading.current_thread()))

    assert Crew("test", 1).work_off(Two(), in_context=no_context, wait="none") == 2
    assert seen == [here, here]


def test_waiting_for_the_quick_ones_leaves_the_slow_one_behind() -> None:
    now = [0.0]
    pieces = Pieces(("slow", None), ("quick", None))
    pieces.let_go["quick"].set()
    crew = Crew("test", 2, patience_seconds=10, monotonic=lambda: now[0])
    returned = threading.Event()

    def call() -> None:
        crew.work_off(pieces, in_context=no_context, wait="quick")
        returned.set()

    caller = threading.Thread(target=call)
    caller.start()
    wait_for(lambda: pieces.ended == ["quick"])
    assert not returned.is_set()
    now[0] = 11
    wait_for(returned.is_set)

    assert pieces.ended == ["quick"]
    pieces.let_go["slow"].set()
    crew.wait_until_idle()
    caller.join()
