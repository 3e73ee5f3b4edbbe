"""Lets a person type the phone number of an order that has none COVA could find its customer by."""

from __future__ import annotations

import json

from aiq_cova_plugin.domain.phones import normalise_phone
from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.errors import IllegalMove, MissingPhone
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.rescue.rescue_orders import retry_push
from aiq_cova_plugin.services.stores import require_store
from aiq_cova_plugin.store import outbox
from aiq_cova_plugin.store.models import Push


def may_enter_phone(push: Push) -> bool:
    """Does the order wait for a phone number?"""
    return (
        push.state == PushState.NEEDS_ATTENTION
        and push.kind == MissingPhone.__name__
        and push.in_pos_at is None
        and not push.cancel_requested
    )


def enter_phone(ctx: ServiceContext, push: Push, number: str, *, by: str) -> None:
    """Use this number for the order, and send it again.

    The number is kept encrypted until the order ends, and goes to COVA with the customer; the
    shop's own order stays as it is. Raises `MissingPhone` for what is no phone number of the
    store's country or an international one, `IllegalMove` for an order that does not wait for
    one, and `LeaseHeld` while a worker has it; then nothing is changed.
    """
    country = require_store(ctx, push.store_id).country
    ctx.database.end_reading()
    phone = normalise_phone(number.strip(), country)
    if phone is None:
        raise MissingPhone(
            "That is not a valid phone number.",
            field="phone",
            fix="Give it with its area code; with a plus and the country code if it is foreign.",
        )
    sealed, now = ctx.vault.encrypt(json.dumps(phone)), ctx.clock.now()
    with ctx.database.short() as connection:
        fresh = outbox.lock_push(connection, push.store_id, push.order_id) or push
        if not may_enter_phone(fresh):
            raise IllegalMove(
                f"Order {push.order_number} does not wait for a phone number.",
                fix="Look at the order again; nothing was changed.",
            )
        retry_push(ctx, connection, fresh, by=by)
        outbox.change_push(connection, push.id, {"phone_encrypted": sealed})
        said = f"{by} entered a phone number for this order."
        outbox.add_event(connection, push.id, "phone_entered", said, at=now)
    audit.note(ctx, push.store_id, "order_phone_entered", push.order_id, by=by)
