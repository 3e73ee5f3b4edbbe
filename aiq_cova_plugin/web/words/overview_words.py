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


def headline_words(facts: Overview, changed: Changed = "", *, away: Moment | None = None) -> Words:
    """The one sentence to read; `changed` says what happened after the last comparison, `away`
    is `facts.away_since` as the store's clock shows it."""
    is_on = facts.settings.state not in ("not_connected", "frozen")
    if is_on and facts.settings.check_ok is False:
        said = f"Correct the field named below, then save.{_orders_beside(facts)}"
        return Words("COVA refuses the connection", "bad", said)
    if facts.away_since is not None:
        return _away_words(facts, away)
    if facts.urgent:
        if facts.number_urgent == 1:
            return Words("1 order needs you", "bad", "See below what stopped it and what to do.")
        number = counted(facts.number_urgent, "order")
        return Words(f"{number} need you", "bad", "See below what stopped them, the oldest first.")
    if facts.settings.state == "not_connected":
        return Words(
            "COVA is not connected yet",
            "quiet",
            "Fill in the six fields from COVA's onboarding package; products follow in seconds.",
        )
    if facts.settings.state == "frozen":
        return Words("COVA is switched off", "quiet", CONNECTION_WORDS["frozen"].meaning)
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
        return _warning_words(facts)
    if facts.agrees:
        return Words("All is well", "ok", "Shop and COVA agree, and no order is stuck.")
    agreement = agreement_words(facts, changed)
    if agreement.tone == "quiet":
        return Words("Synced, and not compared since", "quiet", agreement.meaning)
    return Words("Connected, with gaps", "attention", agreement.meaning)


def _away_words(facts: Overview, away: Moment | None) -> Words:
    since = f" since {away.local.removeprefix('today at ')}" if away is not None else ""
    waits = "Orders wait and are sent" if facts.settings.sync_orders else "The menu follows"
    said = f"{waits} when it answers again; nothing is lost.{_orders_beside(facts)}"
    return Words(f"COVA is not answering{since}", "attention", said)


def _orders_beside(facts: Overview) -> str:
    """That orders need a person too, where something else leads; empty when none does."""
    if not facts.urgent:
        return ""
    need = "order needs" if facts.number_urgent == 1 else "orders need"
    return f" {facts.number_urgent:,} {need} you beside that."


def _warning_words(facts: Overview) -> Words:
    """What the warned orders are about, by name where there is one thing to name."""
    number = facts.wrong_addresses
    if number:
        others = facts.number_warned - number
        more = f" {counted(others, 'other order')} with a warning." if others else ""
        return Words(
            f"{counted(number, 'delivery', 'deliveries')} may go to the wrong address",
            "attention",
            f"Tell the {'driver' if number == 1 else 'drivers'} the address from the shop's "
            f"order.{more}",
        )
    if facts.number_warned == 1:
        push = facts.warned[0]
        said = push.warning.splitlines()[0]
        return Words(f"Order {push.order_number or push.order_id} has a warning", "attention", said)
    number_warned = counted(facts.number_warned, "order")
    return Words(
        f"{number_warned} have a warning", "attention", "See below what each of them is about."
    )


def connection_words(facts: Overview) -> Words:
    """Does COVA let this store in?"""
    settings = facts.settings
    if settings.state == "not_connected":
        return CONNECTION_WORDS["not_connected"]
    if settings.check_ok is False:
        return Words("Refused", "bad", settings.check_message)
    if facts.away_since is not None:
        return Words(
            "Not answering", "attention", "COVA does not answer. It is tried again by itself."
        )
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
    if facts.is_fee_missing:
        return Words(
            "Not for deliveries",
            "attention",
            "Orders with a delivery fee stop: no product of COVA stands for the fee.",
        )
    if facts.away_since is not None:
        waits = " Orders wait until then." if settings.sync_orders else ""
        return Words("Waiting for COVA", "attention", f"It goes on when COVA answers.{waits}")
    if not settings.sync_orders:
        return Words("Ready", "ok", "Menu, prices and stock are synced. Orders are not sent.")
    if not settings.delivery_fee_product:
        return Words(
            "Ready",
            "ok",
            "Menu, prices and stock are synced, and orders are sent. One with a delivery fee "
            "would stop: no product stands for the fee.",
        )
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
