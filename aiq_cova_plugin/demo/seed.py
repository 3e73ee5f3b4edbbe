"""The invented dispensary group: two stores, their categories and two members of staff.

The stores are the two locations of the simulated COVA, so that an address, a phone number or a
zone is the same on both sides. The numbers are 555 numbers, which belong to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from werkzeug.security import generate_password_hash

from aiq_cova_plugin.demo.models import Category, StaffGrant, StaffUser, Store, db
from aiq_cova_plugin.demo.staff_access import ACTIONS

GROUP_NAME = "Green Harbour"
CATEGORIES = (
    "Flower",
    "Pre-Rolls",
    "Vaporizers",
    "Concentrates",
    "Edibles",
    "Beverages",
    "Tinctures",
    "Topicals",
    "Capsules",
    "Seeds",
    "Accessories",
    "Merchandise",
)


@dataclass(frozen=True)
class Login:
    """An invented member of staff, printed at start; `grants` maps store number → actions."""

    username: str
    password: str
    name: str
    role: str
    grants: dict[int, tuple[str, ...]]


MANAGER = Login(
    username="manager",
    password="harbour-light",
    name="Robin Quay",
    role="everything, in both stores",
    grants={1: ACTIONS, 2: ACTIONS},
)
BUDTENDER = Login(
    username="budtender",
    password="harbour-leaf",
    name="Sam Jetty",
    role="menu and orders of the first store",
    grants={1: ("view", "orders")},
)
LOGINS = (MANAGER, BUDTENDER)


def seed() -> None:
    """Put the group into an empty database; one that has stores already stays as it is."""
    if db.session.scalar(sa.select(sa.func.count(Store.id))):
        return
    db.session.add_all(
        [
            Store(
                id=1,
                slug="pier-street",
                name="Green Harbour Pier Street",
                street="12 Pier Street",
                city="Denver, CO",
                phone="(303) 555-0100",
                timezone="America/Denver",
                country="US",
                currency="USD",
                minimum_age=21,
                delivery_fee=Decimal("5.00"),
            ),
            Store(
                id=2,
                slug="mill-road",
                name="Green Harbour Mill Road",
                street="480 Mill Road",
                city="Boulder, CO",
                phone="(303) 555-0147",
                timezone="America/Denver",
                country="US",
                currency="USD",
                minimum_age=21,
                delivery_fee=Decimal("7.50"),
                auto_confirms=False,
            ),
        ]
    )
    db.session.flush()
    for store_id in (1, 2):
        for position, name in enumerate(CATEGORIES, start=1):
            db.session.add(Category(store_id=store_id, name=name, position=position))
    for login in LOGINS:
        db.session.add(
            StaffUser(
                username=login.username,
                name=login.name,
                password_hash=generate_password_hash(login.password),
                grants=[
                    StaffGrant(store_id=store_id, action=action)
                    for store_id, actions in login.grants.items()
                    for action in actions
                ],
            )
        )
    db.session.commit()
