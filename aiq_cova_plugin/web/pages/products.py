"""Menu > Products as COVA sees it: the list, and a badge for each."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.services.products.compare_products import ShopCannotSay, compare_store
from aiq_cova_plugin.services.products.show_products import (
    FILTER_NAMES,
    ProductList,
    product_list,
    standing_of,
)
from aiq_cova_plugin.store.product_list import ProductRow
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.words.product_words import FILTER_LABELS, NOTHING_FOUND, product_words
from aiq_cova_plugin.web.words.view_models import Moment, Words, counted, quantity_text

_LONGEST_SEARCH = 100


@dataclass(frozen=True)
class ListedProduct:
    """One product in the list; `compared` says as of when shop and COVA are known to agree."""

    row: ProductRow
    words: Words
    stock: str
    compared: Moment | None
    url: str


@dataclass(frozen=True)
class FilterTab:
    """A filter with its count and its address."""

    name: str
    label: str
    number: int
    url: str
    is_current: bool


@dataclass(frozen=True)
class ProductsPage:
    """The list, filtered and searched; the addresses are empty where there is no such page."""

    found: ProductList
    rows: list[ListedProduct]
    tabs: list[FilterTab]
    chosen: str
    words: str
    nothing_found: str
    previous_url: str
    next_url: str


@needs("view")
def list_products(page: StorePage) -> ResponseReturnValue:
    chosen = request.args.get("filter", "")
    chosen = chosen if chosen in FILTER_NAMES else ""
    words = " ".join(request.args.get("q", "").split())[:_LONGEST_SEARCH]
    number = request.args.get("page", 1, type=int)
    found = product_list(page.ctx, page.store.id, chosen=chosen, words=words, page=number)
    view = ProductsPage(
        found=found,
        rows=[_listed(page, row) for row in found.rows],
        tabs=[
            FilterTab(
                name,
                FILTER_LABELS[name],
                found.counts[name],
                _address(page, name, words),
                name == chosen,
            )
            for name in ("", *FILTER_NAMES)
            if not name or name == chosen or found.counts[name]
        ],
        chosen=chosen,
        words=words,
        nothing_found=_nothing_found(chosen, words),
        previous_url=_address(page, chosen, words, found.page - 1) if found.page > 1 else "",
        next_url=_address(page, chosen, words, found.page + 1)
        if found.page < found.last_page
        else "",
    )
    return page.render("products/page.html", view, section="products")


@needs("sync")
def compare(page: StorePage) -> ResponseReturnValue:
    """Compare every product with the shop now, so that the filter knows of every edit."""
    address = _address(page, "differs", "")
    try:
        report = compare_store(page.ctx, page.store.id)
    except ShopCannotSay as exc:
        return page.go_to(address, notice=f"{exc.message} {exc.fix}", level="error")
    found = f"{report.differing:,} of {counted(report.compared, 'product')}"
    verb = "differs" if report.differing == 1 else "differ"
    against = "the shop" if report.is_read_back else "what the shop was last told"
    return page.go_to(address, notice=f"Compared COVA with {against}: {found} {verb}.")


def _address(page: StorePage, chosen: str, words: str, number: int = 1) -> str:
    return page.url(
        "products", filter=chosen or None, q=words or None, page=number if number > 1 else None
    )


def _nothing_found(chosen: str, words: str) -> str:
    if words:
        return f"No product here matches “{words}”. Name, SKU and COVA's id are searched."
    return NOTHING_FOUND[chosen]


def _listed(page: StorePage, row: ProductRow) -> ListedProduct:
    standing = standing_of(row.state)
    return ListedProduct(
        row=row,
        words=product_words(row.state, now=page.now),
        stock=quantity_text(row.stock),
        compared=page.when(row.state.compared_at) if standing == "in_step" else None,
        url=page.url("product", product_id=row.state.cova_product_id),
    )
