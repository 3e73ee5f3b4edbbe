"""A customer of COVA as a candidate for the shopper (cova-api.md section 8.3)."""

from __future__ import annotations

from aiq_cova_plugin.domain.customer_matching import Candidate
from aiq_cova_plugin.schemas import records

PHONE = 1
EMAIL = 2
NOBODY = "00000000-0000-0000-0000-000000000000"
"""An empty id: some of COVA's answers say so instead of leaving it out."""


def candidate_from_cova(customer: records.Customer) -> Candidate:
    """The customer's phones, e-mail addresses, names and whether the record is still alive.

    A contact without a category counts as a phone when it has no `@`, as an e-mail address
    otherwise: matching compares whole values, so a wrong one simply matches nothing.
    """
    phones = [each.value for each in customer.contact_methods if _is_phone(each)]
    emails = [each.value for each in customer.contact_methods if _is_email(each)]
    return Candidate(
        customer_id=customer.id.lower(),
        phones=tuple(phones),
        emails=tuple(emails),
        first_name=customer.primary_name,
        last_name=customer.family_name,
        date_of_birth=customer.date_of_birth,
        is_disabled=customer.disabled,
        merged_into=_merged_into(customer),
    )


def _merged_into(customer: records.Customer) -> str | None:
    target = (customer.merged_into_customer_id or "").lower()
    return None if target in ("", NOBODY) else target


def _is_phone(contact: records.ContactMethod) -> bool:
    return contact.category_id == PHONE or (
        contact.category_id is None and "@" not in contact.value
    )


def _is_email(contact: records.ContactMethod) -> bool:
    return contact.category_id == EMAIL or (contact.category_id is None and "@" in contact.value)
