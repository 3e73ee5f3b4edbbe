"""Pages of a listing that were read before their run broke off, for the next run to go on.

Each is written as it is read, in a short transaction of its own. They hold stock, so they are
of use for minutes only, and what nobody comes back for is dropped.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.database import insert_or_change
from aiq_cova_plugin.store.models import ReadPage
from aiq_cova_plugin.store.records import Question

_R = ReadPage
_OF_LISTING = Question(
    _R,
    _R.store_id == sa.bindparam("store"),
    _R.listing == sa.bindparam("listing"),
    order_by=_R.position,
)


def pages_of(connection: sa.Connection, store_id: str, listing: str) -> list[ReadPage]:
    """The kept pages of one listing, the first one first."""
    return _OF_LISTING.all(connection, store=store_id, listing=listing)


def keep_page(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep one page; another one in the same place of the same listing is overwritten."""
    key = ("store_id", "listing", "position")
    connection.execute(insert_or_change(connection, _R, key=key, columns=values), values)


def drop_pages(
    connection: sa.Connection,
    store_id: str | None = None,
    *,
    listing: str | None = None,
    but: str | None = None,
    read_before: datetime | None = None,
) -> int:
    """Drop kept pages, all of them where nothing narrows it down; how many.

    `listing` means one listing alone, `but` all whose name does not end so, and `read_before`
    those read before then.
    """
    conditions: list[sa.ColumnElement[bool]] = []
    if store_id is not None:
        conditions.append(_R.store_id == store_id)
    if listing is not None:
        conditions.append(_R.listing == listing)
    if but is not None:
        conditions.append(~_R.listing.endswith(but, autoescape=True))
    if read_before is not None:
        conditions.append(_R.read_began_at < read_before)
    return connection.execute(sa.delete(_R).where(*conditions)).rowcount
