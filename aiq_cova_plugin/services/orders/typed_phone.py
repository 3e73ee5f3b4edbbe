"""The phone number a person typed for one order whose own is missing or of no use."""

from __future__ import annotations

import json
from dataclasses import replace

from aiq_cova_plugin.domain.phones import normalise_phone
from aiq_cova_plugin.errors import SecretsUnreadable
from aiq_cova_plugin.host import Order
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.models import Push


def typed_phone(ctx: ServiceContext, push: Push) -> str | None:
    """The number in E.164; None when there is none, or it cannot be decrypted any more."""
    if push.phone_encrypted is None:
        return None
    try:
        return str(json.loads(ctx.vault.decrypt(push.phone_encrypted)))
    except SecretsUnreadable:
        # Then it is as if there were none, and staff are asked for it again.
        return None


def with_typed_phone(ctx: ServiceContext, push: Push, order: Order, country: str) -> Order:
    """The order, with the number that was typed for it where its own is of no use."""
    typed = typed_phone(ctx, push)
    if typed is None or normalise_phone(order.customer.phone or "", country) is not None:
        return order
    return replace(order, customer=replace(order.customer, phone=typed))
