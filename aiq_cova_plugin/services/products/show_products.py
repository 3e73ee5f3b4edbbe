"""The store's products as staff want to see them: lists, and one product on both sides.

Changes nothing but what is known of a product's differences: whoever looks at one compares it,
and the list is to say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.host import PRODUCT_FIELDS
from aiq_cova_plugin.services.catalogue.plan_product import FOLLOWS_WHEN_LOCKED
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.products.compare_products import (
    ComparedProduct,
    ShopCannotSay,
    StoreSide,
    compare_products,
    note_comparison,
    read_back,
    store_side,
)
from aiq_cova_plugin.store.audit import last_entry_about
from aiq_cova_plugin.store.categories import rules_of
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.database import DatabaseConnection, is_database_trouble
from aiq_cova_plugin.store.holds import held_by_product
from aiq_cova_plugin.store.models import AuditEntry, Product
from aiq_cova_plugin.store.product_list import (
    FILTERS,
    ProductRow,
    ProductState,
    filter_counts,
    ids_in_filter,
    page_of_products,
    states_of_products,
)
from aiq_cova_plugin.store.products import product_of
from aiq_cova_plugin.store.run_changes import PastChange, changes_of_product

PRODUCTS_PER_PAGE = 50
FILTER_NAMES = tuple(FILTERS)
PRODUCT_RULE = "product"
"""The kind of category rule that is for one product alone; its pattern is the product's id."""

_PAST_CHANGES = 10
_NOTED_ANEW_AFTER = timedelta(minutes=1)


@dataclass(frozen=True)
class ProductList:
    """One page of products by name. `counts` is dict: filter → number, "" for all found."""

    rows: list[ProductRow]
    counts: dict[str, int]
    number_found: int
    page: int
    last_page: int


@dataclass(frozen=True)
class ProductDetails:
    """One product on both sides.

    `sellable` is COVA's stock less `held`; None when COVA never told the stock. `own_category_id`
    is the category staff chose for this very product, None when they did not.
    `could_read_back` is False when the host tried to say what it has, and failed; `compared_at`
    is now, and without an answer the last time there was one.
    `past_changes` are the last that syncs made to it, newest first. `decided` is who locked or
    excluded it, and when; None when it is neither, or that is not on record any more.
    """

    compared: ComparedProduct
    side: StoreSide
    held: Decimal
    sellable: Decimal | None
    own_category_id: str | None
    could_read_back: bool
    compared_at: datetime | None
    past_changes: list[PastChange]
    decided: AuditEntry | None


def product_list(
    ctx: ServiceContext,
    store_id: str,
    *,
    chosen: str = "",
    words: str = "",
    page: int = 1,
    per_page: int = PRODUCTS_PER_PAGE,
) -> ProductList:
    """One page of the store's products; `chosen` is one of `FILTER_NAMES`, or empty for all.

    `words` are looked for in name and SKU and at the beginning of COVA's id. A page past the
    end is the last one.
    """
    with ctx.database.short() as connection:
        counts = filter_counts(connection, store_id, words)
        number = counts[chosen]
        last_page = max(1, -(-number // per_page))
        page = min(max(page, 1), last_page)
        rows = page_of_products(
            connection,
            store_id,
            chosen=chosen,
            words=words,
            limit=per_page,
            offset=per_page * (page - 1),
        )
    return ProductList(rows, counts, number, page, last_page)


def product_details(ctx: ServiceContext, store_id: str, product_id: str) -> ProductDetails | None:
    """One product compared with the shop right now; None when COVA never sent such a product."""
    product_id = product_id.lower()
    side = store_side(ctx, store_id)
    could_read_back = True
    try:
        in_shop = read_back(ctx, store_id, [product_id])
    except ShopCannotSay:
        in_shop, could_read_back = None, False
    with ctx.database.short() as connection:
        product = product_of(connection, store_id, product_id)
        if product is None:
            return None
        (compared,) = compare_products(ctx, connection, store_id, [product], side, in_shop=in_shop)
        held = held_by_product(connection, store_id, [product_id]).get(product_id, Decimal(0))
        own = [
            rule.category_id
            for rule in rules_of(connection, store_id)
            if rule.kind == PRODUCT_RULE and rule.pattern.casefold() == product_id
        ]
        past = changes_of_product(connection, store_id, product_id, limit=_PAST_CHANGES)
        decided = _decision(connection, product)
    if could_read_back:
        _remember(ctx, compared)
    return ProductDetails(
        compared=compared,
        side=side,
        held=held,
        sellable=sellable_quantity(product.stock, held),
        own_category_id=own[0] if own else None,
        could_read_back=could_read_back,
        compared_at=ctx.clock.now() if could_read_back else product.compared_at,
        past_changes=past,
        decided=decided,
    )


def _decision(connection: DatabaseConnection, product: Product) -> AuditEntry | None:
    action = (
        "product_excluded" if product.is_excluded else "product_locked" if product.is_locked else ""
    )
    if not action:
        return None
    return last_entry_about(connection, product.store_id, product.cova_product_id, (action,))


def _remember(ctx: ServiceContext, compared: ComparedProduct) -> None:
    """Let the list say what this page says. Looking must not fail because of it."""
    product, now = compared.product, ctx.clock.now()
    if ",".join(compared.differing) == product.differing_fields:
        at = product.compared_at
        if at is not None and now - at < _NOTED_ANEW_AFTER:
            return
        if ctx.leases.is_held(f"catalog:{product.store_id}", now):
            return  # Nothing new, and a sync may be writing: no reason to wait for it.
    try:
        with ctx.database.short() as connection:
            note_comparison(connection, product.store_id, [compared], at=now)
    except Exception as exc:
        if not is_database_trouble(exc):
            raise
        log.warning("comparison_not_noted", extra={"store_id": product.store_id})


def product_states(
    ctx: ServiceContext, store_id: str, product_ids: Iterable[str]
) -> dict[str, ProductState]:
    """dict: COVA product id, in small letters → how it stands; in one query for a page of them."""
    with ctx.database.short() as connection:
        return states_of_products(connection, store_id, [each.lower() for each in product_ids])


def product_ids_in(ctx: ServiceContext, store_id: str, chosen: str) -> list[str]:
    """The COVA ids of the products in a filter, for a host that filters its own list by it."""
    with ctx.database.short() as connection:
        return ids_in_filter(connection, store_id, chosen)


def owned_fields(ctx: ServiceContext, store_id: str) -> frozenset[str]:
    """The names of the fields COVA owns at this store."""
    with ctx.database.short() as connection:
        settings = connection_of(connection, store_id)
    return frozenset(PRODUCT_FIELDS) - frozenset(settings.staff_fields if settings else ())


def followed_fields(state: ProductState, owned: frozenset[str]) -> frozenset[str]:
    """The fields of the product that a sync overwrites in the shop."""
    if state.is_excluded:
        return frozenset()
    return owned & FOLLOWS_WHEN_LOCKED if state.is_locked else owned


def standing_of(state: ProductState) -> str:
    """How a product stands, in one word: the first of these that is true.

    `failed`, `excluded`, `locked`, `absent`, `hidden`, `differs`, `waiting` (for the next sync),
    `in_step`.
    """
    if state.last_error:
        return "failed"
    if state.is_excluded:
        return "excluded"
    if state.is_locked:
        return "locked"
    if state.host_state != "shown":
        return state.host_state
    if state.differing:
        return "differs"
    return "waiting" if state.is_dirty else "in_step"
