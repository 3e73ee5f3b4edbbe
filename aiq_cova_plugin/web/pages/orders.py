"""The push queue: every order on its way to COVA, found, filtered, and sent again in bulk."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.mapping.order_to_cova import NO_FEE_PRODUCT
from aiq_cova_plugin.services.orders.push_row import PAUSED
from aiq_cova_plugin.services.rescue.retry_many import Cause, retry_cause
from aiq_cova_plugin.services.watch.show_orders import OrderDetails, is_held_back, orders_of
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.words.view_models import PUSH_WORDS, Moment, Words, counted, words_of

# The most urgent first; the same order as the tabs on the page.
_STATES = (
    PushState.NEEDS_ATTENTION,
    PushState.QUEUED,
    PushState.SENDING,
    PushState.CHECKING,
    PushState.IN_POS,
    PushState.COMPLETED,
    PushState.WITHDRAWN,
    PushState.CANCELLED,
)
_LONGEST_SEARCH = 100

PAUSED_WORDS = Words(
    "Paused", "attention", "Sync Orders is off: the order goes when it is switched on again."
)

CAUSES = {
    "MissingPhone": "No usable phone number",
    "AmbiguousCustomer": "Several customers in COVA have the phone number",
    "OutOfStock": "Sold out in COVA meanwhile",
    "UnmappedProduct": "A line or a fee has no product in COVA",
    "Rejected": "COVA refused the order",
    "NotFound": "COVA did not find something",
    "NotPermitted": "The API user may not do it",
    "BadCredentials": "COVA refused the log-in",
    "SentElsewhere": "Sent to another company or location",
    "MissingSetting": "A setting is missing",
    "ContractBroken": "COVA's answer made no sense",
    "NeedsOperator": "Something must be repaired first",
}


@dataclass(frozen=True)
class OrderRow:
    """One order in a list. `is_fee_missing`: it waits for the product of its delivery fee."""

    push: Push
    number: str
    words: Words
    queued: Moment | None
    next_attempt: Moment | None
    can_retry: bool
    is_fee_missing: bool = False


@dataclass(frozen=True)
class StateTab:
    """A filter with its count; `state` is empty for all orders."""

    state: str
    label: str
    number: int
    is_current: bool
    url: str


@dataclass(frozen=True)
class CauseGroup:
    """Orders with the same trouble, in staff's words. `links` are (number, address) of the
    first few, `more` counts the rest."""

    cause: Cause
    label: str
    links: list[tuple[str, str]]
    more: int
    can_retry: bool


@dataclass(frozen=True)
class OrdersPage:
    """The queue, filtered. `number_found` counts those on other pages as well."""

    rows: list[OrderRow]
    tabs: list[StateTab]
    causes: list[CauseGroup]
    state: str
    search: str
    number_found: int
    page: int
    pages: int
    previous_url: str
    next_url: str
    is_paused: bool


@needs("view")
def list_orders(page: StorePage) -> ResponseReturnValue:
    state = request.args.get("state", "")
    state = state if state in set(PushState) else ""
    search = request.args.get("q", "").strip()[:_LONGEST_SEARCH]
    wanted = request.args.get("page", 1, type=int)
    found = orders_of(page.ctx, page.store.id, state or None, search=search, page=wanted)

    def url_of(number: int) -> str:
        if not 1 <= number <= found.pages:
            return ""
        return page.url("orders", state=state or None, q=search or None, page=number)

    view = OrdersPage(
        rows=order_rows(page, found.orders, is_paused=found.is_paused),
        tabs=_tabs(page, found.counts, state),
        causes=[_group(page, each) for each in found.causes]
        if state in ("", PushState.NEEDS_ATTENTION) and not search
        else [],
        state=state,
        search=search,
        number_found=found.number_found,
        page=found.page,
        pages=found.pages,
        previous_url=url_of(found.page - 1),
        next_url=url_of(found.page + 1),
        is_paused=found.is_paused,
    )
    return page.render("orders/page.html", view, section="orders")


@needs("orders")
def retry_many(page: StorePage) -> ResponseReturnValue:
    """Send all orders with one trouble again, or all that need a person."""
    cause = request.form.get("cause", "")[:100]
    retried, left = retry_cause(page.ctx, page.store.id, cause or None, by=page.actor)
    text = (
        f"{counted(retried, 'order')} will be looked at again now, the oldest first."
        if retried
        else "No order waits for this any more."
    )
    if left:
        text += f" {counted(left, 'order')} could not be: they are being worked on."
    return page.go_to(page.url("orders"), notice=text)


def order_rows(page: StorePage, pushes: list[Push], *, is_paused: bool = False) -> list[OrderRow]:
    """The orders in words, in the same order."""
    return [
        OrderRow(
            push=push,
            number=push.order_number or push.order_id,
            words=PAUSED_WORDS
            if push.kind == PAUSED or (is_paused and is_held_back(push))
            else words_of(PUSH_WORDS, push.state),
            queued=page.when(push.queued_at),
            next_attempt=page.when(push.next_attempt_at),
            can_retry=OrderDetails(push, [], []).can_retry,
            is_fee_missing=push.kind == "UnmappedProduct" and NO_FEE_PRODUCT in push.reason,
        )
        for push in pushes
    ]


def _tabs(page: StorePage, counts: dict[str, int], state: str) -> list[StateTab]:
    tabs = [StateTab("", "All", sum(counts.values()), not state, page.url("orders"))]
    return tabs + [
        StateTab(
            each.value,
            PUSH_WORDS[each].label,
            counts.get(each, 0),
            each == state,
            page.url("orders", state=each.value),
        )
        for each in _STATES
        if counts.get(each) or each == state
    ]


def _group(page: StorePage, cause: Cause) -> CauseGroup:
    label = CAUSES.get(cause.kind) or "Something must be repaired first"
    links = [(number, page.url("order", order_id=each)) for each, number in cause.orders.items()]
    more = cause.number_of_orders - len(links)
    # Which customer it is must be chosen order by order.
    return CauseGroup(cause, label, links, more, can_retry=cause.kind != "AmbiguousCustomer")
