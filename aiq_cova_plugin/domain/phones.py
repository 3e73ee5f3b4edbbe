"""Phone numbers: one spelling for comparing, and the spellings to search for.

A customer is matched by the whole number or not at all. A text that merely contains the
digits (a note, two numbers, a number with an extension) is not that number.
"""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from phonenumbers import CountryCodeSource, NumberParseException, PhoneNumber, PhoneNumberFormat

_LONGEST_TEXT = 60
_NANP = 1

# `phonenumbers` fishes a number out of any sentence. We accept a text that is nothing but a
# number, perhaps with `tel:` before it and an extension behind it. Letters are refused,
# which also refuses vanity numbers: nobody's CRM record is looked up by 1-800-FLOWERS.
_ONLY_A_NUMBER = re.compile(
    r"""\s*(?:tel:\s*)?
        (?P<number>[\d\s().\-/+]*\d)
        (?P<extension>[\s,;]*(?:x|ext\.?|extension|\#|;ext=)\s*:?\s*\d{1,7})?\s*""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_NANP_SHAPE = re.compile(r"[2-9]\d{2}[2-9]\d{6}", re.ASCII)
_LOOKALIKES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00b7", "-"))
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\ufeff\u00ad"))


def normalise_phone(text: str | None, country: str | None) -> str | None:
    """The number as E.164 (`+16045550100`), or None when the text is no phone number.

    `country` (ISO alpha-2) is the store's: it decides what a number without `+` means.
    None or an unknown country still reads numbers that begin with `+`. An extension is
    left off: E.164 has none, and the line reached is this one.

    A number is accepted when libphonenumber calls it valid. In North America the shape
    NXX-NXX-XXXX is enough, because new area codes appear faster than their lists are
    updated and a refused number stops a real order. A single digit repeated, as in
    555-555-5555, is a placeholder that many customers share, so it is refused.
    """
    parsed = _parse(text, country)
    if parsed is None:
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def same_phone(stored_text: str | None, e164: str, country: str | None) -> bool:
    """Is the stored text, in whatever spelling, exactly this number?

    A stored number with an extension is another line of a switchboard, so it is not.
    """
    parsed = _parse(stored_text, country)
    if parsed is None or parsed.extension:
        return False
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164) == e164


def search_spellings(e164: str) -> tuple[str, ...]:
    """The spellings under which COVA may have stored the number, likeliest first.

    COVA normalises nothing (cova-api.md section 8.2). In North America: ten digits, E.164,
    `(ddd) ddd-dddd`. Elsewhere: E.164, the national digits with their leading zero, the
    national spelling with spaces. The first one is the one we store ourselves.
    Empty when the text is not E.164.
    """
    if not e164.startswith("+"):
        return ()
    try:
        parsed = phonenumbers.parse(e164, None)
    except NumberParseException:
        return ()
    national = phonenumbers.national_significant_number(parsed)
    if parsed.country_code == _NANP and len(national) == 10:
        spaced = f"({national[:3]}) {national[3:6]}-{national[6:]}"
        return (national, e164, spaced)
    formatted = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    digits = "".join(each for each in formatted if each.isdigit())
    return tuple(dict.fromkeys((e164, digits, formatted)))


def _parse(text: str | None, country: str | None) -> PhoneNumber | None:
    if text is None or len(text) > _LONGEST_TEXT:
        return None
    # Full-width and other digits of this world are digits; their value is what counts.
    plain = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES).translate(_INVISIBLE)
    plain = "".join(_ascii_digit(each) for each in plain)
    match = _ONLY_A_NUMBER.fullmatch(plain)
    if match is None or "+" in match["number"].lstrip("( ")[1:]:
        return None
    try:
        parsed = phonenumbers.parse(
            match["number"], (country or "").strip().upper() or None, keep_raw_input=True
        )
    except NumberParseException:
        return None
    if not _is_usable(parsed) or _has_stray_digits(parsed, match["number"]):
        return None
    if match["extension"]:
        parsed.extension = "".join(each for each in match["extension"] if each.isdigit())
    return parsed


def _ascii_digit(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def _is_usable(number: PhoneNumber) -> bool:
    national = phonenumbers.national_significant_number(number)
    if len(set(national)) <= 1:
        return False
    if number.country_code == _NANP and _NANP_SHAPE.fullmatch(national):
        return True
    return phonenumbers.is_valid_number(number)


def _has_stray_digits(number: PhoneNumber, text: str) -> bool:
    """Is there more before a North American number than its 1?

    libphonenumber takes one 1 for the country and another for the trunk, so that it reads the
    mistyped 11 604 555 0100 as 604 555 0100. Dialled from abroad (011 1 …) it is that number.
    """
    if number.country_code != _NANP:
        return False
    if number.country_code_source == CountryCodeSource.FROM_NUMBER_WITH_IDD:
        return False
    national = phonenumbers.national_significant_number(number)
    digits = "".join(each for each in text if each.isdigit())
    return digits not in (national, f"1{national}")
