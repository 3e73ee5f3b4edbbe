"""Finds the order's customer in COVA by phone number, or creates one; never guesses.

One worker at a time handles one phone number of one company, so that two orders of a new
customer create one customer (cova-api.md section 8: always search before creating).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.customer_matching import (
    Ambiguous,
    Match,
    NoMatch,
    Wanted,
    choose_customer,
    merge_targets,
)
from aiq_cova_plugin.domain.phones import normalise_phone, search_spellings
from aiq_cova_plugin.errors import AmbiguousCustomer, MissingPhone, NotFound, Rejected
from aiq_cova_plugin.host import Order
from aiq_cova_plugin.mapping.candidate_from_cova import candidate_from_cova
from aiq_cova_plugin.mapping.customer_to_cova import new_customer
from aiq_cova_plugin.schemas.records import Customer
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.customers import (
    forget_customer,
    linked_customer,
    remember_customer,
)

_SEARCH_FIELD = "Phone"
_SEARCH_OPERATIONS = ("Equals", "Contains")
"""COVA's search tokens are not documented; these are tried in order (section 12)."""

_LONGEST_MERGE_CHAIN = 5

_HOW_FOUND = {
    "phone": "found by phone number",
    "email": "found by phone number and e-mail",
    "name": "found by phone number and name",
    "date_of_birth": "found by phone number and date of birth",
}


@dataclass(frozen=True)
class FoundCustomer:
    """The COVA customer an order goes to, and how it was found, in plain words."""

    customer: Customer
    how: str


def required_phone(order: Order, country: str) -> str:
    """The order's phone number in E.164. Raises `MissingPhone` when there is none to use."""
    raw = (order.customer.phone or "").strip()
    if not raw:
        raise MissingPhone(
            f"Order {order.number} has no phone number, and COVA finds customers by phone.",
            field="phone",
            fix="Ask the customer for a phone number, add it to the order and press Retry. "
            "Make the phone a required field at checkout.",
        )
    phone = normalise_phone(raw, country)
    if phone is None:
        raise MissingPhone(
            f"The phone number of order {order.number} is not a valid one.",
            field="phone",
            fix="Correct the phone number on the order and press Retry.",
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
) -> FoundCustomer:
    """The order's customer, found or created. `on_step(event, detail)` is called beforehand.

    Raises `MissingPhone`, `AmbiguousCustomer` when a person must choose, `LeaseHeld` when
    another order of the same phone is just being handled, and what the client raises.
    """
    phone = required_phone(order, country)
    digest = ctx.vault.digest(phone)
    with ctx.leases.hold(
        f"customer:{company_id}:{digest}",
        busy="Another order of the same customer is being sent right now.",
    ):
        search = _CustomerSearch(client, order, phone, country)
        found = _linked(ctx, search, company_id, digest) or search.find()
        if found is None:
            on_step("creating_customer", "No customer in COVA has this phone number.")
            address = order.delivery.address if order.delivery is not None else None
            created = client.create_customer(new_customer(order.customer, phone, address))
            found = FoundCustomer(created, "created in COVA")
        with ctx.database.short() as connection:
            remember_customer(
                connection, company_id, digest, found.customer.id, now=ctx.clock.now()
            )
    return found


def _linked(
    ctx: ServiceContext, search: _CustomerSearch, company_id: int, digest: str
) -> FoundCustomer | None:
    """The customer remembered for this phone, when COVA still says the same."""
    with ctx.database.short() as connection:
        customer_id = linked_customer(connection, company_id, digest)
    if customer_id is None:
        return None
    found = search.verify(customer_id)
    if found is None:
        with ctx.database.short() as connection:
            forget_customer(connection, company_id, digest)
    return found


class _CustomerSearch:
    def __init__(self, client: CovaClient, order: Order, phone: str, country: str) -> None:
        self._client = client
        self._order = order
        self._phone = phone
        self._wanted = Wanted(
            phone=phone,
            country=country,
            email=order.customer.email,
            first_name=order.customer.first_name,
            last_name=order.customer.last_name,
            date_of_birth=order.customer.date_of_birth,
        )

    def verify(self, customer_id: str) -> FoundCustomer | None:
        """The customer by id, if it is still there, enabled and has the phone."""
        customers = self._with_merge_targets({}, (customer_id,))
        chosen = self._choose(customers)
        if not isinstance(chosen, Match):
            return None
        return FoundCustomer(customers[chosen.customer_id], "known from an earlier order")

    def find(self) -> FoundCustomer | None:
        """The one customer with the phone; None when there is none."""
        customers = self._all_hits()
        chosen = self._choose(customers)
        if isinstance(chosen, Match):
            return FoundCustomer(
                customers[chosen.customer_id], _HOW_FOUND.get(chosen.decided_by, chosen.decided_by)
            )
        if isinstance(chosen, Ambiguous):
            raise AmbiguousCustomer(
                f"{len(chosen.customer_ids)} customers in COVA have the phone number of order "
                f"{self._order.number}, and nothing tells which one it is.",
                candidates=tuple(_told(customers[each]) for each in chosen.customer_ids),
                fix="Merge them in COVA, or choose the right one on the order's page; then "
                "press Retry.",
            )
        return None

    def _all_hits(self) -> dict[str, Customer]:
        """Every customer any spelling finds. One spelling's hit does not end the search:
        COVA keeps phone numbers as they were typed, so the next may find another person."""
        hits: dict[str, Customer] = {}
        for spelling in search_spellings(self._phone):
            for customer in self._search(spelling):
                hits.setdefault(customer.id, customer)
        return self._with_merge_targets(hits, ())

    def _search(self, spelling: str) -> tuple[Customer, ...]:
        refusals = 0
        for operation in _SEARCH_OPERATIONS:
            try:
                found = self._client.search_customers(
                    field=_SEARCH_FIELD, value=spelling, operation=operation
                )
            except Rejected:
                refusals += 1
                continue
            if found:
                return found
        if refusals < len(_SEARCH_OPERATIONS):
            return ()
        return self._client.search_customers_by_text(spelling)

    def _with_merge_targets(
        self, hits: dict[str, Customer], also: tuple[str, ...]
    ) -> dict[str, Customer]:
        """The hits and `also`, with the customers they were merged into."""
        wanted = also
        for _ in range(_LONGEST_MERGE_CHAIN):
            for customer_id in wanted:
                try:
                    customer = self._client.customer(customer_id)
                except NotFound:
                    continue
                hits[customer.id] = customer
            asked = set(wanted)
            targets = merge_targets([candidate_from_cova(each) for each in hits.values()])
            wanted = tuple(each for each in targets if each not in asked)
            if not wanted:
                break
        return hits

    def _choose(self, customers: dict[str, Customer]) -> Match | Ambiguous | NoMatch:
        return choose_customer(
            [candidate_from_cova(each) for each in customers.values()], self._wanted
        )


def _told(customer: Customer) -> dict[str, str]:
    """What tells a person which customer this is."""
    candidate = candidate_from_cova(customer)
    born = customer.date_of_birth
    return {
        "id": customer.id,
        "name": f"{customer.primary_name} {customer.family_name}".strip(),
        "email": ", ".join(candidate.emails),
        "date_of_birth": born.isoformat() if born is not None else "",
    }
