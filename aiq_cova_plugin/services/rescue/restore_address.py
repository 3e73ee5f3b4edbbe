"""Puts a customer's address back into COVA that an order's delivery address overwrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.addresses import same_address
from aiq_cova_plugin.errors import (
    IllegalMove,
    NotFound,
    Rejected,
    SecretsUnreadable,
    VersionConflict,
)
from aiq_cova_plugin.host import OrderNotFound
from aiq_cova_plugin.mapping.address_to_cova import address_from_cova
from aiq_cova_plugin.schemas.records import CustomerAddress
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.place_address import address_lease, address_text
from aiq_cova_plugin.services.stores import credentials_of, require_enabled
from aiq_cova_plugin.store import outbox, push_questions
from aiq_cova_plugin.store.models import Push, PushEvent

OVERWRITING, OVERWRITTEN, RESTORED = "overwriting_address", "address", "address_restored"

_TRIES = 3
_TEXTS = (
    "street_address1",
    "street_address2",
    "locality",
    "state_code",
    "country_code",
    "postal_code",
)


@dataclass(frozen=True)
class OldAddress:
    """What was overwritten: whose it is, and the address as COVA had it."""

    customer_id: str
    address: CustomerAddress


def restorable(events: list[PushEvent]) -> PushEvent | None:
    """The step of the timeline that keeps an address to put back; None without one.

    The first one since the last restoring: an order that was sent again overwrites its own
    address the second time, and what was there before is what is meant.
    """
    last = max((at for at, each in enumerate(events) if each.event == RESTORED), default=-1)
    return next(
        (
            each
            for each in events[last + 1 :]
            if each.event == OVERWRITING and each.private_encrypted
        ),
        None,
    )


def restore_address(ctx: ServiceContext, push: Push, *, by: str) -> None:
    """Give the customer in COVA the address back that this order overwrote.

    What COVA has instead is kept, encrypted, in the timeline. Raises `IllegalMove` when
    nothing was overwritten, it is no longer kept, or another open delivery order of the same
    customer needs the address that is there, `LeaseHeld` while one is just bringing its own, and
    what the client raises.
    """
    settings = require_enabled(ctx, push.store_id)
    with ctx.database.short() as connection:
        step = restorable(outbox.events_of(connection, push.id))
    if step is None:
        raise IllegalMove(
            f"Order {push.order_number} has overwritten no address that is still on record.",
            fix="Older addresses are deleted after the retention time; ask the customer.",
        )
    if push.company_id not in (None, settings.company_id):
        raise IllegalMove(
            f"Order {push.order_number} and its customer are in COVA company {push.company_id}, "
            f"and this store is connected to company {settings.company_id} now.",
            fix="Put the address back in COVA itself.",
        )
    old = _unsealed(ctx, step)
    ctx.database.end_reading()
    with (
        ctx.leases.hold(
            address_lease(settings.company_id or 0, old.customer_id),
            busy="An order of the same customer is just bringing its address to COVA.",
        ),
        ctx.open_client(credentials_of(ctx, settings)) as client,
    ):
        replaced = _put_back(client, old, lambda now: _require_unused(ctx, push, old, now))
    now = ctx.clock.now()
    sealed = ctx.vault.encrypt(address_text(old.customer_id, replaced)) if replaced else None
    with ctx.database.short() as connection:
        outbox.add_event(
            connection,
            push.id,
            RESTORED,
            f"{by} put the customer's earlier address back into COVA.",
            at=now,
            private_encrypted=sealed,
        )
    audit.note(ctx, push.store_id, "address_restored", push.order_id, by=by)


def _unsealed(ctx: ServiceContext, step: PushEvent) -> OldAddress:
    try:
        kept: dict[str, Any] = json.loads(ctx.vault.decrypt(step.private_encrypted or ""))
        return OldAddress(str(kept["customer_id"]), CustomerAddress(**kept["address"]))
    except (ValueError, KeyError, TypeError) as exc:
        raise SecretsUnreadable(
            "The earlier address cannot be read any more.",
            fix="Ask the customer for it and change it in COVA.",
        ) from exc


def _require_unused(ctx: ServiceContext, push: Push, old: OldAddress, now: CustomerAddress) -> None:
    """Raise `IllegalMove` when another order's driver may go by the address COVA has now."""
    with ctx.database.short() as connection:
        others = push_questions.other_open_deliveries(connection, push.id, old.customer_id)
    if not others:
        return
    is_own = _is_going_to(ctx, push, now)
    in_the_way = [each for each in others if not is_own or _is_going_to(ctx, each, now)]
    if in_the_way:
        numbers = ", ".join(
            sorted({_name(each, seen_from=push) for each in in_the_way}, key=str.casefold)
        )
        raise IllegalMove(
            f"The customer has other delivery orders on their way ({numbers}), and the address "
            "COVA has now may be theirs.",
            fix="Put the earlier address back when they are delivered.",
        )


def _name(push: Push, *, seen_from: Push) -> str:
    """Staff read the numbers of their own store's orders alone."""
    if push.store_id != seen_from.store_id:
        return "at another store"
    return push.order_number or push.order_id


def _is_going_to(ctx: ServiceContext, push: Push, address: CustomerAddress) -> bool:
    try:
        order = ctx.host.get_order(push.store_id, push.order_id)
    except OrderNotFound:
        return False
    finally:
        ctx.database.end_reading()
    if order.delivery is None:
        return False
    return same_address(address_from_cova(address), order.delivery.address)


def _put_back(
    client: CovaClient, old: OldAddress, check: Callable[[CustomerAddress], None]
) -> CustomerAddress | None:
    """Write the old address over the one of the same id, as COVA has it now; what was there.

    `check` is asked before that and raises when it must not be.
    None when COVA had nothing to overwrite (then it is added) or has the old one already.
    A record that changed in COVA meanwhile is read again.
    """
    for attempt in range(1, _TRIES + 1):
        customer = client.customer(old.customer_id)
        now = next((each for each in customer.addresses if each.id == old.address.id), None)
        try:
            if now is None:
                if any(_is_same(each, old.address) for each in customer.addresses):
                    return None
                client.add_address(customer.id, replace(old.address, id=None, version=None))
                return None
            if _is_same(now, old.address):
                return None
            check(now)
            client.update_address(customer.id, replace(old.address, version=now.version))
        except NotFound:
            if attempt == _TRIES:
                raise
        except Rejected as exc:
            # A stale version may be answered with a plain 400 as well (cova-api.md section 8.5).
            is_stale = isinstance(exc, VersionConflict) or exc.status == 400
            if not is_stale or attempt == _TRIES:
                raise
        else:
            return now
    return None


def _is_same(one: CustomerAddress, other: CustomerAddress) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _TEXTS)
