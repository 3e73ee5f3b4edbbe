"""Orders that need a person, grouped by cause, and a whole group sent again."""

from __future__ import annotations

from typing import Any

import pytest

from aiq_cova_plugin.services.audit import entries_of

from tests.integration.orders.kit import Bench
from tests.support.shop import ADA

_NO_PHONE = {**ADA, "phone": ""}


def causes(bench: Bench) -> dict[str, dict[str, Any]]:
    """dict: kind → its group; every kind occurs once in these tests."""
    code, document = bench.command("orders", "causes")
    assert code == 0
    return {each["kind"]: each for each in document["causes"]}


@pytest.fixture
def troubled(both: Bench) -> Bench:
    """Three orders without a phone, two that COVA refused for the same reason."""
    for number in range(3):
        both.place(f"phone-{number}", customer=_NO_PHONE)
    both.sim.faults.add(
        "submit_order", action="non_transient_failure", times=2, message="Product is archived."
    )
    for number in range(2):
        both.place(f"refused-{number}", customer={**ADA, "phone": f"303-555-020{number}"})
    both.push()
    return both


def test_orders_are_grouped_with_their_fix(troubled: Bench) -> None:
    found = causes(troubled)

    assert {kind: each["number_of_orders"] for kind, each in found.items()} == {
        "MissingPhone": 3,
        "Rejected": 2,
    }
    assert "phone number" in found["MissingPhone"]["fix"]
    assert found["Rejected"]["reason"] == "COVA refused the order: Product is archived."


def test_other_reasons_of_cova_s_are_other_groups(troubled: Bench) -> None:
    troubled.sim.faults.add("submit_order", action="non_transient_failure", message="Sold out.")
    troubled.place("other", customer={**ADA, "phone": "303-555-0299"})
    troubled.push()

    _, document = troubled.command("orders", "causes")

    refused = [each for each in document["causes"] if each["kind"] == "Rejected"]
    assert sorted(each["number_of_orders"] for each in refused) == [1, 2]
    assert len({each["cause"] for each in refused}) == 2


def test_one_cause_is_sent_again_and_the_others_stay(troubled: Bench) -> None:
    key = causes(troubled)["Rejected"]["cause"]

    code, document = troubled.command("orders", "retry", "--all", "--cause", key)

    assert code == 0
    assert document["stores"] == [{"store_id": "s1", "retried": 2, "left": 0}]
    troubled.push()
    assert [troubled.row(f"refused-{number}").state for number in range(2)] == ["in_pos"] * 2
    assert [troubled.row(f"phone-{number}").state for number in range(3)] == ["needs_attention"] * 3


def test_all_are_sent_again_by_kind_or_without_one(troubled: Bench) -> None:
    _, by_kind = troubled.command("orders", "retry", "--all", "--cause", "MissingPhone")
    _, nothing = troubled.command("orders", "retry", "--all", "--cause", "NoSuchThing")
    _, rest = troubled.command("orders", "retry", "--all")

    assert by_kind["stores"][0]["retried"] == 3
    assert nothing["stores"][0]["retried"] == 0
    assert rest["stores"][0]["retried"] == 2


def test_another_store_s_orders_are_left_alone(troubled: Bench) -> None:
    settings = {"company_id": 999, "sync_orders": True, "enabled": False}
    troubled.shop.cova.connect_store(troubled.shop.app, "s2", check=False, **settings)

    _, document = troubled.command("orders", "retry", "--all", "--store", "s2")

    assert document["stores"] == [{"store_id": "s2", "retried": 0, "left": 0}]
    assert sum(each["number_of_orders"] for each in causes(troubled).values()) == 5


def test_the_many_are_one_act_on_record(troubled: Bench) -> None:
    troubled.command("orders", "retry", "--all", "--cause", "MissingPhone")

    with troubled.shop.app.app_context():
        acts = [each for each in entries_of(troubled.ctx, "s1") if "retried" in each.action]
    assert len(acts) == 1
    assert acts[0].detail["number_of_orders"] == 3


@pytest.mark.parametrize("arguments", [(), ("1", "--all"), ("1", "--cause", "MissingPhone")])
def test_one_order_or_all_must_be_named(bench: Bench, arguments: tuple[str, ...]) -> None:
    result = bench.shop.run("orders", "retry", *arguments)

    assert result.exit_code != 0
    assert "--all" in result.output
