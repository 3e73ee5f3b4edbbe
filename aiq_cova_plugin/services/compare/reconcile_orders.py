"""Compares orders and holds: what the shop confirmed, what we sent, what COVA has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.push_states import FINAL_STATES, PushState
from aiq_cova_plugin.errors import ContractBroken, NotFound, Rejected
from aiq_cova_plugin.host import Order, OrderNotFound
from aiq_cova_plugin.mapping.order_status_from_cova import Phase, StatusReading, reading_from_cova
from aiq_cova_plugin.services.compare.difference import (
    FREE_STOCK,
    POLL,
    RETRY,
    SWEEP,
    Difference,
    text_of,
)
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.sweep_orders import LOOK_BACK
from aiq_cova_plugin.services.orders.where_sent import is_elsewhere, sent_elsewhere
from aiq_cova_plugin.store.models import Connection, Hold, Push

LOST_HOLD_AGE = timedelta(hours=24)
_SETTLES_WITHIN = timedelta(hours=24)
_MAY_WAIT = timedelta(minutes=15)
_NOTHING = Decimal(0)
_AT_REGISTER = (PushState.IN_POS, PushState.NEEDS_ATTENTION)
_EARLIER = (PushState.QUEUED, PushState.SENDING, PushState.CHECKING, PushState.NEEDS_ATTENTION)
_IS_AT_REGISTER = (Phase.IN_POS, Phase.UNKNOWN)
_IS_OVER = (Phase.COMPLETED, Phase.CANCELLED)


def confirmed_lately(ctx: ServiceContext, settings: Connection) -> list[str]:
    """The ids of the orders the shop has confirmed lately and not cancelled since."""
    since = max(ctx.clock.now() - LOOK_BACK, settings.orders_since or settings.created_at)
    return list(ctx.host.confirmed_orders(settings.store_id, since))


def unqueued_orders(
    settings: Connection, pushes: Sequence[Push], confirmed: Sequence[str]
) -> Iterator[Difference]:
    """Orders the shop confirmed and we never heard of."""
    if not settings.sync_orders:
        return
    known = {push.order_id for push in pushes}
    for order_id in confirmed:
        if order_id not in known:
            yield Difference(
                "order_not_queued",
                order_id,
                "confirmed",
                None,
                None,
                "Press Look for missed orders, or run flask cova orders sweep; it happens by "
                "itself within minutes.",
                cause="The shop's message that it was confirmed never arrived.",
                action=SWEEP,
                name=order_id,
                order_id=order_id,
            )


def orders_kept_in_shop(
    pushes: Sequence[Push], confirmed: set[str], events: Mapping[int, Sequence[str]]
) -> Iterator[Difference]:
    """Orders that staff withdrew from COVA, and that the shop still has as confirmed.

    `confirmed` are the shop's confirmed orders, `events` is dict: id of a push → the names in
    its timeline.
    """
    for push in pushes:
        if push.state != PushState.WITHDRAWN or push.order_id not in confirmed:
            continue
        did = events.get(push.id, ())
        if "withdraw_asked" in did and "cancel_asked" not in did:
            yield Difference(
                "order_withdrawn",
                push.order_id,
                "confirmed",
                push.state,
                None,
                "Cancel it in the shop if it is not coming. If it is, make it up and sell it at "
                "the register by hand.",
                cause="Staff withdrew it from COVA; the shop's own order stayed as it was.",
                name=push.order_number or push.order_id,
                order_id=push.order_id,
            )


def waiting_orders(ctx: ServiceContext, pushes: Sequence[Push]) -> Iterator[Difference]:
    """Orders that should be in COVA and are not on their way as they ought to be."""
    late = ctx.clock.now() - _MAY_WAIT
    for push in pushes:
        state = PushState(push.state)
        if push.in_pos_at is not None or state in FINAL_STATES:
            continue
        if state is PushState.NEEDS_ATTENTION:
            yield _of(
                push,
                "order_needs_person",
                cova=None,
                cause=push.reason or "COVA did not take it.",
                fix=push.fix or "Open the order, put right what it names, then press Retry.",
                action="" if push.kind == "AmbiguousCustomer" else RETRY,
            )
        elif push.queued_at <= late:
            yield _of(
                push,
                "order_late",
                cova=None,
                cause=push.reason or "It is still waiting to be sent.",
                fix="Press Retry to send it at once. If many are late, COVA may be down.",
                action=RETRY,
            )


def orders_elsewhere(settings: Connection, pushes: Sequence[Push]) -> Iterator[Difference]:
    """Orders at the register of another company than the store is connected to now."""
    for push in pushes:
        if push.in_pos_at is not None and is_elsewhere(push, settings):
            told = sent_elsewhere(push, settings)
            yield _of(push, "order_needs_person", cova=None, cause=told.message, fix=told.fix)


def order_differences(client: CovaClient, push: Push, *, is_tax_on_top: bool) -> list[Difference]:
    """What COVA says about one order that we submitted, where it is not what we know."""
    try:
        reading = reading_from_cova(
            client.order_status(push.cova_order_id), is_delivery=push.is_delivery
        )
    except NotFound:
        if push.in_pos_at is None:
            return []
        return [
            _of(
                push,
                "order_missing_in_cova",
                cova=None,
                cause="It was at the register, and COVA does not know it any more.",
                fix="Look for it at the register; if it is gone, press Withdraw and order anew.",
            )
        ]
    except (Rejected, ContractBroken) as exc:
        return [
            _of(
                push,
                "order_unreadable",
                cova=None,
                cause=exc.message,
                fix="Look at the order at the register.",
            )
        ]
    return [*_status_difference(push, reading), *_total_difference(push, reading, is_tax_on_top)]


def _status_difference(push: Push, reading: StatusReading) -> Iterator[Difference]:
    state = PushState(push.state)
    is_expected = state in (_AT_REGISTER if reading.phase in _IS_AT_REGISTER else _EARLIER)
    if reading.phase in _IS_OVER or not is_expected:
        yield _of(
            push,
            "order_status_differs",
            cova=reading.raw_status,
            cause="It moved on in COVA since its status was last read.",
            fix="Press Read statuses, or run flask cova orders poll; it happens by itself "
            "within minutes.",
            action=POLL,
        )


def _total_difference(
    push: Push, reading: StatusReading, is_tax_on_top: bool
) -> Iterator[Difference]:
    ours, theirs = push.host_total, reading.sale_total
    if ours is None or theirs is None or ours == theirs or (is_tax_on_top and theirs > ours):
        return
    yield Difference(
        "order_total_differs",
        push.order_id,
        f"{ours:.2f}",
        None if push.sale_total is None else f"{push.sale_total:.2f}",
        f"{theirs:.2f}",
        "Compare the order's lines with those at the register, and agree with the customer on "
        "what to pay.",
        cause="The register asks for another sum than the shop: a price, discount or fee was "
        "changed after the order was sent, or the tax style differs.",
        name=push.order_number or push.order_id,
        order_id=push.order_id,
    )


def order_of(ctx: ServiceContext, push: Push) -> Order | Difference:
    """The shop's order, or the difference that it is not there any more."""
    try:
        return ctx.host.get_order(push.store_id, push.order_id)
    except OrderNotFound:
        return Difference(
            "order_missing_in_shop",
            push.order_id,
            None,
            push.state,
            push.cova_status or None,
            "If it is not wanted, withdraw it from COVA; else find out who deleted it.",
            cause="The order was deleted in the shop while it was open.",
            name=push.order_number or push.order_id,
            order_id=push.order_id,
        )


def hold_differences(
    open_holds: Sequence[Hold],
    pushes: Sequence[Push],
    wanted_by_order: dict[str, dict[str, Decimal]],
    *,
    now: datetime,
    names: dict[str, str],
) -> Iterator[Difference]:
    """Holds without an order, orders without their holds, and holds that never end.

    `wanted_by_order` is dict: order id → product id → how much the shop's order wants, for the
    open orders.
    """
    push_of = {push.order_id: push for push in pushes}
    held: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for hold in open_holds:
        held[hold.order_id][hold.cova_product_id] = hold.quantity
        push = push_of.get(hold.order_id)
        yield from _stray_hold(hold, push, now, names)
    for order_id, wanted in wanted_by_order.items():
        for product_id in sorted(set(wanted) | set(held[order_id])):
            yield from _hold_against_order(
                push_of[order_id],
                product_id,
                wanted.get(product_id, _NOTHING),
                held[order_id].get(product_id, _NOTHING),
                names,
            )


def _stray_hold(
    hold: Hold, push: Push | None, now: datetime, names: dict[str, str]
) -> Iterator[Difference]:
    state = None if push is None else PushState(push.state)
    is_over = state in (PushState.CANCELLED, PushState.WITHDRAWN)
    is_lost = state is None and now - hold.since > LOST_HOLD_AGE
    settling = hold.settling_since
    if is_over or is_lost:
        yield _of_hold(
            "hold_without_order",
            hold.order_id,
            hold.cova_product_id,
            names,
            host=None,
            plugin=f"{text_of(hold.quantity)} {hold.state}",
            cova=state.value if state else None,
            cause="The order is over, and its stock was not freed."
            if is_over
            else "The order was placed more than a day ago and never confirmed or cancelled.",
            fix="Cancel the order in the shop if it is not coming, or press Free this stock.",
            action=FREE_STOCK,
        )
    elif settling is not None and now - settling > _SETTLES_WITHIN:
        yield _of_hold(
            "hold_never_settles",
            hold.order_id,
            hold.cova_product_id,
            names,
            host=None,
            plugin=f"{text_of(hold.quantity)} {hold.state}",
            cova=state.value if state else None,
            cause="COVA completed the order more than a day ago, and its stock was not read since.",
            fix="Press Sync now: the hold ends with the next reading of the product's stock.",
            action="sync",
        )


def _hold_against_order(
    push: Push, product_id: str, wanted: Decimal, held: Decimal, names: dict[str, str]
) -> Iterator[Difference]:
    if wanted == held:
        return
    yield _of_hold(
        "hold_missing" if held < wanted else "hold_too_large",
        push.order_id,
        product_id,
        names,
        host=text_of(wanted),
        plugin=text_of(held),
        cova=None,
        cause="Less is held back than the order wants, so it could be sold twice."
        if held < wanted
        else "More is held back than the order wants: it was changed after it was confirmed.",
        fix="Set the goods aside, and withdraw and place the order anew if it was changed."
        if held < wanted
        else "Nothing is lost: the hold ends with the order.",
    )


def _of(
    push: Push, kind: str, *, cova: str | None, cause: str, fix: str, action: str = ""
) -> Difference:
    return Difference(
        kind,
        push.order_id,
        push.host_status,
        push.state,
        cova,
        fix,
        cause=cause,
        action=action,
        name=push.order_number or push.order_id,
        order_id=push.order_id,
    )


def _of_hold(
    kind: str,
    order_id: str,
    product_id: str,
    names: dict[str, str],
    *,
    host: str | None,
    plugin: str | None,
    cova: str | None,
    cause: str,
    fix: str,
    action: str = "",
) -> Difference:
    return Difference(
        kind,
        f"{order_id} / {product_id}",
        host,
        plugin,
        cova,
        fix,
        cause=cause,
        action=action,
        name=names.get(product_id, product_id),
        order_id=order_id,
        cova_product_id=product_id,
    )
