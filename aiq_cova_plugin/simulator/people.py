"""Seeded customers: duplicates, untidy phone numbers, a disabled and a merged one (section 8).

All of them are invented; numbers are from the range 555-01xx that is kept for fiction.
"""

from __future__ import annotations

import random
import uuid
from datetime import date, datetime, timedelta

from .customers import Address, ContactMethod, Customer
from .state import State

#: first name, last name, phone as typed, e-mail, disabled
_PEOPLE = (
    ("Ada", "Example", "(303) 555-0111", "ada@example.com", False),
    ("Bram", "Sample", "3035550112", "bram@example.com", False),
    ("Cleo", "Specimen", "+13035550113", "Cleo.Specimen@Example.com", False),
    ("Dov", "Placeholder", "303-555-0114", "dov@example.com", False),
    ("Esme", "O'Fixture", "303.555.0115 (evenings)", "esme@example.com", False),
    # The same phone twice, in two spellings: neither phone nor e-mail is unique.
    ("Finn", "Duplicate", "(303) 555-0116", "finn@example.com", False),
    ("Finn", "Duplicate", "303 555 0116", "finn.second@example.com", False),
    ("Gwen", "Disabled", "3035550117", "gwen@example.com", True),
    ("Hal", "Merged", "3035550118", "hal.old@example.com", True),
    ("Hal", "Merged", "3035550118", "hal@example.com", False),
    ("Ines", "Nomail", "1 303 555 0119", "", False),
)


def fill(state: State, *, seed: int, now: datetime) -> None:
    """Add the seeded customers; the first "Hal Merged" is merged into the second."""
    # A fixed seed is the point: this is scenery, not security.
    rng = random.Random(seed + 1)
    for number, (first, last, phone, email, disabled) in enumerate(_PEOPLE, start=1):
        customer = Customer(
            id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            type_id=2,
            modified_at=now - timedelta(days=number * 9, microseconds=number * 1000),
            first_name=first,
            last_name=last,
            date_of_birth=date(1980 + number, 1 + number % 12, 10),
            is_disabled=disabled,
        )
        for category, kind, value in ((1, 3, phone), (2, 9, email)):
            if value:
                customer.contacts.append(
                    ContactMethod(
                        id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                        customer_id=customer.id,
                        category_id=category,
                        type_id=kind,
                        value=value,
                        is_default=category == 1,
                    )
                )
        if number % 2:
            customer.addresses.append(
                Address(
                    id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                    customer_id=customer.id,
                    type_id=2 if number % 4 == 1 else 3,
                    street1=f"{number * 7} Invented Avenue",
                    locality="Denver",
                    state_code="CO",
                    country_code="US",
                    postal_code="80000",
                    is_default=True,
                )
            )
        state.customers[customer.id] = customer
    merged, survivor = (c for c in state.customers.values() if c.last_name == "Merged")
    merged.merged_into_id = survivor.id
    survivor.merged_ids.append(merged.id)
