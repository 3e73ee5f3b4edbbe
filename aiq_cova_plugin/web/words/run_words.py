"""A sync in words: what it did, how far it is, how long it may still take. Values in, text out."""

from __future__ import annotations

from datetime import datetime, timedelta

from aiq_cova_plugin.store.models import Run
from aiq_cova_plugin.web.sync_button import time_left_words
from aiq_cova_plugin.web.words.view_models import ACTION_WORDS, Words, counted

_LEAST_SHARE_TO_GUESS = 0.05

CHANGE_WORDS = ACTION_WORDS | {"stock": Words("Stock only", "quiet")}
"""What a run did to a product."""


def summary_of(run: Run) -> str:
    """What the run did, in a few numbers."""
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


def duration_of(run: Run) -> str:
    """How long it took; empty while it goes on."""
    if run.finished_at is None:
        return ""
    seconds = (run.finished_at - run.started_at).total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def progress_of(run: Run, expected: int | None) -> int | None:
    """Percent of what is being done; of reading, only where the last whole pass tells its size."""
    if run.status != "running":
        return 100
    if run.phase == "applying" and run.to_apply:
        return min(100, round(100 * run.applied / run.to_apply))
    if run.mode == "full" and expected and run.fetched:
        return min(99, round(100 * run.fetched / expected))
    return None


def step_of(run: Run, expected: int | None) -> str:
    """How far the run is, in words."""
    if run.status != "running":
        return ""
    if run.phase == "applying" and run.to_apply:
        return f"{run.applied:,} of {counted(run.to_apply, 'product')} written"
    if not run.pages:
        return ""
    read = f"Page {run.pages:,}, {counted(run.fetched, 'product')} read"
    is_known = run.mode == "full" and expected and expected > run.fetched
    return f"{read}; there were {expected:,} the last time" if is_known else read


def reading_time_left(run: Run, expected: int | None, now: datetime) -> str:
    """How long reading may still take at the pace so far; empty where that would be a guess."""
    is_reading = run.status == "running" and run.phase == "reading" and run.mode == "full"
    if not is_reading or not expected or not run.fetched:
        return ""
    share = run.fetched / expected
    if not _LEAST_SHARE_TO_GUESS <= share < 1:
        return ""
    passed = (now - run.started_at).total_seconds()
    left = passed / share - passed
    return f"{time_left_words(left)} to read"


def quiet_for(run: Run, now: datetime) -> str:
    """How long a running sync has said nothing, when that is long enough to mention."""
    silent = now - run.heartbeat_at
    if run.status != "running" or silent < timedelta(seconds=90):
        return ""
    return counted(int(silent.total_seconds() // 60), "minute")
