"""Remembers products that cannot be read, so that they do not hold up all others for ever.

A product that fails once keeps the cursor: the next run sees it again. One that comes a second
time exactly as it was is known; from then on it is asked for by id with every run, and the
cursor moves without it (decision 0012).
"""

from __future__ import annotations

from datetime import datetime

from aiq_cova_plugin.services.catalogue.understand_products import Reading
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.unreadable import (
    forget_unreadable,
    remember_unreadable,
    unreadable_of,
)

ASKED_PER_RUN = 200
"""How many of them one run asks for by id; those not looked at for longest come first."""


class KnownUnreadable:
    """The store's unreadable products as they were when the run began."""

    def __init__(self, connection: DatabaseConnection, store_id: str) -> None:
        self._store_id = store_id
        self._hashes = {
            row.cova_product_id: row.raw_hash for row in unreadable_of(connection, store_id)
        }
        self._asked: set[str] = set()

    def to_ask(self, reading: Reading) -> set[str]:
        """Ids to ask for, of those that this run has not come across."""
        missing = [
            each
            for each in self._hashes
            if not each.startswith("?")
            and each not in reading.products
            and each not in reading.unreadable
        ]
        self._asked = set(missing[:ASKED_PER_RUN])
        return self._asked

    def new_in(self, reading: Reading) -> set[str]:
        """What could not be read and is not known yet, or has changed since."""
        return {
            each
            for each, found in reading.unreadable.items()
            if self._hashes.get(each) != found.raw_hash
        }

    def save(
        self, connection: DatabaseConnection, reading: Reading, *, is_full: bool, now: datetime
    ) -> None:
        """Remember what this run could not read; forget what it could, and what is gone."""
        remember_unreadable(
            connection,
            [
                {
                    "store_id": self._store_id,
                    "cova_product_id": each,
                    "raw_hash": found.raw_hash,
                    "field": found.field,
                    "reason": found.reason,
                    "first_seen_at": now,
                    "last_seen_at": now,
                }
                for each, found in reading.unreadable.items()
            ],
        )
        looked_at = {
            each
            for each in self._hashes
            if each in self._asked or each in reading.products or (is_full and each[:1] == "?")
        }
        forget_unreadable(
            connection, self._store_id, looked_at - set(reading.unreadable) - reading.unclear
        )
