"""The shoppers: invented people with 555 phones, some odd, some shared, some known to COVA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Person:
    """`digits` is what the number really is; None when it is none a shop could ring."""

    first_name: str
    last_name: str
    spellings: tuple[str, ...]
    digits: str | None
    email: str | None = None

    def document(self, spelling: int = 0) -> dict[str, Any]:
        return {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "phone": self.spellings[spelling % len(self.spellings)],
            "email": self.email,
            "date_of_birth": "1990-04-01",
        }


PEOPLE = (
    Person("Nia", "Example", ("(303) 555-0150", "303-555-0150", "+1 303 555 0150"), "3035550150"),
    Person("Ben", "Example", ("3035550151", "1-303-555-0151"), "3035550151", "ben@example.com"),
    # Two people of one household share a phone that COVA does not know yet.
    Person("Lou", "Sample", ("303 555 0152",), "3035550152", "lou@example.com"),
    Person("Max", "Sample", ("(303)555-0152", "303.555.0152"), "3035550152"),
    # Known to COVA, spelt as it likes.
    Person("Ada", "Example", ("303-555-0111", "+13035550111"), "3035550111", "ada@example.com"),
    Person("Cleo", "Specimen", ("(303) 555 0113",), "3035550113"),
    Person("Esme", "O'Fixture", ("3035550115",), "3035550115"),
    # COVA has this phone twice; without the e-mail a person must decide.
    Person("Finn", "Duplicate", ("3035550116",), "3035550116", "finn@example.com"),
    Person("Flo", "Nobody", ("303-555-0116",), "3035550116"),
    # Disabled in COVA, and merged into another.
    Person("Gwen", "Disabled", ("3035550117",), "3035550117"),
    Person("Hal", "Merged", ("(303) 555-0118",), "3035550118"),
    # No number at all.
    Person("Odd", "Phone", ("ask at the door", "555-555-5555", "", "0118"), None),
)

ADDRESSES: tuple[dict[str, str], ...] = tuple(
    {
        "line1": f"{number} Invented Street",
        "line2": "" if number % 2 else "Apt 4",
        "city": "Denver",
        "state": "CO",
        "postal_code": "80202",
        "country": "US",
    }
    for number in (3, 14, 25)
)
