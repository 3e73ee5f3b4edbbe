"""Compares what COVA says of products with what the shop has, and remembers what differs.

Which fields differ is a column of each product (`differing_fields`), so that a list of ten
thousand products filters and counts it in SQL, without reading their snapshots or asking the
host. A sync keeps it right for what it writes; what staff edit in the shop is found by
`compare_store`, which reads the catalogue back in batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from aiq_cova_plugin.domain.catalogue import ProductSnapshot
from aiq_cova_plugin.domain.categories import (
    CategoryChoice,
    CategoryChooser,
    CategoryRule,
    RuleKind,
)
from aiq_cova_plugin.domain.differences import FieldComparison, compare_fields, differing_names
from aiq_cova_plugin.domain.snapshot_codec import snapshot_from_json
from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.host import PRODUCT_FIELDS, Category, ReadsProducts
from aiq_cova_plugin.services.catalogue.apply_changes import host_side_of
from aiq_cova_plugin.services.catalogue.plan_product import ABSENT, FOLLOWS_WHEN_LOCKED, cova_values
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.stores import require_store
from aiq_cova_plugin.store.categories import rules_of
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.holds import held_by_product
from aiq_cova_plugin.store.models import Product
from aiq_cova_plugin.store.product_list import ids_to_compare
from aiq_cova_plugin.store.products import (
    note_compared,
    note_difference,
    products_by_id,
    wait_for_products,
)

_BATCH = 200
_NOTHING = Decimal(0)


class ShopCannotSay(CovaPluginError):
    """The host offers to read its catalogue back, and failed at it."""

    def __init__(self) -> None:
        super().__init__(
            "The shop could not say what its products are now, so nothing was compared.",
            fix="Try again in a minute. If it stays like this, whoever runs the shop finds the "
            "reason in its log.",
        )


@dataclass(frozen=True)
class StoreSide:
    """A store's own choices, as far as they decide what COVA's products become there."""

    owned: frozenset[str]
    erasable: frozenset[str]
    categories: Sequence[Category]
    chooser: CategoryChooser

    def category_of(self, snapshot: ProductSnapshot) -> CategoryChoice:
        return self.chooser.choose(snapshot)

    def following(self, product: Product) -> frozenset[str]:
        """The fields of the product that a sync overwrites."""
        if product.is_excluded:
            return frozenset()
        return self.owned & FOLLOWS_WHEN_LOCKED if product.is_locked else self.owned


@dataclass(frozen=True)
class ComparedProduct:
    """One product on both sides; `is_read_back` says that the shop itself told what it has.

    Otherwise the shop's side is what it was last told.
    """

    product: Product
    snapshot: ProductSnapshot
    category: CategoryChoice
    fields: list[FieldComparison]
    is_read_back: bool

    @property
    def differing(self) -> tuple[str, ...]:
        """The fields that count as different. A product the shop does not have, or that staff
        took out of the sync, differs in nothing anyone should look at."""
        if self.product.host_state == ABSENT or self.product.is_excluded:
            return ()
        return differing_names(self.fields)


@dataclass(frozen=True)
class ComparisonReport:
    """What a comparison of a whole store found."""

    store_id: str
    compared: int
    differing: int
    is_read_back: bool

    def as_document(self) -> dict[str, Any]:
        return {
            "store_id": self.store_id,
            "compared": self.compared,
            "differing": self.differing,
            "read_back": self.is_read_back,
        }


def store_side(ctx: ServiceContext, store_id: str) -> StoreSide:
    """The store's choices as they are now. Raises `UnknownStore`."""
    require_store(ctx, store_id)
    categories = ctx.host.categories(store_id)
    ctx.database.end_reading()
    with ctx.database.short() as connection:
        settings = connection_of(connection, store_id)
        rules = [
            CategoryRule(cast(RuleKind, rule.kind), rule.pattern, rule.category_id)
            for rule in rules_of(connection, store_id)
        ]
    staff_fields = settings.staff_fields if settings is not None else []
    return StoreSide(
        owned=frozenset(PRODUCT_FIELDS) - frozenset(staff_fields),
        erasable=frozenset(settings.erasable_fields if settings is not None else []),
        categories=categories,
        chooser=CategoryChooser(
            rules=rules,
            categories=categories,
            fallback=settings.fallback_category_id if settings is not None else None,
        ),
    )


def compare_products(
    ctx: ServiceContext,
    connection: DatabaseConnection,
    store_id: str,
    products: Sequence[Product],
    side: StoreSide,
    *,
    in_shop: Mapping[str, Mapping[str, Any]] | None,
) -> list[ComparedProduct]:
    """Each product compared, in the same order.

    `in_shop` is what `read_back` answered; None compares with what the shop was last told.
    """
    held = held_by_product(connection, store_id, [each.cova_product_id for each in products])
    now = ctx.clock.now()
    compared = []
    for product in products:
        snapshot = snapshot_from_json(product.snapshot)
        category = side.category_of(snapshot)
        said = cova_values(
            snapshot,
            host=host_side_of(product),
            category_id=category.category_id,
            held=held.get(product.cova_product_id, _NOTHING),
            is_vanished=product.vanished_at is not None,
            now=now,
        )
        shop = product.applied if in_shop is None else in_shop.get(product.cova_product_id, {})
        fields = compare_fields(
            said, shop, following=side.following(product), erasable=side.erasable
        )
        compared.append(
            ComparedProduct(product, snapshot, category, fields, is_read_back=in_shop is not None)
        )
    return compared


def read_back(
    ctx: ServiceContext, store_id: str, product_ids: Iterable[str]
) -> dict[str, Mapping[str, Any]] | None:
    """dict: COVA product id → what the shop has; None when the host cannot tell, by design.

    Raises `ShopCannotSay` when it should and failed. Do not call it inside a transaction of ours.
    """
    host = ctx.host
    if not isinstance(host, ReadsProducts):
        return None
    try:
        return dict(host.current_products(store_id, list(product_ids)))
    except Exception as exc:
        log.exception("products_not_read_back", extra={"store_id": store_id})
        raise ShopCannotSay from exc
    finally:
        ctx.database.end_reading()


def compare_store(ctx: ServiceContext, store_id: str) -> ComparisonReport:
    """Compare every product the shop has, and note for each in which fields it differs.

    Raises `UnknownStore`, and `ShopCannotSay` when the host fails at reading its catalogue.
    """
    side = store_side(ctx, store_id)
    compared = differing = 0
    last, is_read_back = "", isinstance(ctx.host, ReadsProducts)
    while True:
        with ctx.database.short() as connection:
            ids = ids_to_compare(connection, store_id, after=last, limit=_BATCH)
        if not ids:
            return ComparisonReport(store_id, compared, differing, is_read_back)
        last = ids[-1]
        in_shop = read_back(ctx, store_id, ids)
        with ctx.database.short() as connection:
            rows = list(products_by_id(connection, store_id, ids).values())
            found = compare_products(ctx, connection, store_id, rows, side, in_shop=in_shop)
            note_comparison(connection, store_id, found, at=ctx.clock.now())
        compared += len(found)
        differing += sum(bool(each.differing) for each in found)


def note_comparison(
    connection: DatabaseConnection,
    store_id: str,
    found: Sequence[ComparedProduct],
    *,
    at: datetime,
) -> None:
    """Remember what differs and as of when; most products need no write of their own."""
    wait_for_products(connection, store_id, [each.product.cova_product_id for each in found])
    as_before = []
    for each in found:
        names = ",".join(each.differing)
        if names == each.product.differing_fields:
            as_before.append(each.product.cova_product_id)
        else:
            note_difference(connection, each.product, names, at=at)
    if as_before:
        note_compared(connection, store_id, as_before, at=at)
