"""Compares shop, plugin and COVA: orders, holds, quantities. Reads only, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.field_values import decimal_text
from aiq_cova_plugin.domain.push_states import FINAL_STATES, PushState
from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.errors import NotFound
from aiq_cova_plugin.mapping.order_status_from_cova import Phase, reading_from_cova
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.read_catalogue import CatalogueReader, Reading
from aiq_cova_plugin.services.stores import credentials_of, require_enabled, require_store
from aiq_cova_plugin.services.sweep_orders import LOOK_BACK
from aiq_cova_plugin.store import holds, outbox
from aiq_cova_plugin.store.models import Connection, Product, Push
from aiq_cova_plugin.store.products import all_products

_NOTHING = Decimal(0)
_LOST_HOLD_AGE = timedelta(hours=24)


@dataclass(frozen=True)
class Difference:
    """One thing on which two of the three do not agree; a side that has no say is None."""

    kind: str
    subject: str
    host: str | None
    plugin: str | None
    cova: str | None
    fix: str


def reconcile(ctx: ServiceContext, store_id: str) -> dict[str, Any]:
    """The contract's `reconcile` document for one store.

    Raises `UnknownStore`, `NotConnected`, and what the client raises when COVA is away.
    """
    require_store(ctx, store_id)
    settings = require_enabled(ctx, store_id)
    with ctx.database.short() as connection:
        pushes = outbox.pushes(connection, store_id=store_id, limit=5000)
    differences = list(_unqueued_orders(ctx, settings, pushes))
    ctx.database.end_reading()
    with ctx.open_client(credentials_of(ctx, settings)) as client:
        for push in pushes:
            if PushState(push.state) not in FINAL_STATES and push.submitted_at is not None:
                differences += _order_differences(client, push)
        reading = _read_all(ctx, client, settings)
    differences += _hold_differences(ctx, store_id, pushes)
    differences += _quantity_differences(ctx, settings, reading)
    return {
        "store_id": store_id,
        "agrees": not differences,
        "differences": [asdict(each) for each in differences],
    }


def _unqueued_orders(
    ctx: ServiceContext, settings: Connection, pushes: list[Push]
) -> Iterator[Difference]:
    if not settings.sync_orders:
        return
    since = max(ctx.clock.now() - LOOK_BACK, settings.orders_since or settings.created_at)
    known = {push.order_id for push in pushes}
    for order_id in ctx.host.confirmed_orders(settings.store_id, since):
        if order_id not in known:
            yield Difference(
                "order_not_queued",
                order_id,
                "confirmed",
                None,
                None,
                "Run flask cova orders sweep; it happens by itself within minutes.",
            )


def _order_differences(client: CovaClient, push: Push) -> Iterator[Difference]:
    try:
        reading = reading_from_cova(
            client.order_status(push.cova_order_id), is_delivery=push.is_delivery
        )
    except NotFound:
        if push.in_pos_at is not None:
            yield Difference(
                "order_missing_in_cova",
                push.order_id,
                push.host_status,
                push.state,
                None,
                "Look for it at the register; if it is gone, press Withdraw and order anew.",
            )
        return
    expected = {
        Phase.IN_POS: ("in_pos", "needs_attention"),
        Phase.UNKNOWN: ("in_pos", "needs_attention"),
    }.get(reading.phase, ("queued", "sending", "checking", "needs_attention"))
    if reading.phase in (Phase.COMPLETED, Phase.CANCELLED) or push.state not in expected:
        yield Difference(
            "order_status_differs",
            push.order_id,
            push.host_status,
            push.state,
            reading.raw_status,
            "Run flask cova orders poll; it happens by itself within minutes.",
        )


def _read_all(ctx: ServiceContext, client: CovaClient, settings: Connection) -> Reading:
    reader = CatalogueReader(
        client,
        location_id=settings.location_id or 0,
        page_size=ctx.config.page_size,
        known_hashes={},
        now=ctx.clock.now,
        on_page=lambda _reading: None,
    )
    reader.read_all()
    return reader.reading


def _hold_differences(
    ctx: ServiceContext, store_id: str, pushes: list[Push]
) -> Iterator[Difference]:
    state_of = {push.order_id: PushState(push.state) for push in pushes}
    now = ctx.clock.now()
    with ctx.database.short() as connection:
        open_holds = holds.open_holds(connection, store_id)
    for hold in open_holds:
        state = state_of.get(hold.order_id)
        is_over = state in (PushState.CANCELLED, PushState.WITHDRAWN)
        is_lost = state is None and now - hold.since > _LOST_HOLD_AGE
        if is_over or is_lost:
            yield Difference(
                "hold_without_order",
                f"{hold.order_id} / {hold.cova_product_id}",
                None,
                f"{decimal_text(hold.quantity)} {hold.state}",
                state.value if state else None,
                "Cancel the order in the shop if it is not coming; that frees the stock.",
            )


def _quantity_differences(
    ctx: ServiceContext, settings: Connection, reading: Reading
) -> Iterator[Difference]:
    with ctx.database.short() as connection:
        rows = all_products(connection, settings.store_id)
        held = holds.held_by_product(connection, settings.store_id)
    for row in rows:
        if row.host_state != "shown":
            continue
        if row.cova_product_id in reading.unreadable:
            continue  # COVA has it; the sync says what is wrong with it
        read = reading.products.get(row.cova_product_id)
        if read is None or read.snapshot is None:
            yield _difference(row, "product_missing_in_cova", None, row.host_state, None)
            continue
        if read.snapshot.stock is not None and read.snapshot.stock != row.stock:
            yield _difference(
                row, "stock_differs", None, _text(row.stock), _text(read.snapshot.stock)
            )
        sellable = sellable_quantity(row.stock, held.get(row.cova_product_id, _NOTHING))
        told = row.applied.get("quantity")
        if "quantity" not in settings.staff_fields and _text(sellable) != told:
            yield _difference(row, "quantity_differs", told, _text(sellable), None)


def _difference(
    row: Product, kind: str, host: str | None, plugin: str | None, cova: str | None
) -> Difference:
    return Difference(
        kind,
        f"{row.name} ({row.cova_product_id})",
        host,
        plugin,
        cova,
        "Press Sync, or run flask cova sync.",
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)
