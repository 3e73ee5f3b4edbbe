"""The store's products as staff want to see them: lists, and one product on both sides. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.products.compare_products import (
    ComparedProduct,
    ShopCannotSay,
    StoreSide,
    compare_products,
    read_back,
    store_side,
)
from aiq_cova_plugin.store.categories import rules_of
from aiq_cova_plugin.store.holds import held_by_product
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

PRODUCTS_PER_PAGE = 50
FILTER_NAMES = tuple(FILTERS)
PRODUCT_RULE = "product"
"""The kind of category rule that is for one product alone; its pattern is the product's id."""


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
    `could_read_back` is False when the host tried to say what it has, and failed.
    """

    compared: ComparedProduct
    side: StoreSide
    held: Decimal
    sellable: Decimal | None
    own_category_id: str | None
    could_read_back: bool


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
    return ProductDetails(
        compared=compared,
        side=side,
        held=held,
        sellable=sellable_quantity(product.stock, held),
        own_category_id=own[0] if own else None,
        could_read_back=could_read_back,
    )


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
