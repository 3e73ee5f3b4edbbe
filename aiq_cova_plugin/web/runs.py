"""Syncs: start one, follow it while it runs, look at what it did and could not do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from flask import abort, request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.errors import LeaseHeld, NeedsOperator, Retryable
from aiq_cova_plugin.services.overview import (
    IssueGroup,
    product_names,
    run_details,
    running_run,
    runs_of_store,
)
from aiq_cova_plugin.services.plan_product import ProductPlan
from aiq_cova_plugin.services.pos_settings import FIELD_LABELS
from aiq_cova_plugin.services.start_sync import start_sync
from aiq_cova_plugin.services.sync_catalog import SyncReport, preview_sync
from aiq_cova_plugin.store.models import Run
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.htmx import is_htmx, target_id
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.view_models import (
    ACTION_WORDS,
    MODE_WORDS,
    PHASE_WORDS,
    RUN_WORDS,
    TRIGGER_WORDS,
    Moment,
    Words,
    counted,
    words_of,
)

BUTTON_ID = "cova-sync-"
"""How the id of a Sync button's element begins; the store's id follows."""

_STARTING_SECONDS = 60
_CHANGES_SHOWN = 200
_ISSUE_LABELS = FIELD_LABELS | {"product": "The whole product"}


@dataclass(frozen=True)
class RunRow:
    """One run in a list."""

    run: Run
    words: Words
    started: Moment | None
    duration: str
    mode: str
    trigger: str
    summary: str


@dataclass(frozen=True)
class RunPage:
    """One run, finished or not; `progress` is 0 to 100, None while the end is not known."""

    row: RunRow
    is_running: bool
    poll_url: str
    phase: str
    progress: int | None
    issues: list[IssueGroup]
    quiet_for: str


@dataclass(frozen=True)
class StartingRun:
    """A run that was asked for and has not written its record yet."""

    poll_url: str


@dataclass(frozen=True)
class ButtonState:
    """What a Sync button shows: nothing special, progress, or how it ended."""

    store_id: str
    poll_url: str = ""
    run_url: str = ""
    words: Words | None = None
    detail: str = ""

    @property
    def element_id(self) -> str:
        return f"{BUTTON_ID}{self.store_id}"


@needs("view")
def list_runs(page: StorePage) -> ResponseReturnValue:
    rows = run_rows(page, runs_of_store(page.ctx, page.store.id))
    return page.render("runs/page.html", rows, section="runs")


@needs("view")
def show(page: StorePage, run_id: str) -> ResponseReturnValue:
    """One run. The fragment polls itself while the run goes, and stops with it."""
    details = run_details(page.ctx, page.store.id, run_id)
    if details is None:
        return _show_starting(page, run_id)
    row = run_rows(page, [details.run])[0]
    is_running = details.run.status == "running"
    if _is_button():
        return _button(page, row)
    view = RunPage(
        row=row,
        is_running=is_running,
        poll_url=page.url("run", run_id=run_id),
        phase=PHASE_WORDS.get(details.run.phase, ""),
        progress=_progress(details.run),
        issues=[
            replace(issue, field=_ISSUE_LABELS.get(issue.field, issue.field))
            for issue in details.issues
        ],
        quiet_for=_quiet_for(page, details.run),
    )
    if is_htmx():
        return page.fragment("run/_run.html", view)
    return page.render("run/page.html", view, section="run")


@needs("sync")
def start(page: StorePage) -> ResponseReturnValue:
    """Start a sync in the background, or show what one would do (`preview`)."""
    full, approve = _ticked("full"), _ticked("approve")
    if _ticked("preview"):
        return _preview(page, full=full)
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
    return [
        RunRow(
            run=run,
            words=words_of(RUN_WORDS, run.status),
            started=page.when(run.started_at),
            duration=_duration(run),
            mode=MODE_WORDS.get(run.mode, run.mode),
            trigger=TRIGGER_WORDS.get(run.trigger, run.trigger),
            summary=_summary(run),
        )
        for run in runs
    ]


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


def _button(page: StorePage, row: RunRow) -> ResponseReturnValue:
    address = page.url("run", run_id=row.run.id)
    is_running = row.run.status == "running"
    state = ButtonState(
        page.store.id,
        poll_url=address if is_running else "",
        run_url=address,
        words=row.words,
        detail=_button_progress(row.run) if is_running else (row.run.message or row.summary),
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


def _button_progress(run: Run) -> str:
    if run.phase == "applying" and run.to_apply:
        return f"{run.applied:,} of {counted(run.to_apply, 'product')}"
    return f"{counted(run.fetched, 'product')} read"


# --- preview ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PreviewChange:
    """One product a sync would touch: `fields` are (name, old, new) as text."""

    name: str
    action: str
    words: Words
    fields: list[tuple[str, str, str]]


@dataclass(frozen=True)
class PreviewPage:
    """What a sync would do; nothing was written."""

    report: SyncReport
    changes: list[PreviewChange]
    not_shown: int
    full: bool


def _preview(page: StorePage, *, full: bool) -> ResponseReturnValue:
    report = preview_sync(page.ctx, page.store.id, full=full)
    plans = [plan for plan in report.changes or [] if plan.change is not None]
    # What disappears matters most to whoever decides, so it comes first.
    plans.sort(key=lambda plan: plan.change is not None and plan.change.action != "hide")
    shown = plans[:_CHANGES_SHOWN]
    ids = [plan.change.cova_product_id for plan in shown if plan.change is not None]
    names = product_names(page.ctx, page.store.id, ids)
    categories = {each.id: each.name for each in page.ctx.host.categories(page.store.id)}
    changes = [
        PreviewChange(
            name=names.get(plan.change.cova_product_id)
            or str(plan.new.get("name") or plan.change.cova_product_id),
            action=plan.change.action,
            words=words_of(ACTION_WORDS, plan.change.action),
            fields=_changed_fields(plan, categories),
        )
        for plan in shown
        if plan.change is not None
    ]
    view = PreviewPage(report, changes, len(plans) - len(shown), full)
    return page.render("preview/page.html", view, section="runs")


def _changed_fields(plan: ProductPlan, categories: dict[str, str]) -> list[tuple[str, str, str]]:
    """(field, old, new) in words; what is empty before and after is left out."""
    changed = []
    for name, new in plan.new.items():
        names = categories if name == "category_id" else {}
        before, after = (
            value_text(names.get(str(value), value)) for value in (plan.old.get(name), new)
        )
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
    return text if len(text) <= 120 else f"{text[:119]}…"


# --- words --------------------------------------------------------------------------------------


def _summary(run: Run) -> str:
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (run.created, "new"),
            (run.updated, "changed"),
            (run.hidden, "hidden"),
            (run.failed, "not taken over"),
        )
        if number
    ]
    if run.status == "running":
        return f"{counted(run.fetched, 'product')} read so far"
    if parts:
        return ", ".join(parts)
    return "Nothing changed" if run.status == "succeeded" else ""


def _duration(run: Run) -> str:
    if run.finished_at is None:
        return ""
    seconds = (run.finished_at - run.started_at).total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _progress(run: Run) -> int | None:
    if run.status != "running":
        return 100
    if run.phase == "applying" and run.to_apply:
        return min(100, round(100 * run.applied / run.to_apply))
    return None


def _quiet_for(page: StorePage, run: Run) -> str:
    """How long a running sync has said nothing, when that is long enough to mention."""
    silent = page.now - run.heartbeat_at
    if run.status != "running" or silent < timedelta(seconds=90):
        return ""
    return counted(int(silent.total_seconds() // 60), "minute")


def _ticked(name: str) -> bool:
    return request.form.get(name, "").strip().lower() not in {"", "0", "off", "false", "no"}
