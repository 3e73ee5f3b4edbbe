"""Takes an order back from COVA for the shop, where COVA allows it."""

from __future__ import annotations

from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.errors import NeedsOperator, Rejected
from aiq_cova_plugin.mapping.order_status_from_cova import Phase
from aiq_cova_plugin.services.orders.ask_register import (
    ask_about,
    ask_about_it_later,
    ask_again_later,
    may_still_arrive,
    settle,
)
from aiq_cova_plugin.services.orders.other_deliveries import forget_delivery
from aiq_cova_plugin.services.orders.push_row import RETRY_ELSEWHERE, Finished, PushRow
from aiq_cova_plugin.services.orders.where_sent import (
    SentElsewhere,
    is_elsewhere,
    sent_elsewhere,
)
from aiq_cova_plugin.services.stock.reserve_stock import (
    CANCELLED_IN_SHOP,
    WITHDRAWN_FROM_COVA,
    release_order,
)
from aiq_cova_plugin.store.holds import holds_of_order
from aiq_cova_plugin.store.push_warnings import is_withdrawn_here, without_other_deliveries


def withdraw(row: PushRow) -> None:
    """Withdraw a claimed push; COVA is asked first whether it has the order at all.

    Raises `NeedsOperator` when COVA does not let go of it (it is paid), or it was sent to
    another company than the store's; that one is ended here once a person has read so.
    """
    if row.push.submitted_at is None:
        _finish(row, "It had not been sent.")
        return
    if is_elsewhere(row.push, row.settings):
        _end_elsewhere(row)
        return
    reading = ask_about(row)
    if reading is None and may_still_arrive(row.ctx, row.push):
        ask_about_it_later(row)
    elif reading is None or reading.phase in (Phase.REFUSED, Phase.TRANSIENT_FAILURE):
        _finish(row, "COVA does not have the order.")
    elif reading.phase in (Phase.COMPLETED, Phase.CANCELLED):
        settle(row, reading)
    elif reading.phase in (Phase.ACCEPTED, Phase.PROCESSING):
        ask_again_later(row, reading)
    else:
        _cancel_in_cova(row)


def stop_if_cancelled(row: PushRow) -> None:
    """The shop may have cancelled while the customer was being looked up.

    Raises `Finished` when it has; nothing is sent then.
    """
    fresh = row.as_it_is_now()
    if fresh is None or not fresh.cancel_requested:
        return
    if row.push.submitted_at is None:
        row.push.cancel_requested = True
        _finish(row, "It had not been sent.")
    else:
        row.give_back("The order is being taken back.", seconds=0, counts=False)
    raise Finished


def _end_elsewhere(row: PushRow) -> None:
    has_read = row.push.kind == SentElsewhere.__name__ and "withdraw_asked" in row.event_names()
    if not has_read and row.push.kind != RETRY_ELSEWHERE:
        raise sent_elsewhere(row.push, row.settings)
    _finish(row, f"It is ended here alone: see to it in COVA company {row.push.company_id}.")


def _cancel_in_cova(row: PushRow) -> None:
    try:
        row.client.cancel_order(row.push.cova_order_id)
    except Rejected as exc:
        raise NeedsOperator(
            f"COVA did not cancel order {row.push.order_number}: {exc.reason}",
            fix="Cancel it at the register; once it is paid COVA allows no other way.",
        ) from exc
    reading = ask_about(row)
    if reading is None:
        _finish(row, "COVA has removed the order.")
    elif reading.phase in (Phase.COMPLETED, Phase.CANCELLED):
        settle(row, reading)
    else:
        row.give_back("COVA is cancelling the order.", seconds=5)


def _free_what_is_left(row: PushRow) -> None:
    """The stock was freed when this was asked for; nothing may stay held for ever after."""
    ctx, push = row.ctx, row.push
    with ctx.database.short() as connection:
        held = holds_of_order(connection, push.store_id, push.order_id)
    if any(each.state != "released" for each in held):
        reason = WITHDRAWN_FROM_COVA if is_withdrawn_here(push.warning) else CANCELLED_IN_SHOP
        with ctx.database.job_transaction():
            release_order(ctx, push.store_id, push.order_id, reason=reason)


def _finish(row: PushRow, detail: str) -> None:
    now = row.ctx.clock.now()
    row.change_warnings(without_other_deliveries)
    _free_what_is_left(row)
    row.move(PushState.WITHDRAWN, "withdrawn", detail)
    row.write(
        next_attempt_at=None,
        finished_at=now,
        reason="",
        fix="",
        phone_encrypted=None,
        lease_owner=None,
        lease_until=None,
    )
    forget_delivery(row.ctx, row.push)
