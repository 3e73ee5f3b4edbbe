"""Who changed, approved, retried or restored what: the audit trail in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask.typing import ResponseReturnValue

from aiq_cova_plugin.services.watch.show_activity import ACTS_PER_PAGE, Activity, activity_of
from aiq_cova_plugin.store.models import AuditEntry
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.pages.orders import CAUSES
from aiq_cova_plugin.web.paging import Paging, page_number, paging
from aiq_cova_plugin.web.words.activity_words import ACTOR_WORDS, act_words, detail_words
from aiq_cova_plugin.web.words.issue_words import product_url
from aiq_cova_plugin.web.words.view_models import Moment


@dataclass(frozen=True)
class ActRow:
    """One act. `url` leads to the thing it was about, empty when it has no page."""

    at: Moment | None
    actor: str
    what: str
    subject: str
    url: str
    details: list[tuple[str, str]]


@dataclass(frozen=True)
class ActivityPage:
    """One page of the trail, newest first."""

    rows: list[ActRow]
    pages: Paging


@needs("configure")
def show(page: StorePage) -> ResponseReturnValue:
    number = page_number()
    found = activity_of(page.ctx, page.store.id, page=number)
    view = ActivityPage(
        rows=[_row(page, each, found) for each in found.entries],
        pages=paging(
            number,
            found.number_found,
            ACTS_PER_PAGE,
            lambda to: page.url("activity", page=to if to > 1 else None),
        ),
    )
    return page.render("activity/page.html", view, section="activity")


def _row(page: StorePage, entry: AuditEntry, found: Activity) -> ActRow:
    words = act_words(entry.action)
    return ActRow(
        at=page.when(entry.at),
        actor=ACTOR_WORDS.get(entry.actor, entry.actor),
        what=words.label,
        subject=_subject(entry.subject, words.about, found),
        url=_url(page, words.about, entry.subject),
        details=detail_words(entry.detail),
    )


def _subject(subject: str, about: str, found: Activity) -> str:
    if about == "product":
        return found.product_names.get(subject, subject)
    if about == "order" and subject:
        return f"Order {found.order_numbers.get(subject, subject)}"
    if about == "cause":
        # The key of a cause is the error's kind and a digest.
        kind = subject.split("-", maxsplit=1)[0]
        return CAUSES.get(kind, "All that needed a person" if kind == "all" else "")
    return "The sync" if about == "run" and subject else subject


def _url(page: StorePage, about: str, subject: str) -> str:
    addresses: dict[str, dict[str, Any]] = {
        "order": {"order_id": subject},
        "run": {"run_id": subject},
    }
    if not subject:
        return ""
    if about == "product":
        return product_url(page, subject)
    return page.url(about, **addresses[about]) if about in addresses else ""
