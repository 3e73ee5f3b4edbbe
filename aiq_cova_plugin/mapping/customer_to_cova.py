"""A shopper who is not in COVA yet, as a new customer (cova-api.md section 8.4)."""

from __future__ import annotations

import re

from aiq_cova_plugin.domain.addresses import is_deliverable
from aiq_cova_plugin.domain.orders import Address, Customer
from aiq_cova_plugin.domain.phones import search_spellings
from aiq_cova_plugin.mapping.address_to_cova import address_to_cova
from aiq_cova_plugin.schemas import records

PHONE, MOBILE = 1, 3
EMAIL, HOME_EMAIL = 2, 9

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def new_customer(
    order_customer: Customer, e164: str, address: Address | None = None
) -> records.NewCustomer:
    """The customer to create; `e164` is the normalised phone number.

    The phone is stored in the first of `search_spellings`: ten digits in North America, as
    other integrators store it and staff type it, E.164 elsewhere. So our own next search
    finds it at the first attempt. What is no e-mail address, and an address without street
    or town, is left out.
    """
    spellings = search_spellings(e164)
    contacts = [_contact(PHONE, MOBILE, spellings[0] if spellings else e164)]
    email = (order_customer.email or "").strip()
    if _EMAIL.fullmatch(email):
        contacts.append(_contact(EMAIL, HOME_EMAIL, email))
    addresses: tuple[records.CustomerAddress, ...] = ()
    if address is not None and is_deliverable(address):
        addresses = (address_to_cova(address),)
    return records.NewCustomer(
        primary_name=" ".join((order_customer.first_name or "").split()),
        family_name=" ".join((order_customer.last_name or "").split()),
        date_of_birth=order_customer.date_of_birth,
        contact_methods=tuple(contacts),
        addresses=addresses,
    )


def _contact(category: int, kind: int, value: str) -> records.ContactMethod:
    return records.ContactMethod(id=None, category_id=category, type_id=kind, value=value)
