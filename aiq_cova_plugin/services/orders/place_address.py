"""Puts a delivery order's address right on its customer in COVA.

Equal: nothing. None there: added. An old one: overwritten, and what it was is kept,
encrypted, in the order's timeline (mission, item 13).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.addresses import BESIDE, OVERWRITE
from aiq_cova_plugin.errors import Rejected, VersionConflict
from aiq_cova_plugin.host import Order
from aiq_cova_plugin.mapping.address_to_cova import (
    Add,
    Keep,
    Overwrite,
    address_to_cova,
    plan_address,
)
from aiq_cova_plugin.schemas.records import Customer, CustomerAddress

_TRIES = 3


@dataclass(frozen=True)
class Placed:
    """What was done in plain words; `has_written`: was anything of the customer's changed?"""

    said: str
    has_written: bool


def address_lease(company_id: int, customer_id: str) -> str:
    """The lease of who may change this customer's address, and say whose is there."""
    return f"address:{company_id}:{customer_id.lower()}"


def place_address(
    client: CovaClient,
    order: Order,
    customer: Customer,
    *,
    on_step: Callable[..., None],
    policy: str = OVERWRITE,
) -> Placed:
    """Make COVA's address of the customer the order's; what was done.

    `policy` is the store's choice for an old address: `overwrite` it, or add the new one
    `beside` it.

    `on_step(event, detail, private=…)` records the old address before it is overwritten.
    A record that changed in COVA meanwhile is read again and decided anew.
    Raises what the client raises; `VersionConflict` when it keeps changing.
    """
    if order.delivery is None:
        return Placed("", has_written=False)
    known = customer
    for attempt in range(1, _TRIES + 1):
        plan = plan_address(known.addresses, order.delivery.address)
        if policy == BESIDE and isinstance(plan, Overwrite):
            plan = Add(address_to_cova(order.delivery.address))
        try:
            return _carry_out(client, customer.id, plan, on_step)
        except Rejected as exc:
            # A stale version may be answered with a plain 400 as well (cova-api.md section 8.5).
            is_stale = isinstance(exc, VersionConflict) or exc.status == 400
            if not is_stale or not isinstance(plan, Overwrite) or attempt == _TRIES:
                raise
            known = client.customer(customer.id)
            if _version_of(plan.old, known) == plan.old.version:
                raise
    return Placed("", has_written=False)


def _version_of(address: CustomerAddress, customer: Customer) -> int | None:
    return next((each.version for each in customer.addresses if each.id == address.id), None)


def _carry_out(
    client: CovaClient,
    customer_id: str,
    plan: Keep | Add | Overwrite,
    on_step: Callable[..., None],
) -> Placed:
    match plan:
        case Keep():
            return Placed("COVA had the delivery address already.", has_written=False)
        case Add(new=new):
            client.add_address(customer_id, new)
            return Placed(
                "The delivery address was added to the customer in COVA.", has_written=True
            )
        case Overwrite(old=old, new=new):
            on_step(
                "overwriting_address",
                "The customer's address in COVA differs and is overwritten; the earlier one is "
                "kept on record.",
                private=address_text(customer_id, old),
            )
            client.update_address(customer_id, new)
            return Placed(
                "The customer's address in COVA was overwritten with the order's.",
                has_written=True,
            )


def address_text(customer_id: str, address: CustomerAddress) -> str:
    """The address as JSON text, to be kept encrypted and restored from."""
    return json.dumps({"customer_id": customer_id, "address": asdict(address)})
