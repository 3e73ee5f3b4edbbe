"""Do shop, plugin and COVA agree? The last comparison, a new one, and what puts it right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.services.compare import put_right
from aiq_cova_plugin.services.compare.reports import (
    RECONCILE,
    BackgroundReport,
    report_of,
    start_report,
)
from aiq_cova_plugin.services.connection.connection_settings import SettingsView, read_settings
from aiq_cova_plugin.services.watch.since_comparison import Changed, changed_since
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.csv_download import csv_response, wants_csv
from aiq_cova_plugin.web.htmx import is_htmx
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.paging import Paging, page_number, paging
from aiq_cova_plugin.web.report_progress import ReportProgress, follow, progress_of
from aiq_cova_plugin.web.words.difference_words import Button, button_of, kind_words
from aiq_cova_plugin.web.words.issue_words import product_url
from aiq_cova_plugin.web.words.view_models import Moment, counted

ROWS_PER_PAGE = 50
_ROWS_PER_KIND = 10


@dataclass(frozen=True)
class DifferenceRow:
    """One difference. `url` is the page of its order or product, empty when there is none."""

    name: str
    url: str
    host: str
    plugin: str
    cova: str
    cause: str
    fix: str
    order_id: str | None
    button: Button | None


@dataclass(frozen=True)
class KindGroup:
    """All differences of one kind; `number` of them, the first few as rows.

    What is the same for all is said once: `cause`, `fix`, `button`.
    """

    kind: str
    label: str
    number: int
    rows: list[DifferenceRow]
    cause: str
    fix: str
    button: Button | None

    @property
    def not_shown(self) -> int:
        return self.number - len(self.rows)


@dataclass(frozen=True)
class ReconcilePage:
    """The last comparison; `found` is None before the first. With `kind` that kind alone.

    `changed` says what happened since then that may have made it out of date. `on_purpose` are
    things that are not the same because staff want it so, `number_on_purpose` of them.
    """

    settings: SettingsView
    progress: ReportProgress
    found: dict[str, Any] | None
    made_at: Moment | None
    headline: str
    groups: list[KindGroup]
    kind: str
    pages: Paging
    changed: Changed
    on_purpose: list[DifferenceRow]
    number_on_purpose: int


@needs("view")
def show(page: StorePage) -> ResponseReturnValue:
    """The page; for htmx, which polls while shop and COVA are compared, the progress alone."""
    if is_htmx():
        return follow(page, RECONCILE, template="reconcile/_reconcile.html", view_of=_view)
    report = report_of(page.ctx, page.store.id, RECONCILE)
    if wants_csv():
        return csv_response("differences", _CSV_HEADER, _csv_rows(report.document))
    return page.render("reconcile/page.html", _view(page, report), section="reconcile")


@needs("sync")
def start(page: StorePage) -> ResponseReturnValue:
    """Begin to compare."""
    start_report(page.ctx, page.store.id, RECONCILE, page.actor)
    return page.go_to(page.url("reconcile"))


@needs("orders")
def poll(page: StorePage) -> ResponseReturnValue:
    """Read the statuses of all open orders."""
    put_right.start_poll(page.ctx, page.store.id, by=page.actor)
    return page.go_to(
        page.url("reconcile"),
        notice="COVA is being asked about every open order. Compare again in a minute.",
    )


@needs("orders")
def sweep(page: StorePage) -> ResponseReturnValue:
    """Look for confirmed orders that were never queued."""
    put_right.start_sweep(page.ctx, page.store.id, by=page.actor)
    return page.go_to(
        page.url("reconcile"),
        notice="Orders that were missed are being queued. They appear on the Orders page.",
    )


@needs("orders")
def free_stock(page: StorePage) -> ResponseReturnValue:
    """Release what is held for an order that will not come."""
    order_id = request.form.get("order_id", "")
    number = put_right.free_stock(page.ctx, page.store.id, order_id, by=page.actor)
    text = (
        f"The stock of {counted(number, 'product')} is free again."
        if number
        else "Nothing was held for this order any more."
    )
    return page.go_to(page.url("reconcile"), notice=text)


def _view(page: StorePage, report: BackgroundReport) -> ReconcilePage:
    found = report.document or None
    counts: dict[str, int] = found["counts"] if found else {}
    kind = request.args.get("kind", "")
    kind = kind if kind in counts else ""
    number = page_number()
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in (found or {}).get("differences", []):
        by_kind[each["kind"]].append(each)
    first = ROWS_PER_PAGE * (number - 1) if kind else 0
    most = ROWS_PER_PAGE if kind else _ROWS_PER_KIND
    kinds = [kind] if kind else sorted(counts, key=lambda each: (kind_words(each).urgency, each))
    made_at = datetime.fromisoformat(found["made_at"]) if found else None
    return ReconcilePage(
        settings=read_settings(page.ctx, page.store.id),
        progress=progress_of(page, report, RECONCILE),
        found=found,
        made_at=page.when(made_at),
        headline=_headline(found, counts),
        groups=[
            _group(page, each, by_kind[each][first : first + most], counts[each]) for each in kinds
        ],
        kind=kind,
        pages=paging(
            number,
            len(by_kind[kind]) if kind else 0,
            ROWS_PER_PAGE,
            lambda to: page.url("reconcile", kind=kind or None, page=to if to > 1 else None),
        ),
        changed=changed_since(page.ctx, page.store.id, made_at)
        if made_at is not None and counts
        else "",
        on_purpose=[]
        if kind
        else [_row(page, each) for each in (found or {}).get("on_purpose", [])[:ROWS_PER_PAGE]],
        number_on_purpose=(found or {}).get("number_on_purpose", 0),
    )


def _headline(found: dict[str, Any] | None, counts: dict[str, int]) -> str:
    if found is None:
        return "No whole comparison yet"
    if found["agrees"]:
        return "Shop and COVA agree"
    return f"{counted(sum(counts.values()), 'difference')} between shop and COVA"


def _group(page: StorePage, kind: str, found: list[dict[str, Any]], number: int) -> KindGroup:
    rows = [_row(page, each) for each in found]
    causes, fixes = {row.cause for row in rows}, {row.fix for row in rows}
    buttons = {row.button for row in rows}
    common = next(iter(buttons)) if len(buttons) == 1 else None
    return KindGroup(
        kind=kind,
        label=kind_words(kind).label,
        number=number,
        rows=rows,
        cause=next(iter(causes)) if len(causes) == 1 else "",
        fix=next(iter(fixes)) if len(fixes) == 1 else "",
        button=common if common is not None and common.is_for_all else None,
    )


def _row(page: StorePage, found: dict[str, Any]) -> DifferenceRow:
    order_id = found.get("order_id")
    is_queued = order_id is not None and found["kind"] != "order_not_queued"
    product_id = found.get("cova_product_id") or ""
    url = product_url(page, product_id)
    if is_queued and not product_id:
        url = page.url("order", order_id=order_id)
    name = found.get("name") or found["subject"]
    if order_id is not None:
        name = f"{name}, order {order_id}" if product_id else f"Order {name}"
    return DifferenceRow(
        name=name,
        url=url,
        host=found["host"] or "–",
        plugin=found["plugin"] or "–",
        cova=found["cova"] or "–",
        cause=found.get("cause", ""),
        fix=found["fix"],
        order_id=order_id,
        button=button_of(found.get("action", "")),
    )


# --- download -----------------------------------------------------------------------------------

_CSV_HEADER = ("What", "Thing", "Shop", "Plugin", "COVA", "Why", "What to do")


def _csv_rows(found: dict[str, Any]) -> Iterator[tuple[str | None, ...]]:
    kept: dict[str, int] = defaultdict(int)
    for each in found.get("differences", []):
        kept[each["kind"]] += 1
        label = kind_words(each["kind"]).label
        sides = (each["host"], each["plugin"], each["cova"])
        yield label, each["subject"], *sides, each.get("cause", ""), each["fix"]
    for each in found.get("on_purpose", []):
        sides = (each["host"], each["plugin"], each["cova"])
        label = f"On purpose: {kind_words(each['kind']).label}"
        yield label, each["subject"], *sides, each.get("cause", ""), each["fix"]
    for kind, number in found.get("counts", {}).items():
        if number > kept[kind]:
            more = f"{number - kept[kind]:,} more are not listed; flask cova reconcile shows all"
            yield kind_words(kind).label, more, "", "", "", "", ""
