"""Who the simulated retailer is: invented ids and credentials (`cova-api.md` sections 2 and 3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Room:
    """A room that holds stock; only a selling room counts as sellable (section 4.7)."""

    id: int
    name: str
    location_id: int
    is_selling: bool


@dataclass(frozen=True, kw_only=True)
class Location:
    """A store of the retailer; the same integer is `LocationId` and `EntityId` (section 3)."""

    id: int
    name: str
    street: str
    city: str
    state_code: str
    state_name: str
    postal_code: str
    windows_zone: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """The onboarding package of one retailer. Every value is invented.

    Company, locations and rooms have ids of one space, as in section 3: a price may be set at the
    company's id as well as at a location's.
    """

    company_id: int = 730412
    company_name: str = "Green Harbour Demo"
    username: str = "Demo.COVA.APIUser.GreenHarbour"
    # A constant for a server on the loopback interface that guards nothing.
    password: str = "simulated-password"
    client_id: str = "GreenHarbour.Demo"
    client_secret: str = "simulated-client-secret"
    integrator_id: str = "5b1e9c40-7a1d-4c6e-9a51-0c0ffee00001"
    order_source: str = "Demo Online"
    delivery_fee_product_id: str = "de11fee0-0000-4000-8000-000000000001"
    locations: tuple[Location, ...] = (
        Location(
            id=730431,
            name="Green Harbour Pier Street",
            street="12 Pier Street",
            city="Denver",
            state_code="CO",
            state_name="Colorado",
            postal_code="80000",
            windows_zone="Mountain Standard Time",
            phone="(303) 555-0100",
        ),
        Location(
            id=730447,
            name="Green Harbour Mill Road",
            street="480 Mill Road",
            city="Boulder",
            state_code="CO",
            state_name="Colorado",
            postal_code="80001",
            windows_zone="Mountain Standard Time",
            phone="303.555.0147",
        ),
    )
    rooms: tuple[Room, ...] = (
        Room(id=731001, name="Sales floor", location_id=730431, is_selling=True),
        Room(id=731002, name="Online pick", location_id=730431, is_selling=True),
        Room(id=731003, name="Vault", location_id=730431, is_selling=False),
        Room(id=731011, name="Sales floor", location_id=730447, is_selling=True),
        Room(id=731013, name="Vault", location_id=730447, is_selling=False),
    )

    @property
    def location_ids(self) -> tuple[int, ...]:
        """The ids of the locations, the main one first."""
        return tuple(location.id for location in self.locations)

    def rooms_of(self, location_id: int) -> tuple[Room, ...]:
        """The rooms of one location, selling rooms first."""
        return tuple(room for room in self.rooms if room.location_id == location_id)

    def room(self, room_id: int) -> Room | None:
        """The room with that id, or None."""
        return next((room for room in self.rooms if room.id == room_id), None)
