"""Finding, creating and changing customers (section 8)."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Blueprint, Response, request

from .customer_json import (
    customer_full,
    customer_plain,
    read_address,
    read_contact,
    read_customer,
)
from .customers import EMAIL, PHONE, Customer
from .orders import new_id
from .wire import (
    ApiError,
    Fields,
    answer,
    listing,
    not_found,
    query_integer,
    read_body,
    read_guid,
    read_time,
)
from .world import World, the_world

blueprint = Blueprint("api_customers", __name__)
_BASE = "/crm/v1/companies(<int:company>)"
_CRITERIA = re.compile(r"^\s*Criteria\s+eq\s+'((?:[^']|'')*)'\s*$", re.IGNORECASE)
_MODIFIED = re.compile(r"^\s*LastModifiedDateUtc\s+(ge|gt)\s+datetime'([^']+)'\s*$", re.IGNORECASE)
_NAME_IS = re.compile(r"^\s*(PrimaryName|FamilyName)\s+eq\s+'((?:[^']|'')*)'\s*$", re.IGNORECASE)
DEFAULT_TOP, MAX_TOP = 50, 100


@blueprint.post(_BASE + "/search")
def search_customers(company: int) -> Response:
    """The vendor's search: all criteria must match (section 8.1)."""
    world = the_world()
    if not world.switches.search_available:
        raise not_found()
    body = read_body()
    criteria = body.objects("Criteria")
    if not criteria:
        raise ApiError(400, "At least one criteria is required.")
    with world.state.lock:
        tests = [_criterion(world, item) for item in criteria]
        found = [
            customer_full(customer)
            for customer in world.state.customers.values()
            if all(test(customer) for test in tests)
        ]
    echo = [
        {
            "Criteria": item.text("Criteria"),
            "Field": item.text("Field"),
            "Operation": item.text("Operation"),
        }
        for item in criteria
    ]
    return answer({"Id": 0, "Criteria": echo, "Results": found})


@blueprint.get(_BASE + "/customersearch")
def search_customers_by_filter(company: int) -> Response:
    """The platform's search over names, addresses, contacts and extensions (section 8.2)."""
    world = the_world()
    if not world.switches.customer_search_available:
        raise not_found()
    match = _CRITERIA.match(request.args.get("$filter", ""))
    if match is None:
        raise ApiError(400, "The filter must be Criteria eq '<text>'.")
    text = _unquoted(match.group(1))
    with world.state.lock:
        found = [
            {"Criteria": text, **customer_full(customer)}
            for customer in world.state.customers.values()
            if any(text.lower() in value.lower() for value in _searchable(customer))
        ]
    return listing(found)


@blueprint.get(_BASE + "/customerfull(<customer_id>)")
def customer(company: int, customer_id: str) -> Response:
    """One whole customer (section 8.3)."""
    world = the_world()
    with world.state.lock:
        return answer(customer_full(find_customer(world, customer_id)))


@blueprint.get(_BASE + "/customerfull")
def customers_changed(company: int) -> Response:
    """Whole customers, by `LastModifiedDateUtc ge datetime'...'` when filtered (section 8.3)."""
    world = the_world()
    text = request.args.get("$filter")
    match = None if text is None else _MODIFIED.match(text)
    since = None if match is None else read_time(match.group(2))
    if text is not None and since is None:
        raise ApiError(400, "The filter is not supported.")
    strictly = match is not None and match.group(1).lower() == "gt"
    with world.state.lock:
        found = [
            customer_full(item)
            for item in world.state.customers.values()
            if since is None
            or item.modified_at > since
            or (item.modified_at == since and not strictly)
        ]
    return listing(found)


@blueprint.get(_BASE + "/customers")
def customers(company: int) -> Response:
    """A page of plain customers; 50 by default, never more than 100 (section 8.3)."""
    world = the_world()
    skip = query_integer("$skip", 0)
    top = min(query_integer("$top", DEFAULT_TOP), MAX_TOP)
    text = request.args.get("$filter")
    match = None if text is None else _NAME_IS.match(text)
    if text is not None and match is None:
        raise ApiError(400, "The filter is not supported.")
    with world.state.lock:
        found = [
            customer_plain(item)
            for item in world.state.customers.values()
            if match is None or customer_plain(item)[_key(match)] == _unquoted(match.group(2))
        ]
    return listing(found, skip=skip, top=top)


@blueprint.post(_BASE + "/customerfull")
def create_customer(company: int) -> Response:
    """Create a customer with its addresses and contact methods (section 8.4)."""
    world, body = the_world(), read_body()
    now = world.clock.now()
    created = Customer(id=new_id(), type_id=0, modified_at=now)
    read_customer(body, created)
    created.addresses = [read_address(item, created.id) for item in body.objects("Addresses")]
    created.contacts = [read_contact(item, created.id) for item in body.objects("ContactMethods")]
    extensions = body.get("CustomerExtensions")
    created.extensions = list(extensions) if isinstance(extensions, list) else []
    with world.state.lock:
        world.state.customers[created.id] = created
        return answer(customer_full(created), world.switches.create_customer_status)


@blueprint.get(_BASE + "/customers(<customer_id>)")
def customer_plain_one(company: int, customer_id: str) -> Response:
    """One customer without addresses and contact methods (section 8.5)."""
    world = the_world()
    with world.state.lock:
        return answer(customer_plain(find_customer(world, customer_id)))


@blueprint.put(_BASE + "/customers(<customer_id>)")
def update_customer(company: int, customer_id: str) -> Response:
    """Replace a customer's own properties; needs the current `Version` (section 8.5)."""
    world, body = the_world(), read_body()
    with world.state.lock:
        found = find_customer(world, customer_id)
        check_version(world, body, found.version)
        # Read into a copy first, so that a bad property leaves the customer as it was.
        read_customer(body, Customer(id=found.id, type_id=0, modified_at=found.modified_at))
        read_customer(body, found)
        found.version += 1
        found.modified_at = world.clock.now()
        return answer(customer_plain(found))


@blueprint.delete(_BASE + "/customers(<customer_id>)")
def disable_customer(company: int, customer_id: str) -> Response:
    """Disable a customer; nothing is ever deleted (section 8.5)."""
    world = the_world()
    with world.state.lock:
        found = find_customer(world, customer_id)
        found.is_disabled = True
        found.version += 1
        found.modified_at = world.clock.now()
    return Response(status=204)


def find_customer(world: World, customer_id: str) -> Customer:
    """The customer with that GUID, or a 404."""
    found = world.state.customers.get(read_guid(customer_id) or "")
    if found is None:
        raise not_found()
    return found


def check_version(world: World, body: Fields, current: int) -> None:
    """Refuse a body whose `Version` is missing or stale (section 8.5)."""
    version = body.integer("Version")
    if version is None:
        raise ApiError(400, "Version is required.")
    if version != current:
        raise ApiError(
            world.switches.stale_version_status,
            f"The version {version} is not current; the record has been changed.",
        )


def _criterion(world: World, item: Fields) -> Callable[[Customer], bool]:
    """The test one criterion stands for; a token that is not accepted fails or finds nothing."""
    switches = world.switches
    field, operation = item.text("Field") or "", item.text("Operation") or ""
    known_fields = {name.lower() for name in switches.search_fields}
    known_operations = {name.lower() for name in switches.search_operations}
    if field.lower() not in known_fields or operation.lower() not in known_operations:
        if switches.unknown_search_token == "no_results":
            return _nobody
        raise ApiError(400, f"The field {field!r} or the operation {operation!r} is not valid.")
    is_phone = field.lower().startswith("phone")
    category = PHONE if is_phone else EMAIL
    text = item.text("Criteria") or ""
    if is_phone and switches.search_normalises_phone:
        digits = _last_ten(text)
        return lambda customer: (
            bool(digits)
            and any(_last_ten(value) == digits for value in customer.contact_values(category))
        )
    compare = _OPERATIONS.get(operation.lower(), _equals)
    return lambda customer: any(
        compare(value.lower(), text.lower()) for value in customer.contact_values(category)
    )


def _nobody(customer: Customer) -> bool:
    return False


def _equals(value: str, text: str) -> bool:
    return value == text


def _contains(value: str, text: str) -> bool:
    return text in value


def _starts_with(value: str, text: str) -> bool:
    return value.startswith(text)


_OPERATIONS: dict[str, Callable[[str, str], bool]] = {
    "equals": _equals,
    "contains": _contains,
    "startswith": _starts_with,
}


def _searchable(customer: Customer) -> list[str]:
    values = [
        customer.first_name,
        customer.middle_name,
        customer.last_name,
        customer.alternate_name,
        *(contact.value for contact in customer.contacts),
    ]
    for address in customer.addresses:
        values += [address.street1, address.street2, address.locality, address.postal_code]
    values += [str(extension.get("Value", "")) for extension in customer.extensions]
    return [value for value in values if value]


def _last_ten(text: str) -> str:
    return "".join(char for char in text if char.isdecimal())[-10:]


def _unquoted(text: str) -> str:
    return text.replace("''", "'")


def _key(match: re.Match[str]) -> str:
    return "PrimaryName" if match.group(1).lower() == "primaryname" else "FamilyName"
