"""A service of COVA that is away is not called, by anybody, until one trial call works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.clock import FixedClock
from aiq_cova_plugin.cova.breaker import (
    FAILURES_UNTIL_OPEN,
    LONGEST_PAUSE_SECONDS,
    CovaAway,
    pause_seconds,
)
from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.errors import CovaPluginError, CovaUnavailable, NotFound, Retryable
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.services.orders.push_orders import push_due_orders
from aiq_cova_plugin.services.watch.service_states import breaker_states
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import outbox

from tests.integration.scheduling.kit import Process

ORDER = "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0001"


def fail_until_open(client: CovaClient) -> None:
    """Ask for an order's status until the breaker has opened."""
    for _ in range(FAILURES_UNTIL_OPEN):
        try:
            client.order_status(ORDER)
        except CovaAway:
            return
        except CovaUnavailable:
            pass
    with pytest.raises(CovaAway):
        client.order_status(ORDER)


@pytest.fixture
def two(process: Callable[[], Process]) -> tuple[Process, Process]:
    return process(), process()


def test_it_opens_for_all_processes_and_says_why_and_until_when(
    two: tuple[Process, Process], sim: Simulator, clock: FixedClock
) -> None:
    sim.faults.add("order_status", action="unavailable", times=None, body="Down for repairs")
    with two[0].client() as client:
        fail_until_open(client)
    asked = len(sim.requests("order_status"))

    with two[1].client() as client, pytest.raises(CovaAway) as caught:
        client.order_status(ORDER)

    assert len(sim.requests("order_status")) == asked
    assert isinstance(caught.value, Retryable)
    assert caught.value.retry_after == pytest.approx(10, abs=1.5)
    assert "order service is not answering" in caught.value.message
    assert "Down for repairs" in caught.value.message
    (state,) = states(two[1])
    assert (state.service, state.is_open, state.failures) == ("covaorderintake", True, 5)


def test_other_services_go_on(two: tuple[Process, Process], sim: Simulator) -> None:
    sim.faults.add("order_status", action="unavailable", times=None)
    with two[0].client() as client:
        fail_until_open(client)

        assert client.search_customers_by_text("nobody") == ()


def test_one_trial_closes_it_for_all(
    two: tuple[Process, Process], sim: Simulator, clock: FixedClock
) -> None:
    sim.faults.add("order_status", action="unavailable", times=None)
    with two[0].client() as client:
        fail_until_open(client)
    sim.faults.clear()
    clock.advance(11)

    with two[1].client() as client, pytest.raises(NotFound):
        client.order_status(ORDER)  # a refusal is an answer

    assert states(two[0]) == []
    with two[0].client() as client, pytest.raises(NotFound):
        client.order_status(ORDER)


def test_while_one_tries_the_others_do_not(
    two: tuple[Process, Process], sim: Simulator, clock: FixedClock
) -> None:
    sim.faults.add("order_status", action="unavailable", times=None)
    with two[0].client() as client:
        fail_until_open(client)
    clock.advance(11)
    with two[0].shop.app.app_context():
        services = two[0].ctx
        (state,) = breaker_states(services)
        from aiq_cova_plugin.cova.breaker import SharedBreaker
        from aiq_cova_plugin.store.breakers import DatabaseBreakers

        breaker = SharedBreaker(DatabaseBreakers(services.database), clock, trial_seconds=10)
        trial = breaker.enter(state.company_id, state.service)
    sim.faults.clear()

    with two[1].client() as client, pytest.raises(CovaAway):
        client.order_status(ORDER)

    # The worker on trial dies: another may try when its time is up.
    del trial
    clock.advance(11)
    with two[1].client() as client, pytest.raises(NotFound):
        client.order_status(ORDER)


def test_the_pauses_grow_to_a_few_minutes(
    two: tuple[Process, Process], sim: Simulator, clock: FixedClock
) -> None:
    sim.faults.add("order_status", action="bad_gateway", times=None)
    pauses = []
    with two[0].client() as client:
        fail_until_open(client)
        for _ in range(8):
            with pytest.raises(CovaAway) as caught:
                client.order_status(ORDER)
            pauses.append(round(caught.value.retry_after or 0))
            clock.advance((caught.value.retry_after or 0) + 0.1)
            asked = len(sim.requests("order_status"))
            with suppress(CovaUnavailable):
                client.order_status(ORDER)
            assert len(sim.requests("order_status")) == asked + 1, "one trial, not repeated"

    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert pauses[0] <= 10
    assert pause_seconds(5) == 10
    assert pause_seconds(10**6) == LONGEST_PAUSE_SECONDS


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "status": 404},
        {"action": "status", "status": 409},
        {"action": "forbidden"},
        {"action": "rate_limited", "retry_after": 0},
    ],
    ids=["404", "409", "403", "429"],
)
def test_refusals_never_open_it(
    two: tuple[Process, Process], sim: Simulator, fault: dict[str, Any]
) -> None:
    sim.faults.add("order_status", times=None, **fault)
    with two[0].client() as client:
        for _ in range(3 * FAILURES_UNTIL_OPEN):
            with pytest.raises(CovaPluginError) as caught:
                client.order_status(ORDER)
            assert not isinstance(caught.value, CovaAway)
    assert states(two[0]) == []


def test_an_answer_in_between_starts_the_count_anew(
    two: tuple[Process, Process], sim: Simulator
) -> None:
    with two[0].client() as client:
        for _ in range(4):
            sim.faults.add("order_status", action="unavailable", times=3)
            for _ in range(1):
                with pytest.raises(CovaUnavailable):
                    client.order_status(ORDER)
            with pytest.raises(NotFound):
                client.order_status(ORDER)
    assert states(two[0]) == []


def test_a_connection_that_is_refused_or_reset_counts(
    two: tuple[Process, Process], sim: Simulator
) -> None:
    sim.faults.add("order_status", action="reset_before", times=None)
    with two[0].client() as client:
        fail_until_open(client)

    (state,) = states(two[0])
    assert "broke off the connection" in state.reason


def test_a_page_that_is_too_large_says_nothing_about_the_service(
    two: tuple[Process, Process], sim: Simulator
) -> None:
    """It is halved until it fits; an open breaker would keep the menu from ever being read."""
    sim.faults.add("product_data", action="server_error", times=20)
    with two[0].client() as client:
        for _ in range(10):
            with pytest.raises(CovaUnavailable) as caught:
                client.product_page(skip=0, top=500)
            assert not isinstance(caught.value, CovaAway)
        assert states(two[0]) == []

        with pytest.raises(CovaUnavailable):
            client.product_page(skip=0, top=25)
    (state,) = states(two[0])
    assert state.failures == 1


def test_a_trial_may_be_a_page_that_is_too_large(
    two: tuple[Process, Process], sim: Simulator, clock: FixedClock
) -> None:
    sim.faults.add("product_data", action="unavailable", times=FAILURES_UNTIL_OPEN)
    with two[0].client() as client:
        for _ in range(2):
            with pytest.raises(CovaUnavailable):
                client.product_page(skip=0, top=25)
        clock.advance(11)
        sim.faults.clear()
        sim.faults.add("product_data", action="server_error", times=1)

        with pytest.raises(CovaUnavailable) as caught:
            client.product_page(skip=0, top=500)
        assert not isinstance(caught.value, CovaAway)
        assert client.product_page(skip=0, top=250).products
    assert states(two[0]) == []


def test_the_log_in_has_a_breaker_of_its_own(two: tuple[Process, Process], sim: Simulator) -> None:
    sim.faults.add("token", action="unavailable", times=None)
    with two[0].client() as client:
        for _ in range(2):
            with pytest.raises(CovaUnavailable):
                client.order_status(ORDER)
        asked = len(sim.requests("token"))
        with pytest.raises(CovaAway, match="log-in"):
            client.order_status(ORDER)
    assert len(sim.requests("token")) == asked


def test_a_connection_check_is_made_all_the_same(
    two: tuple[Process, Process], sim: Simulator
) -> None:
    from aiq_cova_plugin.services.stores import credentials_of, load_connection

    sim.faults.add("location", action="unavailable", times=None)
    with two[0].client() as client:
        for _ in range(2):
            with pytest.raises(CovaUnavailable):
                client.location()
        with pytest.raises(CovaAway):
            client.location()
    sim.faults.clear()

    ctx = two[0].ctx
    with two[0].shop.app.app_context():
        row = load_connection(ctx, "s1")
        assert row is not None
        with ctx.open_client(credentials_of(ctx, row), is_trial=True) as client:
            assert client.location().id == sim.location_id


def test_without_its_table_calls_are_made(two: tuple[Process, Process], sim: Simulator) -> None:
    with two[0].client() as client:
        with two[0].shop.db.engine.begin() as connection:
            connection.execute(sa.text("drop table cova_breaker"))
        sim.faults.add("order_status", action="unavailable", times=3)
        with pytest.raises(CovaUnavailable):
            client.order_status(ORDER)
        with pytest.raises(NotFound):
            client.order_status(ORDER)


# --- what the services make of it -----------------------------------------------------------------


def test_an_order_refused_by_an_open_breaker_was_certainly_not_sent(
    two: tuple[Process, Process], sim: Simulator, clock: FixedClock
) -> None:
    sim.faults.add("order_status", action="unavailable", times=None)
    with two[0].client() as client:
        fail_until_open(client)
    shop = two[0].shop
    shop.place("o1", [(sim.ordinary_products(1)[0], "A product", "1", "10.00")])

    push(two[0])

    row = row_of(two[0], "o1")
    assert (row.state, row.submitted_at) == ("queued", None)
    assert "is not answering" in row.reason
    assert sim.requests("submit_order") == []

    sim.faults.clear()
    for _ in range(5):
        clock.advance(15)
        push(two[1])
    assert row_of(two[1], "o1").state == "in_pos"
    (order,) = sim.orders()
    assert order["received_puts"] == 1


def test_orders_recover_within_minutes_of_a_long_outage(
    two: tuple[Process, Process], sim: Simulator, clock: FixedClock
) -> None:
    """Their delays must not have grown to hours meanwhile."""
    sim.faults.add(None, action="unavailable", path="covaorderintake|crm", times=None)
    two[0].shop.place("o1", [(sim.ordinary_products(1)[0], "A product", "1", "10.00")])
    for _ in range(240):
        clock.advance(60)
        push(two[0])
    sim.faults.clear()

    for _ in range(8):
        clock.advance(60)
        push(two[0])

    assert row_of(two[0], "o1").state == "in_pos"
    # Nobody asked it thousands of times either.
    assert len(sim.requests()) < 400


def test_a_sync_ends_at_once_and_says_why(
    two: tuple[Process, Process], sim: Simulator, clock: FixedClock
) -> None:
    sim.faults.add(None, action="unavailable", path="dataplatform", times=None)
    with two[0].shop.app.app_context():
        for _ in range(3):
            clock.advance(1)
            report = sync_catalog(two[0].ctx, "s1")
            clock.advance(1)
    asked = len(sim.requests())
    with two[1].shop.app.app_context():
        report = sync_catalog(two[1].ctx, "s1")

    assert report.status == "failed"
    assert "product service is not answering" in report.message
    assert len(sim.requests()) == asked


def push(process: Process) -> None:
    with process.shop.app.app_context():
        push_due_orders(process.ctx, "s1")


def row_of(process: Process, order_id: str) -> Any:
    with process.shop.app.app_context(), process.ctx.database.short() as connection:
        return outbox.push_of_order(connection, "s1", order_id)


def states(process: Process) -> list[Any]:
    with process.shop.app.app_context():
        return breaker_states(process.ctx)
