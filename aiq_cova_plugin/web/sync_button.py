"""What the Sync button on a page of the host shows: progress, time left, how it ended.

The button asks again every two seconds. How fast a sync writes is on no record, so the button
measures it while somebody watches: each address it asks carries what it saw first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from aiq_cova_plugin.store.models import Run
from aiq_cova_plugin.web.words.view_models import Words, counted

BUTTON_ID = "cova-sync-"
"""How the id of a Sync button's element begins; the store's id follows."""

_LEAST_SECONDS_WATCHED = 4
_MARK = re.compile(r"(\d{1,9})-(\d{1,12})")


@dataclass(frozen=True)
class ButtonState:
    """What a Sync button shows: nothing special, progress, or how it ended.

    `progress` is 0 to 100, None while the end is not known. `asks_at_once`: the button stands on
    a page that has just been opened and knows nothing but that a sync is running.
    """

    store_id: str
    poll_url: str = ""
    run_url: str = ""
    words: Words | None = None
    detail: str = ""
    progress: int | None = None
    asks_at_once: bool = False

    @property
    def element_id(self) -> str:
        return f"{BUTTON_ID}{self.store_id}"


def writing_mark(run: Run, seen: str, now: datetime) -> str | None:
    """What the next look takes along: how much was written when writing was first seen, and when.

    `seen` is what this look brought along; None while the sync does not write.
    """
    if run.phase != "applying":
        return None
    return seen if _MARK.fullmatch(seen) else f"{run.applied}-{int(now.timestamp())}"


def writing_time_left(run: Run, seen: str, now: datetime) -> str:
    """How long writing may still take at the pace seen; empty where that would be a guess."""
    mark = _MARK.fullmatch(seen)
    if mark is None or run.phase != "applying" or run.status != "running":
        return ""
    watched = now.timestamp() - int(mark.group(2))
    written = run.applied - int(mark.group(1))
    if watched < _LEAST_SECONDS_WATCHED or written <= 0 or run.applied >= run.to_apply:
        return ""
    return time_left_words((run.to_apply - run.applied) * watched / written)


def time_left_words(seconds: float) -> str:
    """`about 20 seconds left`, no more exact than an estimate is."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds / 10) * 10} seconds left"
    return f"about {counted(round(seconds / 60), 'minute')} left"


def counters(run: Run) -> str:
    """What the sync has changed so far, as far as it has said; empty for nothing yet."""
    numbers = ((run.created, "new"), (run.updated, "changed"), (run.hidden, "hidden"))
    return ", ".join(f"{number:,} {word}" for number, word in numbers if number)
