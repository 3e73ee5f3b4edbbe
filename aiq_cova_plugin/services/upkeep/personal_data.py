"""Hands out, or erases, what the plugin holds about one customer (docs/security.md).

A customer is found by phone number, as COVA finds them. The shop's own orders and COVA's own
records are not the plugin's: they are handed out and erased there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiq_cova_plugin.domain.phones import normalise_phone, same_phone
from aiq_cova_plugin.errors import MissingPhone, SecretsUnreadable
from aiq_cova_plugin.host import OrderNotFound, Store
from aiq_cova_plugin.services.audit import note
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import load_connection, require_store
from aiq_cova_plugin.store import outbox, personal
from aiq_cova_plugin.store.audit import forget
from aiq_cova_plugin.store.models import Connection, CustomerLink, Push


@dataclass
class _Held:
    """What one store's rows hold about the customer."""

    store: Store
    settings: Connection
    digests: tuple[str, ...]
    links: list[CustomerLink]
    pushes: list[Push] = field(default_factory=list)
    customer_ids: set[str] = field(default_factory=set)


def export_personal_data(
    ctx: ServiceContext, phone: str, store_id: str | None = None, *, by: str
) -> dict[str, Any]:
    """Everything the plugin holds about the customer with this phone number, decrypted.

    `customers` are the COVA customers the number was linked to, `orders` their orders with
    timeline, earlier addresses and what was known of who they might be. The act is on record,
    without the number. Raises `UnknownStore`, and `MissingPhone` for what is no phone number.
    """
    customers, orders = [], []
    for held in _held(ctx, phone, store_id):
        customers += [
            {
                "store_id": held.store.id,
                "company_id": link.company_id,
                "cova_customer_id": link.cova_customer_id,
                "verified_at": link.verified_at.isoformat(),
            }
            for link in held.links
        ]
        orders += [_order_document(ctx, push, held.customer_ids) for push in held.pushes]
        note(ctx, held.store.id, "personal_data_exported", by=by, orders=len(held.pushes))
    return {"customers": customers, "orders": orders}


def erase_personal_data(
    ctx: ServiceContext, phone: str, store_id: str | None = None, *, by: str
) -> dict[str, int]:
    """Forget the customer with this phone number; how many links, orders and values that was.

    Of finished orders the accounting stays: number, amounts, states and times. `open_orders`
    are still on their way and were left alone: erase again once they are finished. The act is
    on record, without the number. Raises as `export_personal_data`.
    """
    done = {"links": 0, "orders": 0, "values": 0, "open_orders": 0}
    for held in _held(ctx, phone, store_id):
        erased = dict.fromkeys(done, 0)
        finished = [push for push in held.pushes if push.finished_at is not None]
        erased["open_orders"] = len(held.pushes) - len(finished)
        for push in finished:
            with ctx.database.short() as connection:
                count = personal.erase_in_order(connection, push.id, held.customer_ids)
                count += forget(connection, push.store_id, push.order_id, held.customer_ids)
            erased["orders"] += bool(count)
            erased["values"] += count
        if held.settings.company_id is not None and not erased["open_orders"]:
            with ctx.database.short() as connection:
                erased["links"] = personal.erase_links(
                    connection, held.settings.company_id, held.digests
                )
        note(ctx, held.store.id, "personal_data_erased", by=by, erased=erased)
        for name, count in erased.items():
            done[name] += count
    return done


def _held(ctx: ServiceContext, phone: str, store_id: str | None) -> Iterator[_Held]:
    """What is held in each store that was ever connected, links looked up before any is erased."""
    stores = [require_store(ctx, store_id)] if store_id else list(ctx.host.stores())
    numbers = {store.id: normalise_phone(phone, store.country) for store in stores}
    if not any(numbers.values()):
        raise MissingPhone(
            "That is not a valid phone number.",
            field="phone",
            fix="Give it with its area code; with a plus and the country code if it is foreign.",
        )
    ctx.database.end_reading()
    found = []
    for store in stores:
        number, settings = numbers[store.id], load_connection(ctx, store.id)
        if number is not None and settings is not None:
            found.append(_look_up(ctx, store, settings, number))
    yield from found


def _look_up(ctx: ServiceContext, store: Store, settings: Connection, number: str) -> _Held:
    digests = ctx.vault.digests(number)
    links: list[CustomerLink] = []
    with ctx.database.short() as connection:
        if settings.company_id is not None:
            links = personal.links_of(connection, settings.company_id, digests)
        pushes = [
            push for piece in personal.pushes_in_pieces(connection, store.id) for push in piece
        ]
    # The link is a short cut that may be gone, so the shop is asked whose each order is.
    of_customer = [push for push in pushes if _is_of(ctx, push, store, number)]
    ctx.database.end_reading()
    ids = {link.cova_customer_id for link in links}
    ids |= {push.cova_customer_id for push in of_customer if push.cova_customer_id}
    known = {push.id for push in of_customer}
    of_customer += [
        push
        for push in pushes
        if push.id not in known and {push.cova_customer_id, push.chosen_customer_id} & ids
    ]
    return _Held(store, settings, digests, links, of_customer, ids)


def _is_of(ctx: ServiceContext, push: Push, store: Store, number: str) -> bool:
    try:
        order = ctx.host.get_order(push.store_id, push.order_id)
    except OrderNotFound:
        return False
    return same_phone(order.customer.phone, number, store.country)


def _order_document(ctx: ServiceContext, push: Push, customer_ids: set[str]) -> dict[str, Any]:
    with ctx.database.short() as connection:
        events = outbox.events_of(connection, push.id)
    candidates = _opened(ctx, push.candidates_encrypted) or []
    return {
        "store_id": push.store_id,
        "order_id": push.order_id,
        "order_number": push.order_number,
        "cova_order_id": push.cova_order_id,
        "cova_customer_id": push.cova_customer_id,
        "state": push.state,
        "queued_at": push.queued_at.isoformat(),
        "finished_at": push.finished_at.isoformat() if push.finished_at else None,
        "total": None if push.host_total is None else f"{push.host_total:.2f}",
        "payment_reference": push.payment_reference,
        "payment_last4": push.payment_last4,
        "phone_typed_by_staff": _opened(ctx, push.phone_encrypted),
        # The other people the order might have been for are none of this one's business.
        "possible_customers": [each for each in candidates if each.get("id") in customer_ids],
        "earlier_addresses": [
            opened
            for event in events
            if (opened := _opened(ctx, event.private_encrypted)) is not None
        ],
        "timeline": [
            {"at": event.at.isoformat(), "event": event.event, "detail": event.detail}
            for event in events
        ],
    }


def _opened(ctx: ServiceContext, sealed: str | None) -> Any:
    """What was kept encrypted; None when there is nothing, or no key fits any more."""
    if sealed is None:
        return None
    try:
        return json.loads(ctx.vault.decrypt(sealed))
    except SecretsUnreadable:
        return None
