"""The store's first page: is it connected, fresh and in agreement, and what needs a person."""

from __future__ import annotations

from dataclasses import dataclass

from flask.typing import ResponseReturnValue

from aiq_cova_plugin.services.overview import Overview, overview_of
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.orders import OrderRow, order_rows
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.runs import RunRow, run_rows
from aiq_cova_plugin.web.view_models import CONNECTION_WORDS, Words, counted, words_of

_URGENT_SHOWN = 10


@dataclass(frozen=True)
class OverviewPage:
    """The overview in words. `headline` is the one sentence to read."""

    facts: Overview
    headline: Words
    connection: Words
    freshness: Words
    agreement: Words
    urgent: list[OrderRow]
    warned: list[OrderRow]
    waiting: list[OrderRow]
    runs: list[RunRow]

    @property
    def urgent_not_shown(self) -> int:
        return len(self.facts.urgent) - len(self.urgent)


@needs("view")
def show(page: StorePage) -> ResponseReturnValue:
    facts = overview_of(page.ctx, page.store.id)
    view = OverviewPage(
        facts=facts,
        headline=_headline(facts),
        connection=_connection(facts),
        freshness=_freshness(facts),
        agreement=_agreement(facts),
        urgent=order_rows(page, facts.urgent[:_URGENT_SHOWN]),
        warned=order_rows(page, facts.warned),
        waiting=order_rows(page, facts.waiting),
        runs=run_rows(page, facts.recent_runs),
    )
    return page.render("overview/page.html", view, section="overview")


def _headline(facts: Overview) -> Words:
    if facts.urgent:
        number = counted(len(facts.urgent), "order")
        need = "needs" if len(facts.urgent) == 1 else "need"
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
    return Words("Connected, with gaps", "attention", "Some products could not be taken over.")


def _connection(facts: Overview) -> Words:
    words = words_of(CONNECTION_WORDS, facts.settings.state)
    if facts.settings.check_ok is False:
        return Words("Refused", "bad", facts.settings.check_message)
    if facts.settings.state == "not_ready":
        return Words(words.label, words.tone, _what_is_missing(facts))
    return words


def _what_is_missing(facts: Overview) -> str:
    settings = facts.settings
    if not settings.enabled:
        return "The six fields are saved. Switch COVA on when you are ready."
    if settings.check_ok is None:
        return "The credentials have not been tried yet. Press Test connection."
    return "Orders cannot be sent without an Integrator ID."


def _freshness(facts: Overview) -> Words:
    if facts.last_good_at is None:
        return Words("No sync yet", "quiet", "Nothing has been read from COVA so far.")
    if facts.is_fresh:
        return Words("Fresh", "ok", "The last good sync is recent.")
    if not facts.settings.enabled:
        return Words("Standing still", "quiet", "COVA is switched off, so nothing is read.")
    return Words("Out of date", "bad", "The menu may show what COVA no longer has.")


def _agreement(facts: Overview) -> Words:
    if facts.last_good_at is None:
        return Words("Unknown", "quiet", "Nothing to compare yet.")
    if facts.agrees:
        return Words("In agreement", "ok", "All that COVA said was taken over.")
    reasons = []
    if facts.urgent:
        reasons.append(f"{counted(len(facts.urgent), 'order')} not settled with COVA")
    if facts.troubled:
        reasons.append("some products could not be saved in the shop")
    last = next((run for run in facts.recent_runs if run.status != "running"), None)
    if last is not None and last.status != "succeeded":
        reasons.append("the last sync did not go through wholly")
    text = ", ".join(reasons) or "a sync is under way"
    return Words("Not wholly", "attention", f"{text[:1].upper()}{text[1:]}.")
