"""A store at a glance, in words: connected, ready, fresh, in agreement. Facts in, words out."""

from __future__ import annotations

from datetime import datetime, timedelta

from aiq_cova_plugin.services.watch.overview import Overview
from aiq_cova_plugin.services.watch.since_comparison import Changed
from aiq_cova_plugin.web.words.view_models import CONNECTION_WORDS, Moment, Words, counted

_REASONS_SAID = 2
_SOON_ENOUGH = timedelta(minutes=5)
"""A worker looks every few seconds; what is later than this does not come by itself."""


def is_overdue(facts: Overview, now: datetime) -> bool:
    """Should a sync have begun long ago, and has none?"""
    due = facts.next_sync_at
    return facts.running is None and due is not None and now - due >= _SOON_ENOUGH


def next_sync_words(facts: Overview, due: Moment | None, now: datetime) -> str:
    """When the next sync comes; never a time that is over as if it were to come."""
    if facts.running is not None:
        return "after the one that is running"
    if facts.next_sync_at is None or due is None:
        return "not planned"
    if facts.next_sync_at > now:
        return f"{due.local} ({due.relative})"
    if is_overdue(facts, now):
        return f"overdue. It was due {due.local}, and nothing has run since"
    return "due now"


_WHO_CHANGED = {
    "sync": "a sync has changed the shop since",
    "person": "staff have changed something since",
}


def outdated_words(facts: Overview, changed: Changed, compared: Moment | None) -> str:
    """What is to be said of a comparison that something happened after; empty when nothing did."""
    if not changed or facts.comparison is None:
        return ""
    when = f" {compared.relative}" if compared is not None else ""
    return f"Compared{when}: {facts.comparison.message}. But {_WHO_CHANGED[changed]}."


def headline_words(facts: Overview, changed: Changed = "") -> Words:
    """The one sentence to read; `changed` says what happened after the last comparison."""
    if facts.urgent:
        number = counted(facts.number_urgent, "order")
        need = "needs" if facts.number_urgent == 1 else "need"
        return Words(f"{number} {need} you", "bad", "They are listed below, the oldest first.")
    if facts.settings.state == "not_connected":
        return Words(
            "COVA is not connected yet",
            "quiet",
            "Fill in the six fields from COVA's onboarding package; products follow in seconds.",
        )
    if facts.settings.state == "frozen":
        return Words("COVA is switched off", "quiet", CONNECTION_WORDS["frozen"].meaning)
    if facts.settings.check_ok is False:
        return Words(
            "COVA refuses the connection", "bad", "Correct the field named below, then save."
        )
    if facts.held is not None:
        return Words(
            "A sync waits for you", "attention", "It would change unusually much of the menu."
        )
    if facts.settings.state == "not_ready":
        return Words("COVA is not ready", "attention", _what_is_missing(facts))
    if facts.last_good_at is None:
        if facts.running is not None:
            return Words("The first sync is running", "busy", "Products appear while it goes.")
        return Words("Waiting for the first sync", "busy", "It starts by itself within seconds.")
    if not facts.is_fresh:
        return Words(
            "The menu is out of date", "bad", "No sync has gone well lately. See the reason below."
        )
    if facts.warned:
        return Words(
            "An order has a warning", "attention", "It is in COVA, but somebody must know more."
        )
    if facts.agrees:
        return Words("All is well", "ok", "Shop and COVA agree, and no order is stuck.")
    agreement = agreement_words(facts, changed)
    if agreement.tone == "quiet":
        return Words("Synced, and not compared since", "quiet", agreement.meaning)
    return Words("Connected, with gaps", "attention", agreement.meaning)


def connection_words(facts: Overview) -> Words:
    """Does COVA let this store in?"""
    settings = facts.settings
    if settings.state == "not_connected":
        return CONNECTION_WORDS["not_connected"]
    if settings.check_ok is False:
        return Words("Refused", "bad", settings.check_message)
    if settings.check_ok is None:
        return Words("Not tried", "attention", "The credentials are saved and were not tried yet.")
    return Words("Connected", "ok", "COVA accepts this store's credentials.")


def readiness_words(facts: Overview) -> Words:
    """Is everything there that syncs and orders need?"""
    settings = facts.settings
    if settings.state == "not_connected":
        return Words("Not yet", "quiet", "Connect COVA first.")
    if settings.state == "frozen":
        return CONNECTION_WORDS["frozen"]
    if settings.state == "not_ready":
        return Words("Not ready", "attention", _what_is_missing(facts))
    if not settings.sync_orders:
        return Words("Ready", "ok", "Menu, prices and stock are synced. Orders are not sent.")
    return Words("Ready", "ok", "Menu, prices and stock are synced, and orders are sent.")


def _what_is_missing(facts: Overview) -> str:
    settings = facts.settings
    if not settings.enabled:
        return "The six fields are saved. Switch COVA on when you are ready."
    if settings.check_ok is None:
        return "The credentials have not been tried yet. Press Test connection."
    if settings.check_ok is False:
        return "COVA has to accept the credentials first."
    return "Orders cannot be sent without an Integrator ID."


def freshness_words(facts: Overview) -> Words:
    """How old is what the shop shows?"""
    if facts.last_good_at is None:
        return Words("No sync yet", "quiet", "Nothing has been read from COVA so far.")
    if facts.is_fresh:
        return Words("Fresh", "ok", "The menu is as recent as it should be.")
    if not facts.settings.enabled:
        return Words("Standing still", "quiet", "COVA is switched off, so nothing is read.")
    return Words("Out of date", "bad", "The menu may show what COVA no longer has.")


def agreement_words(facts: Overview, changed: Changed = "") -> Words:
    """Do shop and COVA say the same, as far as is known?

    What a comparison found before the shop `changed` is not told as if it still were so.
    """
    if facts.last_good_at is None:
        return Words("Unknown", "quiet", "Nothing to compare yet.")
    if facts.agrees:
        return Words("In agreement", "ok", "All that COVA said was taken over.")
    reasons = []
    if facts.urgent:
        reasons.append(f"{counted(facts.number_urgent, 'order')} not settled with COVA")
    if facts.has_differences and facts.comparison is not None and not changed:
        reasons.append(f"the last comparison found {facts.comparison.message}")
    if facts.troubled:
        reasons.append("some products could not be saved in the shop")
    last = next((run for run in facts.recent_runs if run.status != "running"), None)
    if last is not None and last.status != "succeeded":
        reasons.append("the last sync did not go through wholly")
    if len(reasons) > _REASONS_SAID:
        reasons[_REASONS_SAID:] = ["and more, listed below"]
    if not reasons and facts.has_differences and changed:
        return Words(
            "Not compared since",
            "quiet",
            f"The last comparison found differences, but {_WHO_CHANGED[changed]}. Compare again.",
        )
    text = ", ".join(reasons) or "a sync is under way"
    return Words("Not wholly", "attention", f"{text[:1].upper()}{text[1:]}.")
