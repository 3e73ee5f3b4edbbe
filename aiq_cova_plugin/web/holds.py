"""Why is this quantity what it is: COVA's stock, less each hold, row by row."""

from __future__ import annotations

from dataclasses import dataclass

from flask.typing import ResponseReturnValue

from aiq_cova_plugin.domain.field_values import decimal_text
from aiq_cova_plugin.services.overview import HoldsReport, ProductSum, holds_report
from aiq_cova_plugin.store.models import Hold
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.view_models import (
    HOLD_WORDS,
    Moment,
    Words,
    quantity_text,
    words_of,
)


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
    """A product's sum, ready to read; `remark` says what is odd about it."""

    sums: ProductSum
    stock: str
    read_at: Moment | None
    rows: list[HoldRow]
    sellable: str
    remark: str


@dataclass(frozen=True)
class HoldsPage:
    """Every product with an open hold."""

    report: HoldsReport
    sums: list[SumView]


@needs("view")
def show(page: StorePage) -> ResponseReturnValue:
    report = holds_report(page.ctx, page.store.id)
    sums = [_sum_view(page, each, report) for each in report.products]
    return page.render("holds/page.html", HoldsPage(report, sums), section="holds")


def _sum_view(page: StorePage, sums: ProductSum, report: HoldsReport) -> SumView:
    return SumView(
        sums=sums,
        stock=quantity_text(sums.stock),
        read_at=page.when(sums.stock_read_at),
        rows=[
            HoldRow(
                hold,
                report.order_numbers.get(hold.order_id, hold.order_id),
                hold.order_id in report.order_numbers,
                decimal_text(hold.quantity),
                words_of(HOLD_WORDS, hold.state),
                page.when(hold.since),
            )
            for hold in sums.holds
        ],
        sellable=quantity_text(sums.sellable),
        remark=_remark(sums, report),
    )


def _remark(sums: ProductSum, report: HoldsReport) -> str:
    if sums.stock is None:
        return "COVA has not said how much there is, so nothing can be sold by this sum."
    if sums.held > sums.stock:
        over = decimal_text(sums.held - sums.stock)
        return f"Oversold by {over}: more is promised than COVA counts. Check the shelf."
    if report.staff_own_quantity:
        return ""
    if not sums.is_shown:
        return "The product is not on the menu right now."
    if sums.told is not None and sums.told != quantity_text(sums.sellable):
        return f"The shop still shows {sums.told}; the next sync puts that right."
    return ""
