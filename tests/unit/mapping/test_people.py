"""Customers and their addresses, to and from COVA."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from aiq_cova_plugin.domain.customer_matching import Candidate
from aiq_cova_plugin.domain.orders import Address, Customer
from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.mapping.address_to_cova import (
    Add,
    Keep,
    Overwrite,
    address_from_cova,
    address_to_cova,
    plan_address,
)
from aiq_cova_plugin.mapping.candidate_from_cova import candidate_from_cova
from aiq_cova_plugin.mapping.customer_to_cova import new_customer
from aiq_cova_plugin.schemas import records

WANTED = Address("1 Main St", "Apt 2", "Denver", "co", "80202", "us")
NEW = records.CustomerAddress(
    None, 3, "1 Main St", "Apt 2", "Denver", "CO", "US", "80202", is_default=True
)


def stored(address_id, kind=3, *, is_default=False, **values):
    old = records.CustomerAddress(
        address_id, kind, "9 Old Rd", "", "Denver", "CO", "US", "80203", is_default, version=4
    )
    return replace(old, **values)


SAME = {"street_address1": "1 MAIN STREET #2", "postal_code": "80202-1234"}


def test_an_address_is_sent_as_the_default_shipping_one():
    assert address_to_cova(WANTED) == NEW
    assert address_from_cova(NEW) == replace(WANTED, state="CO", country="US")


def test_without_any_address_the_new_one_is_added():
    assert plan_address([], WANTED) == Add(NEW)


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5, None])
def test_an_equal_address_of_any_type_is_kept(kind):
    same = stored("b", kind, **SAME)

    assert plan_address([stored("a", is_default=True), same], WANTED) == Keep(same)


@pytest.mark.parametrize(
    ("existing", "overwritten"),
    [
        ([stored("a")], "a"),
        ([stored("a"), stored("b", is_default=True)], "b"),
        ([stored("a"), stored("b")], "a"),
        ([stored("a", 2, is_default=True), stored("b", 3)], "b"),
        ([stored("a", 2), stored("b", 2, is_default=True)], "b"),
        ([stored("a", 1), stored("b", 2)], "b"),
        ([stored("a", None)], "a"),
        ([stored("a", 4, is_default=True), stored("b", 2)], "b"),
    ],
)
def test_an_old_address_is_overwritten_shipping_first(existing, overwritten):
    plan = plan_address(existing, WANTED)

    assert isinstance(plan, Overwrite)
    assert plan.old.id == overwritten
    assert plan.new == replace(
        NEW, id=overwritten, version=4, address_type_id=plan.old.address_type_id or 3
    )


@pytest.mark.parametrize("kind", [4, 5, 99])
def test_an_office_address_is_never_written_over(kind):
    assert plan_address([stored("a", kind)], WANTED) == Add(NEW)


@pytest.mark.parametrize("changes", [{"line1": " "}, {"city": ""}])
@pytest.mark.parametrize("existing", [[], [stored("a")]])
def test_a_blank_address_replaces_nothing(changes, existing):
    with pytest.raises(NeedsOperator) as caught:
        plan_address(existing, replace(WANTED, **changes))

    assert caught.value.fix


def contact(category, value):
    return records.ContactMethod(None, category, None, value)


def test_a_candidate_has_all_phones_and_addresses():
    customer = records.Customer(
        id="8D1B",
        primary_name="Ada",
        family_name="Example",
        date_of_birth=date(1990, 5, 1),
        disabled=True,
        merged_into_customer_id="9E",
        contact_methods=(
            contact(1, "604 555 0100"),
            contact(2, "ada@example.com"),
            contact(None, "6045550111"),
            contact(None, "b@example.com"),
            contact(3, "6045550122"),
        ),
    )

    assert candidate_from_cova(customer) == Candidate(
        customer_id="8d1b",
        phones=("604 555 0100", "6045550111"),
        emails=("ada@example.com", "b@example.com"),
        first_name="Ada",
        last_name="Example",
        date_of_birth=date(1990, 5, 1),
        is_disabled=True,
        merged_into="9e",
    )
    assert candidate_from_cova(records.Customer(id="a")) == Candidate("a")


def test_an_empty_id_is_nobody_to_be_merged_into():
    customer = records.Customer(
        id="a", merged_into_customer_id="00000000-0000-0000-0000-000000000000"
    )

    assert candidate_from_cova(customer).merged_into is None


def test_a_new_customer_has_the_phone_first_as_ten_digits():
    born = date(1990, 5, 1)
    shopper = Customer(" Ada ", "Example", "+1 604 555 0100", " ada@example.com ", born)

    assert new_customer(shopper, "+16045550100", WANTED) == records.NewCustomer(
        primary_name="Ada",
        family_name="Example",
        date_of_birth=born,
        contact_methods=(
            records.ContactMethod(None, 1, 3, "6045550100"),
            records.ContactMethod(None, 2, 9, "ada@example.com"),
        ),
        addresses=(NEW,),
    )


@pytest.mark.parametrize("email", [None, "", "  ", "none", "a@", "@b", "a b@c.example"])
def test_what_is_no_email_address_is_left_out(email):
    customer = new_customer(Customer(email=email), "+442079460018", None)

    assert customer == records.NewCustomer(
        "", "", None, (records.ContactMethod(None, 1, 3, "+442079460018"),)
    )


def test_names_of_two_words_keep_one_blank_between_them():
    customer = new_customer(Customer(" Ada  May ", "van \t Example"), "+16045550100")

    assert (customer.primary_name, customer.family_name) == ("Ada May", "van Example")


def test_a_phone_without_a_spelling_to_search_for_is_sent_as_it_is():
    (phone,) = new_customer(Customer(), "6045550100").contact_methods

    assert phone == records.ContactMethod(None, 1, 3, "6045550100")


def test_a_blank_address_is_not_sent_with_a_new_customer():
    assert new_customer(Customer(), "+16045550100", replace(WANTED, line1="")).addresses == ()
