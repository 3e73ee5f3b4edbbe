"""Whose order is it? The right person in COVA, a new one, or a person of the shop decides."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from aiq_cova_plugin.domain.phones import normalise_phone
from aiq_cova_plugin.errors import IllegalMove
from aiq_cova_plugin.services.rescue.rescue_orders import choose_customer, find_push

from tests.integration.orders.kit import Bench, customer, dump_of
from tests.support.shop import ADA, MAPLE_STREET

_SPELLINGS = (
    "3035550142",
    "+13035550142",
    "(303) 555-0142",
    "303-555-0142",
    "303.555.0142",
    "303 555 0142",
    "1 303 555 0142",
    "1-303-555-0142",
    "+1 (303) 555-0142",
    "tel:3035550142",
    " (303)555-0142 ",
)
_NEAR_MISSES = (
    "(303) 555-0143",
    "303555014",
    "30355501422",
    "13035550142 or 3035550199",
    "(303) 555-0142 ext. 4",
    "call after 5: 303-555-0142 (work)",
    "+443035550142",
    "0142",
    "",
)


def _found(bench: Bench) -> str | None:
    """The customer the order went to."""
    bench.go_on()
    row = bench.row()
    assert row.state == "in_pos", row.reason
    return bench.sim.orders()[-1]["customer_id"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("stored", _SPELLINGS)
def test_customer_is_found_however_the_number_is_stored(bench: Bench, stored: str) -> None:
    known = bench.sim.register.add_customer(first_name="A.", phones=[stored])
    before = len(bench.sim.customers())
    bench.place()

    assert _found(bench) == known
    assert len(bench.sim.customers()) == before


@pytest.mark.parametrize(
    "typed", ["3035550142", "+1 303 555 0142", "1.303.555.0142", "303/555/0142"]
)
def test_customer_is_found_however_the_number_is_typed(bench: Bench, typed: str) -> None:
    known = bench.sim.register.add_customer(phones=["(303) 555-0142"])
    bench.place(customer=customer(phone=typed))

    assert _found(bench) == known


@pytest.mark.parametrize("stored", _NEAR_MISSES)
def test_a_number_that_merely_resembles_it_is_somebody_else(bench: Bench, stored: str) -> None:
    other = bench.sim.register.add_customer(first_name="Other", phones=[stored])
    bench.place()

    found = _found(bench)

    assert found != other
    assert "creating_customer" in bench.event_names()


def test_a_note_with_the_digits_in_a_name_is_nobody(bench: Bench) -> None:
    """The fallback searches names and addresses too; only a phone number counts."""
    bench.sim.switches.update({"search_available": False})
    other = bench.sim.register.add_customer(first_name="3035550142")
    bench.place()

    assert _found(bench) != other


@pytest.mark.parametrize(
    "switches",
    [
        {"search_operations": ["Contains"]},
        {"search_operations": ["Equals"]},
        {"search_operations": ["Is"]},
        {"search_operations": ["Is"], "unknown_search_token": "no_results"},
        {"search_fields": ["PhoneNumber"]},
        {"search_fields": ["PhoneNumber"], "unknown_search_token": "no_results"},
        {"search_available": False},
        {"customer_search_available": False},
        {"search_normalises_phone": True},
    ],
    ids="-".join,
)
def test_search_words_cova_does_not_know_do_not_make_doubles(
    bench: Bench, switches: dict[str, Any]
) -> None:
    """Section 12: the words are not documented, so whichever works is used."""
    bench.sim.switches.update(switches)
    known = bench.sim.register.add_customer(phones=["(303) 555-0142"])
    bench.place()

    assert _found(bench) == known
    assert len(bench.customers_with()) == 1


def test_nobody_is_created_when_nothing_can_be_searched(bench: Bench) -> None:
    bench.sim.switches.update({"search_available": False, "customer_search_available": False})
    bench.place()

    bench.push()

    assert bench.row().state == "needs_attention"
    assert bench.calls("create_customer") == 0


@pytest.mark.parametrize(
    ("tie_break", "how"),
    [
        ({"emails": ["ADA@example.com "]}, "e-mail"),
        ({"first_name": "ada", "last_name": "EXAMPLE"}, "name"),
        ({"date_of_birth": date(1990, 4, 1)}, "date of birth"),
    ],
)
def test_of_several_with_the_number_the_fitting_one_is_taken(
    bench: Bench, tie_break: dict[str, Any], how: str
) -> None:
    for _ in range(2):
        bench.sim.register.add_customer(first_name="Bo", phones=["303-555-0142"])
    right = bench.sim.register.add_customer(**{"phones": ["3035550142"], **tie_break})
    bench.place()

    assert _found(bench) == right
    assert how in bench.story()


def test_several_that_nothing_tells_apart_need_a_person(bench: Bench) -> None:
    ids = {
        bench.sim.register.add_customer(first_name=name, last_name="Secret", phones=[phone])
        for name, phone in (("Bo", "303-555-0142"), ("Cy", "3035550142"))
    }
    row = bench.place()

    bench.push()

    after = bench.row()
    assert after.state == "needs_attention"
    assert after.kind == "AmbiguousCustomer"
    assert "2 customers in COVA have the phone number of order WEB-1" in after.reason
    assert "Choose the right one" in after.fix
    # The ids are in the timeline; who they are is personal, and kept encrypted.
    (told,) = [each.detail for each in bench.events() if each.event == "customer_candidates"]
    assert {each.strip() for each in told.split(",")} == ids
    assert "Secret" not in dump_of(bench.database_url)
    assert bench.sim.orders() == []
    assert bench.signals("order-needs-attention") == [
        {"store_id": "s1", "order_id": "1", "reason": after.reason}
    ]
    chosen = sorted(ids)[1]
    with bench.shop.app.app_context():
        choose_customer(bench.ctx, find_push(bench.ctx, "1"), chosen, by="Kim")
    assert _found(bench) == chosen
    assert "Kim chose COVA customer" in bench.story()
    assert bench.row().cova_order_id == row.cova_order_id


def test_the_chosen_customer_is_remembered_for_the_next_order(bench: Bench) -> None:
    """Whoever decided once is not asked again with every order of the same shopper."""
    ids = [bench.sim.register.add_customer(first_name="Bo", phones=["3035550142"]) for _ in "ab"]
    bench.place("1")
    bench.push()
    with bench.shop.app.app_context():
        choose_customer(bench.ctx, find_push(bench.ctx, "1"), ids[0], by="Kim")
    bench.push()
    bench.place("2")

    bench.push()

    assert bench.row("2").state == "in_pos", bench.row("2").reason
    assert {order["customer_id"] for order in bench.sim.orders()} == {ids[0]}


_ADA = {"first_name": "Ada", "last_name": "Example", "email": "ada@x.example"}
_BOB = {"first_name": "Bob", "last_name": "Example", "email": "bob@x.example"}
_ZOE = {"first_name": "Zoe", "last_name": "Third", "email": "zoe@x.example"}


def _household(bench: Bench, *people: dict[str, str]) -> list[str]:
    """These people in COVA, all with one number; their ids."""
    return [
        bench.sim.register.add_customer(
            first_name=each["first_name"],
            last_name=each["last_name"],
            phones=["3035550142"],
            emails=[each["email"]],
        )
        for each in people
    ]


def _order_of(bench: Bench, order_id: str, who: dict[str, str], **more: Any) -> str | None:
    """COVA's customer that the order of this person went to; None when it waits for a person."""
    shopper = customer(date_of_birth=None, **who)
    bench.place(order_id, customer=shopper, **more)
    row = bench.go_on(order_id)
    return row.cova_customer_id if row.state == "in_pos" else None


def _choose(bench: Bench, order_id: str, customer_id: str) -> None:
    with bench.shop.app.app_context():
        choose_customer(bench.ctx, find_push(bench.ctx, order_id), customer_id, by="Kim")


@pytest.mark.parametrize("turn", [(0, 1), (1, 0)])
def test_each_of_a_household_gets_their_own_order(bench: Bench, turn: tuple[int, int]) -> None:
    people = (_ADA, _BOB)
    ids = _household(bench, *people)

    went_to = [_order_of(bench, f"{n}{i}", people[i]) for n in (1, 2) for i in turn]

    assert went_to == [ids[i] for _ in (1, 2) for i in turn]


def test_the_address_of_one_is_not_put_on_another_of_the_household(bench: Bench) -> None:
    ada, bob = _household(bench, _ADA, _BOB)
    _order_of(bench, "1", _ADA, address=MAPLE_STREET)
    _order_of(bench, "2", _BOB, address={**MAPLE_STREET, "line1": "999 Elsewhere Ave"})

    streets = {
        each["id"]: [address["street1"] for address in each["addresses"]]
        for each in bench.customers_with()
    }
    assert streets == {ada: ["12 Maple Street"], bob: ["999 Elsewhere Ave"]}


@pytest.mark.parametrize("known", [(_ADA,), (_ADA, _BOB)])
def test_the_same_one_of_a_household_is_not_searched_again(
    bench: Bench, known: tuple[dict[str, str], ...]
) -> None:
    ada = _household(bench, *known)[0]
    assert _order_of(bench, "1", _ADA) == ada
    searches = bench.calls("search_customers")

    assert _order_of(bench, "2", _ADA) == ada

    assert bench.calls("search_customers") == searches
    assert "known from an earlier order" in bench.story("2")


def test_somebody_registered_later_under_a_known_number_is_found(bench: Bench) -> None:
    ada = _order_of(bench, "1", _ADA)
    (bob,) = _household(bench, _BOB)

    assert _order_of(bench, "2", _BOB) == bob
    assert _order_of(bench, "3", _ADA) == ada


@pytest.mark.parametrize(
    "other",
    [
        {**_ADA, "first_name": "Bob"},
        {**_ADA, "email": "ada.junior@x.example"},
    ],
    ids=["a shared e-mail", "a shared name"],
)
def test_what_a_household_shares_does_not_tell_who_it_is(
    bench: Bench, other: dict[str, str]
) -> None:
    ada, second = _household(bench, _ADA, other)

    assert [_order_of(bench, "1", _ADA), _order_of(bench, "2", other)] == [ada, second]


def test_whoever_fits_nobody_of_the_household_is_asked_about(bench: Bench) -> None:
    ada, _ = _household(bench, _ADA, _BOB)
    assert _order_of(bench, "1", _ADA) == ada

    assert _order_of(bench, "2", _ZOE) is None
    assert bench.row("2").kind == "AmbiguousCustomer"
    assert len(bench.sim.orders()) == 1


def test_a_person_s_choice_holds_for_that_shopper_alone(bench: Bench) -> None:
    ada, bob = _household(bench, _ADA, _BOB)
    assert _order_of(bench, "1", _ZOE) is None
    _choose(bench, "1", bob)
    assert bench.go_on("1").cova_customer_id == bob

    yan = {"first_name": "Yan", "last_name": "Fourth", "email": "yan@x.example"}
    assert _order_of(bench, "2", yan) is None
    assert _order_of(bench, "3", {"first_name": "", "last_name": "", "email": ""}) is None
    assert _order_of(bench, "4", _ADA) == ada
    # Zoe's own next order needs nobody.
    assert _order_of(bench, "5", _ZOE) == bob
    assert "chosen by a person for an earlier order" in bench.story("5")


def test_a_choice_for_an_order_without_name_or_email_is_nobody_s(bench: Bench) -> None:
    """A number alone is the household's: the next order of it may be another's."""
    nobody = {"first_name": "", "last_name": "", "email": ""}
    ada, _ = _household(bench, _ADA, _BOB)
    assert _order_of(bench, "1", nobody) is None
    _choose(bench, "1", ada)
    assert bench.go_on("1").cova_customer_id == ada

    assert _order_of(bench, "2", nobody) is None


def _waiting_for_a_choice(bench: Bench) -> list[str]:
    ids = _household(bench, _ADA, _BOB)
    assert _order_of(bench, "1", _ZOE) is None
    return ids


def test_an_unknown_chosen_customer_comes_back_to_the_person(bench: Bench) -> None:
    _waiting_for_a_choice(bench)
    _choose(bench, "1", "00000000-0000-4000-8000-000000000001")

    bench.push()

    row = bench.row()
    assert (row.state, row.kind) == ("needs_attention", "AmbiguousCustomer")
    assert "no longer has the customer that was chosen for order WEB-1" in row.reason
    assert bench.sim.orders() == []


def test_a_chosen_customer_disabled_meanwhile_comes_back_to_the_person(bench: Bench) -> None:
    ada, bob = _waiting_for_a_choice(bench)
    _choose(bench, "1", ada)
    with bench.sim.state.lock:
        bench.sim.state.customers[ada].is_disabled = True

    bench.push()

    row = bench.row()
    assert (row.state, row.kind) == ("needs_attention", "AmbiguousCustomer")
    assert "COVA has disabled the customer that was chosen for order WEB-1" in row.reason
    assert row.chosen_customer_id is None
    assert row.candidates_encrypted is not None
    assert bench.sim.orders() == []
    _choose(bench, "1", bob)
    assert _found(bench) == bob


def test_a_chosen_customer_merged_meanwhile_leads_to_the_one_it_became(bench: Bench) -> None:
    ada, bob = _waiting_for_a_choice(bench)
    _choose(bench, "1", ada)
    with bench.sim.state.lock:
        merged = bench.sim.state.customers[ada]
        merged.is_disabled, merged.merged_into_id = True, bob

    assert _found(bench) == bob


def test_a_person_s_word_needs_no_phone_number(bench: Bench) -> None:
    ada, _ = _waiting_for_a_choice(bench)
    _choose(bench, "1", ada.upper())
    bench.change_order("1", customer=customer(phone=""))

    assert _found(bench) == ada


def test_an_empty_merge_id_means_not_merged(bench: Bench) -> None:
    (ada,) = _household(bench, _ADA)
    with bench.sim.state.lock:
        bench.sim.state.customers[ada].merged_into_id = "00000000-0000-0000-0000-000000000000"

    assert _order_of(bench, "1", _ADA) == ada
    assert bench.calls("create_customer") == 0


def test_nobody_is_chosen_for_an_order_that_does_not_wait_for_it(bench: Bench) -> None:
    ids = _household(bench, _ADA, _BOB)
    assert _order_of(bench, "1", _ADA) == ids[0]
    before = bench.event_names()

    with pytest.raises(IllegalMove, match="does not wait for a customer"):
        _choose(bench, "1", ids[1])

    row = bench.row()
    assert (row.chosen_customer_id, row.cova_customer_id) == (None, ids[0])
    assert bench.event_names() == before


def test_a_disabled_customer_is_passed_over(bench: Bench) -> None:
    gone = bench.sim.register.add_customer(phones=["3035550142"], disabled=True)
    bench.place()

    assert _found(bench) != gone
    assert bench.calls("create_customer") == 1


def test_a_merged_customer_leads_to_the_one_it_became(bench: Bench) -> None:
    survivor = bench.sim.register.add_customer(first_name="New", phones=["303-555-0777"])
    middle = bench.sim.register.add_customer(merged_into=survivor, disabled=True)
    bench.sim.register.add_customer(phones=["3035550142"], merged_into=middle, disabled=True)
    bench.place()

    assert _found(bench) == survivor
    assert bench.calls("create_customer") == 0


def test_known_customer_is_asked_for_directly(bench: Bench) -> None:
    bench.place("1")
    bench.push()
    searches = bench.calls("search_customers")
    bench.place("2")

    bench.push()

    assert bench.row("2").state == "in_pos"
    assert bench.row("2").cova_customer_id == bench.row("1").cova_customer_id
    assert bench.calls("search_customers") == searches
    assert "known from an earlier order" in bench.story("2")


@pytest.mark.parametrize("change", ["disabled", "merged", "renumbered", "gone"])
def test_the_remembered_customer_is_verified_each_time(bench: Bench, change: str) -> None:
    bench.place("1")
    bench.push()
    first = bench.row("1").cova_customer_id
    assert first is not None
    heir = bench.sim.register.add_customer(first_name="Heir", phones=["303 555 0142"])
    with bench.sim.state.lock:
        known = bench.sim.state.customers[first]
        if change == "disabled":
            known.is_disabled = True
        elif change == "merged":
            known.is_disabled, known.merged_into_id = True, heir
        elif change == "renumbered":
            known.contacts[0].value = "3035550999"
        else:
            del bench.sim.state.customers[first]
    bench.place("2")

    row = bench.go_on("2")

    assert (row.state, row.cova_customer_id) == ("in_pos", heir)
    assert bench.calls("create_customer") == 1


def test_two_shoppers_of_one_number_in_two_companies_are_two_links(bench: Bench) -> None:
    """What is remembered of a number holds for one company alone."""
    bench.place("1")
    bench.push()
    bench.shop.cova.connect_store(bench.shop.app, "s1", check=False, company_id=1)
    bench.place("2")

    bench.push()

    # The other company's token is refused there, but nothing was looked up by the old link.
    asked = [each["path"] for each in bench.sim.requests("customer")]
    assert asked == []


@pytest.mark.parametrize("phone", [None, "", "   "])
def test_an_order_without_phone_waits_for_a_person(bench: Bench, phone: str | None) -> None:
    bench.place(customer=customer(phone=phone))

    bench.push()

    row = bench.row()
    assert row.state == "needs_attention"
    assert row.reason == "Order WEB-1 has no phone number, and COVA finds customers by phone."
    assert "Ask the customer for a phone number" in row.fix
    assert bench.signals("order-needs-attention")[0]["reason"] == row.reason
    assert bench.calls("search_customers") == bench.calls("create_customer") == 0


@pytest.mark.parametrize(
    "phone", ["555-0142", "12345", "none", "5555555555", "000-000-0000", "303-555-0142 or 0143"]
)
def test_an_order_with_an_unusable_phone_waits_for_a_person(bench: Bench, phone: str) -> None:
    bench.place(customer=customer(phone=phone))

    bench.push()

    row = bench.row()
    assert row.state == "needs_attention"
    assert row.reason == "The phone number of order WEB-1 is not a valid one."
    assert phone not in row.reason + row.fix + bench.story()
    assert bench.calls("create_customer") == 0


def test_a_corrected_phone_goes_through_on_retry(bench: Bench) -> None:
    bench.place(customer=customer(phone="12"))
    bench.push()
    bench.change_order(customer=ADA)

    code, _ = bench.command("orders", "retry", "1")
    assert code == 0
    bench.push()

    bench.assert_sent_once(bench.row())


def test_the_number_is_read_in_the_store_s_country(bench: Bench) -> None:
    bench.shop.host.store_list[0] = type(bench.shop.host.store_list[0])(
        "s1", "Camden", "Europe/London", "GB", "GBP"
    )
    known = bench.sim.register.add_customer(phones=["+44 20 7946 0018"])
    bench.place(customer=customer(phone="020 7946 0018"))
    assert normalise_phone("020 7946 0018", "GB") == "+442079460018"

    assert _found(bench) == known


def test_a_number_is_never_stored_in_plain_text(bench: Bench) -> None:
    bench.place()
    bench.push()

    ours = dump_of(bench.database_url)
    assert "5550142" not in ours
    assert "555-0142" not in ours
    assert "ada@example.com" not in ours


def test_an_upper_case_id_of_cova_is_the_same_customer(bench: Bench) -> None:
    """GUID case varies (cova-api.md section 11)."""
    known = bench.sim.register.add_customer(phones=["3035550142"])
    bench.place()
    with bench.sim.state.lock:
        bench.sim.state.customers[known].id = known.upper()

    bench.push()

    assert bench.row().state == "in_pos", bench.row().reason
    assert (bench.row().cova_customer_id or "").lower() == known


def test_a_customer_cova_creates_late_is_not_created_twice(bench: Bench) -> None:
    """The call broke off, and COVA goes on with it half a minute later."""
    bench.sim.faults.add("create_customer", action="reset_before", times=1)
    bench.place()
    bench.push()
    assert bench.calls("create_customer") == 1

    bench.advance(12)
    bench.push()
    bench.advance(12)
    bench.push()
    assert bench.calls("create_customer") == 1, "COVA may still be at it"
    late = bench.sim.register.add_customer(
        first_name=ADA["first_name"], last_name=ADA["last_name"], phones=[ADA["phone"]]
    )

    assert _found(bench) == late
    assert bench.calls("create_customer") == 1
    assert len(bench.customers_with()) == 1
