"""A delivery order's address on its customer in COVA: put right, never lost, never silently."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.integration.orders.kit import ADA_DIGITS, Bench, customer, dump_of
from tests.support.shop import MAPLE_STREET

_OLD = {
    "street1": "1 Old Quay Road",
    "street2": "Rear",
    "locality": "Boulder",
    "state_code": "CO",
    "country_code": "US",
    "postal_code": "80001",
    "is_default": True,
}


def _known(sim: Simulator, *addresses: dict[str, Any]) -> str:
    return sim.register.add_customer(
        first_name="Ada", phones=[ADA_DIGITS], addresses=list(addresses)
    )


def _addresses(bench: Bench) -> list[dict[str, Any]]:
    return list(bench.customers_with()[0]["addresses"])


def _writes(bench: Bench) -> int:
    return bench.calls("update_address") + bench.calls("add_address")


@pytest.mark.parametrize(
    "same",
    [
        {"street1": "12 Maple Street", "street2": "Apt 4"},
        {"street1": "12 MAPLE ST.", "street2": "#4"},
        {"street1": "12 Maple St Apt 4", "street2": ""},
        {"street1": "12 Maple Street", "street2": "Unit 4", "postal_code": "80202-1234"},
    ],
    ids=["alike", "abbreviated", "on_one_line", "longer_zip"],
)
def test_an_equal_address_is_not_touched(bench: Bench, same: dict[str, str]) -> None:
    place = {"locality": "Denver", "state_code": "CO", "country_code": "US", "postal_code": "80202"}
    _known(bench.sim, {**place, **same})
    before = _addresses(bench)
    bench.deliver()

    bench.push()

    assert bench.assert_sent_once(bench.row())["is_delivery"] is True
    assert _writes(bench) == 0
    assert _addresses(bench) == before
    assert not [each for each in bench.sim.requests() if each["method"] == "PUT"][1:]
    assert "COVA had the delivery address already." in bench.story()


def test_a_second_order_to_the_same_door_writes_nothing(both: Bench) -> None:
    both.deliver("1")
    both.push()
    both.deliver("2")

    both.push()

    assert both.row("2").state == "in_pos"
    assert _writes(both) == 0  # the first one came with the new customer


def test_a_customer_without_address_gets_it(both: Bench) -> None:
    _known(both.sim)
    both.deliver()

    both.push()

    both.assert_sent_once(both.row())
    (address,) = _addresses(both)
    assert (address["street1"], address["type_id"], address["is_default"]) == (
        "12 Maple Street",
        3,
        True,
    )
    assert "was added" in both.story()


def test_an_old_address_is_overwritten_and_kept_on_record(both: Bench) -> None:
    _known(both.sim, _OLD)
    old_id = _addresses(both)[0]["id"]
    both.deliver()

    both.push()

    both.assert_sent_once(both.row())
    (address,) = _addresses(both)
    assert address["id"] == old_id
    assert (address["street1"], address["street2"], address["city"]) == (
        "12 Maple Street",
        "Apt 4",
        "Denver",
    )
    # What it was can be brought back, and is nowhere to be read.
    (kept,) = [each for each in both.events() if each.event == "overwriting_address"]
    assert kept.private_encrypted is not None
    before = json.loads(both.ctx.vault.decrypt(kept.private_encrypted))
    assert before["customer_id"] == both.row().cova_customer_id
    assert before["address"]["street_address1"] == "1 Old Quay Road"
    assert before["address"]["locality"] == "Boulder"
    stored = dump_of(both.database_url)
    for plain in ("Old Quay", "Boulder", "80001", "Maple"):
        assert plain not in stored
    _, shown = both.command("orders", "show", "1")
    assert "Old Quay" not in json.dumps(shown)


def test_a_pickup_order_leaves_the_addresses_alone(bench: Bench) -> None:
    _known(bench.sim, _OLD)
    bench.place()

    bench.push()

    bench.assert_sent_once(bench.row())
    assert _writes(bench) == 0
    assert _addresses(bench)[0]["street1"] == "1 Old Quay Road"


def test_an_office_is_left_alone_and_the_address_added_beside_it(bench: Bench) -> None:
    _known(bench.sim, {**_OLD, "type_id": 4})
    bench.deliver()

    bench.push()

    assert [each["street1"] for each in _addresses(bench)] == ["1 Old Quay Road", "12 Maple Street"]


@pytest.mark.parametrize("status", [409, 412, 400])
def test_a_version_conflict_is_read_again_and_decided_anew(bench: Bench, status: int) -> None:
    """Somebody edits the address at the register between our reading and our writing."""
    bench.sim.switches.update({"stale_version_status": status})
    known = _known(bench.sim, _OLD)
    bench.deliver()
    edited: list[int] = []

    def edit_meanwhile(customer_id: str, address: Any) -> Any:
        if not edited:
            with bench.sim.state.lock:
                found = bench.sim.state.customers[known].addresses[0]
                found.version += 1
                found.street1 = "2 Newer Road"
            edited.append(1)
        return put(customer_id, address)

    client_of = bench.ctx.open_client
    put: Any = None

    def open_client(credentials: Any, **options: Any) -> Any:
        # The real client; only that somebody else is quicker once.
        nonlocal put
        client = client_of(credentials, **options)
        put = client.update_address
        client.update_address = edit_meanwhile  # type: ignore[method-assign]
        return client

    bench.use(open_client=open_client)

    bench.push()

    row = bench.row()
    assert row.state == "in_pos"
    assert row.warning == ""
    assert [each["street1"] for each in _addresses(bench)] == ["12 Maple Street"]
    kept = [
        json.loads(bench.ctx.vault.decrypt(each.private_encrypted))["address"]["street_address1"]
        for each in bench.events()
        if each.private_encrypted is not None
    ]
    assert kept == ["1 Old Quay Road", "2 Newer Road"]


@pytest.mark.parametrize("missing", [404, 405])
def test_a_gateway_without_address_calls_does_not_stop_the_order(
    bench: Bench, missing: int
) -> None:
    bench.sim.switches.update(
        {"address_resources_available": False, "missing_resource_status": missing}
    )
    _known(bench.sim, _OLD)
    bench.deliver()

    bench.push()

    row = bench.row()
    assert row.state == "in_pos"
    bench.assert_sent_once(row)
    assert "The delivery address could not be put on the customer in COVA" in row.warning
    assert "Tell the driver the address" in row.warning
    assert bench.signals("order-needs-attention") == [
        {"store_id": "s1", "order_id": "1", "reason": row.warning}
    ]
    _, shown = bench.command("orders", "show", "1")
    assert shown["warning"] == row.warning
    assert "Maple" not in row.warning


def test_the_warning_stays_while_statuses_come_and_go(bench: Bench) -> None:
    bench.sim.switches.update({"address_resources_available": False})
    _known(bench.sim)
    row = bench.deliver()
    bench.push()

    bench.sim.register.set_fulfilment(row.cova_order_id, "InProgress")
    bench.poll()

    assert "delivery address" in bench.row().warning


def test_a_warning_goes_away_when_a_later_try_puts_the_address_right(bench: Bench) -> None:
    _known(bench.sim)
    bench.deliver()
    refusal = bench.sim.faults.add("add_address", action="forbidden", times=None)
    bench.sim.faults.add("submit_order", action="rate_limited")
    bench.push()
    assert bench.row().state == "queued"
    assert bench.row().warning
    bench.sim.faults.remove(refusal.id)

    row = bench.go_on()

    assert row.state == "in_pos"
    assert row.warning == ""
    assert len(_addresses(bench)) == 1


@pytest.mark.parametrize("gap", ["line1", "city"])
def test_an_address_without_street_or_town_waits_for_a_person(bench: Bench, gap: str) -> None:
    """A blank address must not replace a real one, and a driver cannot use it either."""
    _known(bench.sim, _OLD)
    bench.deliver(address={**MAPLE_STREET, gap: " "})

    bench.push()

    row = bench.row()
    assert row.state == "needs_attention"
    assert "no street or no town" in row.reason
    assert _addresses(bench)[0]["street1"] == "1 Old Quay Road"
    assert bench.sim.orders() == []


def test_each_order_carries_its_own_address(bench: Bench) -> None:
    bench.deliver("1")
    bench.push()
    bench.deliver("2", address={**MAPLE_STREET, "line1": "99 Elm Avenue", "line2": ""})

    bench.push()

    assert [each["street1"] for each in _addresses(bench)] == ["99 Elm Avenue"]
    (kept,) = [each for each in bench.events("2") if each.private_encrypted is not None]
    assert "12 Maple Street" in bench.ctx.vault.decrypt(kept.private_encrypted or "")


def test_a_new_customer_comes_with_the_address_in_one_call(bench: Bench) -> None:
    bench.deliver(customer=customer(email=None, date_of_birth=None))

    bench.push()

    assert _writes(bench) == 0
    assert len(_addresses(bench)) == 1
