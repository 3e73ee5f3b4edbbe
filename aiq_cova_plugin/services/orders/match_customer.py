"""Finds the order's customer in COVA by phone number, or creates one; never guesses.

One worker at a time handles one phone number of one company, so that two orders of a new
customer create one customer (cova-api.md section 8: always search before creating).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.customer_matching import (
    Ambiguous,
    Match,
    NoMatch,
    Wanted,
    choose_customer,
    is_same_shopper,
    is_surely,
    merge_targets,
)
from aiq_cova_plugin.domain.customer_search import (
    SearchPlan,
    Sends,
    TextSearch,
    plan_from_settings,
)
from aiq_cova_plugin.domain.phones import normalise_phone, search_spellings
from aiq_cova_plugin.errors import (
    AmbiguousCustomer,
    MissingPhone,
    NotFound,
    OutcomeUnknown,
    Rejected,
)
from aiq_cova_plugin.host import Order, OrderNotFound
from aiq_cova_plugin.mapping.candidate_from_cova import candidate_from_cova
from aiq_cova_plugin.mapping.customer_to_cova import new_customer
from aiq_cova_plugin.schemas.records import Customer
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.customers import (
    forget_customer,
    linked_customer,
    pushes_sent_to_chosen,
    remember_customer,
)

_ENDING = 4
"""So many last digits stand together in almost every spelling of a number."""

_LONGEST_MERGE_CHAIN = 5

_CREATION_TAKES_SECONDS = 35
"""How long COVA may work on a call it has not answered (cova-api.md section 9.2)."""

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
        look = _CustomerSearch(client, order, phone, country, plan_from_settings(search))
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
    look = _CustomerSearch(client, order, phone, country, plan_from_settings(search))
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
    ctx: ServiceContext, search: _CustomerSearch, company_id: int, digest: str
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


def _find(ctx: ServiceContext, search: _CustomerSearch) -> FoundCustomer | None:
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
    ctx: ServiceContext, search: _CustomerSearch, customer_ids: list[str]
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


def _wanted(order: Order, phone: str, country: str) -> Wanted:
    return Wanted(
        phone=phone,
        country=country,
        email=order.customer.email,
        first_name=order.customer.first_name,
        last_name=order.customer.last_name,
        date_of_birth=order.customer.date_of_birth,
    )


class _CustomerSearch:
    def __init__(
        self, client: CovaClient, order: Order, phone: str, country: str, plan: SearchPlan
    ) -> None:
        self._client = client
        self._order = order
        self._phone = phone
        self._plan = plan
        self._has_searched_text = False
        self._wanted = _wanted(order, phone, country)
        self._known: dict[str, Customer] = {}
        self.found: dict[str, Customer] = {}

    def look_up(self, customer_id: str) -> Customer | None:
        """The customer by id, if it is still there, enabled and has the phone."""
        self._known = self._with_merge_targets({}, (customer_id,))
        chosen = self._choose(self._known)
        return self._known[chosen.customer_id] if isinstance(chosen, Match) else None

    def follow(self, customer_id: str) -> Customer | None:
        """The customer by id, or the one it was merged into; None when COVA has none."""
        customers = self._with_merge_targets({}, (customer_id,))
        current = customers.get(customer_id.lower())
        for _ in range(_LONGEST_MERGE_CHAIN):
            target = candidate_from_cova(current).merged_into if current is not None else None
            if target is None:
                return current
            current = customers.get(target)
        return None

    def is_surely_the_shopper(self, customer: Customer) -> bool:
        return is_surely(candidate_from_cova(customer), self._wanted)

    def is_of_same_shopper(self, order: Order) -> bool:
        country = self._wanted.country
        phone = normalise_phone(order.customer.phone or "", country)
        return phone is not None and is_same_shopper(_wanted(order, phone, country), self._wanted)

    def candidates(self) -> tuple[dict[str, str], ...]:
        """Who has the phone, told to a person."""
        try:
            found = self.find()
        except AmbiguousCustomer as exc:
            return exc.candidates
        return (_told(found.customer),) if found is not None else ()

    def find(self) -> FoundCustomer | None:
        """The one customer with the phone; None when there is none."""
        customers = self._all_hits()
        chosen = self._choose(customers)
        if isinstance(chosen, NoMatch) and self._plan.text_search is not TextSearch.NEVER:
            # A COVA that does not know our search tokens may find nobody instead of refusing.
            customers = self._hits_by_text(customers, is_needed=False)
        # Whom we know of is one more to choose from, and no reason to search less.
        customers = self.found = self._known | customers
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
        """Every customer any question finds. One hit does not end the search: COVA keeps phone
        numbers as they were typed, so the next question may find another person."""
        hits: dict[str, Customer] = {}
        refused: Rejected | None = None
        is_answered = False
        for question in self._plan.questions:
            for text in self._texts(question.sends):
                try:
                    found = self._client.search_customers(
                        field=question.field, value=text, operation=question.operation
                    )
                except Rejected as exc:
                    refused = exc
                    continue
                is_answered = True
                hits |= {customer.id: customer for customer in found}
        if self._plan.text_search is TextSearch.NEVER:
            if refused is not None and not is_answered:
                raise refused
        elif not is_answered or self._plan.text_search is TextSearch.ALWAYS:
            return self._hits_by_text(hits, is_needed=not is_answered)
        return self._with_merge_targets(hits, ())

    def _texts(self, sends: Sends) -> tuple[str, ...]:
        """What a question looks for; nothing when the order does not say it."""
        if sends is Sends.ENDING:
            return (self._phone[-_ENDING:],)
        if sends is Sends.EMAIL:
            email = (self._wanted.email or "").strip()
            return (email,) if email else ()
        return tuple(search_spellings(self._phone))

    def _hits_by_text(self, hits: dict[str, Customer], *, is_needed: bool) -> dict[str, Customer]:
        """The hits and those of the platform's older search. Raises `Rejected` when that is
        refused and `is_needed`: nobody is created unless somebody was searched for."""
        found = dict(hits)
        if self._has_searched_text:
            return found
        self._has_searched_text = True
        for spelling in search_spellings(self._phone):
            try:
                more = self._client.search_customers_by_text(spelling)
            except Rejected:
                if is_needed:
                    raise
                break
            found |= {customer.id: customer for customer in more}
        return self._with_merge_targets(found, ())

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
