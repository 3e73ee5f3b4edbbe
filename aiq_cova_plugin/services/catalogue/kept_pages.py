"""Keeps the pages a sync has read, so that the next run goes on where this one broke off."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.schemas.packed_page import pack_page, unpack_page
from aiq_cova_plugin.schemas.records import ProductPage
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store import read_pages
from aiq_cova_plugin.store.leases import HeldLease
from aiq_cova_plugin.store.models import Connection

KEPT_FOR = timedelta(minutes=20)
"""How long a page is of use: the stock in it must not be older when it reaches the shop."""

MOST_BYTES = 32 * 1024 * 1024
"""How much is kept of one listing; what comes behind is read again."""

_PAGE_RULES = 1
"""Raise it when pages are asked for or cut in another way."""


@dataclass(frozen=True)
class KeptPage:
    """A page as COVA sent it, where the listing goes on, and when its reading began."""

    page: ProductPage
    next_skip: int
    top: int
    read_began_at: datetime


class KeptPages:
    """The pages kept for one store. `mapping_key` names the rules products are read by."""

    def __init__(
        self, ctx: ServiceContext, settings: Connection, lease: HeldLease, *, mapping_key: str
    ) -> None:
        self._ctx = ctx
        self._store_id = settings.store_id
        self._lease = lease
        told = (settings.company_id, settings.location_id, mapping_key, ctx.config.page_size)
        rules = repr((_PAGE_RULES, *told)).encode()
        self._suffix = ":" + hashlib.blake2b(rules, digest_size=8).hexdigest()
        self._bytes_by_listing: dict[str, int] = {}
        self._full: set[str] = set()

    def load(self, listing: str) -> list[KeptPage]:
        """The pages of a listing that broke off, from its beginning; empty when none is of use.

        Pages that are too old, or were read by other rules, are dropped.
        """
        now = self._ctx.clock.now()
        with self._ctx.database.short() as connection:
            read_pages.drop_pages(connection, self._store_id, but=self._suffix)
            rows = read_pages.pages_of(connection, self._store_id, listing + self._suffix)
        if not rows:
            return []
        try:
            pages = [
                KeptPage(
                    unpack_page(row.compressed, server_time=row.cova_time),
                    row.next_skip,
                    row.top,
                    row.read_began_at,
                )
                for row in rows
            ]
        except (ValueError, CovaPluginError):
            log.warning("kept_pages_unreadable", extra={"store_id": self._store_id})
            pages = []
        is_of_use = (
            [row.position for row in rows] == list(range(len(pages)))
            and len(pages) == len(rows)
            and all(now - KEPT_FOR <= each.read_began_at <= now for each in pages)
        )
        if not is_of_use:
            self.drop(listing)
            return []
        self._bytes_by_listing[listing] = sum(len(row.compressed) for row in rows)
        return pages

    def keep(self, listing: str, position: int, kept: KeptPage) -> None:
        """Keep one more page of a listing; beyond `MOST_BYTES` nothing more is kept of it.

        Raises `LeaseHeld` when another worker has taken the run over.
        """
        if listing in self._full:
            return
        try:
            packed = pack_page(kept.page)
        except ValueError:
            self._full.add(listing)
            return
        size = self._bytes_by_listing.get(listing, 0) + len(packed)
        if size > MOST_BYTES:
            self._full.add(listing)
            log.info("kept_pages_full", extra={"store_id": self._store_id, "bytes": size})
            return
        self._bytes_by_listing[listing] = size
        with self._ctx.database.short() as connection:
            self._ctx.leases.renew_within(connection, self._lease)
            read_pages.keep_page(
                connection,
                {
                    "store_id": self._store_id,
                    "listing": listing + self._suffix,
                    "position": position,
                    "next_skip": kept.next_skip,
                    "top": kept.top,
                    "compressed": packed,
                    "read_began_at": kept.read_began_at,
                    "cova_time": kept.page.server_time,
                },
            )

    def drop(self, listing: str | None = None) -> None:
        """Drop the pages of one listing, or all of the store: they were used, or are no use."""
        name = None if listing is None else listing + self._suffix
        with self._ctx.database.short() as connection:
            read_pages.drop_pages(connection, self._store_id, listing=name)
