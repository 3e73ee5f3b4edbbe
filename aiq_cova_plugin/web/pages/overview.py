"""The store's first page: is it connected, fresh and in agreement, and what needs a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask.typing import ResponseReturnValue

from aiq_cova_plugin.services.watch.charts import last_days
from aiq_cova_plugin.services.watch.overview import Overview, overview_of
from aiq_cova_plugin.services.watch.since_comparison import Changed, changed_since
from aiq_cova_plugin.store.models import Alert
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.charts import Chart, charts_of
from aiq_cova_plugin.web.page import StorePage
from aiq_cova_plugin.web.pages.orders import OrderRow, order_rows
from aiq_cova_plugin.web.pages.runs import RunRow, run_rows
from aiq_cova_plugin.web.words.overview_words import (
    agreement_words,
    connection_words,
    freshness_words,
    headline_words,
    is_overdue,
    next_sync_words,
    outdated_words,
    readiness_words,
)
from aiq_cova_plugin.web.words.view_models import (
    Tone,
    Words,
    counted,
    zone_of,
)


@dataclass(frozen=True)
class Need:
    """One thing that needs a person, and the link that leads to its mending.

    `permission` is what the link takes, empty when looking is enough.
    """

    title: str
    tone: Tone
    message: str
    fix: str
    label: str
    url: str
    permission: str = ""


@dataclass(frozen=True)
class OverviewPage:
    """The overview in words. `headline` is the one sentence to read.

    What needs a person comes in this order: `first_needs`, `urgent` orders, the held sync,
    `warned` orders, `other_needs`. `freed` is dict: order id → the alert that its stock is free
    again, for the orders that are listed anyway.
    """

    facts: Overview
    headline: Words
    connection: Words
    readiness: Words
    freshness: Words
    next_sync: str
    agreement: Words
    first_needs: list[Need]
    urgent: list[OrderRow]
    warned: list[OrderRow]
    other_needs: list[Need]
    waiting: list[OrderRow]
    runs: list[RunRow]
    charts: list[Chart]
    freed: dict[str, Alert]

    @property
    def number_needed(self) -> int:
        """How many things need a person; products in trouble are one."""
        needs = len(self.first_needs) + len(self.other_needs)
        orders = len(self.urgent) + len(self.warned)
        return needs + orders + (self.facts.held is not None) + bool(self.facts.troubled)

    @property
    def is_anything_needed(self) -> bool:
        return bool(
            self.first_needs or self.urgent or self.warned or self.other_needs or self.facts.held
        )


@needs("view")
def show(page: StorePage) -> ResponseReturnValue:
    facts = overview_of(page.ctx, page.store.id)
    days = last_days(page.ctx, page.store.id, zone=zone_of(page.store.timezone))
    charts = charts_of(days)
    changed = _changed_since_comparison(page, facts)
    listed = _listed_orders(facts)
    view = OverviewPage(
        facts=facts,
        headline=headline_words(facts, changed, away=page.when(facts.away_since)),
        connection=connection_words(facts),
        readiness=readiness_words(facts),
        freshness=freshness_words(facts),
        next_sync=next_sync_words(facts, page.when(facts.next_sync_at), page.now),
        agreement=agreement_words(facts, changed),
        first_needs=list(_first_needs(page, facts)),
        urgent=order_rows(page, facts.urgent),
        warned=order_rows(page, facts.warned),
        other_needs=list(_other_needs(page, facts, changed)),
        waiting=order_rows(page, facts.waiting),
        runs=run_rows(page, facts.recent_runs),
        charts=[] if all(each.is_empty for each in charts) else charts,
        freed={each.subject: each for each in facts.expired if each.subject in listed},
    )
    return page.render("overview/page.html", view, section="overview")


def _changed_since_comparison(page: StorePage, facts: Overview) -> Changed:
    last = facts.comparison
    if not facts.has_differences or last is None or last.finished_at is None:
        return ""
    return changed_since(page.ctx, page.store.id, last.finished_at)


def _listed_orders(facts: Overview) -> set[str]:
    """The ids of the orders that have an item of their own among what needs a person."""
    return {push.order_id for push in [*facts.urgent, *facts.warned]}


def _first_needs(page: StorePage, facts: Overview) -> Iterator[Need]:
    settings = facts.settings
    if settings.enabled and is_overdue(facts, page.now):
        due = page.when(facts.next_sync_at)
        yield Need(
            "Nothing runs by itself",
            "bad",
            f"The sync that was due {due.local if due is not None else ''} has not begun.",
            "Press Sync now. Then ask whoever runs the shop whether its worker is running; the "
            "command flask cova doctor says.",
            "Open the syncs",
            page.url("runs"),
        )
    if settings.check_ok is False:
        yield Need(
            "COVA refuses the connection",
            "bad",
            settings.check_message,
            "Correct the field COVA names, test the connection, and save.",
            "Open the connection",
            page.url("settings"),
            "configure",
        )
    if facts.is_fee_missing:
        yield Need(
            "No product stands for the delivery fee",
            "bad",
            "Every order with a delivery fee stops until there is one.",
            "Paste the ID of the product in COVA that stands for the fee, save, and retry the orders.",
            "Open the connection",
            page.url("settings", _anchor="field-delivery_fee_product"),
            "configure",
        )
    if settings.enabled and facts.last_good_at is not None and not facts.is_fresh:
        yield Need(
            "The menu is out of date",
            "bad",
            "No sync has gone through wholly for a while.",
            "Look at the last sync; it says what went wrong.",
            "Open the syncs",
            page.url("runs"),
        )


def _other_needs(page: StorePage, facts: Overview, changed: Changed) -> Iterator[Need]:
    listed = _listed_orders(facts)
    for alert in facts.expired:
        if alert.subject in listed:
            continue
        yield Need(
            f"Order {facts.order_numbers.get(alert.subject, alert.subject)}: its stock is free "
            "again",
            "attention",
            alert.message,
            alert.fix,
            "Open the holds",
            page.url("holds"),
        )
    if facts.has_differences and facts.comparison is not None:
        compared = page.when(facts.comparison.finished_at)
        outdated = outdated_words(facts, changed, compared)
        yield Need(
            "The comparison is out of date" if outdated else facts.comparison.message,
            "quiet" if outdated else "attention",
            outdated
            or f"Compared {compared.relative if compared is not None else 'lately'}: that is "
            "where shop, plugin and COVA did not agree.",
            "Compare again to see what is left."
            if outdated
            else "Each difference says why it is so, and has its button.",
            "Open the comparison",
            page.url("reconcile"),
        )
    if facts.unmapped:
        number = counted(facts.unmapped, "product")
        yield Need(
            f"{number} without a category of their own"
            if facts.unmapped > 1
            else f"{number} without a category of its own",
            "attention",
            "No rule says where they belong, so they are in the fallback or in none.",
            "Say under POS settings which category they belong to.",
            "Open the POS settings",
            page.url("pos_settings"),
            "configure",
        )
