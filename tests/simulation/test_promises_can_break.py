"""The promises can fail: each is broken on purpose, and each is noticed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from aiq_cova_plugin.cova import client as cova_client
from aiq_cova_plugin.host import PRODUCT_FIELDS
from aiq_cova_plugin.services.catalogue import apply_changes, sync_catalog
from aiq_cova_plugin.services.orders import match_customer, push_orders, send_order, settle_status
from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs, run_due_order_jobs
from aiq_cova_plugin.services.statuses.poll_statuses import poll_statuses
from aiq_cova_plugin.store import holds, outbox

from tests.simulation import actors, quiet
from tests.simulation.machines import the_stage
from tests.simulation.promises import Promises
from tests.simulation.stage import STORE
from tests.simulation.world import Violation, World
from tests.support.shop import ShopProduct


@pytest.fixture
def world() -> Iterator[World]:
    made = World(the_stage(), 7)
    made.checks = Promises(made)
    yield made
    made.checks.close()
    made.close()


def broken(promise: str) -> Any:
    """Expect this promise to be found broken."""
    return pytest.raises(Violation, match=promise)


def settle(world: World) -> None:
    world.pass_time(600)
    world.checks.step()


def ends_quietly(world: World) -> None:
    quiet.calm_down(world)
    quiet.all_agree(world)


def an_order(world: World, product: int = 0, quantity: int = 2, person: int = 0) -> None:
    assert actors.shopper_orders(world, person, [(product, quantity)])


def everything_left(world: World, product: int) -> int:
    found = world.register_stock(actors.one_of(world, product))
    assert found > 0
    return int(found)


def test_an_honest_plugin_keeps_them(world: World) -> None:
    an_order(world)
    actors.next_call_meets(world, "timeout_after")
    settle(world)
    actors.cashier_completes(world, 0)

    ends_quietly(world)

    assert world.cova.state.orders


def test_holds_that_end_too_early(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        settle_status,
        "start_settling",
        lambda connection, store_id, order_id, *, now: len(
            holds.release_holds(connection, store_id, order_id, now=now, reason="too early")
        ),
    )
    quantity = everything_left(world, 0)
    an_order(world, quantity=quantity)
    world.pass_time(5)
    actors.cashier_completes(world, 0)
    world.work(0, lambda ctx: poll_statuses(ctx, STORE))

    with broken("nothing is oversold"):
        an_order(world, quantity=quantity)


def test_a_reserve_that_ignores_what_is_held(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "held_by_product", lambda *_, **__: {})
    quantity = everything_left(world, 0)
    an_order(world, quantity=quantity)

    with broken("nothing is oversold"):
        an_order(world, quantity=quantity)


def test_all_holds_released(world: World) -> None:
    an_order(world)
    with world.in_shop() as session:
        session.execute(sa.text("update cova_hold set state = 'released'"))

    with broken("sellable quantity is explained"):
        world.checks.step()


def test_a_hold_that_is_never_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "replace_holds", lambda *_, **__: None)
    monkeypatch.setattr(holds, "take_holds", lambda *_, **__: None)
    an_order(world)

    with broken("what is ordered is held"):
        world.checks.step()


def test_a_cancelled_order_that_goes_on_holding(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "release_holds", lambda *_, **__: [])
    an_order(world)
    actors.shopper_cancels(world, 0)

    with broken("a cancelled order holds nothing"):
        world.checks.step()


def test_a_new_id_after_every_unknown_outcome(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_again(row: Any) -> None:
        row.write(cova_order_id=str(uuid4()))
        send_order.send(row)

    monkeypatch.setattr(push_orders, "look_up_then_go_on", send_again)
    an_order(world)
    _meet_at_submission(world, "die_after")

    with broken("no order is doubled"):
        world.pass_time(1200)
        world.checks.step()


def _meet_at_submission(world: World, failure: str) -> None:
    """The next submission of an order, and nothing before it, meets this failure."""
    before = world.weather.failure_of

    def failure_of(call: Any, now: Any) -> str | None:
        if call.is_submission:
            world.weather.failure_of = before  # type: ignore[method-assign]
            return failure
        return None

    world.weather.failure_of = failure_of  # type: ignore[method-assign]


def test_an_order_that_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiq_cova_plugin.receivers.enqueue_order", lambda *_, **__: False)
    monkeypatch.setattr(
        "aiq_cova_plugin.services.orders.sweep_orders.enqueue_order", lambda *_, **__: 0
    )
    an_order(world)

    with broken("no order is lost"):
        ends_quietly(world)


def test_a_customer_created_without_a_search(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_customer._CustomerSearch, "find", lambda _: None)
    an_order(world, person=4)

    with broken("no customer is doubled"):
        settle(world)


def test_an_order_under_somebody_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    anybody = next(iter(world.cova.state.customers))

    def first_in_the_list(search: Any) -> Any:
        return match_customer.FoundCustomer(search._client.customer(anybody), "guessed")

    monkeypatch.setattr(match_customer._CustomerSearch, "find", first_in_the_list)
    an_order(world, person=0)

    with broken("an order is under its own person"):
        settle(world)


def test_a_menu_wiped_by_one_run(world: World) -> None:
    with world.in_shop() as session:
        session.execute(sa.text("update cova_connection set guard_at_least = 10000"))
    for number in range(len(world.products)):
        actors.register_archives(world, number)

    with broken("the menu is never wiped"):
        actors.staff_sync(world)
        world.checks.step()


def test_a_product_hidden_for_no_reason(world: World) -> None:
    with world.in_shop() as session:
        row = session.get(ShopProduct, (STORE, actors.one_of(world, 0)))
        row.fields = {**row.fields, "enabled": False}

    with broken("nothing is hidden that COVA sells"):
        world.checks.step()


def test_a_stock_made_up(world: World) -> None:
    with world.in_shop() as session:
        session.execute(
            sa.text(
                "update cova_product set stock = 70000, stock_read_at = :now "
                "where cova_product_id = :id"
            ),
            {"id": actors.one_of(world, 0), "now": "2026-03-02 15:00:01.000000"},
        )
        row = session.get(ShopProduct, (STORE, actors.one_of(world, 0)))
        row.fields = {**row.fields, "quantity": "7"}

    with broken("a stock is what COVA had"):
        world.checks.step()


def test_staff_fields_overwritten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    actors.staff_own(world, ("name",))
    assert actors.staff_edit(world, 0, 0, 5)
    everything = frozenset(PRODUCT_FIELDS)
    begin = apply_changes.ProductWriter.__init__

    def own_everything(self: Any, *args: Any, **options: Any) -> None:
        begin(self, *args, **{**options, "owned": everything})

    monkeypatch.setattr(apply_changes.ProductWriter, "__init__", own_everything)
    actors.register_prices(world, 0, 777)

    with broken("staff fields are untouched"):
        actors.staff_sync(world)
        world.checks.step()


def test_a_cursor_that_runs_ahead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_catalog, "OVERLAP", timedelta(hours=-3))
    monkeypatch.setattr(actors, "staff_sync", _increment_only(actors.staff_sync))
    actors.register_prices(world, 0, 4321)

    with broken("the shop equals COVA"):
        ends_quietly(world)


def _increment_only(sync: Callable[..., Any]) -> Callable[..., Any]:
    return lambda world, **options: sync(world, **{**options, "full": False})


def test_a_quota_that_is_ignored(world: World) -> None:
    world.cova.switches.rate_limit = 20
    world.pass_time(1300)
    world.checks.step()

    with broken("the quota is kept"):
        for _ in range(17):
            world.wire_log.append((world.now + timedelta(hours=1), "crm"))
            world.wire_log.append((world.now + timedelta(hours=1, seconds=70), "crm"))
        world.wire_log = type(world.wire_log)(sorted(world.wire_log))
        world.checks.step()


def test_an_illegal_move(world: World) -> None:
    an_order(world)
    world.pass_time(60)
    with world.in_shop() as session:
        session.execute(sa.text("update cova_push set state = 'queued'"))

    with broken("pushes move legally"):
        world.checks.step()


def test_a_status_told_backwards(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle_status, "is_forward", lambda _old, _new: True)
    an_order(world)
    world.pass_time(60)
    actors.cashier_prepares(world, 0, "ReadyForPickup")
    world.pass_time(300)
    actors.cashier_prepares(world, 0, "InProgress")
    world.pass_time(300)

    with broken("forward only"):
        world.checks.step()


def test_a_transaction_open_during_a_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = cova_client.CovaClient.order_status

    def with_a_transaction(client: Any, order_id: str) -> Any:
        with world.shop.db.engine.connect() as connection:
            connection.execute(sa.text("select 1"))
            return begin(client, order_id)

    monkeypatch.setattr(cova_client.CovaClient, "order_status", with_a_transaction)
    an_order(world)

    with broken("in use during"):
        settle(world)


def test_a_claim_that_is_shared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers with the same order: COVA that doubles repeats shows it."""
    world.cova.switches.repeated_put = "duplicate"
    claim = outbox.claim_push

    def claim_anyway(connection: Any, push_id: int, **options: Any) -> Any:
        connection.execute(sa.text("update cova_push set lease_until = null"))
        found = claim(connection, push_id, **options)
        return found and dataclasses.replace(found, took_over=False)

    monkeypatch.setattr(outbox, "claim_push", claim_anyway)
    monkeypatch.setattr(
        outbox,
        "due_push_ids",
        lambda connection, **_: [
            row.id for row in connection.execute(sa.text("select id from cova_push"))
        ],
    )
    monkeypatch.setattr(outbox, "change_claimed", _whoever_asks)
    monkeypatch.setattr(push_orders, "look_up_then_go_on", send_order.send)
    an_order(world)

    with broken("no order is doubled|pushes move legally"):
        for _ in range(6):
            world.meanwhile.append(lambda: world.work(1, _push_all))
            world.work(0, _push_all)
            world.checks.step()


def _push_all(ctx: Any) -> None:
    push_orders.push_due_orders(ctx, STORE)


def _whoever_asks(connection: Any, push_id: int, fence: int, values: dict[str, Any]) -> bool:
    return outbox.change_push(connection, push_id, values)


def test_a_lost_status(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle_status._Settling, "_tell_host", lambda *_: None)
    an_order(world)
    world.pass_time(60)
    actors.cashier_completes(world, 0)

    with broken("statuses agree"):
        ends_quietly(world)


def test_the_jobs_are_really_run(world: World) -> None:
    """A world in which nobody works would keep most promises."""
    calls = len(world.cova.state.requests)

    world.work(0, run_due_catalogue_jobs)
    world.work(0, run_due_order_jobs)
    world.pass_time(1200)

    assert len(world.cova.state.requests) > calls
    assert Decimal(world.shop.products(STORE)[world.products[0]]["quantity"]) > 0
