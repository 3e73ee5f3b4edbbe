"""Addresses and contact methods of a customer, with `Version` as optimistic lock (8.5)."""

from __future__ import annotations

from flask import Blueprint, Response

from .api_customers import check_version, find_customer
from .customer_json import address_json, contact_json, read_address, read_contact
from .customers import Address, ContactMethod, Customer
from .wire import ApiError, answer, listing, not_found, query_integer, read_body, read_guid
from .world import World, the_world

blueprint = Blueprint("api_customer_parts", __name__)
_BASE = "/crm/v1/companies(<int:company>)/customers(<customer_id>)"


@blueprint.before_request
def _are_there() -> None:
    """Answer 404 or 405 where the gateway does not have these calls (section 12)."""
    switches = the_world().switches
    if not switches.address_resources_available:
        status = switches.missing_resource_status
        raise not_found() if status == 404 else ApiError(status, "Method not allowed.")


@blueprint.get(_BASE + "/addresses")
def addresses(company: int, customer_id: str) -> Response:
    """The customer's addresses."""
    world = the_world()
    skip, top = query_integer("$skip", 0), min(query_integer("$top", 50), 100)
    with world.state.lock:
        found = find_customer(world, customer_id)
        return listing([address_json(item) for item in found.addresses], skip=skip, top=top)


@blueprint.post(_BASE + "/addresses")
def add_address(company: int, customer_id: str) -> Response:
    """Add an address, 201."""
    world, body = the_world(), read_body()
    with world.state.lock:
        found = find_customer(world, customer_id)
        address = read_address(body, found.id)
        found.addresses.append(address)
        _one_default(found, address)
        found.modified_at = world.clock.now()
        return answer(address_json(address), 201)


@blueprint.get(_BASE + "/addresses(<address_id>)")
def address(company: int, customer_id: str, address_id: str) -> Response:
    """One address."""
    world = the_world()
    with world.state.lock:
        return answer(address_json(_address(find_customer(world, customer_id), address_id)))


@blueprint.put(_BASE + "/addresses(<address_id>)")
def update_address(company: int, customer_id: str, address_id: str) -> Response:
    """Replace an address; needs `CustomerId`, `AddressTypeId` and the current `Version`."""
    world, body = the_world(), read_body()
    with world.state.lock:
        found = find_customer(world, customer_id)
        old = _address(found, address_id)
        if body.guid("CustomerId") != found.id:
            raise ApiError(400, "CustomerId is required and must be the customer's.")
        check_version(world, body, old.version)
        read_address(body, found.id, into=old)
        _one_default(found, old)
        found.modified_at = world.clock.now()
        return answer(address_json(old))


@blueprint.delete(_BASE + "/addresses(<address_id>)")
def delete_address(company: int, customer_id: str, address_id: str) -> Response:
    """Remove an address, 204."""
    world = the_world()
    with world.state.lock:
        found = find_customer(world, customer_id)
        found.addresses.remove(_address(found, address_id))
        found.modified_at = world.clock.now()
    return Response(status=204)


@blueprint.get(_BASE + "/contactmethods")
def contact_methods(company: int, customer_id: str) -> Response:
    """The customer's contact methods."""
    world = the_world()
    skip, top = query_integer("$skip", 0), min(query_integer("$top", 50), 100)
    with world.state.lock:
        found = find_customer(world, customer_id)
        return listing([contact_json(item) for item in found.contacts], skip=skip, top=top)


@blueprint.post(_BASE + "/contactmethods")
def add_contact_method(company: int, customer_id: str) -> Response:
    """Add a contact method, 201."""
    world, body = the_world(), read_body()
    with world.state.lock:
        found = find_customer(world, customer_id)
        contact = read_contact(body, found.id)
        found.contacts.append(contact)
        found.modified_at = world.clock.now()
        return answer(contact_json(contact), 201)


@blueprint.get(_BASE + "/contactmethods(<contact_id>)")
def contact_method(company: int, customer_id: str, contact_id: str) -> Response:
    """One contact method."""
    world = the_world()
    with world.state.lock:
        return answer(contact_json(_contact(world, customer_id, contact_id)))


@blueprint.put(_BASE + "/contactmethods(<contact_id>)")
def update_contact_method(company: int, customer_id: str, contact_id: str) -> Response:
    """Replace a contact method; needs the current `Version`."""
    world, body = the_world(), read_body()
    with world.state.lock:
        old = _contact(world, customer_id, contact_id)
        check_version(world, body, old.version)
        read_contact(body, old.customer_id, into=old)
        find_customer(world, customer_id).modified_at = world.clock.now()
        return answer(contact_json(old))


@blueprint.delete(_BASE + "/contactmethods(<contact_id>)")
def delete_contact_method(company: int, customer_id: str, contact_id: str) -> Response:
    """Remove a contact method, 204."""
    world = the_world()
    with world.state.lock:
        found = find_customer(world, customer_id)
        found.contacts.remove(_contact(world, customer_id, contact_id))
        found.modified_at = world.clock.now()
    return Response(status=204)


def _address(customer: Customer, address_id: str) -> Address:
    wanted = read_guid(address_id)
    for item in customer.addresses:
        if item.id == wanted:
            return item
    raise not_found()


def _contact(world: World, customer_id: str, contact_id: str) -> ContactMethod:
    wanted = read_guid(contact_id)
    for item in find_customer(world, customer_id).contacts:
        if item.id == wanted:
            return item
    raise not_found()


def _one_default(customer: Customer, address: Address) -> None:
    """At most one address is the default one."""
    if address.is_default:
        for other in customer.addresses:
            other.is_default = other is address
