"""The push queue: every order on its way to COVA, its timeline, and the ways to rescue it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import abort, request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.services.overview import (
    HeldLine,
    OrderDetails,
    PossibleCustomer,
    order_details,
    orders_of,
    possible_customers,
    push_of,
)
from aiq_cova_plugin.services.rescue_orders import cancel_order, choose_customer, retry_order
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.htmx import is_htmx
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.view_models import (
    HOLD_WORDS,
    PUSH_WORDS,
    Moment,
    Words,
    event_words,
    quantity_text,
    words_of,
)

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
_MOVING = {PushState.QUEUED, PushState.SENDING, PushState.CHECKING}
_CUSTOMER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class OrderRow:
    """One order in a list."""

    push: Push
    number: str
    words: Words
    queued: Moment | None
    next_attempt: Moment | None
    can_retry: bool


@dataclass(frozen=True)
class StateTab:
    """A filter with its count; `state` is empty for all orders."""

    state: str
    label: str
    number: int
    is_current: bool


@dataclass(frozen=True)
class OrdersPage:
    """The queue, filtered. `number_found` counts those not shown as well."""

    rows: list[OrderRow]
    tabs: list[StateTab]
    state: str
    number_found: int


@dataclass(frozen=True)
class TimelineStep:
    """One thing that happened to an order."""

    words: Words
    detail: str
    at: Moment | None


@dataclass(frozen=True)
class OrderPage:
    """One order. `is_moving`: a worker is on it, so the page looks again by itself."""

    row: OrderRow
    details: OrderDetails
    steps: list[TimelineStep]
    lines: list[tuple[HeldLine, str, Words]]
    is_moving: bool
    poll_url: str
    candidates: list[PossibleCustomer]
    customer_id: str = ""
    customer_error: str = ""


@needs("view")
def list_orders(page: StorePage) -> ResponseReturnValue:
    state = request.args.get("state", "")
    state = state if state in set(PushState) else ""
    found, counts = orders_of(page.ctx, page.store.id, state or None)
    total = sum(counts.values())
    tabs = [StateTab("", "All", total, not state)] + [
        StateTab(each.value, PUSH_WORDS[each].label, counts.get(each, 0), each == state)
        for each in _STATES
        if counts.get(each) or each == state
    ]
    view = OrdersPage(
        order_rows(page, found), tabs, state, counts.get(state, 0) if state else total
    )
    return page.render("orders/page.html", view, section="orders")


@needs("view")
def show(page: StorePage, order_id: str) -> ResponseReturnValue:
    view = _order_page(page, order_id)
    if is_htmx():
        return page.fragment("order/_order.html", view)
    return page.render("order/page.html", view, section="order")


@needs("orders")
def retry(page: StorePage, order_id: str) -> ResponseReturnValue:
    retry_order(page.ctx, _push(page, order_id), by=page.actor)
    return _done(page, order_id, "The order is on its way to COVA again.")


@needs("orders")
def cancel(page: StorePage, order_id: str) -> ResponseReturnValue:
    """Take the order back from COVA; the shop's own order is the shop's business."""
    cancel_order(page.ctx, _push(page, order_id), by=page.actor)
    return _done(page, order_id, "The order is being taken back from COVA, its stock is free.")


@needs("orders")
def customer(page: StorePage, order_id: str) -> ResponseReturnValue:
    """Send the order to the COVA customer a person chose."""
    push = _push(page, order_id)
    typed = request.form.get("other_customer_id", "").strip()
    chosen = typed or request.form.get("cova_customer_id", "").strip()
    if not _CUSTOMER_ID.fullmatch(chosen):
        error = "Choose one of the customers, or paste the ID of another one from COVA."
        view = _order_page(page, order_id, customer_id=chosen, customer_error=error)
        if is_htmx():
            return page.fragment("order/_order.html", view, status=422)
        return page.render("order/page.html", view, section="order", status=422)
    choose_customer(page.ctx, push, chosen, by=page.actor)
    return _done(page, order_id, "The order goes to this customer; it is being sent again.")


def order_rows(page: StorePage, pushes: list[Push]) -> list[OrderRow]:
    """The orders in words, in the same order."""
    return [
        OrderRow(
            push=push,
            number=push.order_number or push.order_id,
            words=words_of(PUSH_WORDS, push.state),
            queued=page.when(push.queued_at),
            next_attempt=page.when(push.next_attempt_at),
            can_retry=OrderDetails(push, [], []).can_retry,
        )
        for push in pushes
    ]


def _order_page(
    page: StorePage, order_id: str, *, customer_id: str = "", customer_error: str = ""
) -> OrderPage:
    details = order_details(page.ctx, page.store.id, order_id)
    if details is None:
        abort(404)
    return OrderPage(
        row=order_rows(page, [details.push])[0],
        details=details,
        steps=[
            TimelineStep(event_words(step.event), step.detail, page.when(step.at))
            for step in reversed(details.events)
        ],
        lines=[
            (line, quantity_text(line.hold.quantity), _hold_words(line)) for line in details.lines
        ],
        is_moving=_is_moving(details.push),
        poll_url=page.url("order", order_id=order_id),
        # Personal data, so only for those who may act on it.
        candidates=possible_customers(page.ctx, details.push)
        if details.needs_customer and page.may("orders")
        else [],
        customer_id=customer_id,
        customer_error=customer_error,
    )


def _is_moving(push: Push) -> bool:
    """Is a worker on it, or about to be?"""
    return push.state in _MOVING or (push.state == PushState.IN_POS and push.cancel_requested)


def _hold_words(line: HeldLine) -> Words:
    if line.hold.state == "released":
        return Words("Released", "quiet", line.hold.reason)
    return words_of(HOLD_WORDS, line.hold.state)


def _push(page: StorePage, order_id: str) -> Push:
    push = push_of(page.ctx, page.store.id, order_id)
    if push is None:
        abort(404)
    return push


def _done(page: StorePage, order_id: str, text: str) -> ResponseReturnValue:
    if is_htmx():
        view = _order_page(page, order_id)
        return page.fragment("order/_order.html", view, toast=("ok", text))
    return page.go_to(page.url("order", order_id=order_id), notice=text)
