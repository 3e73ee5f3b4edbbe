"""How a store stands with COVA, short enough for the host's own dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import url_for

from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import require_store
from aiq_cova_plugin.services.watch.overview import Overview, overview_of
from aiq_cova_plugin.web.words.overview_words import (
    agreement_words,
    connection_words,
    freshness_words,
    headline_words,
    readiness_words,
)
from aiq_cova_plugin.web.words.view_models import Words, counted, moment

_NEEDS_SHOWN = 4
_CAN_CHOOSE = "AmbiguousCustomer"


@dataclass(frozen=True)
class HealthNeed:
    """One thing that waits for a person, and the page where it is put right."""

    title: str
    message: str
    label: str
    url: str


@dataclass(frozen=True)
class StoreHealth:
    """One sentence, four facts by name, and what needs a person, most urgent first.

    `more` counts the needs beyond the first few; `url` is the overview, which has them all.
    """

    headline: Words
    facts: dict[str, Words]
    needs: list[HealthNeed]
    more: int
    url: str


def store_health(ctx: ServiceContext, store_id: str) -> StoreHealth | None:
    """How the store stands; None for a user who may not see it. Raises `UnknownStore`."""
    if not ctx.host.can("view", store_id):
        return None
    seen = overview_of(ctx, store_id)
    zone = require_store(ctx, store_id).timezone
    away = moment(seen.away_since, zone=zone, now=ctx.clock.now())
    needs = list(_needs(ctx, store_id, seen))
    return StoreHealth(
        headline=headline_words(seen, away=away),
        facts={
            "Connection": connection_words(seen),
            "Readiness": readiness_words(seen),
            "Freshness": freshness_words(seen),
            "Agreement": agreement_words(seen),
        },
        needs=needs[:_NEEDS_SHOWN],
        more=max(0, len(needs) - _NEEDS_SHOWN) + max(0, seen.number_urgent - len(seen.urgent)),
        url=url_for("cova.overview", store_id=store_id),
    )


def _needs(ctx: ServiceContext, store_id: str, seen: Overview) -> Iterator[HealthNeed]:
    if seen.settings.check_ok is False:
        yield HealthNeed(
            "COVA refuses the connection",
            seen.settings.check_message,
            "Open the connection",
            url_for("cova.settings", store_id=store_id),
        )
    for push in [*seen.urgent, *seen.warned]:
        yield HealthNeed(
            f"Order {push.order_number}",
            push.reason or push.warning,
            "Choose the customer" if push.kind == _CAN_CHOOSE else "Open the order",
            url_for("cova.order", store_id=store_id, order_id=push.order_id),
        )
    if seen.held is not None:
        yield HealthNeed(
            "A sync waits for you",
            seen.held.message,
            "Look at it",
            url_for("cova.run", store_id=store_id, run_id=seen.held.id),
        )
    if seen.unmapped and ctx.host.can("configure", store_id):
        number = counted(seen.unmapped, "product")
        yield HealthNeed(
            f"{number} without a category",
            "No rule says where it belongs."
            if seen.unmapped == 1
            else "No rule says where they belong.",
            "Choose a category",
            url_for("cova.pos_settings", store_id=store_id),
        )
