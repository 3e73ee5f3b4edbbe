"""A customer that COVA sends in a form nobody can read: no guess, and nobody created twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.orders.kit import ADA_DIGITS, Bench, customer

_STRANGE = "0c0ffee0-0000-4000-8000-000000000001"


def _row(customer_id: str | None, **changes: Any) -> dict[str, Any]:
    """One search hit as COVA sends it."""
    return {
        "Id": customer_id,
        "PrimaryName": "Somebody",
        "FamilyName": "Example",
        "Disabled": False,
        "ContactMethods": [
            {"ContactMethodCategoryId": 1, "ContactMethodTypeId": 2, "Value": ADA_DIGITS}
        ],
        **changes,
    }


def _search_finds(bench: Bench, *rows: Any) -> None:
    bench.sim.faults.add(
        "search_customers", action="status", status=200, body=json.dumps(rows), times=None
    )


@pytest.mark.parametrize(
    "unreadable",
    [
        _row(_STRANGE, Disabled="perhaps"),
        _row(None),
        "no customer at all",
        _row(_STRANGE, ContactMethods=[{"Value": {"number": 1}}]),
    ],
    ids=["field", "without_id", "no_object", "its_phone"],
)
def test_beside_one_that_cannot_be_read_a_single_hit_proves_nothing(
    bench: Bench, unreadable: Any
) -> None:
    known = bench.sim.register.add_customer(first_name="Bo", phones=[ADA_DIGITS])
    _search_finds(bench, _row(known), unreadable)
    # No better when it is asked for by id.
    bench.sim.faults.add(
        "customer", action="status", status=200, body=json.dumps(unreadable), times=None
    )
    bench.place(customer=customer(email=None, date_of_birth=None))

    bench.push()

    row = bench.row()
    assert (row.state, row.kind) == ("needs_attention", "AmbiguousCustomer")
    assert "cannot be read" in row.reason
    assert bench.sim.orders() == []
    assert bench.calls("create_customer") == 0


def test_nobody_is_created_while_one_cannot_be_read(bench: Bench) -> None:
    other = _row(bench.sim.register.add_customer(phones=["3035559999"]), ContactMethods=[])
    _search_finds(bench, other, "no customer at all")
    bench.place()

    bench.push()

    assert bench.row().kind == "AmbiguousCustomer"
    assert bench.calls("create_customer") == 0


def test_one_that_can_be_read_by_its_id_counts(bench: Bench) -> None:
    known = bench.sim.register.add_customer(first_name="Ada", phones=[ADA_DIGITS])
    other = _row(bench.sim.register.add_customer(phones=["3035559999"]), ContactMethods=[])
    _search_finds(bench, other, _row(known, Disabled="perhaps"))
    bench.place()

    bench.push()

    assert bench.row().state == "in_pos"
    assert bench.row().cova_customer_id == known


def test_whose_name_and_number_agree_is_the_one_all_the_same(bench: Bench) -> None:
    known = bench.sim.register.add_customer(
        first_name="Ada", last_name="Example", phones=[ADA_DIGITS]
    )
    sure = _row(known, PrimaryName="Ada")
    _search_finds(bench, sure, "no customer at all")
    bench.place()

    bench.push()

    assert bench.row().cova_customer_id == known
    bench.assert_sent_once(bench.row())
