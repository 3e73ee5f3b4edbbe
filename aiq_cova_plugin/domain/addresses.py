"""Are two addresses the same door?

Both errors cost, but not the same: calling one door by two names merely writes an address
again in another spelling; calling two doors one sends the order to the wrong one. So only
differences that never tell two doors apart are ignored.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from aiq_cova_plugin.domain.orders import Address

OVERWRITE, BESIDE = "overwrite", "beside"
"""What becomes of the address COVA has, when an order goes somewhere else."""

_STREET_TYPES = {
    "street": "st",
    "str": "st",
    "avenue": "ave",
    "av": "ave",
    "boulevard": "blvd",
    "boul": "blvd",
    "drive": "dr",
    "drv": "dr",
    "road": "rd",
    "lane": "ln",
    "court": "ct",
    "crt": "ct",
    "place": "pl",
    "terrace": "ter",
    "terr": "ter",
    "crescent": "cres",
    "cr": "cres",
    "highway": "hwy",
    "parkway": "pkwy",
    "pky": "pkwy",
    "square": "sq",
    "trail": "trl",
    "circle": "cir",
    "close": "cl",
    "way": "way",
}
_DIRECTIONS = {
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "northeast": "ne",
    "northwest": "nw",
    "southeast": "se",
    "southwest": "sw",
}
_SHORT_TYPES = frozenset(_STREET_TYPES.values())
_SHORT_DIRECTIONS = frozenset(_DIRECTIONS.values())
_COUNTRIES = {"USA": "US", "CAN": "CA", "UNITED STATES": "US", "CANADA": "CA"}

_UNIT_WORD = r"(?:apartment|apt|appt|unit|suite|ste|\#)"
_UNIT = re.compile(
    rf"(?:(?<=\s)|^){_UNIT_WORD}(?:\s+|(?=\d))(?:no\s+|\#\s*)*"
    r"(?P<unit>[a-z0-9][a-z0-9\-]*)(?=\s|$)"
)
_CANADIAN_UNIT = re.compile(
    rf"(?:{_UNIT_WORD}\s*)?(?P<unit>\d+[a-z]?)\s*-\s*(?P<rest>\d+[a-z]?\s.+)"
)
_CANADIAN_CODE = re.compile(r"[a-z]\d[a-z]\d[a-z]\d")
_US_CODE = re.compile(r"(?P<zip>\d{5})(?:-?(?P<plus>\d{4}))?")


@dataclass(frozen=True)
class AddressKey:
    """An address in the one spelling used for comparing. For people, show the address."""

    unit: str
    street: str
    city: str
    state: str
    postal_code: str
    country: str


def same_address(a: Address, b: Address) -> bool:
    """Do both mean the same door?

    Ignored: case, accents, punctuation, spaces, usual abbreviations (St, Ave, N, Apt),
    where the unit is written (`Apt 5` on either line, `#5`, in Canada also `5-123 Main
    St`), the space in a Canadian postal code, a ZIP+4 against a plain ZIP, and a country
    that one of them leaves out. Everything else tells them apart, a missing unit too.
    """
    first, second = address_key(a), address_key(b)
    return (
        (first.unit, first.street, first.city, first.state)
        == (second.unit, second.street, second.city, second.state)
        and _same_postal_code(first.postal_code, second.postal_code)
        and (first.country == second.country or "" in (first.country, second.country))
    )


def is_deliverable(address: Address) -> bool:
    """Does it name a street and a town at all? A blank address must never replace a real one."""
    return bool(address.line1.strip() and address.city.strip())


def address_key(address: Address) -> AddressKey:
    """The address in the one spelling used for comparing."""
    country = " ".join(address.country.upper().replace(".", "").split())
    country = _COUNTRIES.get(country, country)
    units: list[str] = []
    streets: list[str] = []
    for line in (address.line1, address.line2):
        unit, street = _split_unit(_plain(line), country)
        units += [unit] if unit else []
        streets += [street] if street else []
    # A line that holds nothing but a bare number or letter ("5", "B") under a street is a unit.
    if len(streets) == 2 and not units and re.fullmatch(r"\d{1,5}[a-z]?|[a-z]", streets[1]):
        units.append(streets.pop())
    return AddressKey(
        unit=" ".join(units),
        street=" ".join(_short_street(each) for each in streets),
        city=_plain(address.city).replace("-", " "),
        state=state_code(address.state),
        postal_code=_postal_code(address.postal_code),
        country=country,
    )


def state_code(text: str) -> str:
    """The short code in capitals, without a country before it: `us-co` → `CO`."""
    code = text.strip().upper()
    return code[3:] if re.fullmatch(r"(US|CA)-[A-Z]{2}", code) else code


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    unaccented = "".join(each for each in decomposed if not unicodedata.combining(each))
    without_marks = re.sub(r"[.'\u2019]", "", unaccented)
    spaced = re.sub(r"[^\w\s/#-]", " ", without_marks)
    return " ".join(re.sub(r"#", " # ", spaced).split())


def _split_unit(line: str, country: str) -> tuple[str, str]:
    # In the United States 45-12 is a house number (Queens), not apartment 45 at number 12.
    canadian = _CANADIAN_UNIT.fullmatch(line) if country == "CA" else None
    if canadian is not None:
        return canadian["unit"], canadian["rest"]
    match = _UNIT.search(line)
    if match is not None:
        rest = f"{line[: match.start()]} {line[match.end() :]}"
        return match["unit"], " ".join(word for word in rest.split() if word not in "#-")
    return "", line


def _short_street(street: str) -> str:
    words = street.split()
    last = len(words) - 1
    for index, word in enumerate(words):
        # "North St" and "N St" can be two streets of one town: a direction is shortened only
        # beside a name of its own. Same for a type that is itself the name ("Court St").
        is_type = index >= 2 and (index == last or words[index + 1] in _AFTER_TYPE)
        leads = index == 1 and last >= 3 and words[0][:1].isdigit() and words[2] not in _TYPES
        trails = index == last and index >= 3 and words[index - 1] in _SHORT_TYPES
        if word in _STREET_TYPES and is_type:
            words[index] = _STREET_TYPES[word]
        elif word in _DIRECTIONS and (leads or trails):
            words[index] = _DIRECTIONS[word]
    return " ".join(words)


_AFTER_TYPE = _SHORT_DIRECTIONS | _DIRECTIONS.keys()
_TYPES = _SHORT_TYPES | _STREET_TYPES.keys()


def _postal_code(text: str) -> str:
    compact = re.sub(r"[\s]+", "", text.casefold())
    without_hyphen = compact.replace("-", "")
    return without_hyphen if _CANADIAN_CODE.fullmatch(without_hyphen) else compact


def _same_postal_code(a: str, b: str) -> bool:
    if a == b:
        return True
    first, second = _US_CODE.fullmatch(a), _US_CODE.fullmatch(b)
    if first is None or second is None or first["zip"] != second["zip"]:
        return False
    return first["plus"] == second["plus"] or None in (first["plus"], second["plus"])
