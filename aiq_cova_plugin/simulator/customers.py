"""A customer of the CRM with addresses and contact methods (section 8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

CUSTOMER_TYPES = {1: "None", 2: "Person", 3: "Company"}
ADDRESS_TYPES = {1: "None", 2: "Home", 3: "Shipping", 4: "Office", 5: "Other"}
CONTACT_CATEGORIES = {1: "Phone", 2: "Email", 3: "Other"}
CONTACT_TYPES = {
    1: {
        1: "Home",
        2: "Work",
        3: "Mobile",
        4: "Company",
        5: "Pager",
        6: "Home fax",
        7: "Work fax",
        8: "Other",
    },
    2: {9: "Home", 10: "Work", 11: "Other"},
    3: {12: "Website", 13: "Skype", 14: "Twitter", 15: "Facebook", 16: "LinkedIn", 17: "Other"},
}
PHONE, EMAIL = 1, 2


@dataclass(kw_only=True)
class Address:
    """An address; `version` is its optimistic lock (section 8.5)."""

    id: str
    customer_id: str
    type_id: int
    street1: str | None = None
    street2: str | None = None
    locality: str | None = None
    state_code: str | None = None
    country_code: str | None = None
    postal_code: str | None = None
    post_office_box: str | None = None
    attention_to: str | None = None
    phone: str | None = None
    email: str | None = None
    notes: str | None = None
    is_default: bool = False
    do_not_contact: bool = True
    version: int = 1


@dataclass(kw_only=True)
class ContactMethod:
    """A phone number, an e-mail address or the like; the value is free text (section 8.2)."""

    id: str
    customer_id: str
    category_id: int
    type_id: int
    value: str
    is_default: bool = False
    do_not_contact: bool = True
    notes: str | None = None
    version: int = 1


@dataclass(kw_only=True)
class Customer:
    """A customer; it may be disabled, or merged into another one (section 8.3)."""

    id: str
    type_id: int
    modified_at: datetime
    first_name: str | None = None
    last_name: str | None = None
    middle_name: str | None = None
    alternate_name: str | None = None
    title: str | None = None
    referral_source: str | None = None
    notes: str | None = None
    unique_identifier: str | None = None
    date_of_birth: date | None = None
    pricing_group_id: int | None = None
    is_disabled: bool = False
    do_not_contact: bool = True
    version: int = 1
    merged_into_id: str | None = None
    merged_ids: list[str] = field(default_factory=list)
    extensions: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    contacts: list[ContactMethod] = field(default_factory=list)

    def contact_values(self, category_id: int) -> list[str]:
        """The raw values of one category, in order."""
        return [contact.value for contact in self.contacts if contact.category_id == category_id]

    @property
    def full_name(self) -> str:
        """First and last name, as far as there are any."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)

    def to_dict(self) -> dict[str, Any]:
        """A plain copy for assertions."""
        return {
            "id": self.id,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "phones": self.contact_values(PHONE),
            "emails": self.contact_values(EMAIL),
            "addresses": [
                {
                    "id": address.id,
                    "type_id": address.type_id,
                    "street1": address.street1,
                    "street2": address.street2,
                    "city": address.locality,
                    "state_code": address.state_code,
                    "country_code": address.country_code,
                    "postal_code": address.postal_code,
                    "is_default": address.is_default,
                    "version": address.version,
                }
                for address in self.addresses
            ],
            "date_of_birth": None if self.date_of_birth is None else self.date_of_birth.isoformat(),
            "notes": self.notes,
            "disabled": self.is_disabled,
            "merged_into_id": self.merged_into_id,
            "version": self.version,
        }
