"""Syncs: start one, follow it while it runs, look at what it did and could not do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import abort, request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.errors import LeaseHeld, NeedsOperator, Retryable
from aiq_cova_plugin.services.catalogue.start_sync import start_sync
from aiq_cova_plugin.services.compare.reports import PREVIEW, report_of
from aiq_cova_plugin.services.watch.show_runs import (
    RUNS_PER_PAGE,
    SETTLED,
    RunDetails,
    Settlement,
    every_issue,
    run_details,
    run_list,
    running_run,
    settlements_of,
)
from aiq_cova_plugin.store.models import Run
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.csv_download import csv_response, wants_csv
from aiq_cova_plugin.web.htmx import is_htmx, target_id
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.pages import preview
from aiq_cova_plugin.web.pages.run_changes import RunChangesView, changes_csv, changes_view
from aiq_cova_plugin.web.paging import Paging, page_number, paging
from aiq_cova_plugin.web.sync_button import (
    BUTTON_ID,
    ButtonState,
    counters,
    writing_mark,
    writing_time_left,
)
from aiq_cova_plugin.web.words.issue_words import ISSUE_LABELS, Cause, cause_of, fix_of
from aiq_cova_plugin.web.words.run_words import (
    duration_of,
    progress_of,
    quiet_for,
    reading_time_left,
    step_of,
    summary_of,
)
from aiq_cova_plugin.web.words.view_models import (
    MODE_WORDS,
    PHASE_WORDS,
    RUN_WORDS,
    TRIGGER_WORDS,
    Moment,
    Words,
    words_of,
)

_STARTING_SECONDS = 60
_STATUSES = ("running", "held", "failed", "partial", "succeeded", SETTLED)
"""The order of the tabs: what may need somebody first."""


@dataclass(frozen=True)
class RunRow:
    """One run in a list. `settled_url` leads to the run that came of one that was held back."""

    run: Run
    words: Words
    started: Moment | None
    duration: str
    mode: str
    trigger: str
    summary: str
    settled_url: str = ""


@dataclass(frozen=True)
class StatusTab:
    """One filter of the list."""

    status: str
    label: str
    number: int
    is_current: bool


@dataclass(frozen=True)
class RunsPage:
    """One page of the history."""

    rows: list[RunRow]
    tabs: list[StatusTab]
    pages: Paging
    status: str


@dataclass(frozen=True)
class RunPage:
    """One run, finished or not; `progress` is 0 to 100, None while the end is not known.

    `step` says in words how far it is; `time_left` how long it may still take, empty while
    that would be a guess. `preview_made_at` is when the last preview was made. `changed` is
    what it wrote to the shop, None while it goes on: a list that is read does not move.
    """

    row: RunRow
    is_running: bool
    poll_url: str
    phase: str
    progress: int | None
    step: str
    time_left: str
    causes: list[Cause]
    quiet_for: str
    preview_made_at: Moment | None
    changed: RunChangesView | None


@dataclass(frozen=True)
class StartingRun:
    """A run that was asked for and has not written its record yet."""

    poll_url: str


@needs("view")
def list_runs(page: StorePage) -> ResponseReturnValue:
    """The history, newest first; `?status=` leaves all others out."""
    status = request.args.get("status", "")
    status = status if status in _STATUSES else ""
    number = page_number()
    found = run_list(page.ctx, page.store.id, status=status or None, page=number)
    every = StatusTab("", "All", sum(found.counts.values()), not status)
    tabs = [every] + [
        StatusTab(each, words_of(RUN_WORDS, each).label, found.counts.get(each, 0), each == status)
        for each in _STATUSES
        if found.counts.get(each) or each == status
    ]
    view = RunsPage(
        rows=run_rows(page, found.runs),
        tabs=tabs,
        pages=paging(
            number,
            found.number_found,
            RUNS_PER_PAGE,
            lambda to: page.url("runs", status=status or None, page=to if to > 1 else None),
        ),
        status=status,
    )
    return page.render("runs/page.html", view, section="runs")


@needs("view")
def show(page: StorePage, run_id: str) -> ResponseReturnValue:
    """One run. The fragment polls itself while the run goes, and stops with it."""
    details = run_details(page.ctx, page.store.id, run_id)
    if details is None:
        return _show_starting(page, run_id)
    if wants_csv():
        if request.args.get("of") == "changes":
            return changes_csv(page, details.run)
        return csv_response(f"sync-{run_id[:8]}", _CSV_HEADER, _csv_rows(page, run_id))
    row = run_rows(page, [details.run])[0]
    if _is_button():
        return _button(page, row, details.expected)
    view = _run_page(page, details, row)
    if is_htmx():
        return page.fragment("run/_run.html", view)
    return page.render("run/page.html", view, section="run")


def _run_page(page: StorePage, details: RunDetails, row: RunRow) -> RunPage:
    run, seen = details.run, request.args.get("seen", "")
    left = reading_time_left(run, details.expected, page.now) or writing_time_left(
        run, seen, page.now
    )
    last_preview = report_of(page.ctx, page.store.id, PREVIEW, with_document=False).state
    silent = quiet_for(run, page.now)
    is_after = last_preview is not None and last_preview.started_at > run.started_at
    return RunPage(
        row=row,
        is_running=run.status == "running",
        poll_url=page.url("run", run_id=run.id, seen=writing_mark(run, seen, page.now)),
        phase=PHASE_WORDS.get(run.phase, ""),
        progress=progress_of(run, details.expected),
        step=step_of(run, details.expected),
        time_left=left,
        causes=[
            cause_of(
                page,
                field=each.field,
                reason=each.reason,
                number_of_products=each.number_of_products,
                named=each.named,
            )
            for each in details.issues
        ],
        quiet_for=silent,
        preview_made_at=page.when(last_preview.finished_at) if last_preview and is_after else None,
        changed=None if run.status == "running" and not silent else changes_view(page, run),
    )


@needs("sync")
def start(page: StorePage) -> ResponseReturnValue:
    """Start a sync in the background, or show what one would do (`preview`)."""
    full, approve = _ticked("full"), _ticked("approve")
    if _ticked("preview"):
        return preview.begin(page, full=full)
    try:
        run_id = start_sync(page.ctx, page.store.id, full=full, approve=approve, by=page.actor)
    except (NeedsOperator, Retryable) as exc:
        if not _is_button():
            raise
        return _button_refused(page, exc)
    address = page.url("run", run_id=run_id, started=int(page.now.timestamp()))
    if _is_button():
        state = ButtonState(
            page.store.id, poll_url=address, run_url=address, words=RUN_WORDS["starting"]
        )
        return page.fragment("runs/_button.html", state)
    return page.go_to(address)


def run_rows(page: StorePage, runs: list[Run]) -> list[RunRow]:
    """The runs in words, in the same order."""
    settled = settlements_of(page.ctx, page.store.id, runs)
    return [
        RunRow(
            run=run,
            words=_settled_words(page, settled[run.id])
            if run.id in settled
            else words_of(RUN_WORDS, run.status),
            settled_url=page.url("run", run_id=settled[run.id].run.id) if run.id in settled else "",
            started=page.when(run.started_at),
            duration=duration_of(run),
            mode=MODE_WORDS.get(run.mode, run.mode),
            trigger=TRIGGER_WORDS.get(run.trigger, run.trigger),
            summary=summary_of(run),
        )
        for run in runs
    ]


def _settled_words(page: StorePage, settled: Settlement) -> Words:
    """What came of a run that was held back."""
    label = (
        "Approved"
        if settled.is_approved
        else "Held again"
        if settled.run.status == "held"
        else "Not needed any more"
    )
    started = page.when(settled.run.started_at)
    when = started.local if started is not None else ""
    return Words(label, "quiet", f"See the sync of {when}.")


def _show_starting(page: StorePage, run_id: str) -> ResponseReturnValue:
    """A run that was started a moment ago has no record yet; any other does not exist."""
    started = request.args.get("started", type=int)
    age = None if started is None else page.now.timestamp() - started
    if age is None or not -5 <= age <= _STARTING_SECONDS:
        if _is_button():
            return page.fragment("runs/_button.html", ButtonState(page.store.id))
        abort(404)
    address = page.url("run", run_id=run_id, started=started)
    if _is_button():
        state = ButtonState(
            page.store.id, poll_url=address, run_url=address, words=RUN_WORDS["starting"]
        )
        return page.fragment("runs/_button.html", state)
    if is_htmx():
        return page.fragment("run/_starting.html", StartingRun(address))
    return page.render("run/starting.html", StartingRun(address), section="run")


# --- the Sync button on a page of the host ------------------------------------------------------


def _is_button() -> bool:
    return is_htmx() and target_id().startswith(BUTTON_ID)


def _button(page: StorePage, row: RunRow, expected: int | None = None) -> ResponseReturnValue:
    run, seen = row.run, request.args.get("seen", "")
    address = page.url("run", run_id=run.id)
    if run.status != "running":
        detail = run.message or row.summary
        state = ButtonState(page.store.id, run_url=address, words=row.words, detail=detail)
        return page.fragment("runs/_button.html", state)
    left = reading_time_left(run, expected, page.now) or writing_time_left(run, seen, page.now)
    state = ButtonState(
        page.store.id,
        poll_url=page.url("run", run_id=run.id, seen=writing_mark(run, seen, page.now)),
        run_url=address,
        words=row.words,
        detail=", ".join(filter(None, (step_of(run, expected), counters(run), left))),
        progress=progress_of(run, expected),
    )
    return page.fragment("runs/_button.html", state)


def _button_refused(page: StorePage, error: NeedsOperator | Retryable) -> ResponseReturnValue:
    """Say it where the button is: a host's page need not show what came with a 4xx."""
    running = running_run(page.ctx, page.store.id) if isinstance(error, LeaseHeld) else None
    if running is not None:
        return _button(page, run_rows(page, [running])[0])
    detail = " ".join(part for part in (error.message, error.fix) if part)
    state = ButtonState(page.store.id, words=Words("Not started", "bad"), detail=detail)
    return page.fragment("runs/_button.html", state)


def _ticked(name: str) -> bool:
    return request.form.get(name, "").strip().lower() not in {"", "0", "off", "false", "no"}


# --- download -----------------------------------------------------------------------------------

_CSV_HEADER = ("Product id", "Product", "What", "Why", "What to do")


def _csv_rows(page: StorePage, run_id: str) -> Iterator[tuple[str, ...]]:
    for each in every_issue(page.ctx, page.store.id, run_id):
        label = ISSUE_LABELS.get(each.field, each.field)
        yield each.cova_product_id, each.product_name, label, each.reason, fix_of(each.field)
