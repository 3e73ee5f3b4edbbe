"""An order's delivery address against those a customer has in COVA (mission item 13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiq_cova_plugin.domain.addresses import is_deliverable, same_address, state_code
from aiq_cova_plugin.domain.orders import Address
from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.schemas import records

NO_TYPE, HOME, SHIPPING = 1, 2, 3

_TYPE_RANK = {SHIPPING: 0, HOME: 1, NO_TYPE: 2, None: 2}
"""Address types we may write over, most fitting first; office and other ones are not here."""


@dataclass(frozen=True)
class Keep:
    """COVA has the address already: nothing is done."""

    address: records.CustomerAddress


@dataclass(frozen=True)
class Add:
    """COVA has none that a delivery goes to: add this one."""

    new: records.CustomerAddress


@dataclass(frozen=True)
class Overwrite:
    """Write `new` over `old`, keeping `old` on record; ids and version are `old`'s."""

    old: records.CustomerAddress
    new: records.CustomerAddress


AddressPlan = Keep | Add | Overwrite


def plan_address(existing: Sequence[records.CustomerAddress], wanted: Address) -> AddressPlan:
    """What to do about the customer's addresses so that COVA has the order's.

    Equal to any of them (`domain.addresses.same_address`): keep. None there: add it as the
    default shipping address. An old one there: overwrite it. Of several, the default
    shipping address, else the first shipping one, else the default home address, else the
    first home one, else one without a type. An office or other address is never written
    over; a customer who has only such gets the new one added.

    Raises NeedsOperator when `wanted` has no street or no town: a blank address must not
    replace a real one.
    """
    if not is_deliverable(wanted):
        raise NeedsOperator(
            "The order is for delivery, but its address has no street or no town.",
            fix="Complete the address of the order in the shop, then press Retry.",
            field="delivery address",
        )
    for address in existing:
        if same_address(address_from_cova(address), wanted):
            return Keep(address)
    replaceable = [each for each in existing if each.address_type_id in _TYPE_RANK]
    if not replaceable:
        return Add(address_to_cova(wanted))
    # `min` takes the first of equals, so COVA's order decides between two alike.
    old = min(replaceable, key=lambda each: (_TYPE_RANK[each.address_type_id], not each.is_default))
    new = replace(
        address_to_cova(wanted),
        id=old.id,
        version=old.version,
        address_type_id=old.address_type_id or SHIPPING,
    )
    return Overwrite(old, new)


def address_to_cova(address: Address) -> records.CustomerAddress:
    """A new default shipping address; state and country as short codes in capitals."""
    return records.CustomerAddress(
        id=None,
        address_type_id=SHIPPING,
        street_address1=address.line1.strip(),
        street_address2=address.line2.strip(),
        locality=address.city.strip(),
        state_code=state_code(address.state),
        country_code=address.country.strip().upper(),
        postal_code=address.postal_code.strip(),
        is_default=True,
    )


def address_from_cova(address: records.CustomerAddress) -> Address:
    """COVA's address in the shop's words."""
    return Address(
        line1=address.street_address1,
        line2=address.street_address2,
        city=address.locality,
        state=address.state_code,
        postal_code=address.postal_code,
        country=address.country_code,
    )
