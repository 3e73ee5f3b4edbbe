"""One order: where it stands, everything that happened to it, and the ways to rescue it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from flask import abort, request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.errors import MissingPhone
from aiq_cova_plugin.services.rescue.enter_by_hand import (
    LONGEST_NOTE,
    enter_by_hand,
    free_stock,
    say_sold,
)
from aiq_cova_plugin.services.rescue.enter_phone import enter_phone
from aiq_cova_plugin.services.rescue.rescue_orders import cancel_order, choose_customer, retry_order
from aiq_cova_plugin.services.rescue.restore_address import restore_address
from aiq_cova_plugin.services.statuses.poll_statuses import ask_about_order
from aiq_cova_plugin.services.watch.order_customers import (
    PossibleCustomer,
    Shopper,
    possible_customers,
    shopper_of,
)
from aiq_cova_plugin.services.watch.show_orders import (
    HeldLine,
    OrderDetails,
    order_details,
    push_of,
)
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.htmx import is_htmx
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.pages.orders import OrderRow, order_rows
from aiq_cova_plugin.web.words.timeline_words import plain_detail, plain_status
from aiq_cova_plugin.web.words.view_models import (
    HOLD_WORDS,
    Moment,
    Words,
    event_words,
    quantity_text,
    words_of,
)

_LONGEST_PHONE = 40
_MOVING = {PushState.QUEUED, PushState.SENDING, PushState.CHECKING}
_SOON = timedelta(seconds=60)
_OFTEN_SECONDS, _RARELY_SECONDS = 3, 15
"""How often a page looks again at an order whose next step is near, or farther away."""

_CANCEL_IN_SHOP = "The shop's own order stays as it is: cancel it there too."

_CUSTOMER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class TimelineStep:
    """One thing that happened to an order; `technical` is for whoever looks into it."""

    words: Words
    detail: str
    technical: str
    at: Moment | None


@dataclass(frozen=True)
class OrderPage:
    """One order.

    `poll_url` is asked every `poll_seconds` while a worker is on the order, and empty when it
    is settled or waits for a person. `is_poll`: this is the answer to such a question, and
    `has_other_words` whether the order has another state than the page shows. `typed` is dict: field → what a refused form had in it, `errors` what was wrong with it.
    """

    row: OrderRow
    details: OrderDetails
    steps: list[TimelineStep]
    lines: list[tuple[HeldLine, str, Words]]
    poll_url: str
    poll_seconds: int
    difference: str
    shopper: Shopper | None
    candidates: list[PossibleCustomer]
    typed: dict[str, str]
    errors: dict[str, str]
    is_poll: bool = False
    has_other_words: bool = True
    longest_note: int = LONGEST_NOTE

    @property
    def fix(self) -> str:
        """What to do, said by the page that it is done on."""
        here = self.details.push.fix.replace(" on the order's page here", " below")
        return here.replace(" on the order's page", " below")

    @property
    def cova_says(self) -> str:
        """COVA's status in plain words."""
        return plain_status(self.details.push.cova_status)

    @property
    def tax_on_top(self) -> Decimal | None:
        """What COVA adds to the shop's total as tax; None where it differs for another reason."""
        difference = self.details.total_difference
        is_tax = self.details.push.tax_pricing == "Exclusive"
        return difference if is_tax and difference is not None and difference > 0 else None

    @property
    def customer_id(self) -> str:
        return self.typed.get("cova_customer_id", "")

    @property
    def note(self) -> str:
        return self.typed.get("note", "")

    @property
    def phone(self) -> str:
        return self.typed.get("phone", "")

    def error_of(self, name: str) -> str:
        """What is wrong with what was typed into this field; empty when nothing is."""
        return self.errors.get(name, "")


@needs("view")
def show(page: StorePage, order_id: str) -> ResponseReturnValue:
    """The page; for htmx what has changed since it was shown."""
    state, _, offers = request.args.get("seen", "").partition(".")
    view = _order_page(page, order_id, seen_state=state)
    if not is_htmx():
        return page.render("order/page.html", view, section="order")
    if offers == _offers(view.details):
        # Nothing else to press: whoever types or reads on the page is left alone.
        return page.fragment("order/_poll.html", view)
    answer = page.fragment("order/_order.html", view)
    answer.headers["HX-Retarget"] = "#cova-order"
    answer.headers["HX-Reswap"] = "outerHTML"
    return answer


@needs("orders")
def retry(page: StorePage, order_id: str) -> ResponseReturnValue:
    done = retry_order(page.ctx, _push(page, order_id), by=page.actor)
    return _done(page, order_id, done)


@needs("orders")
def cancel(page: StorePage, order_id: str) -> ResponseReturnValue:
    """Take the order back from COVA; the shop's own order is the shop's business."""
    push = _push(page, order_id)
    cancel_order(page.ctx, push, by=page.actor)
    was_sent = OrderDetails(push, [], []).was_sent
    done = "The order is being taken back from COVA" if was_sent else "The order is not sent"
    return _done(page, order_id, f"{done}, its stock is free. {_CANCEL_IN_SHOP}")


@needs("orders")
def ask(page: StorePage, order_id: str) -> ResponseReturnValue:
    """Ask COVA now how the order stands."""
    push = _push(page, order_id)
    report = ask_about_order(page.ctx, push)
    if report.reasons:
        return _done(page, order_id, report.reasons[0])
    changed = "It has moved on." if report.changed else "Nothing has changed."
    return _done(page, order_id, f"COVA has answered. {changed}")


@needs("orders")
def by_hand(page: StorePage, order_id: str) -> ResponseReturnValue:
    """Somebody has entered the order at the register: it is finished here."""
    push = _push(page, order_id)
    note = request.form.get("note", "").strip()
    if len(note) > LONGEST_NOTE:
        error = f"Shorten the note to {LONGEST_NOTE} characters."
        return _refused(page, order_id, {"note": error}, typed={"note": note})
    sold = request.form.get("outcome") == "sold"
    if sold and push.state == PushState.COMPLETED:
        say_sold(page.ctx, push, by=page.actor)
        return _done(page, order_id, "The next stock reading counts what the register sold.")
    if request.form.get("outcome") == "freed":
        free_stock(page.ctx, push, by=page.actor)
        return _done(page, order_id, "The order's stock is for sale again.")
    enter_by_hand(page.ctx, push, by=page.actor, note=note, sold=sold)
    return _done(page, order_id, "The order counts as entered by hand. It is not sent any more.")


@needs("orders")
def give_address_back(page: StorePage, order_id: str) -> ResponseReturnValue:
    """Put the address back into COVA that this order overwrote."""
    restore_address(page.ctx, _push(page, order_id), by=page.actor)
    return _done(page, order_id, "The customer has the earlier address in COVA again.")


@needs("orders")
def customer(page: StorePage, order_id: str) -> ResponseReturnValue:
    """Send the order to the COVA customer a person chose."""
    push = _push(page, order_id)
    typed = request.form.get("other_customer_id", "").strip()
    chosen = typed or request.form.get("cova_customer_id", "").strip()
    if not chosen and possible_customers(page.ctx, push):
        error = "Choose one of these customers, or give the ID of another one below."
        return _refused(page, order_id, {"choice": error}, typed={})
    if not _CUSTOMER_ID.fullmatch(chosen):
        error = "Choose one of the customers, or paste the ID of another one from COVA."
        return _refused(
            page, order_id, {"cova_customer_id": error}, typed={"cova_customer_id": chosen}
        )
    done = choose_customer(page.ctx, push, chosen, by=page.actor)
    return _done(page, order_id, f"The order goes to this customer. {done}")


@needs("orders")
def phone(page: StorePage, order_id: str) -> ResponseReturnValue:
    """Find the order's customer by the number a person typed."""
    push, typed = _push(page, order_id), request.form.get("phone", "").strip()[:_LONGEST_PHONE]
    try:
        enter_phone(page.ctx, push, typed, by=page.actor)
    except MissingPhone as exc:
        error = f"{exc.message} {exc.fix}"
        return _refused(page, order_id, {"phone": error}, typed={"phone": typed})
    return _done(page, order_id, "The order is sent again, with this number.")


def _order_page(
    page: StorePage,
    order_id: str,
    *,
    typed: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    seen_state: str = "",
) -> OrderPage:
    details = order_details(page.ctx, page.store.id, order_id)
    if details is None:
        abort(404)
    # Personal data, so only for those who may act on it.
    asks_who = (details.needs_customer or details.needs_phone) and page.may("orders")
    shopper = shopper_of(page.ctx, details.push) if asks_who else None
    return OrderPage(
        row=order_rows(page, [details.push], is_paused=details.is_paused)[0],
        details=details,
        steps=[
            TimelineStep(
                event_words(step.event), *plain_detail(step.event, step.detail), page.when(step.at)
            )
            for step in reversed(details.events)
        ],
        lines=[
            (line, quantity_text(line.hold.quantity), _hold_words(line)) for line in details.lines
        ],
        poll_url=_poll_url(page, details),
        poll_seconds=_poll_seconds(page, details.push),
        difference=_difference(details.total_difference, page.store.currency),
        shopper=shopper,
        candidates=possible_customers(page.ctx, details.push, shopper) if asks_who else [],
        typed=typed or {},
        errors=errors or {},
        is_poll=bool(seen_state),
        has_other_words=details.push.state != seen_state,
    )


def _offers(details: OrderDetails) -> str:
    """A short name for all that decides what the page offers to do; equal means: the same."""
    push = details.push
    offers = (
        push.state == PushState.NEEDS_ATTENTION,
        push.cancel_requested,
        details.is_paused,
        details.can_retry,
        details.can_ask,
        details.can_withdraw,
        details.was_sent,
        details.can_enter_by_hand,
        details.can_restore_address,
        details.can_say_sold,
        details.needs_customer,
        [(line.hold.cova_product_id, line.hold.state) for line in details.lines],
    )
    return hashlib.sha256(repr(offers).encode()).hexdigest()[:12]


def _poll_url(page: StorePage, details: OrderDetails) -> str:
    """Where the page asks what is new, saying what it shows; empty when nothing is on its way."""
    if not _is_moving(details):
        return ""
    push = details.push
    return page.url("order", order_id=push.order_id, seen=f"{push.state}.{_offers(details)}")


def _poll_seconds(page: StorePage, push: Push) -> int:
    due = push.next_attempt_at
    is_soon = due is None or due - page.ctx.clock.now() < _SOON
    return _OFTEN_SECONDS if is_soon else _RARELY_SECONDS


def _difference(difference: Decimal | None, currency: str) -> str:
    """COVA's total against the shop's, in money; empty when there is nothing to say."""
    if difference is None:
        return ""
    more_or_less = "more" if difference > 0 else "less"
    return f"{abs(difference):,.2f} {currency} {more_or_less} than in the shop"


def _is_moving(details: OrderDetails) -> bool:
    """Is a worker on it, or about to be?"""
    push = details.push
    if details.is_paused:
        return False
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


def _refused(
    page: StorePage,
    order_id: str,
    errors: dict[str, str],
    *,
    typed: dict[str, str],
) -> ResponseReturnValue:
    """The page again, with what was typed and the error beside its field."""
    view = _order_page(page, order_id, typed=typed, errors=errors)
    if is_htmx():
        return page.fragment("order/_order.html", view, status=422)
    return page.render("order/page.html", view, section="order", status=422)


def _done(page: StorePage, order_id: str, text: str) -> ResponseReturnValue:
    if is_htmx():
        view = _order_page(page, order_id)
        return page.fragment("order/_order.html", view, toast=("ok", text))
    return page.go_to(page.url("order", order_id=order_id), notice=text)
