"""Who the shopper is: the exact number, or a person decides."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import pytest

from aiq_cova_plugin.domain.customer_matching import (
    Ambiguous,
    Candidate,
    Match,
    NoMatch,
    Wanted,
    choose_customer,
    is_same_shopper,
    is_surely,
    merge_targets,
)

PHONE = "604-555-0100"
BORN = date(1990, 5, 1)
WANTED = Wanted("+16045550100", "CA", "ada@example.com", "Ada", "Example", BORN)


def person(customer_id: str, phone: str = PHONE, **values: object) -> Candidate:
    return Candidate(customer_id, phones=(phone,), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("candidates", "result"),
    [
        ([], NoMatch()),
        ([Candidate("a")], NoMatch()),
        ([person("a", "604-555-0101")], NoMatch()),
        ([person("a", "id 6045550100")], NoMatch()),
        ([person("a", "60455501009")], NoMatch()),
        ([person("a")], Match("a", "phone")),
        ([person("a", "+1 (604) 555 0100")], Match("a", "phone")),
        ([Candidate("a", phones=("604 555 0199", PHONE))], Match("a", "phone")),
        ([person("a"), person("a")], Match("a", "phone")),
        ([person("a", is_disabled=True)], NoMatch()),
        ([person("a", is_disabled=True), person("b")], Match("b", "phone")),
        ([person("a"), person("b")], Ambiguous(("a", "b"))),
        # The same e-mail or name without the number is nobody.
        (
            [
                Candidate("a", ("604 555 0199",), ("ada@example.com",), "Ada", "Example", BORN),
            ],
            NoMatch(),
        ),
        ([person("a", emails=("ADA@example.com ",)), person("b")], Match("a", "email")),
        ([person("a", emails=("x@example.com",)), person("b")], Ambiguous(("a", "b"))),
        ([person("a", last_name="Example"), person("b")], Ambiguous(("a", "b"))),
        ([person("a", first_name=" ada ", last_name="EXAMPLE"), person("b")], Match("a", "name")),
        ([person("a", first_name="Ada"), person("b")], Ambiguous(("a", "b"))),
        ([person("a", date_of_birth=BORN), person("b")], Match("a", "date_of_birth")),
        (
            [person("a", date_of_birth=date(1990, 1, 5)), person("b")],
            Ambiguous(("a", "b")),
        ),
        # The e-mail narrows three to two, the name decides between those.
        (
            [
                person("a", emails=("ada@example.com",), first_name="Bob", last_name="Example"),
                person("b", emails=("ada@example.com",), first_name="Ada", last_name="Example"),
                person("c", first_name="Ada", last_name="Example"),
            ],
            Match("b", "name"),
        ),
        (
            [
                person("a", emails=("ada@example.com",)),
                person("b", emails=("ada@example.com",)),
                person("c", date_of_birth=BORN),
            ],
            Ambiguous(("a", "b")),
        ),
        ([person("a", first_name="Zoë", last_name="Example"), person("b")], Ambiguous(("a", "b"))),
    ],
)
def test_the_exact_number_decides_then_email_name_birth(candidates, result):
    assert choose_customer(candidates, WANTED) == result


def test_accents_in_names_do_not_count():
    wanted = Wanted("+16045550100", "CA", first_name="Zoe", last_name="Peña")
    candidates = [person("a", first_name="Zoë", last_name="Pena"), person("b")]

    assert choose_customer(candidates, wanted) == Match("a", "name")


def test_unknown_values_of_the_shopper_decide_nothing():
    wanted = Wanted("+16045550100", "CA", email="", first_name=None, last_name=None)

    assert choose_customer([person("a"), person("b")], wanted) == Ambiguous(("a", "b"))


@pytest.mark.parametrize(
    "half",
    [{"email": ""}, {"email": " "}, {"first_name": "Ada"}, {"last_name": "Example"}],
)
def test_what_is_blank_on_both_sides_is_nothing_in_common(half):
    wanted = Wanted("+16045550100", "CA", **half)
    blank = person("a", emails=("", " "), first_name=wanted.first_name or "",
                   last_name=wanted.last_name or "")  # fmt: skip
    other = person("b", emails=("b@example.com",), first_name="Bob", last_name="Other")

    assert choose_customer([blank, other], wanted) == Ambiguous(("a", "b"))
    assert not is_surely(blank, wanted)


def test_a_merged_customer_stands_for_the_one_it_was_merged_into():
    old = person("old", is_disabled=True, merged_into="new")
    survivor = Candidate("new", phones=("604 555 0199",))

    assert merge_targets([old]) == ("new",)
    assert merge_targets([old, survivor]) == ()
    assert choose_customer([old, survivor], WANTED) == Match("new", "phone")


def test_two_records_merged_into_one_are_one_person():
    candidates = [
        person("a", merged_into="c"),
        person("b", merged_into="a"),
        person("c"),
    ]

    for order in itertools.permutations(candidates):
        assert choose_customer(order, WANTED) == Match("c", "phone")


@pytest.mark.parametrize(
    "candidates",
    [
        [person("a", merged_into="unknown")],
        [person("a", merged_into="a")],
        [person("a", merged_into="b"), person("b", merged_into="a")],
        [person("a", merged_into="b"), Candidate("b", is_disabled=True)],
    ],
)
def test_a_merger_that_leads_nowhere_matches_nobody(candidates):
    assert choose_customer(candidates, WANTED) == NoMatch()


@pytest.mark.parametrize(
    ("known", "is_it"),
    [
        ({"emails": ("ADA@example.com ",)}, True),
        ({"first_name": "ada", "last_name": "EXAMPLE"}, True),
        ({"first_name": "Ada", "last_name": "Example", "emails": ("ada@example.com",)}, True),
        ({}, False),
        ({"first_name": "Ada"}, False),
        ({"date_of_birth": BORN}, False),
        # One of the household: what they share agrees, the rest does not.
        ({"emails": ("ada@example.com",), "first_name": "Bob"}, False),
        ({"emails": ("ada@example.com",), "first_name": "Ada", "last_name": "Other"}, False),
        ({"emails": ("ada@example.com",), "last_name": "Other"}, False),
        ({"emails": ("ada@example.com",), "date_of_birth": date(1961, 2, 3)}, False),
        ({"first_name": "Ada", "last_name": "Example", "emails": ("x@example.com",)}, False),
        ({"first_name": "Bob", "last_name": "Example", "emails": ("x@example.com",)}, False),
    ],
)
def test_only_who_agrees_and_differs_in_nothing_is_surely_the_shopper(known, is_it):
    assert is_surely(person("a", **known), WANTED) is is_it


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"email": " ADA@example.com"}, True),
        ({"email": "x@example.com"}, False),
        ({"first_name": "Bob"}, False),
        ({"last_name": "Other"}, False),
        ({"date_of_birth": None}, False),
        ({"date_of_birth": date(1961, 2, 3)}, False),
        ({"country": "US"}, False),
        ({"phone": "+16045550101"}, False),
    ],
)
def test_the_same_shopper_says_the_same_of_themselves(change, is_same):
    assert is_same_shopper(replace(WANTED, **change), WANTED) is is_same


@pytest.mark.parametrize(
    ("known", "is_known"),
    [
        ({"email": "ada@example.com"}, True),
        ({"first_name": "Ada"}, True),
        ({"last_name": "Example"}, True),
        # Twins share a birthday, and so do strangers.
        ({"date_of_birth": BORN}, False),
    ],
)
def test_one_email_or_name_says_who_it_is_and_a_birthday_does_not(known, is_known):
    shopper = Wanted("+16045550100", "CA", **known)

    assert is_same_shopper(shopper, shopper) is is_known


def test_a_number_alone_says_nobody():
    nobody = Wanted("+16045550100", "CA", email="", first_name="", last_name=None)

    assert not is_same_shopper(nobody, nobody)
