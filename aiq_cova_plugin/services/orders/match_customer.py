"""Finds the order's customer in COVA by phone number, or creates one; never guesses.

One worker at a time handles one phone number of one company, so that two orders of a new
customer create one customer (cova-api.md section 8: always search before creating).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.customer_search import plan_from_settings
from aiq_cova_plugin.domain.phones import normalise_phone
from aiq_cova_plugin.errors import (
    AmbiguousCustomer,
    MissingPhone,
    OutcomeUnknown,
)
from aiq_cova_plugin.host import Order, OrderNotFound
from aiq_cova_plugin.mapping.customer_to_cova import new_customer
from aiq_cova_plugin.schemas.records import Customer
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.find_customer import CustomerSearch, FoundCustomer
from aiq_cova_plugin.store.customers import (
    forget_customer,
    linked_customer,
    pushes_sent_to_chosen,
    remember_customer,
)

_CREATION_TAKES_SECONDS = 35
"""How long COVA may work on a call it has not answered (cova-api.md section 9.2)."""


def required_phone(order: Order, country: str) -> str:
    """The order's phone number in E.164. Raises `MissingPhone` when there is none to use."""
    raw = (order.customer.phone or "").strip()
    if not raw:
        raise MissingPhone(
            f"Order {order.number} has no phone number, and COVA finds customers by phone.",
            field="phone",
            fix="Ask the customer for a phone number and enter it on the order's page here: the "
            "order is then sent at once. Make the phone a required field at checkout.",
        )
    phone = normalise_phone(raw, country)
    if phone is None:
        raise MissingPhone(
            f"The phone number of order {order.number} is not a valid one.",
            field="phone",
            fix="Ask the customer and enter the number on the order's page here: the order is "
            "then sent at once.",
        )
    return phone


def match_customer(
    ctx: ServiceContext,
    client: CovaClient,
    order: Order,
    *,
    country: str,
    company_id: int,
    on_step: Callable[[str, str], None],
    search: Any = None,
) -> FoundCustomer:
    """The order's customer, found or created. `on_step(event, detail)` is called beforehand.

    `search` is the store's setting of how to look (`domain.customer_search`).

    Raises `MissingPhone`, `AmbiguousCustomer` when a person must choose, `LeaseHeld` when
    another order of the same phone is just being handled, and what the client raises.
    """
    phone = required_phone(order, country)
    digest = ctx.vault.digest(phone)
    with ctx.leases.hold(
        f"customer:{company_id}:{digest}",
        busy="Another order of the same customer is being sent right now.",
    ) as lease:
        look = CustomerSearch(client, order, phone, country, plan_from_settings(search))
        found = _linked(ctx, look, company_id, digest) or _find(ctx, look)
        if found is None:
            # The search may have taken long: whoever creates must still be the only one.
            ctx.leases.renew(lease)
            on_step("creating_customer", "No customer in COVA has this phone number.")
            created = _create(ctx, client, order, phone, name=f"{company_id}:{digest}")
            found = FoundCustomer(created, "created in COVA")
        with ctx.database.short() as connection:
            remember_customer(
                connection, company_id, digest, found.customer.id, now=ctx.clock.now()
            )
    return found


def _create(
    ctx: ServiceContext, client: CovaClient, order: Order, phone: str, *, name: str
) -> Customer:
    """The new customer. Raises `LeaseHeld` while COVA may still be at an earlier creation."""
    address = order.delivery.address if order.delivery is not None else None
    with ctx.leases.hold(
        f"create-customer:{name}",
        busy="COVA has not answered yet whether it created this customer. Before it may be "
        "asked again, it is looked for.",
    ) as lease:
        try:
            return client.create_customer(new_customer(order.customer, phone, address))
        except OutcomeUnknown:
            # Whoever searched before COVA is done would find nobody, and a second creation
            # would make two of one person.
            ctx.leases.leave_closed(lease, seconds=_CREATION_TAKES_SECONDS)
            raise


def chosen_customer(
    client: CovaClient, order: Order, customer_id: str, *, country: str, search: Any = None
) -> Customer:
    """The customer a person chose, or the one it was merged into since.

    Raises `AmbiguousCustomer`, with who else has the phone, when it is disabled or gone.
    """
    # A person's word needs no phone number; only looking for others does.
    phone = normalise_phone(order.customer.phone or "", country) or ""
    look = CustomerSearch(client, order, phone, country, plan_from_settings(search))
    customer = look.follow(customer_id)
    if customer is None or customer.disabled:
        what = "COVA no longer has" if customer is None else "COVA has disabled"
        raise AmbiguousCustomer(
            f"{what} the customer that was chosen for order {order.number}.",
            candidates=look.candidates() if phone else (),
            fix="Choose another customer on the order's page, or press Retry to have COVA's "
            "customers searched again.",
        )
    return customer


def _linked(
    ctx: ServiceContext, search: CustomerSearch, company_id: int, digest: str
) -> FoundCustomer | None:
    """The customer remembered for this phone, when COVA still says the same and it is
    surely the shopper: a household shares a number, so the number alone says too little."""
    with ctx.database.short() as connection:
        customer_id = linked_customer(connection, company_id, digest)
    if customer_id is None:
        return None
    known = search.look_up(customer_id)
    if known is None:
        with ctx.database.short() as connection:
            forget_customer(connection, company_id, digest)
        return None
    if not search.is_surely_the_shopper(known):
        return None
    return FoundCustomer(known, "known from an earlier order")


def _find(ctx: ServiceContext, search: CustomerSearch) -> FoundCustomer | None:
    """Search; where nothing tells several apart, what a person chose for the same shopper."""
    try:
        return search.find()
    except AmbiguousCustomer as exc:
        ids = [each["id"] for each in exc.candidates]
        customer_id = _chosen_earlier(ctx, search, ids)
        if customer_id is None:
            raise
        return FoundCustomer(search.found[customer_id], "chosen by a person for an earlier order")


def _chosen_earlier(
    ctx: ServiceContext, search: CustomerSearch, customer_ids: list[str]
) -> str | None:
    """Whom of these a person last chose for this very shopper, not for another of the household."""
    with ctx.database.short() as connection:
        pushes = pushes_sent_to_chosen(connection, customer_ids)
    try:
        for push in pushes:
            try:
                earlier = ctx.host.get_order(push.store_id, push.order_id)
            except OrderNotFound:
                continue
            if search.is_of_same_shopper(earlier):
                return push.chosen_customer_id
    finally:
        ctx.database.end_reading()
    return None
