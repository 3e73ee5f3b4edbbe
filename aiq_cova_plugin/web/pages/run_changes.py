"""What one sync changed: the part of its page, and the download."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Response, request

from aiq_cova_plugin.services.catalogue.run_changes import KINDS_OF_CHANGE
from aiq_cova_plugin.services.watch.show_runs import (
    CHANGES_PER_PAGE,
    ChangeList,
    every_change,
    run_changes,
)
from aiq_cova_plugin.store.models import Run, RunChange
from aiq_cova_plugin.web.csv_download import csv_response
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.paging import Paging, page_number, paging
from aiq_cova_plugin.web.words.product_words import changed_fields
from aiq_cova_plugin.web.words.run_words import CHANGE_WORDS
from aiq_cova_plugin.web.words.view_models import Words, counted, words_of


@dataclass(frozen=True)
class ChangedProduct:
    """One product the run changed: `fields` are (field, before, after) as text."""

    name: str
    url: str
    words: Words
    fields: list[tuple[str, str, str]]


@dataclass(frozen=True)
class KindTab:
    """One filter; `number` changes of the kind can be looked at."""

    label: str
    number: int
    url: str
    is_current: bool


@dataclass(frozen=True)
class RunChangesView:
    """What the run changed: one page of it, and what is counted only, in words."""

    rows: list[ChangedProduct]
    tabs: list[KindTab]
    pages: Paging
    not_kept: str
    nothing: str
    csv_url: str


def changes_view(page: StorePage, run: Run) -> RunChangesView | None:
    """The changes the address asks for: `kind` and `page`."""
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS_OF_CHANGE else ""
    number = page_number()
    found = run_changes(page.ctx, page.store.id, run.id, kind=kind, page=number)
    if found is None:
        return None

    def address(to_kind: str, to_page: int = 1) -> str:
        to = to_page if to_page > 1 else None
        return page.url("run", run_id=run.id, kind=to_kind or None, page=to, _anchor="changes")

    categories = _category_names(page)
    return RunChangesView(
        rows=[_changed(page, each, found.names, categories) for each in found.changes],
        tabs=_tabs(found, kind, address),
        pages=paging(number, found.number_found, CHANGES_PER_PAGE, lambda to: address(kind, to)),
        not_kept=_not_kept(found),
        nothing=_nothing(run, found),
        csv_url=page.url("run", run_id=run.id, format="csv", of="changes"),
    )


def _tabs(found: ChangeList, current: str, address: Callable[[str], str]) -> list[KindTab]:
    if not found.counts:
        return []
    every = KindTab("All", sum(found.counts.values()), address(""), not current)
    return [every] + [
        KindTab(words_of(CHANGE_WORDS, kind).label, number, address(kind), kind == current)
        for kind in KINDS_OF_CHANGE
        if (number := found.counts.get(kind, 0))
    ]


def changes_csv(page: StorePage, run: Run) -> Response:
    """Every change on record, a line for each field."""
    header = ("Product id", "Product", "Change", "Field", "Before", "After")
    return csv_response(f"sync-{run.id[:8]}-changes", header, _csv_rows(page, run))


def _csv_rows(page: StorePage, run: Run) -> Iterator[tuple[str, ...]]:
    categories = _category_names(page)
    for each in every_change(page.ctx, page.store.id, run.id):
        product_id, label = each.change.cova_product_id, _words(each.change).label
        for name, old, new in _fields(each.change, categories) or [("", "", "")]:
            yield product_id, each.product_name, label, name, old, new
    found = run_changes(page.ctx, page.store.id, run.id)
    if found is not None and found.not_kept:
        yield "", _not_kept(found), "", "", "", ""


def _changed(
    page: StorePage, change: RunChange, names: dict[str, str], categories: dict[str, str]
) -> ChangedProduct:
    product_id = change.cova_product_id
    return ChangedProduct(
        name=names.get(product_id, product_id),
        url=page.url("product", product_id=product_id),
        words=_words(change),
        fields=_fields(change, categories),
    )


def _words(change: RunChange) -> Words:
    return words_of(CHANGE_WORDS, change.action)


def _fields(change: RunChange, categories: dict[str, str]) -> list[tuple[str, str, str]]:
    return changed_fields(((name, *pair) for name, pair in change.fields.items()), categories)


def _category_names(page: StorePage) -> dict[str, str]:
    return {each.id: each.name for each in page.ctx.host.categories(page.store.id)}


def _not_kept(found: ChangeList) -> str:
    if not found.not_kept:
        return ""
    more = counted(found.not_kept, "more product")
    kept = f"{sum(found.counts.values()):,}"
    return (
        f"{more} changed; the first {kept} of a sync are kept one by one, the others are counted."
    )


def _nothing(run: Run, found: ChangeList) -> str:
    if found.not_kept:
        return f"{counted(found.not_kept, 'product')} changed; which ones was not kept then."
    return {
        "held": "Nothing: the sync stopped before it wrote.",
        "failed": "Nothing was written before it failed.",
    }.get(run.status, "Nothing: the shop had it all.")
