"""A store says how customers are looked for in COVA; the doctor tries every way."""

from __future__ import annotations

from typing import Any

import pytest

from aiq_cova_plugin.store.connections import save_connection

from tests.integration.orders.kit import ADA_DIGITS, Bench


def choose(bench: Bench, customer_search: Any) -> None:
    with bench.shop.app.app_context(), bench.ctx.database.short() as connection:
        values = {"customer_search": customer_search}
        save_connection(connection, "s1", values, now=bench.clock.now())


def statuses(bench: Bench) -> list[int]:
    """The HTTP status of every search: 400 where COVA does not know the words."""
    return [request["status"] for request in bench.sim.requests("search_customers")]


def doctor(bench: Bench) -> dict[str, Any]:
    _, document = bench.command("doctor", "--store", "s1")
    (found,) = [each for each in document["checks"] if each["name"] == "customers"]
    return dict(found)


def test_the_store_s_questions_are_asked_in_its_order(bench: Bench) -> None:
    bench.sim.switches.update(
        {"search_fields": ("PhoneNumber",), "search_operations": ("Equals", "Contains")}
    )
    choose(bench, {"questions": [["PhoneNumber", "Equals"], ["PhoneNumber", "Contains", "ending"]]})
    known = bench.sim.register.add_customer(first_name="Ada", phones=[ADA_DIGITS])
    bench.place()

    bench.push()

    assert bench.row().state == "in_pos"
    assert bench.row().cova_customer_id == str(known)
    # Three spellings by the first question, the ending by the second.
    assert statuses(bench) == [200, 200, 200, 200]


@pytest.mark.parametrize(
    "stored", [None, [], "Phone", {"questions": [[None]]}, {"text_search": {"a": 1}}]
)
def test_a_malformed_setting_costs_no_order(bench: Bench, stored: Any) -> None:
    choose(bench, stored)
    bench.place()

    bench.push()

    assert bench.row().state == "in_pos"
    assert set(statuses(bench)) == {200}


def test_words_cova_does_not_know_fall_back_to_the_text_search(bench: Bench) -> None:
    choose(bench, {"questions": [["Telephone", "Matches"]]})
    known = bench.sim.register.add_customer(first_name="Ada", phones=[ADA_DIGITS])
    bench.place()

    bench.push()

    assert bench.row().cova_customer_id == str(known)
    assert len(bench.customers_with()) == 1


def test_without_any_answer_nobody_is_created(bench: Bench) -> None:
    choose(bench, {"questions": [["Telephone", "Matches"]], "text_search": "never"})
    before = len(bench.sim.customers())
    bench.place()

    bench.push()

    assert bench.row().state == "needs_attention"
    assert len(bench.sim.customers()) == before
    assert bench.calls("create_customer") == 0


def test_an_e_mail_question_finds_whom_the_phone_questions_miss(bench: Bench) -> None:
    """COVA keeps the number in a spelling that contains none of ours; the person has it, though."""
    spelling = "3 0 3 5 5 5 0 1 4 2"
    known = bench.sim.register.add_customer(
        first_name="Ada", phones=[spelling], emails=["ada@example.com"]
    )
    choose(bench, {"questions": [["Phone", "Equals"], ["Contact", "Equals", "email"]]})
    bench.place()

    bench.push()

    assert bench.row().cova_customer_id == str(known)


def test_an_order_without_an_e_mail_skips_that_question(bench: Bench) -> None:
    choose(bench, {"questions": [["Contact", "Equals", "email"], ["Phone", "Equals"]]})
    bench.place(customer={"phone": "(303) 555-0142"})

    bench.push()

    assert bench.row().state == "in_pos"
    assert len(statuses(bench)) == 3


def test_the_doctor_says_what_worked(bench: Bench) -> None:
    found = doctor(bench)

    assert found["ok"] is True
    assert "Phone Contains, Phone Equals, the text search" in found["message"]


def test_the_doctor_names_what_is_refused_and_what_works_instead(bench: Bench) -> None:
    choose(bench, {"questions": [["Telephone", "Matches"]]})
    some = doctor(bench)
    choose(bench, {"questions": [["Telephone", "Matches"]], "text_search": "never"})
    none = doctor(bench)

    assert some["ok"] is True
    assert "Refused: Telephone Matches" in some["message"]
    assert none["ok"] is False
    assert "none of the ways" in none["message"]
    assert "Phone Equals" in none["fix"]
    assert "Order settings" in none["fix"]
