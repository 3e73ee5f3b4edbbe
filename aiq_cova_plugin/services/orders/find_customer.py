"""Searches COVA for an order's customer, by phone in every spelling, and says who it is.

Whom COVA sends in a form that cannot be read may be the shopper, or another one with the number:
then a single hit proves nothing, and no hit does not mean that there is nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from aiq_cova_plugin.domain.customer_search import SearchPlan, Sends, TextSearch
from aiq_cova_plugin.domain.phones import normalise_phone, search_spellings
from aiq_cova_plugin.errors import AmbiguousCustomer, ContractBroken, NotFound, Rejected
from aiq_cova_plugin.host import Order
from aiq_cova_plugin.mapping.candidate_from_cova import candidate_from_cova
from aiq_cova_plugin.schemas.records import Customer

_ENDING = 4
"""So many last digits stand together in almost every spelling of a number."""

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


def _wanted(order: Order, phone: str, country: str) -> Wanted:
    return Wanted(
        phone=phone,
        country=country,
        email=order.customer.email,
        first_name=order.customer.first_name,
        last_name=order.customer.last_name,
        date_of_birth=order.customer.date_of_birth,
    )


class CustomerSearch:
    """Looks for the order's customer in COVA; `found` are those the last search found."""

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
        self._unreadable: set[str | None] = set()
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
        """The one customer with the phone; None when there is certainly none.

        Raises `AmbiguousCustomer` when a person must choose.
        """
        customers = self._all_hits()
        chosen = self._choose(customers)
        if isinstance(chosen, NoMatch) and self._plan.text_search is not TextSearch.NEVER:
            # A COVA that does not know our search tokens may find nobody instead of refusing.
            customers = self._hits_by_text(customers, is_needed=False)
        # Whom we know of is one more to choose from, and no reason to search less.
        customers = self.found = self._read_by_id(self._known | customers)
        chosen = self._choose(customers)
        self._require_certainty(customers, chosen)
        if isinstance(chosen, Match):
            return FoundCustomer(
                customers[chosen.customer_id], _HOW_FOUND.get(chosen.decided_by, chosen.decided_by)
            )
        if isinstance(chosen, Ambiguous):
            raise AmbiguousCustomer(
                f"{len(chosen.customer_ids)} customers in COVA have the phone number of order "
                f"{self._order.number}, and nothing tells which one it is.",
                candidates=tuple(_told(customers[each]) for each in chosen.customer_ids),
                fix="Choose the right one on the order's page: the order is then sent at once. If "
                "they are the same person, merge them in COVA and press Retry.",
            )
        return None

    def _require_certainty(
        self, customers: dict[str, Customer], chosen: Match | Ambiguous | NoMatch
    ) -> None:
        """Raise `AmbiguousCustomer` when a customer that cannot be read may be the right one."""
        match = customers[chosen.customer_id] if isinstance(chosen, Match) else None
        doubtful = self._unreadable - ({match.id} if match is not None else set())
        if not doubtful or isinstance(chosen, Ambiguous):
            return
        if match is not None and self.is_surely_the_shopper(match):
            return
        raise AmbiguousCustomer(
            f"COVA's answer to the search for the customer of order {self._order.number} holds "
            "one that cannot be read, so nobody can be sure who it is.",
            candidates=() if match is None else (_told(match),),
            fix="Look the customer up in COVA and choose the right one on the order's page. If "
            "there is none yet, create it in COVA first.",
        )

    def _read_by_id(self, hits: dict[str, Customer]) -> dict[str, Customer]:
        """The hits, and those that only an answer of their own makes readable."""
        found = dict(hits)
        for customer_id in sorted(each for each in self._unreadable if each is not None):
            if customer_id in hits:
                continue
            try:
                customer = self._client.customer(customer_id)
            except NotFound:
                self._unreadable.discard(customer_id)
            except ContractBroken:
                continue
            else:
                self._unreadable.discard(customer_id)
                found[customer.id] = customer
        return found if len(found) == len(hits) else self._with_merge_targets(found, ())

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
                        field=question.field,
                        value=text,
                        operation=question.operation,
                        on_unreadable=self._unreadable.add,
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
                more = self._client.search_customers_by_text(
                    spelling, on_unreadable=self._unreadable.add
                )
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
