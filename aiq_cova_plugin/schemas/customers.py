"""Customers, their contact methods and addresses (cova-api.md section 8)."""

from __future__ import annotations

from typing import Any

from marshmallow import post_dump

from aiq_cova_plugin.schemas.base import Problem, RecordSchema
from aiq_cova_plugin.schemas.fields import Day, Guid, ListOf, Text, Whole, YesNo
from aiq_cova_plugin.schemas.records import (
    ContactMethod,
    Customer,
    CustomerAddress,
    NewCustomer,
)

PERSON = 2
"""`CustomerTypeId` of a person (section 8.4)."""


class ContactMethodSchema(RecordSchema[ContactMethod]):
    """A phone number or e-mail address."""

    record = ContactMethod
    noun = "a contact method"

    id = Guid("Id")
    category_id = Whole("ContactMethodCategoryId")
    type_id = Whole("ContactMethodTypeId")
    value = Text("Value", nothing="")
    version = Whole("Version")


class CustomerAddressSchema(RecordSchema[CustomerAddress]):
    """An address of a customer; not the address of a location, whose keys differ."""

    record = CustomerAddress
    noun = "an address"

    id = Guid("Id")
    address_type_id = Whole("AddressTypeId")
    street_address1 = Text("StreetAddress1", nothing="")
    street_address2 = Text("StreetAddress2", nothing="")
    locality = Text("Locality", nothing="")
    state_code = Text("StateCode", nothing="")
    country_code = Text("CountryCode", nothing="")
    postal_code = Text("PostalCode", nothing="")
    is_default = YesNo("Default")
    version = Whole("Version")

    @post_dump
    def _leave_out_empty_codes(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """An empty state or country is no code at all, so the key is left out."""
        return {
            key: value
            for key, value in data.items()
            if value is not None and not (key in {"StateCode", "CountryCode"} and value == "")
        }


class CustomerSchema(RecordSchema[Customer]):
    """A customer as CRM returns it (section 8.3).

    `Disabled` and `MergedIntoCustomerId` are vital: they decide whether this is still the
    person to write an order to.
    """

    record = Customer
    noun = "a customer"

    id = Guid("Id", required=True)
    primary_name = Text("PrimaryName", nothing="")
    family_name = Text("FamilyName", nothing="")
    date_of_birth = Day("DateOfBirth")
    disabled = YesNo("Disabled", nothing=False, vital=True)
    merged_into_customer_id = Guid("MergedIntoCustomerId", vital=True)
    version = Whole("Version")
    contact_methods = ListOf("ContactMethods", ContactMethodSchema(), nothing=())
    addresses = ListOf("Addresses", CustomerAddressSchema(), nothing=())


class NewCustomerSchema(RecordSchema[NewCustomer]):
    """What is sent to create a customer (section 8.4)."""

    record = NewCustomer
    noun = "a new customer"

    primary_name = Text("PrimaryName", nothing="")
    family_name = Text("FamilyName", nothing="")
    date_of_birth = Day("DateOfBirth")
    contact_methods = ListOf("ContactMethods", ContactMethodSchema(), nothing=())
    addresses = ListOf("Addresses", CustomerAddressSchema(), nothing=())

    @post_dump
    def _complete(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add the customer type, the one key that CRM requires, and mark the first contact.

        `DoNotContact` is left out on purpose: its default is true, and an order is no
        consent to marketing.
        """
        for position, contact in enumerate(data["ContactMethods"]):
            contact["Default"] = position == 0
        return {"CustomerTypeId": PERSON, **data}


def load_customer(raw: Any) -> tuple[Customer, tuple[Problem, ...]]:
    """Read one customer, with what had to be set aside. Raises ContractBroken."""
    return _CUSTOMER.gather(raw)


def load_address(raw: Any) -> CustomerAddress:
    """Read one address. Raises ContractBroken."""
    return _ADDRESS.read(raw)


def dump_new_customer(new: NewCustomer) -> dict[str, Any]:
    """The body of the call that creates a customer."""
    return dict(_NEW_CUSTOMER.dump(new))


def dump_address(address: CustomerAddress) -> dict[str, Any]:
    """The body of an address call; `Id` and `Version` only where the record has them."""
    return dict(_ADDRESS.dump(address))


_CUSTOMER = CustomerSchema()
_ADDRESS = CustomerAddressSchema()
_NEW_CUSTOMER = NewCustomerSchema()
