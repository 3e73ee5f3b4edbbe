"""Phone numbers: one spelling for comparing, exact matches only."""

from __future__ import annotations

import string

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.domain.phones import normalise_phone, same_phone, search_spellings

VANCOUVER = "+16045550100"

SPELLINGS = [
    # North America, seen from Canada and from the United States.
    ("6045550100", "CA", VANCOUVER),
    ("604-555-0100", "CA", VANCOUVER),
    ("604.555.0100", "CA", VANCOUVER),
    ("604 555 0100", "CA", VANCOUVER),
    ("(604) 555-0100", "CA", VANCOUVER),
    ("(604)555-0100", "CA", VANCOUVER),
    ("604/555-0100", "CA", VANCOUVER),
    ("1 604 555 0100", "CA", VANCOUVER),
    ("1-604-555-0100", "US", VANCOUVER),
    ("16045550100", "CA", VANCOUVER),
    ("+16045550100", "CA", VANCOUVER),
    ("+1 (604) 555-0100", "CA", VANCOUVER),
    ("+1.604.555.0100", "GB", VANCOUVER),
    ("(+1) 604 555 0100", "CA", VANCOUVER),
    ("011 1 604 555 0100", "CA", VANCOUVER),
    ("  604 555 0100  ", "CA", VANCOUVER),
    ("604\u00a0555\u00a00100", "CA", VANCOUVER),
    ("604\u2011555\u20110100", "CA", VANCOUVER),
    ("604\u2013555\u20130100", "CA", VANCOUVER),
    ("\u200e604 555 0100\u200f", "CA", VANCOUVER),
    ("６０４５５５０１００", "CA", VANCOUVER),
    ("＋１ ６０４ ５５５ ０１００", "CA", VANCOUVER),
    ("٦٠٤٥٥٥٠١٠٠", "CA", VANCOUVER),
    ("tel:+16045550100", "CA", VANCOUVER),
    ("tel: 604-555-0100", "CA", VANCOUVER),
    ("604-555-0100 x12", "CA", VANCOUVER),
    ("604-555-0100 ext. 12", "CA", VANCOUVER),
    ("604-555-0100 #12", "CA", VANCOUVER),
    ("604-555-0100;ext=12", "CA", VANCOUVER),
    ("6045550100", "ca", VANCOUVER),
    ("+16045550100", None, VANCOUVER),
    ("+16045550100", "", VANCOUVER),
    ("+16045550100", "XX", VANCOUVER),
    ("(415) 555-0132", "US", "+14155550132"),
    ("303 222 3333", "US", "+13032223333"),
    # The area code is not in any list; the shape is enough.
    ("(555) 223-4567", "US", "+15552234567"),
    ("787 555 0100", "PR", "+17875550100"),
    # Elsewhere.
    ("020 7946 0018", "GB", "+442079460018"),
    ("+44 20 7946 0018", "CA", "+442079460018"),
    ("+44 (0)20 7946 0018", "GB", "+442079460018"),
    ("0044 20 7946 0018", "DE", "+442079460018"),
    ("011 44 20 7946 0018", "US", "+442079460018"),
    ("030 123456", "DE", "+4930123456"),
    ("+49 30 123456", "US", "+4930123456"),
    ("06 12 34 56 78", "FR", "+33612345678"),
    ("+33 6 12 34 56 78", "CA", "+33612345678"),
    ("0412 345 678", "AU", "+61412345678"),
    ("+61 412 345 678", "AU", "+61412345678"),
    ("612 34 56 78", "ES", "+34612345678"),
    ("06 12345678", "NL", "+31612345678"),
    ("044 668 18 00", "CH", "+41446681800"),
    ("55 1234 5678", "MX", "+525512345678"),
]

NO_NUMBERS = [
    (None, "CA"),
    ("", "CA"),
    ("   ", "CA"),
    ("n/a", "CA"),
    ("none", "CA"),
    ("-", "CA"),
    ("+", "CA"),
    ("555-0100", "CA"),
    ("0", "CA"),
    ("911", "US"),
    ("0000000000", "CA"),
    ("1111111111", "US"),
    ("555-555-5555", "US"),
    ("9999999999", "US"),
    ("123-456-7890", "US"),
    ("604-155-0100", "CA"),
    ("604555010", "CA"),
    ("60455501001", "CA"),
    ("604555010012345", "CA"),
    ("6045550100", None),
    ("6045550100", "XX"),
    ("6045550100", "GB"),
    ("555-123-4567", "US"),
    ("++16045550100", "CA"),
    ("1+6045550100", "CA"),
    ("604-555-0100 / 604-555-0111", "CA"),
    ("604-555-0100 or 604-555-0111", "CA"),
    ("call 604-555-0100", "CA"),
    ("604-555-0100 (wife)", "CA"),
    ("ID6045550100", "CA"),
    ("6045550100A", "CA"),
    ("ada6045550100@example.com", "CA"),
    ("1-800-FLOWERS", "US"),
    ("604-555-O100", "CA"),
    ("<script>6045550100</script>", "CA"),
    ("6045550100" * 20, "CA"),
    ("$6045550100", "CA"),
    ("6045550100.00 CAD", "CA"),
    ("020 7946 001", "GB"),
    ("+44 20 7946 00180", "GB"),
    ("²³456", "CA"),
]


@pytest.mark.parametrize(("text", "country", "e164"), SPELLINGS)
def test_every_spelling_of_a_number_becomes_the_same_e164(text, country, e164):
    assert normalise_phone(text, country) == e164


@pytest.mark.parametrize(("text", "country"), NO_NUMBERS)
def test_what_is_no_phone_number_is_none(text, country):
    assert normalise_phone(text, country) is None


@pytest.mark.parametrize(
    "stored",
    [
        "604-555-0101",
        "604-555-010",
        "604-555-01000",
        "6045550100 6045550111",
        "x6045550100",
        "16045550100 1",
        "customer 6045550100",
        "60455501006045550100",
        "604-555-0100 ext 5",
        "+446045550100",
        "11 604 555 0100",
        "+1 1 604 555 0100",
        "1116045550100",
        "778-555-0100",
        "",
        None,
    ],
)
def test_a_text_that_merely_contains_the_digits_does_not_match(stored):
    assert not same_phone(stored, VANCOUVER, "CA")


def test_a_text_of_sixty_characters_may_be_a_number_and_a_longer_one_not():
    assert same_phone("6045550100".rjust(60), VANCOUVER, "CA")
    assert not same_phone("6045550100".rjust(61), VANCOUVER, "CA")


@pytest.mark.parametrize("stored", ["6045550100", "(604) 555-0100", "+1 604 555 0100"])
def test_another_spelling_of_the_number_matches(stored):
    assert same_phone(stored, VANCOUVER, "CA")


def test_a_foreign_number_matches_only_with_its_country():
    assert same_phone("020 7946 0018", "+442079460018", "GB")
    assert same_phone("+442079460018", "+442079460018", "CA")
    assert not same_phone("020 7946 0018", "+442079460018", "CA")


@pytest.mark.parametrize(
    ("e164", "spellings"),
    [
        (VANCOUVER, ("6045550100", VANCOUVER, "(604) 555-0100")),
        ("+442079460018", ("+442079460018", "02079460018", "020 7946 0018")),
        ("+33612345678", ("+33612345678", "0612345678", "06 12 34 56 78")),
        ("+34612345678", ("+34612345678", "612345678", "612 34 56 78")),
        ("6045550100", ()),
        ("+", ()),
        ("", ()),
    ],
)
def test_spellings_to_search_for_begin_with_the_likeliest(e164, spellings):
    assert search_spellings(e164) == spellings


@pytest.mark.parametrize("country", ["CA", "US", "GB", "DE", "FR", "AU", "ES", "NL", "MX", "CH"])
def test_every_search_spelling_matches_the_number_it_was_made_from(country):
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)

    assert normalise_phone(e164, country) == e164
    for spelling in search_spellings(e164):
        assert same_phone(spelling, e164, country), spelling


@given(
    area=st.from_regex(r"[2-9][0-8][0-9]", fullmatch=True),
    exchange=st.from_regex(r"[2-9][0-9]{2}", fullmatch=True),
    line=st.from_regex(r"[0-9]{4}", fullmatch=True),
    separators=st.lists(st.sampled_from(["", " ", "-", ".", "\u00a0"]), min_size=2, max_size=2),
    prefix=st.sampled_from(["", "1", "1-", "+1 ", "+1"]),
)
def test_separators_and_prefix_never_change_the_number(area, exchange, line, separators, prefix):
    digits = area + exchange + line
    if len(set(digits)) == 1:
        return
    text = f"{prefix}{area}{separators[0]}{exchange}{separators[1]}{line}"

    assert normalise_phone(text, "CA") == f"+1{digits}"


@given(before=st.text("0123456789 abc+", max_size=4), after=st.text("0123456789 abc", max_size=4))
def test_only_the_number_itself_matches(before, after):
    text = f"{before}6045550100{after}"
    around = (before.strip(), after.strip())
    allowed = {("", ""), ("1", ""), ("+1", ""), ("1 ", ""), ("+1 ", ""), ("+ 1", ""), ("0111", "")}

    if same_phone(text, VANCOUVER, "CA"):
        assert around in allowed


@given(st.text(max_size=80), st.sampled_from(["CA", "US", "GB", "XX", ""]))
def test_any_text_gives_none_or_a_stable_e164(text, country):
    e164 = normalise_phone(text, country)

    if e164 is not None:
        assert e164[0] == "+"
        assert set(e164[1:]) <= set(string.digits)
        assert normalise_phone(e164, country) == e164
