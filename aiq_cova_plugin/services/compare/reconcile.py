"""Compares shop, plugin and COVA: orders, holds, quantities, prices. Reads only, changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.push_states import FINAL_STATES, PushState
from aiq_cova_plugin.mapping.specification_names import names_from_settings
from aiq_cova_plugin.services.catalogue.read_catalogue import CatalogueReader, Reading
from aiq_cova_plugin.services.compare.difference import Difference
from aiq_cova_plugin.services.compare.on_purpose import orders_on_purpose, products_on_purpose
from aiq_cova_plugin.services.compare.reconcile_orders import (
    confirmed_lately,
    hold_differences,
    order_differences,
    order_of,
    orders_elsewhere,
    orders_kept_in_shop,
    unqueued_orders,
    waiting_orders,
)
from aiq_cova_plugin.services.compare.reconcile_products import (
    product_differences,
    shop_differences,
)
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.where_sent import is_elsewhere
from aiq_cova_plugin.services.products.compare_products import ShopCannotSay, store_side
from aiq_cova_plugin.services.stock.reserve_stock import quantities_of
from aiq_cova_plugin.services.stores import credentials_of, require_enabled, require_store
from aiq_cova_plugin.store import holds, outbox, reports
from aiq_cova_plugin.store.models import Connection, Hold, Push

ORDERS_ASKED = 500
"""About so many open orders COVA is asked, the newest first: each costs a call."""
_PUSHES_READ = 5000
KEPT_PER_KIND = 300


def reconcile(
    ctx: ServiceContext, store_id: str, *, on_progress: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """The contract's `reconcile` document for one store.

    Each difference also has `cause`, `action`, `name`, `order_id` and `cova_product_id`; a key
    `not_compared` says in words what was left out, when something was. `on_purpose` lists, in
    the same form, what is not the same because staff want it so; it does not keep the two from
    agreeing. `on_progress` is told in words how far it is.

    Raises `UnknownStore`, `NotConnected`, and what the client raises when COVA is away.
    """
    require_store(ctx, store_id)
    settings = require_enabled(ctx, store_id)
    return _Comparison(ctx, settings, on_progress or (lambda _text: None)).carry_out()


def shortened(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the first differences of each kind, and how many there are of each."""
    counts = Counter(each["kind"] for each in document["differences"])
    kept: Counter[str] = Counter()
    shown = []
    for each in document["differences"]:
        kept[each["kind"]] += 1
        if kept[each["kind"]] <= KEPT_PER_KIND:
            shown.append(each)
    short = document | {"differences": shown, "counts": dict(counts)}
    if on_purpose := document.get("on_purpose"):
        short["on_purpose"] = on_purpose[:KEPT_PER_KIND]
        short["number_on_purpose"] = len(on_purpose)
    return short


class _Comparison:
    """One comparison, from the shop's orders to the last product."""

    def __init__(
        self, ctx: ServiceContext, settings: Connection, say: Callable[[str], None]
    ) -> None:
        self._ctx = ctx
        self._settings = settings
        self._store_id = settings.store_id
        self._say = say
        self._found: list[Difference] = []
        self._on_purpose: list[Difference] = []
        self._not_compared: list[str] = []

    def carry_out(self) -> dict[str, Any]:
        self._say("Looking at the shop's orders")
        with self._ctx.database.short() as connection:
            pushes = outbox.pushes(connection, store_id=self._store_id, limit=_PUSHES_READ)
        open_pushes = [push for push in pushes if PushState(push.state) not in FINAL_STATES]
        self._compare_confirmed(pushes)
        self._found += waiting_orders(self._ctx, open_pushes)
        wanted = self._wanted_by_order(open_pushes)
        self._ctx.database.end_reading()
        with self._ctx.open_client(credentials_of(self._ctx, self._settings)) as client:
            self._compare_orders(client, open_pushes)
            reading = self._read_all(client)
        self._say("Comparing products and holds")
        self._compare_the_rest(pushes, wanted, reading)
        return self._document()

    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "store_id": self._store_id,
            "agrees": not self._found,
            "differences": [each.as_document() for each in self._found],
        }
        if self._not_compared:
            document["not_compared"] = self._not_compared
        if self._on_purpose:
            document["on_purpose"] = [each.as_document() for each in self._on_purpose]
        return document

    def _compare_confirmed(self, pushes: Sequence[Push]) -> None:
        """The orders the shop has as confirmed, against where we left them."""
        confirmed = confirmed_lately(self._ctx, self._settings)
        self._found += unqueued_orders(self._settings, pushes, confirmed)
        known = set(confirmed)
        ended = [
            push
            for push in pushes
            if push.order_id in known
            and PushState(push.state) in (PushState.WITHDRAWN, PushState.COMPLETED)
            and (push.in_pos_at is None or push.state == PushState.WITHDRAWN)
        ]
        with self._ctx.database.short() as connection:
            events = {
                push.id: [each.event for each in outbox.events_of(connection, push.id)]
                for push in ended
            }
        self._found += orders_kept_in_shop(ended, known, events)
        self._on_purpose += orders_on_purpose(ended, known, events)

    def _wanted_by_order(self, pushes: Sequence[Push]) -> dict[str, dict[str, Decimal]]:
        """dict: order id → product id → quantity, of the orders that hold stock."""
        wanted = {}
        for push in pushes:
            order = order_of(self._ctx, push)
            if isinstance(order, Difference):
                self._found.append(order)
            elif not push.cancel_requested:
                wanted[push.order_id] = quantities_of(order.lines)
        return wanted

    def _compare_orders(self, client: CovaClient, pushes: Sequence[Push]) -> None:
        self._found += orders_elsewhere(self._settings, pushes)
        submitted = [
            push
            for push in pushes
            if push.submitted_at is not None and not is_elsewhere(push, self._settings)
        ]
        if len(submitted) > ORDERS_ASKED:
            self._not_compared.append(
                f"COVA was asked about the newest {ORDERS_ASKED:,} of {len(submitted):,} open "
                "orders."
            )
            submitted = submitted[:ORDERS_ASKED]
        is_tax_on_top = self._settings.tax_pricing == "Exclusive"
        for position, push in enumerate(submitted, start=1):
            self._say(f"Asking COVA about order {position:,} of {len(submitted):,}")
            self._found += order_differences(client, push, is_tax_on_top=is_tax_on_top)

    def _read_all(self, client: CovaClient) -> Reading:
        def note(reading: Reading) -> None:
            self._say(f"Reading products from COVA: {reading.fetched:,} so far")

        reader = CatalogueReader(
            client,
            location_id=self._settings.location_id or 0,
            page_size=self._ctx.config.page_size,
            known_hashes={},
            now=self._ctx.clock.now,
            on_page=note,
            names=names_from_settings(self._settings.specification_names),
        )
        reader.read_all()
        return reader.reading

    def _compare_the_rest(
        self, pushes: Sequence[Push], wanted: dict[str, dict[str, Decimal]], reading: Reading
    ) -> None:
        now = self._ctx.clock.now()
        with self._ctx.database.short() as connection:
            open_holds: list[Hold] = holds.open_holds(connection, self._store_id)
            held = holds.held_by_product(connection, self._store_id)
            rows = reports.product_records(connection, self._store_id)
        names = {each: row.name for each, row in rows.items() if row.name}
        self._found += hold_differences(open_holds, pushes, wanted, now=now, names=names)
        self._found += product_differences(self._settings, reading, rows, held, now=now)
        try:
            self._found += shop_differences(self._ctx, self._settings, rows)
            side = store_side(self._ctx, self._store_id)
            self._on_purpose += products_on_purpose(
                self._ctx, side, reading, rows, held, store_id=self._store_id, now=now
            )
        except ShopCannotSay:
            self._not_compared.append(
                "The shop could not say what its catalogue holds, so it was left out. The log of "
                "the shop's server has the details."
            )
