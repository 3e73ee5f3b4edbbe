"""Whether a store's prices hold the tax: read from COVA once a day (cova-api.md section 7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, cast

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store import push_times
from aiq_cova_plugin.store.connections import save_connection
from aiq_cova_plugin.store.models import Connection

TaxPricing = Literal["Inclusive", "Exclusive"]
_GOOD_FOR = timedelta(days=1)


def tax_pricing_of(ctx: ServiceContext, settings: Connection, client: CovaClient) -> TaxPricing:
    """`Inclusive` or `Exclusive`, from the record when it is younger than a day."""
    read_at = settings.tax_pricing_read_at
    if settings.tax_pricing and read_at and ctx.clock.now() - read_at < _GOOD_FOR:
        return cast(TaxPricing, settings.tax_pricing)
    return reread_tax_pricing(ctx, settings, client)


def reread_tax_pricing(ctx: ServiceContext, settings: Connection, client: CovaClient) -> TaxPricing:
    """Ask COVA now, and remember the answer.

    When it is another than before, every order that COVA refused in the old style and that
    waits for a person is sent again by itself.
    """
    pricing = client.tax_pricing()
    now, before = ctx.clock.now(), settings.tax_pricing
    values = {"tax_pricing": pricing, "tax_pricing_read_at": now}
    with ctx.database.short() as connection:
        save_connection(connection, settings.store_id, values, now=now)
        if before and before != pricing:
            woken = push_times.wake_refused(
                connection, settings.store_id, sent_otherwise_than=pricing, now=now
            )
            log.info(
                "tax_style_changed", extra={"store_id": settings.store_id, "orders_woken": woken}
            )
    settings.tax_pricing, settings.tax_pricing_read_at = pricing, now
    return pricing
