"""The address an order overwrote is put back into COVA, once, whatever happened to it since."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import outbox

from tests.integration.orders.kit import ADA_DIGITS, Bench, dump_of
from tests.support.shop import MAPLE_STREET

_OLD = {"street1": "1 Old Quay Road", "locality": "Boulder", "postal_code": "80001"}


@pytest.fixture
def overwritten(both: Bench) -> Bench:
    """An order that was delivered elsewhere than COVA's old address."""
    both.sim.register.add_customer(first_name="Ada", phones=[ADA_DIGITS], addresses=[_OLD])
    both.deliver()
    both.push()
    assert streets(both.sim) == ["12 Maple Street"]
    return both


def streets(sim: Simulator) -> list[str]:
    (customer,) = [each for each in sim.customers() if ADA_DIGITS in each["phones"]]
    return [each["street1"] for each in customer["addresses"]]


def restore(bench: Bench) -> tuple[int, dict[str, Any]]:
    return bench.command("orders", "restore-address", "1")


def test_the_earlier_address_comes_back_with_everything(overwritten: Bench) -> None:
    code, _ = restore(overwritten)

    assert code == 0
    (customer,) = overwritten.customers_with()
    (address,) = customer["addresses"]
    assert (address["street1"], address["city"]) == ("1 Old Quay Road", "Boulder")
    assert "address_restored" in overwritten.event_names()
    stored = dump_of(overwritten.database_url)
    assert "Old Quay" not in stored
    assert "Maple" not in stored


def test_what_was_there_instead_is_kept(overwritten: Bench) -> None:
    restore(overwritten)

    (kept,) = [each for each in overwritten.events() if each.event == "address_restored"]
    assert kept.private_encrypted is not None
    told = json.loads(overwritten.ctx.vault.decrypt(kept.private_encrypted))
    assert told["address"]["street_address1"] == "12 Maple Street"


def test_it_is_restored_once(overwritten: Bench) -> None:
    restore(overwritten)

    code, document = restore(overwritten)

    assert code != 0
    assert "overwritten no address" in document["error"]["message"]


def test_an_order_that_overwrote_nothing_has_nothing_to_restore(bench: Bench) -> None:
    bench.deliver()
    bench.push()

    code, document = restore(bench)

    assert code != 0
    assert "overwritten no address" in document["error"]["message"]


@pytest.mark.parametrize("status", [409, 412, 400])
def test_a_record_that_changed_meanwhile_is_read_again(overwritten: Bench, status: int) -> None:
    overwritten.sim.faults.add("update_address", action="status", status=status, times=2)

    code, _ = restore(overwritten)

    assert code == 0
    assert streets(overwritten.sim) == ["1 Old Quay Road"]


def test_a_record_that_keeps_changing_is_said(overwritten: Bench) -> None:
    overwritten.sim.faults.add("update_address", action="status", status=409, times=None)

    code, document = restore(overwritten)

    assert code != 0
    assert document["error"]["message"]
    assert "address_restored" not in overwritten.event_names()
    overwritten.sim.faults.clear()
    assert restore(overwritten)[0] == 0


def test_an_order_sent_again_still_knows_the_first_address(overwritten: Bench) -> None:
    """Somebody changed the address in COVA and the order overwrote it a second time."""
    with overwritten.sim.state.lock:
        for customer in overwritten.sim.state.customers.values():
            for address in customer.addresses:
                if address.street1 == "12 Maple Street":
                    address.street1 = "7 Other Lane"
    row = overwritten.row()
    with overwritten.sim.state.lock:
        del overwritten.sim.state.orders[row.cova_order_id]
    _send_again(overwritten)
    assert streets(overwritten.sim) == ["12 Maple Street"]

    restore(overwritten)

    assert streets(overwritten.sim) == ["1 Old Quay Road"]


def _send_again(bench: Bench) -> None:
    row = bench.row()
    with bench.shop.app.app_context(), bench.ctx.database.short() as connection:
        values = {"state": "checking", "in_pos_at": None, "next_attempt_at": bench.clock.now()}
        outbox.change_push(connection, row.id, values)
    bench.advance(60)
    bench.go_on()


def test_another_open_order_keeps_its_address(overwritten: Bench) -> None:
    """The second order wrote its own address over the first one's."""
    second = {**MAPLE_STREET, "line1": "3 Second Street"}
    overwritten.deliver("2", address=second)
    overwritten.go_on("2")
    assert streets(overwritten.sim) == ["3 Second Street"]

    code, document = restore(overwritten)

    assert code != 0
    assert "WEB-2" in document["error"]["message"]
    assert streets(overwritten.sim) == ["3 Second Street"]
    overwritten.sim.register.complete(overwritten.row("2").cova_order_id)
    overwritten.poll()
    assert restore(overwritten)[0] == 0
    assert streets(overwritten.sim) == ["1 Old Quay Road"]


def test_two_orders_to_one_address_keep_it(overwritten: Bench) -> None:
    overwritten.deliver("2")
    overwritten.go_on("2")

    assert restore(overwritten)[0] != 0
    assert streets(overwritten.sim) == ["12 Maple Street"]
