"""Which company and location an order was sent to, where the store is connected elsewhere now.

COVA knows an order id within one company alone: another one, asked, would deny every order, and
what is denied is sent again. So nobody asks it.
"""

from __future__ import annotations

from typing import Any

from aiq_cova_plugin import signals
from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.push_row import RETRY_ELSEWHERE
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.models import Connection, Push
from aiq_cova_plugin.store.push_warnings import is_withdrawn_here


class SentElsewhere(NeedsOperator):
    """The order was sent to another company or location than the store is connected to now."""


def is_elsewhere(push: Push, settings: Connection) -> bool:
    """Was the order sent to another company than the store's?"""
    sent_to = push.company_id if push.submitted_at is not None else None
    return sent_to is not None and sent_to != settings.company_id


def sent_elsewhere(push: Push, settings: Connection) -> SentElsewhere:
    """What to tell a person of an order for which `is_elsewhere` holds."""
    cancelled = ""
    if push.cancel_requested:
        is_ours = is_withdrawn_here(push.warning)
        cancelled = "It is to be taken back. " if is_ours else "The shop has cancelled it. "
    return SentElsewhere(
        f"Order {push.order_number} was sent to COVA company {push.company_id}, and this store is "
        f"connected to company {settings.company_id} now. {cancelled}It is neither asked about "
        "nor sent there.",
        field="company_id",
        fix=f"Put Company ID {push.company_id} back under Store > Integrations > COVA, and the "
        f"order goes on by itself. Or see to it at the register of company {push.company_id}, "
        + ("then press Retry" if push.cancel_requested else "then press Withdraw")
        + " here: that ends it here and changes nothing in COVA.",
    )


def require_same_company(push: Push, settings: Connection) -> None:
    """Raise `SentElsewhere` when COVA, asked with these settings, cannot know the order."""
    if is_elsewhere(push, settings):
        raise sent_elsewhere(push, settings)


def require_same_location(push: Push, settings: Connection) -> None:
    """Raise `SentElsewhere` before an order is sent to another location than the first time.

    A person who has read so and presses Retry decides that it may be.
    """
    sent_to = push.location_id if push.submitted_at is not None else None
    if sent_to is None or sent_to == settings.location_id or push.kind == RETRY_ELSEWHERE:
        return
    raise SentElsewhere(
        f"Order {push.order_number} was sent to COVA location {sent_to} and is not there. This "
        f"store is connected to location {settings.location_id} now.",
        field="location_id",
        fix=f"Press Retry to send it to location {settings.location_id}, or Withdraw if nobody "
        "waits for it there.",
    )


def stop_elsewhere(ctx: ServiceContext, push: Push, settings: Connection) -> bool:
    """Leave an order at the register of another company to a person, and ask nobody; commits.

    False when that was done before, or a worker has the order.
    """
    exc, now = sent_elsewhere(push, settings), ctx.clock.now()
    values: dict[str, Any] = {
        "state": PushState.NEEDS_ATTENTION.value,
        "poll_due_at": None,
        "reason": exc.message,
        "fix": exc.fix,
        "kind": SentElsewhere.__name__,
    }
    with ctx.database.short() as connection:
        fresh = outbox.lock_push(connection, push.store_id, push.order_id)
        if fresh is None or fresh.state != PushState.IN_POS or fresh.fence != push.fence:
            return False
        outbox.change_push(connection, push.id, values)
        outbox.add_event(connection, push.id, "needs_attention", f"{exc.message} {exc.fix}", at=now)
    ctx.emit(
        signals.order_needs_attention,
        store_id=push.store_id,
        order_id=push.order_id,
        reason=exc.message,
    )
    return True
