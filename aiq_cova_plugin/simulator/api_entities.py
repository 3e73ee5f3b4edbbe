"""The company's locations and its tree (section 3)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from .account import Location
from .wire import answer, not_found, wire_time
from .world import World, the_world

blueprint = Blueprint("api_entities", __name__)
_BASE = "/entitymanager/v1/companies(<int:company>)"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@blueprint.get(_BASE + "/locations")
def locations(company: int) -> Response:
    """All locations, a plain array."""
    world = the_world()
    return answer([_location(world, location) for location in world.account.locations])


@blueprint.get(_BASE + "/locations(<int:location>)")
def location(company: int, location: int) -> Response:
    """One location."""
    world = the_world()
    for item in world.account.locations:
        if item.id == location:
            return answer(_location(world, item))
    raise not_found()


@blueprint.get(_BASE + "/tree")
def company_tree(company: int) -> Response:
    """The company as the root of a tree with its locations below."""
    account = the_world().account
    return answer(
        {
            "Id": account.company_id,
            "Name": account.company_name,
            "Description": "",
            "Role": "Company",
            "Nodes": [
                {
                    "Id": item.id,
                    "Name": item.name,
                    "Description": "",
                    "Role": "Location",
                    "Nodes": [],
                }
                for item in account.locations
            ],
        }
    )


def _location(world: World, item: Location) -> dict[str, Any]:
    created = wire_time(world.state.started_at.replace(year=2024, month=3, day=1))
    return {
        "LocationStatus": "Active",
        "LocationType": {"Id": 1, "Name": "Store"},
        "LocationSubType": None,
        "Address": {
            "AddressLine1": item.street,
            "AddressLine2": None,
            "City": item.city,
            "StateCode": item.state_code,
            "StateName": item.state_name,
            "CountryCode": "US",
            "CountryName": "United States",
            "Zip": item.postal_code,
        },
        "Contacts": [],
        "StorePhoneNumbers": [{"Description": "Main", "Number": item.phone, "Extension": ""}],
        "Area": None,
        "StoreHours": {
            day: {"Open": {"Hour": 9, "Minute": 0}, "Close": {"Hour": 21, "Minute": 30}}
            for day in _DAYS
        },
        "Geography": None,
        "TimeZone": {"Id": item.windows_zone, "DaylightSavingTimeEnabled": True},
        "Id": item.id,
        "Name": item.name,
        "DisplayName": item.name,
        "Description": "",
        "Roles": [{"Name": "Location"}],
        "Role": "Location",
        "SortName": item.name.lower(),
        "Attributes": {},
        "Relationships": [],
        "Version": 3,
        "CreatedUtc": created,
        "LastModifiedUtc": created,
        "CorrelationId": None,
        "ClientEntityId": None,
        "TypeId": 1,
        "Logo": None,
        "Website": None,
    }
