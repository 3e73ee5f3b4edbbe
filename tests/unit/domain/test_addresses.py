"""The same door, or another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aiq_cova_plugin.domain.addresses import address_key, is_deliverable, same_address, state_code
from aiq_cova_plugin.domain.orders import Address

CANADIAN = Address("123 Main Street", "", "Vancouver", "BC", "V6B 1A1", "CA")
AMERICAN = Address("45 North Main St", "Apt 5", "Denver", "CO", "80202", "US")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"line1": "123 MAIN STREET"},
        {"line1": "123 Main St"},
        {"line1": "123 Main St."},
        {"line1": "  123   Main  St , "},
        {"city": "vancouver"},
        {"city": " Vancouver "},
        {"country": "C.A."},
        {"state": "bc"},
        {"state": "CA-BC"},
        {"postal_code": "v6b1a1"},
        {"postal_code": "V6B-1A1"},
        {"country": "ca"},
        {"country": "Canada"},
        {"country": ""},
    ],
)
def test_spelling_does_not_make_another_door(changes):
    assert same_address(CANADIAN, replace(CANADIAN, **changes))
    assert same_address(replace(CANADIAN, **changes), CANADIAN)


@pytest.mark.parametrize(
    "changes",
    [
        {"line1": "124 Main Street"},
        {"line1": "123 Main Ave"},
        {"line1": "123 Main Street West"},
        {"line1": "123 Maine Street"},
        {"line1": "1 23 Main Street"},
        {"line1": ""},
        {"line2": "Apt 5"},
        {"line2": "5"},
        {"city": "Burnaby"},
        {"state": "AB"},
        {"postal_code": "V6B 1A2"},
        {"postal_code": ""},
        {"country": "US"},
    ],
)
def test_another_door_is_another_door(changes):
    assert not same_address(CANADIAN, replace(CANADIAN, **changes))


@pytest.mark.parametrize(
    ("line1", "line2"),
    [
        ("45 N Main St", "Apt 5"),
        ("45 N. Main Street", "apartment 5"),
        ("45 North Main St Apt 5", ""),
        ("45 North Main St, Apt. 5", ""),
        ("45 North Main St #5", ""),
        ("45 North Main St", "# 5"),
        ("45 North Main St", "#5"),
        ("45 North Main St", "Unit 5"),
        ("45 North Main St", "Suite 5"),
        ("45 North Main St", "Apt #5"),
        ("45 North Main St", "apt5"),
        ("45 North Main St", "5"),
        ("Apt 5", "45 North Main St"),
        ("45 North Main St#5", ""),
    ],
)
def test_the_unit_may_be_written_anywhere(line1, line2):
    assert same_address(AMERICAN, replace(AMERICAN, line1=line1, line2=line2))


@pytest.mark.parametrize(
    ("line1", "line2"),
    [
        ("45 North Main St", ""),
        ("45 North Main St", "Apt 6"),
        ("45 North Main St", "Apt 55"),
        ("45 North Main St", "Apt 5 Buzzer 12"),
        ("45 South Main St", "Apt 5"),
        ("5-45 North Main St", ""),
    ],
)
def test_another_unit_is_another_door(line1, line2):
    assert not same_address(AMERICAN, replace(AMERICAN, line1=line1, line2=line2))


@pytest.mark.parametrize(
    "line1", ["5-123 Main St", "5 - 123 Main Street", "Unit 5-123 Main St", "#5-123 Main St"]
)
def test_in_canada_the_unit_may_stand_before_the_number(line1):
    with_unit = replace(CANADIAN, line2="Unit 5")

    assert same_address(with_unit, replace(CANADIAN, line1=line1))


def test_a_lone_letter_under_a_street_is_a_unit():
    with_unit = replace(AMERICAN, line2="Apt B")

    assert same_address(with_unit, replace(AMERICAN, line2="B"))
    assert same_address(replace(AMERICAN, line2="Apt 12b"), replace(AMERICAN, line2="12B"))
    assert not same_address(with_unit, replace(AMERICAN, line2="BB"))


@pytest.mark.parametrize("country", ["U.S.A.", "United  States", " u.s. ", "USA"])
def test_a_country_may_be_written_out(country):
    assert same_address(AMERICAN, replace(AMERICAN, country=country))
    assert address_key(replace(AMERICAN, country=country)).country == "US"


def test_a_hyphen_in_a_towns_name_does_not_count():
    quebec = replace(CANADIAN, city="Saint-Jean-sur-Richelieu")

    assert same_address(quebec, replace(CANADIAN, city="saint jean sur richelieu"))
    assert not same_address(quebec, replace(CANADIAN, city="Saintjean sur Richelieu"))


def test_a_street_may_take_two_lines():
    one = replace(AMERICAN, line1="45 North Main St Rear House", line2="")

    assert same_address(one, replace(one, line1="45 N Main Street", line2="Rear House"))


def test_a_hyphenated_house_number_in_the_united_states_is_no_unit():
    queens = Address("45-12 Main St", "", "Flushing", "NY", "11355", "US")

    assert not same_address(queens, replace(queens, line1="12 Main St", line2="Apt 45"))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("80202", "80202-1234", True),
        ("80202-1234", "80202", True),
        ("802021234", "80202-1234", True),
        ("80202-1234", "80202-1235", False),
        ("80202", "80203-1234", False),
        ("80202", "", False),
        ("12-345", "12345", False),
    ],
)
def test_a_long_zip_equals_its_short_one(a, b, same):
    assert same_address(replace(AMERICAN, postal_code=a), replace(AMERICAN, postal_code=b)) is same


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("100 North St", "100 N St"),
        ("100 East St NW", "100 E St NW"),
        ("100 St Charles Ave", "100 Street Charles Ave"),
        ("100 North", "100 N"),
        ("100 Court", "100 Ct"),
        ("100 Old Court Mill Rd", "100 Old Ct Mill Rd"),
        ("100 Old Mill North", "100 Old Mill N"),
        ("100 Main St North Tower", "100 Main St N Tower"),
    ],
)
def test_words_that_are_the_name_itself_are_not_abbreviated(a, b):
    assert not same_address(replace(AMERICAN, line1=a), replace(AMERICAN, line1=b))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("100 Main Street West", "100 Main St W"),
        ("1B West 4th Avenue", "1b W 4th Ave"),
        ("100 West 4th Avenue", "100 W 4th Ave."),
        ("12 Rue de l'Église", "12 rue de l\u2019eglise"),
        ("77 King's Crescent", "77 Kings Cres"),
        ("9 Oak Boulevard", "9 OAK BLVD"),
    ],
)
def test_usual_abbreviations_and_accents_do_not_count(a, b):
    assert same_address(replace(CANADIAN, line1=a), replace(CANADIAN, line1=b))


@pytest.mark.parametrize(
    ("address", "deliverable"),
    [
        (CANADIAN, True),
        (replace(CANADIAN, line1="  "), False),
        (replace(CANADIAN, city=""), False),
        (replace(CANADIAN, postal_code=""), True),
    ],
)
def test_an_address_needs_a_street_and_a_town(address, deliverable):
    assert is_deliverable(address) is deliverable


@pytest.mark.parametrize(
    ("text", "code"),
    [("co", "CO"), (" us-co ", "CO"), ("CA-BC", "BC"), ("", ""), ("Bayern", "BAYERN")],
)
def test_the_state_is_its_short_code(text, code):
    assert state_code(text) == code
