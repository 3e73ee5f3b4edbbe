"""Customers in COVA's words, both ways (sections 8.3 and 8.4)."""

from __future__ import annotations

from datetime import date
from typing import Any

from .customers import (
    ADDRESS_TYPES,
    CONTACT_CATEGORIES,
    CONTACT_TYPES,
    CUSTOMER_TYPES,
    Address,
    ContactMethod,
    Customer,
)
from .orders import new_id
from .wire import ApiError, Fields, read_time, wire_time

Document = dict[str, Any]
_STATES = {"CO": "Colorado", "CA": "California", "AB": "Alberta", "ON": "Ontario", "OR": "Oregon"}
_COUNTRIES = {"US": "United States", "CA": "Canada"}


def customer_full(customer: Customer) -> Document:
    """The whole customer with its addresses and contact methods (section 8.3)."""
    return {
        "Addresses": [address_json(address) for address in customer.addresses],
        "ContactMethods": [contact_json(contact) for contact in customer.contacts],
        "CustomerExtensions": list(customer.extensions),
        "RelatedCustomers": [],
        "MemberOf": [],
        "Documents": [],
        "MergedCustomers": list(customer.merged_ids),
        **customer_plain(customer),
    }


def customer_plain(customer: Customer) -> Document:
    """The customer alone, as `Customers` answers it."""
    born = customer.date_of_birth
    return {
        "PrimaryName": customer.first_name,
        "Title": customer.title,
        "AlternateName": customer.alternate_name,
        "MiddleName": customer.middle_name,
        "FamilyName": customer.last_name,
        "ReferralSource": customer.referral_source,
        "Notes": customer.notes,
        "UniqueIdentifier": customer.unique_identifier,
        "Id": customer.id,
        "CustomerTypeId": customer.type_id,
        "CustomerType": CUSTOMER_TYPES[customer.type_id],
        "DateOfBirth": None if born is None else f"{born.isoformat()}T00:00:00Z",
        "PricingGroupId": customer.pricing_group_id,
        "Disabled": customer.is_disabled,
        "DoNotContact": customer.do_not_contact,
        "Version": customer.version,
        "MergedIntoCustomerId": customer.merged_into_id,
        "LastModifiedDateUtc": wire_time(customer.modified_at),
    }


def address_json(address: Address) -> Document:
    """One address; state and country names are derived (section 8.4)."""
    return {
        "Id": address.id,
        "CustomerId": address.customer_id,
        "AddressTypeId": address.type_id,
        "AddressType": ADDRESS_TYPES[address.type_id],
        "AttentionTo": address.attention_to,
        "StreetAddress1": address.street1,
        "StreetAddress2": address.street2,
        "Locality": address.locality,
        "StateCode": address.state_code,
        "State": _STATES.get(address.state_code or ""),
        "CountryCode": address.country_code,
        "Country": _COUNTRIES.get(address.country_code or ""),
        "PostalCode": address.postal_code,
        "PostOfficeBoxNumber": address.post_office_box,
        "Phone": address.phone,
        "Email": address.email,
        "Notes": address.notes,
        "Default": address.is_default,
        "DoNotContact": address.do_not_contact,
        "Version": address.version,
    }


def contact_json(contact: ContactMethod) -> Document:
    """One contact method (section 8.4)."""
    return {
        "Id": contact.id,
        "CustomerId": contact.customer_id,
        "ContactMethodCategoryId": contact.category_id,
        "ContactMethodCategory": CONTACT_CATEGORIES[contact.category_id],
        "ContactMethodTypeId": contact.type_id,
        "ContactMethodType": CONTACT_TYPES[contact.category_id][contact.type_id],
        "Value": contact.value,
        "Default": contact.is_default,
        "DoNotContact": contact.do_not_contact,
        "Notes": contact.notes,
        "Version": contact.version,
    }


def read_customer(body: Fields, into: Customer) -> None:
    """Copy the customer's own properties out of a body, addresses excepted; 400 when wrong."""
    into.type_id = _choice(body, "CustomerTypeId", CUSTOMER_TYPES)
    into.first_name = body.text("PrimaryName")
    into.last_name = body.text("FamilyName")
    into.middle_name = body.text("MiddleName")
    into.alternate_name = body.text("AlternateName")
    into.title = body.text("Title")
    into.referral_source = body.text("ReferralSource")
    into.notes = body.text("Notes")
    into.unique_identifier = body.text("UniqueIdentifier")
    into.pricing_group_id = body.integer("PricingGroupId")
    into.date_of_birth = _date(body)
    into.is_disabled = body.flag("Disabled")
    # True unless told otherwise: a surprising default, but the documented one.
    into.do_not_contact = body.flag("DoNotContact", default=True)


def read_address(body: Fields, customer_id: str, into: Address | None = None) -> Address:
    """An address out of a body, a new one or over the old; 400 when it is not valid."""
    type_id = _choice(body, "AddressTypeId", ADDRESS_TYPES)
    if body.text("StateCode") and not body.text("CountryCode"):
        raise ApiError(400, "CountryCode is required when StateCode is given.")
    for key in ("CountryCode", "StateCode"):
        code = body.text(key)
        if code and not (code.isalpha() and 2 <= len(code) <= 3):
            raise ApiError(400, f"The value for {key} is not valid.")
    address = into or Address(id=new_id(), customer_id=customer_id, type_id=type_id, version=0)
    address.type_id = type_id
    address.street1 = body.text("StreetAddress1")
    address.street2 = body.text("StreetAddress2")
    address.locality = body.text("Locality")
    address.state_code = body.text("StateCode")
    address.country_code = body.text("CountryCode")
    address.postal_code = body.text("PostalCode")
    address.post_office_box = body.text("PostOfficeBoxNumber")
    address.attention_to = body.text("AttentionTo")
    address.phone = body.text("Phone")
    address.email = body.text("Email")
    address.notes = body.text("Notes")
    address.is_default = body.flag("Default")
    address.do_not_contact = body.flag("DoNotContact", default=True)
    address.version += 1
    return address


def read_contact(
    body: Fields, customer_id: str, into: ContactMethod | None = None
) -> ContactMethod:
    """A contact method out of a body, a new one or over the old; 400 when it is not valid."""
    category_id = _choice(body, "ContactMethodCategoryId", CONTACT_CATEGORIES)
    type_id = _choice(body, "ContactMethodTypeId", CONTACT_TYPES[category_id])
    value = body.text("Value")
    if not value:
        raise ApiError(400, "Value is required.")
    contact = into or ContactMethod(
        id=new_id(),
        customer_id=customer_id,
        category_id=category_id,
        type_id=type_id,
        value=value,
        version=0,
    )
    contact.category_id, contact.type_id, contact.value = category_id, type_id, value
    contact.is_default = body.flag("Default")
    contact.do_not_contact = body.flag("DoNotContact", default=True)
    contact.notes = body.text("Notes")
    contact.version += 1
    return contact


def _choice(body: Fields, key: str, choices: dict[int, Any]) -> int:
    value = body.integer(key)
    if value is None:
        raise ApiError(400, f"{key} is required.")
    if value not in choices:
        raise ApiError(400, f"The value {value} for {key} is not valid.")
    return value


def _date(body: Fields) -> date | None:
    text = body.text("DateOfBirth")
    if not text:
        return None
    moment = read_time(text)
    if moment is None:
        raise ApiError(400, "The value for DateOfBirth is not a date.")
    return moment.date()
