"""What the plugin's tables hold about one customer, for handing it out and for erasing it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sa

from aiq_cova_plugin.store.models import CustomerLink, Push, PushEvent
from aiq_cova_plugin.store.records import many

_L, _P, _E = CustomerLink, Push, PushEvent
_PIECE = 500


def links_of(
    connection: sa.Connection, company_id: int, phone_digests: Sequence[str]
) -> list[CustomerLink]:
    """What is remembered of a phone, under whichever key it was remembered."""
    return many(connection, _L, _L.company_id == company_id, _L.phone_digest.in_(phone_digests))


def pushes_in_pieces(connection: sa.Connection, store_id: str) -> Iterator[list[Push]]:
    """All orders of a store, a few hundred at a time."""
    last = 0
    while True:
        piece = many(
            connection, _P, _P.store_id == store_id, _P.id > last, order_by=_P.id, limit=_PIECE
        )
        if not piece:
            return
        yield piece
        last = piece[-1].id


def erase_links(connection: sa.Connection, company_id: int, phone_digests: Sequence[str]) -> int:
    return connection.execute(
        sa.delete(_L).where(_L.company_id == company_id, _L.phone_digest.in_(phone_digests))
    ).rowcount


def erase_in_order(connection: sa.Connection, push_id: int, words: Collection[str]) -> int:
    """Take a customer out of a finished order; how many values that was.

    The order, its amounts, COVA's order id and the steps of its timeline stay. `words` (COVA's
    customer ids) are taken out of the timeline's sentences.
    """
    erased = connection.execute(
        sa.update(_E)
        .where(_E.push_id == push_id, _E.private_encrypted.is_not(None))
        .values(private_encrypted=None)
    ).rowcount
    for name in (
        "candidates_encrypted",
        "phone_encrypted",
        "cova_customer_id",
        "chosen_customer_id",
    ):
        erased += connection.execute(
            sa.update(_P)
            .where(_P.id == push_id, getattr(_P, name).is_not(None), _P.finished_at.is_not(None))
            .values({name: None})
        ).rowcount
    for event in many(connection, _E, _E.push_id == push_id):
        text = event.detail
        for word in words:
            text = text.replace(word, "[erased]")
        if text != event.detail:
            connection.execute(sa.update(_E).where(_E.id == event.id).values(detail=text))
            erased += 1
    return erased
