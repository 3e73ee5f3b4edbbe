"""What a sync would do: made in the background, shown old → new, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.services.choices.pos_settings import FIELD_LABELS
from aiq_cova_plugin.services.compare.preview_document import KINDS_OF_CHANGE
from aiq_cova_plugin.services.compare.reports import (
    PREVIEW,
    BackgroundReport,
    report_of,
    start_report,
)
from aiq_cova_plugin.services.connection.connection_settings import SettingsView, read_settings
from aiq_cova_plugin.services.stores import NOT_CONNECTED
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.csv_download import csv_response, wants_csv
from aiq_cova_plugin.web.htmx import is_htmx
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.paging import Paging, page_number, paging
from aiq_cova_plugin.web.report_progress import ReportProgress, follow, progress_of
from aiq_cova_plugin.web.words.issue_words import Cause, cause_of
from aiq_cova_plugin.web.words.product_words import GONE_WORDS
from aiq_cova_plugin.web.words.view_models import ACTION_WORDS, Moment, Words, words_of

CHANGES_PER_PAGE = 50
_LONGEST = 120


@dataclass(frozen=True)
class PreviewChange:
    """One product a sync would touch: `fields` are (name, old, new) as text. `why` says why
    it leaves the menu, empty for one that does not or where that was not kept."""

    cova_product_id: str
    name: str
    kind: str
    words: Words
    fields: list[tuple[str, str, str]]
    why: str = ""


@dataclass(frozen=True)
class KindTab:
    """One filter; `kept` of `number` changes can be looked at."""

    kind: str
    label: str
    number: int
    is_current: bool


@dataclass(frozen=True)
class PreviewPage:
    """The last preview and how a new one stands; `found` is None before the first."""

    settings: SettingsView
    progress: ReportProgress
    found: dict[str, Any] | None
    made_at: Moment | None
    tabs: list[KindTab]
    changes: list[PreviewChange]
    not_kept: int
    pages: Paging
    kind: str
    causes: list[Cause]

    @property
    def is_connected(self) -> bool:
        return self.settings.state != NOT_CONNECTED

    @property
    def is_held(self) -> bool:
        return self.found is not None and self.found.get("status") == "held"

    @property
    def is_full(self) -> bool:
        return self.found is not None and self.found.get("mode") == "full"


@needs("view")
def show(page: StorePage) -> ResponseReturnValue:
    """The page; for htmx, which polls while a preview is being made, the progress alone."""
    if is_htmx():
        return follow(page, PREVIEW, template="preview/_preview.html", view_of=_view)
    report = report_of(page.ctx, page.store.id, PREVIEW)
    if wants_csv():
        return csv_response("preview", _CSV_HEADER, _csv_rows(page, report.document))
    return page.render("preview/page.html", _view(page, report), section="preview")


@needs("sync")
def start(page: StorePage) -> ResponseReturnValue:
    """Begin a preview and go to its page."""
    return begin(page, full=request.form.get("full") == "1")


def begin(page: StorePage, *, full: bool) -> ResponseReturnValue:
    """Begin a preview, whoever's button it was."""
    start_report(page.ctx, page.store.id, PREVIEW, page.actor, full=full)
    return page.go_to(page.url("preview"))


def _view(page: StorePage, report: BackgroundReport) -> PreviewPage:
    found = report.document or None
    kinds: dict[str, int] = found["kinds"] if found else {}
    kind = request.args.get("kind", "")
    kind = kind if kind in kinds else ""
    kept = [each for each in (found or {}).get("changes", []) if kind in ("", each["kind"])]
    number = page_number()
    pages = paging(
        number,
        len(kept),
        CHANGES_PER_PAGE,
        lambda to: page.url("preview", kind=kind or None, page=to if to > 1 else None),
    )
    shown = kept[CHANGES_PER_PAGE * (number - 1) : CHANGES_PER_PAGE * number]
    categories = _category_names(page)
    total = kinds.get(kind, 0) if kind else sum(kinds.values())
    return PreviewPage(
        settings=read_settings(page.ctx, page.store.id),
        progress=progress_of(page, report, PREVIEW),
        found=found,
        made_at=page.when(_time(found)),
        tabs=_tabs(kinds, kind),
        changes=[_change(each, categories) for each in shown],
        not_kept=total - len(kept),
        pages=pages,
        kind=kind,
        causes=[cause_of(page, **each) for each in (found or {}).get("issues", [])],
    )


def _time(found: dict[str, Any] | None) -> datetime | None:
    return datetime.fromisoformat(found["made_at"]) if found else None


def _tabs(kinds: dict[str, int], current: str) -> list[KindTab]:
    if not kinds:
        return []
    every = KindTab("", "All", sum(kinds.values()), not current)
    return [every] + [
        KindTab(kind, words_of(ACTION_WORDS, kind).label, kinds[kind], kind == current)
        for kind in KINDS_OF_CHANGE
        if kind in kinds
    ]


def _category_names(page: StorePage) -> dict[str, str]:
    return {each.id: each.name for each in page.ctx.host.categories(page.store.id)}


def _change(document: dict[str, Any], categories: dict[str, str]) -> PreviewChange:
    return PreviewChange(
        cova_product_id=document["cova_product_id"],
        name=document["name"],
        kind=document["kind"],
        words=words_of(ACTION_WORDS, document["kind"]),
        fields=changed_fields(document["fields"], categories),
        why=_why(document),
    )


def _why(document: dict[str, Any]) -> str:
    said = [GONE_WORDS.get(document.get("why_gone", ""), "")]
    if document.get("is_in_orders"):
        said.append("in an open order")
    return ", ".join(filter(None, said))


def changed_fields(
    fields: list[tuple[str, Any, Any]], categories: dict[str, str]
) -> list[tuple[str, str, str]]:
    """(field, old, new) in words; what reads the same before and after is left out."""
    changed = []
    for name, old, new in fields:
        names = categories if name == "category_id" else {}
        before, after = (value_text(names.get(str(value), value)) for value in (old, new))
        if before != after:
            changed.append((FIELD_LABELS.get(name, name), before, after))
    return changed


def value_text(value: Any) -> str:
    """A field's stored value in a few words, for comparing old and new."""
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value_text(each) for each in value)
    if isinstance(value, dict):
        return " ".join(str(each) for each in value.values() if each not in (None, ""))
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# --- download -----------------------------------------------------------------------------------

_CSV_HEADER = ("Product id", "Product", "Change", "Field", "Now", "After")


def _csv_rows(page: StorePage, found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    categories = _category_names(page)
    kept = found.get("changes", [])
    for each in kept:
        change = _change(each, categories)
        for name, old, new in change.fields or [("", "", "")]:
            yield change.cova_product_id, change.name, change.words.label, name, old, new
    left_out = sum(found.get("kinds", {}).values()) - len(kept)
    if left_out:
        text = f"{left_out:,} more changes are not listed; flask cova sync --preview shows them all"
        yield "", text, "", "", "", ""
