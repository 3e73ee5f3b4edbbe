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
from aiq_cova_plugin.services.orders import find_customer, push_orders, send_order, settle_status
from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs, run_due_order_jobs
from aiq_cova_plugin.services.statuses import pay_orders
from aiq_cova_plugin.services.statuses import poll_statuses as poll_statuses_module
from aiq_cova_plugin.services.statuses.poll_statuses import poll_statuses
from aiq_cova_plugin.store import holds, outbox

from tests.simulation import actors, quiet
from tests.simulation.machines import the_stage
from tests.simulation.promises import Promises
from tests.simulation.stage import STORE
from tests.simulation.world import Violation, World
from tests.support.shop import ShopProduct

pytestmark = pytest.mark.sqlite("its virtual world is one SQLite file, put back between seeds")


@pytest.fixture
def world() -> Iterator[World]:
    made = World(the_stage(), 7)
    made.checks = Promises(made)
    yield made
    made.checks.close()
    made.close()


@pytest.fixture
def three_stores() -> Iterator[World]:
    """Two stores of one company, and one of another."""
    made = World(the_stage(), 7, stores=3)
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
    assert actors.shopper_orders(world.home, person, [(product, quantity)])


def everything_left(world: World, product: int) -> int:
    found = world.home.register_stock(actors.one_of(world.home, product))
    assert found > 0
    return int(found)


def test_an_honest_plugin_keeps_them(world: World) -> None:
    an_order(world)
    actors.next_call_meets(world, "timeout_after")
    settle(world)
    actors.cashier_completes(world.home, 0)

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
    actors.cashier_completes(world.home, 0)
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
    actors.shopper_cancels(world.home, 0)

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
    _meet_at(world, lambda call: call.is_submission, failure)


def _meet_at(world: World, is_meant: Callable[[Any], bool], failure: str) -> None:
    """The next such call, and nothing before it, meets this failure."""
    before = world.weather.failure_of

    def failure_of(call: Any, now: Any) -> str | None:
        if is_meant(call):
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
    monkeypatch.setattr(find_customer.CustomerSearch, "find", lambda _: None)
    an_order(world, person=4)

    with broken("no customer is doubled"):
        settle(world)


def test_an_order_under_somebody_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    anybody = next(iter(world.cova.state.customers))

    def first_in_the_list(search: Any) -> Any:
        return find_customer.FoundCustomer(search._client.customer(anybody), "guessed")

    monkeypatch.setattr(find_customer.CustomerSearch, "find", first_in_the_list)
    an_order(world, person=0)

    with broken("an order is under its own person"):
        settle(world)


def test_a_menu_wiped_by_one_run(world: World) -> None:
    with world.in_shop() as session:
        session.execute(sa.text("update cova_connection set guard_at_least = 10000"))
    for number in range(len(world.home.products)):
        actors.register_archives(world.home, number)

    with broken("the menu is never wiped"):
        actors.staff_sync(world.home)
        world.checks.step()


def test_a_product_hidden_for_no_reason(world: World) -> None:
    with world.in_shop() as session:
        row = session.get(ShopProduct, (STORE, actors.one_of(world.home, 0)))
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
            {"id": actors.one_of(world.home, 0), "now": "2026-03-02 15:00:01.000000"},
        )
        row = session.get(ShopProduct, (STORE, actors.one_of(world.home, 0)))
        row.fields = {**row.fields, "quantity": "7"}

    with broken("a stock is what COVA had"):
        world.checks.step()


def test_staff_fields_overwritten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    actors.staff_own(world.home, ("name",))
    assert actors.staff_edit(world.home, 0, 0, 5)
    everything = frozenset(PRODUCT_FIELDS)
    begin = apply_changes.ProductWriter.__init__

    def own_everything(self: Any, *args: Any, **options: Any) -> None:
        begin(self, *args, **{**options, "owned": everything})

    monkeypatch.setattr(apply_changes.ProductWriter, "__init__", own_everything)
    actors.register_prices(world.home, 0, 777)

    with broken("staff fields are untouched"):
        actors.staff_sync(world.home)
        world.checks.step()


def test_a_cursor_that_runs_ahead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_catalog, "OVERLAP", timedelta(hours=-3))
    monkeypatch.setattr(actors, "staff_sync", _increment_only(actors.staff_sync))
    actors.register_prices(world.home, 0, 4321)

    with broken("the shop equals COVA"):
        ends_quietly(world)


def _increment_only(sync: Callable[..., Any]) -> Callable[..., Any]:
    return lambda place, **options: sync(place, **{**options, "full": False})


def test_a_quota_that_is_ignored(world: World) -> None:
    company = world.home.company_id
    world.cova.switches.rate_limit = 20
    world.pass_time(1300)
    world.checks.step()

    with broken("the quota is kept"):
        for _ in range(17):
            world.wire_log.append((world.now + timedelta(hours=1), company, "crm"))
            world.wire_log.append((world.now + timedelta(hours=1, seconds=70), company, "crm"))
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
    actors.cashier_prepares(world.home, 0, "ReadyForPickup")
    world.pass_time(300)
    actors.cashier_prepares(world.home, 0, "InProgress")
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
    actors.cashier_completes(world.home, 0)

    with broken("statuses agree"):
        ends_quietly(world)


def test_a_payment_sent_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """COVA that accepts a second payment without a word: only the wire tells."""
    world.cova.switches.repeated_payment = "accept"
    once = cova_client.CovaClient.pay_order

    def twice(client: Any, **payment: Any) -> Any:
        once(client, **payment)
        return once(client, **payment)

    monkeypatch.setattr(cova_client.CovaClient, "pay_order", twice)
    _an_order_in_cova_is_paid(world)

    with broken("no order is paid twice"):
        settle(world)


def test_a_payment_sent_again_after_no_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll_statuses_module, "pay_if_due", _pay_without_looking)
    _an_order_in_cova_is_paid(world)
    _meet_at(world, lambda call: call.is_payment, "timeout_after")

    with broken("no order is paid twice"):
        world.pass_time(1200)
        world.checks.step()


def _pay_without_looking(ctx: Any, client: Any, push: Any, status: Any) -> None:
    blind = dataclasses.replace(status, payment_status="ReadyForPayment")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pay_orders, "_takes", lambda _: timedelta())
        pay_orders.pay_if_due(ctx, client, push, blind)


def _an_order_in_cova_is_paid(world: World) -> None:
    an_order(world)
    world.pass_time(60)
    assert actors.shopper_pays(world.home, 0)


def test_a_payment_that_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_statuses_module, "pay_if_due", lambda *_: None)
    _an_order_in_cova_is_paid(world)

    with broken("no payment is lost"):
        ends_quietly(world)


def test_a_payment_of_what_the_shop_cancelled(world: World) -> None:
    _an_order_in_cova_is_paid(world)
    world.home.orders["o1"].cancelled_at = world.now

    with broken("what the shop cancelled is not paid"):
        settle(world)


def test_a_cancel_while_the_payment_is_about_to_be_sent(world: World) -> None:
    """The shopper cancels while COVA is asked whether it is ready for the payment."""
    _an_order_in_cova_is_paid(world)
    world.meanwhile.append(lambda: actors.shopper_cancels(world.home, 0))

    settle(world)

    ends_quietly(world)
    assert [each.is_paid for each in world.cova.state.orders.values()] == [False]


def test_an_honest_plugin_keeps_them_in_three_stores(three_stores: World) -> None:
    """The same order number in each store, and a payment whose answer is lost in one."""
    for place in three_stores.places:
        assert actors.shopper_orders(place, 0, [(0, 1)], address=0)
    three_stores.pass_time(60)
    assert actors.shopper_pays(three_stores.places[1], 0)
    _meet_at(three_stores, lambda call: call.is_payment, "timeout_after")
    settle(three_stores)

    ends_quietly(three_stores)

    paid = [
        (record.location_id, record.is_paid)
        for cova in three_stores.companies
        for record in cova.state.orders.values()
    ]
    wanted = [(place.location_id, place.store_id == "s2") for place in three_stores.places]
    assert sorted(paid) == sorted(wanted)


def test_a_cancel_that_reaches_into_another_store(
    three_stores: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = holds.release_holds

    def release_everywhere(connection: Any, store_id: str, order_id: str, **how: Any) -> Any:
        for place in three_stores.places:
            found = release(connection, place.store_id, order_id, **how)
        return found

    monkeypatch.setattr(holds, "release_holds", release_everywhere)
    for place in three_stores.places:
        assert actors.shopper_orders(place, 0, [(0, 1)])

    with broken("one store never touches another's rows"):
        actors.shopper_cancels(three_stores.places[0], 0)


def test_a_store_that_is_left_out(three_stores: World) -> None:
    """The others are served, and nothing has gone wrong: nobody would see it."""
    with three_stores.in_shop() as session:
        session.execute(
            sa.text(
                "update cova_schedule set due_at = '2027-01-01 00:00:00' "
                "where store_id = 's2' and job = 'catalog'"
            )
        )
    three_stores.pass_time(3600)

    with broken("a store without trouble is fresh"):
        three_stores.checks.step()


def test_a_budget_that_each_store_has_for_itself(three_stores: World) -> None:
    """Each of two stores keeps the quota; together, in one company, they do not."""
    three_stores.companies[0].switches.rate_limit = 20
    company = three_stores.home.company_id
    three_stores.pass_time(1300)
    three_stores.checks.step()
    later = three_stores.now + timedelta(hours=1)
    for moment in (later, later + timedelta(seconds=70)):
        three_stores.wire_log.extend([(moment, company, "crm")] * 10)

    three_stores.checks.step()
    for _ in range(10):
        three_stores.wire_log.append((later + timedelta(seconds=70), company, "crm"))

    with broken("the quota is kept"):
        three_stores.checks.step()


def test_the_jobs_are_really_run(world: World) -> None:
    """A world in which nobody works would keep most promises."""
    calls = len(world.cova.state.requests)

    world.work(0, run_due_catalogue_jobs)
    world.work(0, run_due_order_jobs)
    world.pass_time(1200)

    assert len(world.cova.state.requests) > calls
    assert Decimal(world.shop.products(STORE)[world.home.products[0]]["quantity"]) > 0
