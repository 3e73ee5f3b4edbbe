"""How a report that is made in the background stands, and the fragment that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response

from aiq_cova_plugin.services.compare.reports import BackgroundReport, report_of
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.words.view_models import Moment, counted

RESULT_ID = "cova-report"
"""The element that holds a report's whole page; a poll that finds the report done swaps it."""

_QUIET_AFTER = timedelta(seconds=90)


@dataclass(frozen=True)
class ReportProgress:
    """What the page says about the making of a report; empty texts where there is nothing.

    `trouble` and `fix` say why the last one was not finished.
    """

    is_running: bool
    text: str
    started: Moment | None
    poll_url: str
    quiet_for: str
    trouble: str
    fix: str


def progress_of(page: StorePage, report: BackgroundReport, endpoint: str) -> ReportProgress:
    """The report's progress in words; `endpoint` is the page that shows it."""
    state = report.state
    if state is None:
        return ReportProgress(False, "", None, "", "", "", "")
    trouble, fix = (state.message, state.fix) if report.has_failed else ("", "")
    if report.is_dead:
        trouble = "The worker making this stopped before it was done."
        fix = "Nothing was changed. Start it again."
    silent = page.now - state.heartbeat_at
    is_quiet = report.is_running and silent >= _QUIET_AFTER
    return ReportProgress(
        is_running=report.is_running,
        text=state.progress or "Just begun",
        started=page.when(state.started_at),
        poll_url=page.url(endpoint),
        quiet_for=counted(int(silent.total_seconds() // 60), "minute") if is_quiet else "",
        trouble=trouble,
        fix=fix,
    )


def follow(
    page: StorePage,
    kind: str,
    *,
    template: str,
    view_of: Callable[[StorePage, BackgroundReport], Any],
) -> Response:
    """The answer to a poll: the progress alone, or the whole result in its place once it is there.

    `kind` names the report and the page that shows it; `view_of` makes the template's view.
    """
    report = report_of(page.ctx, page.store.id, kind, with_document=False)
    progress = progress_of(page, report, kind)
    if progress.is_running:
        return page.fragment("_report_progress.html", progress)
    whole = report_of(page.ctx, page.store.id, kind)
    response = page.fragment(template, view_of(page, whole))
    response.headers["HX-Retarget"] = f"#{RESULT_ID}"
    response.headers["HX-Reswap"] = "outerHTML"
    return response
