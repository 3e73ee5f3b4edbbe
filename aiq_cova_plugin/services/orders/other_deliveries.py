"""Warns where two deliveries of one customer go to two doors: COVA keeps addresses on the
customer, so that each order moves the other's.
"""

from __future__ import annotations

from aiq_cova_plugin import signals
from aiq_cova_plugin.domain.addresses import same_address
from aiq_cova_plugin.domain.orders import Address
from aiq_cova_plugin.host import Order
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.orders.push_row import PushRow
from aiq_cova_plugin.store import outbox, push_questions
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.store.push_warnings import (
    ANOTHER_STORES,
    address_moved,
    other_deliveries_said,
    other_delivery,
    with_warning,
    without_other_deliveries,
    without_warning,
)

EVENT = "other_delivery"


def has_other_deliveries(row: PushRow) -> bool:
    """Has the order's COVA customer other open deliveries, wherever they go?"""
    if row.push.cova_customer_id is None:
        return False
    with row.ctx.database.short() as connection:
        found = push_questions.other_open_deliveries(
            connection, row.push.id, row.push.cova_customer_id
        )
    return bool(found)


def warn_of_other_deliveries(row: PushRow, order: Order, *, has_written: bool) -> None:
    """COVA has the order's address now: warn of every open delivery of the customer to another
    door, this order and the others; `has_written` when COVA had something else before."""
    if order.delivery is None or row.push.cova_customer_id is None:
        return
    ctx, push = row.ctx, row.push
    with ctx.database.short() as connection:
        others = push_questions.other_open_deliveries(
            connection, push.id, row.push.cova_customer_id
        )
    elsewhere = [
        each
        for each in others
        if not each.cancel_requested and _goes_elsewhere(ctx, each, order.delivery.address)
    ]
    names = sorted({_name(each, seen_from=push) for each in elsewhere})

    def own(before: str) -> str:
        # Its own address is in COVA again, whoever had moved it.
        warnings = without_other_deliveries(before)
        for name in names:
            warnings = with_warning(warnings, other_delivery(name))
        return warnings

    if row.change_warnings(own):
        for name in names:
            _announce(ctx, push, other_delivery(name))
    for each in elsewhere:
        _warn(ctx, each, _name(push, seen_from=each), has_written=has_written)


def _warn(ctx: ServiceContext, other: Push, name: str, *, has_written: bool) -> None:
    """Warn the other order of the one with this name."""
    moved, beside = address_moved(name), other_delivery(name)
    said = moved if has_written or moved in other.warning else beside

    def change(before: str) -> str:
        return with_warning(without_warning(before, beside), said)

    with ctx.database.short() as connection:
        is_new = outbox.change_warnings(connection, other, change)
    if is_new:
        _announce(ctx, other, said)


def _announce(ctx: ServiceContext, push: Push, said: str) -> None:
    with ctx.database.short() as connection:
        outbox.add_event(connection, push.id, EVENT, said, at=ctx.clock.now())
    ctx.emit(
        signals.order_needs_attention,
        store_id=push.store_id,
        order_id=push.order_id,
        reason=said,
    )


def forget_delivery(ctx: ServiceContext, push: Push) -> None:
    """This order has ended: nobody need be warned that it goes elsewhere.

    Never raises: the order's end is on record by then, and what fails here the sweep does.
    """
    if not push.is_delivery or push.cova_customer_id is None:
        return
    try:
        with ctx.database.short() as connection:
            others = push_questions.other_open_deliveries(
                connection, push.id, push.cova_customer_id
            )
        for each in others:
            _forget_ended(ctx, each)
    except Exception:  # noqa: BLE001 - a locked database, say; logged, and the sweep comes
        log.warning("delivery_not_forgotten", extra={"push_id": push.id}, exc_info=True)


def forget_ended_deliveries(ctx: ServiceContext, store_id: str) -> None:
    """The same for whatever ended unnoticed, for all open orders of the store."""
    with ctx.database.short() as connection:
        warned = push_questions.warned_deliveries(connection, store_id)
    for each in warned:
        _forget_ended(ctx, each)


def _forget_ended(ctx: ServiceContext, push: Push) -> None:
    if push.cova_customer_id is None or not other_deliveries_said(push.warning):
        return
    with ctx.database.short() as connection:
        others = push_questions.other_open_deliveries(connection, push.id, push.cova_customer_id)
        still_open = {_name(each, seen_from=push) for each in others}

        def change(before: str) -> str:
            for name in other_deliveries_said(before):
                if name not in still_open:
                    before = without_warning(before, other_delivery(name))
            return before

        outbox.change_warnings(connection, push, change)


def _goes_elsewhere(ctx: ServiceContext, push: Push, address: Address) -> bool:
    """Does this order go to another door? When the shop cannot say, it is as if it did."""
    try:
        order = ctx.host.get_order(push.store_id, push.order_id)
    except Exception:  # noqa: BLE001 - another order's trouble must not stop this one; logged
        log.warning("other_delivery_unreadable", extra={"push_id": push.id})
        return True
    finally:
        ctx.database.end_reading()
    return order.delivery is not None and not same_address(order.delivery.address, address)


def _name(push: Push, *, seen_from: Push) -> str:
    """What an order is called on another one's page: staff read only their own store's numbers."""
    if push.store_id != seen_from.store_id:
        return ANOTHER_STORES
    return " ".join((push.order_number or push.order_id).split())
