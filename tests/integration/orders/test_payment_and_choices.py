"""Orders paid in the shop, and what a store may choose about addresses and status words."""

from __future__ import annotations

import pytest

from aiq_cova_plugin.services.connection.connection_settings import InvalidSettings

from tests.integration.orders.kit import Bench
from tests.support.shop import MAPLE_STREET


def mark_paid(bench: Bench, order_id: str = "1", **more: str) -> None:
    with bench.shop.app.app_context():
        bench.shop.cova.mark_paid("s1", order_id, **more)
        bench.shop.db.session.commit()


def choose(bench: Bench, **settings: object) -> None:
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, **settings)


# --- payment -------------------------------------------------------------------------------


def test_a_payment_is_told_to_cova_once_with_its_own_total(bench: Bench) -> None:
    bench.place()
    mark_paid(bench, reference="PAY-1", last4="4242")
    mark_paid(bench, reference="PAY-1", last4="4242")
    bench.push()

    bench.poll()
    bench.poll()

    (order,) = bench.sim.orders()
    assert order["is_paid"] is True
    assert bench.event_names().count("paying") == 1
    assert bench.row().payment_state == "paid"


@pytest.mark.parametrize("action", ["timeout_after_effect", "reset_after", "server_error"])
def test_a_payment_without_an_answer_is_looked_up_before_it_is_sent_again(
    bench: Bench, action: str
) -> None:
    bench.place()
    bench.push()
    mark_paid(bench)
    bench.sim.faults.add("pay_order", action=action, times=1)

    for _ in range(4):
        bench.poll()
        bench.advance(61)

    (order,) = bench.sim.orders()
    assert order["is_paid"] is True
    assert bench.row().payment_state == "paid"
    # The simulator notes a hanging call only when it ends, so the timeline is counted.
    assert bench.event_names().count("paying") == (2 if action == "server_error" else 1)


def test_a_refused_payment_is_said_and_not_tried_again(bench: Bench) -> None:
    bench.place()
    bench.push()
    mark_paid(bench)
    bench.sim.faults.add("pay_order", action="status", status=400, times=1)

    bench.poll()
    bench.poll()

    assert bench.row().payment_state == "refused"
    assert bench.row().warning
    assert bench.event_names().count("paying") == 1


def test_four_digits_are_four_digits(bench: Bench) -> None:
    bench.place()

    with pytest.raises(ValueError, match="four digits"):
        mark_paid(bench, last4="42")


# --- one call for many ---------------------------------------------------------------------


def test_one_call_settles_many_completed_orders(bench: Bench) -> None:
    for number in range(12):
        bench.place(str(number), customer={"phone": f"(303) 555-01{number:02}"})
    bench.push()
    for order in bench.sim.orders():
        bench.sim.register.complete(order["id"])
    asked_before = bench.calls("order_status")

    report = bench.poll()

    assert (report.handled, report.changed) == (12, 12)
    assert bench.calls("order_status") == asked_before
    assert {bench.row(str(number)).state for number in range(12)} == {"completed"}


# --- the store's choices -------------------------------------------------------------------


def test_a_new_address_is_added_beside_the_old_one_where_the_store_wants_that(
    bench: Bench,
) -> None:
    choose(bench, address_policy="beside")
    bench.deliver("1")
    bench.push()
    bench.deliver("2", address={**MAPLE_STREET, "line1": "99 Oak Avenue"})

    bench.push()

    (customer,) = bench.customers_with()
    assert {each["street1"] for each in customer["addresses"]} == {
        "12 Maple Street",
        "99 Oak Avenue",
    }


def test_the_store_chooses_what_a_fulfilment_status_means(bench: Bench) -> None:
    choose(bench, status_map={"ReadyForPickup": "out_for_delivery", "InProgress": ""})
    bench.place()
    bench.push()
    (order,) = bench.sim.orders()

    bench.sim.register.set_fulfilment(order["id"], "InProgress")
    bench.poll()
    silent = bench.shop.status("1")
    bench.sim.register.set_fulfilment(order["id"], "ReadyForPickup")
    bench.poll()

    assert silent == "confirmed"
    assert bench.shop.status("1") == "out_for_delivery"


def test_a_status_the_shop_does_not_have_cannot_be_chosen(bench: Bench) -> None:
    with pytest.raises(InvalidSettings):
        choose(bench, status_map={"InProgress": "eaten"})
