"""Compares products: what COVA says now, what we know, what the shop was told and really has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.catalogue import Presence, ProductSnapshot
from aiq_cova_plugin.domain.differences import Verdict, compare_fields
from aiq_cova_plugin.domain.field_values import encode_fields
from aiq_cova_plugin.domain.product_fields import fields_of
from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.host import PRODUCT_FIELDS
from aiq_cova_plugin.services.catalogue.plan_product import FOLLOWS_WHEN_LOCKED
from aiq_cova_plugin.services.catalogue.read_catalogue import Reading
from aiq_cova_plugin.services.compare.difference import SYNC, Difference, text_of, value_text
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.products.compare_products import read_back
from aiq_cova_plugin.store.models import Connection
from aiq_cova_plugin.store.reports import ProductRecord

_NOTHING = Decimal(0)
_AT_A_TIME = 200
_WHY_PRICE = {
    "price": "COVA's price changed since it was last read.",
    "sale_price": "A sale began, ended or changed in COVA since the shop was last told.",
}
_SYNC = "Press Sync now, or run flask cova sync."
_SYNC_OR_WAIT = "Press Sync now, or wait for the next one: it happens by itself."


def product_differences(
    settings: Connection,
    reading: Reading,
    rows: Mapping[str, ProductRecord],
    held: Mapping[str, Decimal],
    *,
    now: datetime,
) -> Iterator[Difference]:
    """COVA's whole catalogue against what we know of it and told the shop."""
    owned = frozenset(PRODUCT_FIELDS) - frozenset(settings.staff_fields)
    for row in rows.values():
        if row.cova_product_id in reading.unreadable:
            continue  # COVA has it; the sync says what is wrong with it
        read = reading.products.get(row.cova_product_id)
        snapshot = None if read is None else read.snapshot
        if row.host_state == "shown":
            yield from _shown(row, snapshot, owned, held, now)
        elif snapshot is not None and not row.is_excluded:
            yield from _not_shown(row, snapshot, owned)
    for product_id, new in reading.products.items():
        if product_id not in rows and new.snapshot is not None:
            yield from _unknown(product_id, new.snapshot, owned)


def _shown(
    row: ProductRecord,
    snapshot: ProductSnapshot | None,
    owned: frozenset[str],
    held: Mapping[str, Decimal],
    now: datetime,
) -> Iterator[Difference]:
    if snapshot is None:
        yield _of(row, "product_missing_in_cova", (None, "shown", None), "COVA does not list it.")
        return
    if snapshot.presence is not Presence.ACTIVE and "enabled" in owned:
        said = snapshot.presence.value
        yield _of(row, "product_still_shown", ("shown", "shown", said), "It left the menu in COVA.")
        return
    if snapshot.stock is not None and snapshot.stock != row.stock:
        yield _of(
            row,
            "stock_differs",
            (None, text_of(row.stock), text_of(snapshot.stock)),
            "COVA's count changed since it was last read: a sale or a delivery at the register.",
        )
    sellable = text_of(sellable_quantity(row.stock, held.get(row.cova_product_id, _NOTHING)))
    told = row.applied.get("quantity")
    if "quantity" in owned and sellable != told:
        yield _of(
            row,
            "quantity_differs",
            (told, sellable, None),
            "The shop was last told another quantity than stock less holds.",
        )
    if not row.is_locked:
        yield from _prices(row, snapshot, owned, now)


def _prices(
    row: ProductRecord, snapshot: ProductSnapshot, owned: frozenset[str], now: datetime
) -> Iterator[Difference]:
    said = encode_fields(fields_of(snapshot, category_id=None, sellable=None, now=now))
    for name, cause in _WHY_PRICE.items():
        if name in owned and name in said and name in row.applied:
            told, price = row.applied[name], said[name]
            if told != price:
                yield _of(
                    row,
                    f"{name}_differs",
                    (value_text(told), value_text(told), value_text(price)),
                    cause,
                )


def _not_shown(
    row: ProductRecord, snapshot: ProductSnapshot, owned: frozenset[str]
) -> Iterator[Difference]:
    if snapshot.presence is not Presence.ACTIVE or not _can_be_sold(snapshot, owned):
        return
    if row.host_state == "hidden" and "enabled" in owned:
        yield _of(row, "product_hidden", ("hidden", "hidden", "active"), "It is back in COVA.")
    elif row.host_state == "absent":
        yield _of(
            row,
            "product_not_in_shop",
            (None, None, "active"),
            row.last_error or "It was not taken over yet.",
        )


def _unknown(
    product_id: str, snapshot: ProductSnapshot, owned: frozenset[str]
) -> Iterator[Difference]:
    if snapshot.presence is Presence.ACTIVE and _can_be_sold(snapshot, owned):
        name = snapshot.name or product_id
        yield Difference(
            "product_not_in_shop",
            f"{name} ({product_id})",
            None,
            None,
            "active",
            _SYNC_OR_WAIT,
            cause="It is new in COVA since the last sync.",
            action=SYNC,
            name=name,
            cova_product_id=product_id,
        )


def _can_be_sold(snapshot: ProductSnapshot, owned: frozenset[str]) -> bool:
    """A product without any price is not created, as long as COVA sets the prices."""
    has_price = snapshot.regular_price is not None or bool(snapshot.price_tiers)
    return has_price or "price" not in owned


# --- the shop itself ----------------------------------------------------------------------------


def shop_differences(
    ctx: ServiceContext, settings: Connection, rows: Mapping[str, ProductRecord]
) -> Iterator[Difference]:
    """What the shop really has, against what it was told; nothing where the host cannot tell.

    Raises `ShopCannotSay` when it should and failed.
    """
    owned = frozenset(PRODUCT_FIELDS) - frozenset(settings.staff_fields)
    told = [row for row in rows.values() if row.host_state != "absent" and not row.is_excluded]
    for start in range(0, len(told), _AT_A_TIME):
        batch = told[start : start + _AT_A_TIME]
        current = read_back(ctx, settings.store_id, [each.cova_product_id for each in batch])
        if current is None:
            return
        for row in batch:
            found = current.get(row.cova_product_id)
            if found is not None:
                yield from _shop_fields(row, found, owned)
            elif row.host_state == "shown":
                yield _of(
                    row,
                    "product_missing_in_shop",
                    (None, "shown", None),
                    "The shop does not have the product any more; somebody removed it there.",
                    fix="If that was meant, exclude the product on its page; if not, restore it "
                    "there.",
                    action="",
                )


def _shop_fields(
    row: ProductRecord, found: Mapping[str, Any], owned: frozenset[str]
) -> Iterator[Difference]:
    following = owned & FOLLOWS_WHEN_LOCKED if row.is_locked else owned
    for field in compare_fields(row.applied, found, following=following):
        if field.follows_cova and field.verdict is Verdict.DIFFERS:
            yield _of(
                row,
                f"shop_{field.name}_differs",
                (value_text(field.shop), value_text(field.cova), None),
                "The shop has another value than it was told; somebody changed it there.",
                fix="Restore COVA's value on the product's page, or let staff own the field under "
                "POS settings.",
                action="",
            )


def _of(
    row: ProductRecord,
    kind: str,
    sides: tuple[str | None, str | None, str | None],
    cause: str,
    *,
    fix: str = _SYNC,
    action: str = SYNC,
) -> Difference:
    """A difference of one product; `sides` are shop, plugin and COVA."""
    host, plugin, cova = sides
    return Difference(
        kind,
        f"{row.name} ({row.cova_product_id})",
        host,
        plugin,
        cova,
        fix,
        cause=cause,
        action=action,
        name=row.name or row.cova_product_id,
        cova_product_id=row.cova_product_id,
    )
