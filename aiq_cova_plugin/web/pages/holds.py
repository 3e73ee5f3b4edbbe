"""Why is this quantity what it is: COVA's stock, less each hold, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.services.stock.explain_holds import (
    PRODUCTS_PER_PAGE,
    HoldsReport,
    ProductSum,
    holds_report,
)
from aiq_cova_plugin.store.models import Alert, Hold
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.paging import Paging, page_number, paging
from aiq_cova_plugin.web.words.issue_words import product_url
from aiq_cova_plugin.web.words.view_models import (
    HOLD_WORDS,
    Moment,
    Words,
    quantity_text,
    words_of,
)

_LONGEST_SEARCH = 100
_A_WHILE = timedelta(minutes=1)


@dataclass(frozen=True)
class HoldRow:
    """One hold: how much for which order, and why it still counts."""

    hold: Hold
    order_number: str
    has_page: bool
    quantity: str
    words: Words
    since: Moment | None


@dataclass(frozen=True)
class SumView:
    """A product's sum, ready to read; `remark` says what is odd about it.

    `url` is the product's page, empty when there is none. `told` is what the shop was last
    told, empty when staff own the quantity or it never was. `is_unchanged`: COVA was asked
    since the stock was read, and had nothing new of it.
    """

    sums: ProductSum
    stock: str
    read_at: Moment | None
    rows: list[HoldRow]
    sellable: str
    told: str
    remark: str
    url: str
    is_unchanged: bool = False


@dataclass(frozen=True)
class ExpiredHold:
    """A hold that ended because nobody ever confirmed or cancelled its order."""

    hold: Hold
    product_name: str
    quantity: str
    released: Moment | None
    alert: Alert | None


@dataclass(frozen=True)
class HoldsPage:
    """One page of the sums. `product_id` and `search` are what was asked for."""

    report: HoldsReport
    sums: list[SumView]
    expired: list[ExpiredHold]
    search: str
    product_id: str
    pages: Paging


@needs("view")
def show(page: StorePage) -> ResponseReturnValue:
    """All sums; `?product=` that product alone, `?q=` those whose name or order fits."""
    product_id = request.args.get("product", "").strip().lower()
    search = request.args.get("q", "").strip()[:_LONGEST_SEARCH]
    number = page_number()
    report = holds_report(
        page.ctx, page.store.id, product_id=product_id or None, search=search, page=number
    )
    view = HoldsPage(
        report=report,
        sums=[_sum_view(page, each, report) for each in report.products],
        expired=[_expired(page, each, report) for each in report.expired],
        search=search,
        product_id=product_id,
        pages=paging(
            number,
            report.number_found,
            PRODUCTS_PER_PAGE,
            lambda to: page.url("holds", q=search or None, page=to if to > 1 else None),
        ),
    )
    return page.render("holds/page.html", view, section="holds")


def _sum_view(page: StorePage, sums: ProductSum, report: HoldsReport) -> SumView:
    return SumView(
        sums=sums,
        stock=quantity_text(sums.stock),
        read_at=page.when(sums.stock_read_at),
        is_unchanged=sums.stock_read_at is not None
        and report.asked_at is not None
        and report.asked_at - sums.stock_read_at > _A_WHILE,
        rows=[
            HoldRow(
                hold,
                report.order_numbers.get(hold.order_id, hold.order_id),
                hold.order_id in report.order_numbers,
                quantity_text(hold.quantity),
                words_of(HOLD_WORDS, hold.state),
                page.when(hold.since),
            )
            for hold in sums.holds
        ],
        sellable=quantity_text(sums.sellable),
        told="" if report.staff_own_quantity or sums.told is None else sums.told,
        remark=_remark(sums, report),
        url=product_url(page, sums.cova_product_id),
    )


def _expired(page: StorePage, hold: Hold, report: HoldsReport) -> ExpiredHold:
    return ExpiredHold(
        hold,
        report.expired_names.get(hold.cova_product_id, hold.cova_product_id),
        quantity_text(hold.quantity),
        page.when(hold.released_at),
        report.alerts.get(hold.order_id),
    )


def _remark(sums: ProductSum, report: HoldsReport) -> str:
    if sums.stock is None:
        return "COVA has not said how much there is, so nothing can be sold by this sum."
    if sums.held > sums.stock:
        over = quantity_text(sums.held - sums.stock)
        return f"Oversold by {over}: more is promised than COVA counts. Check the shelf."
    if report.staff_own_quantity:
        return ""
    if not sums.is_shown:
        return "The product is not on the menu right now."
    if sums.told is not None and sums.told != quantity_text(sums.sellable):
        return f"The shop still shows {sums.told}; the next sync puts that right."
    return ""
