"""When a store's slow whole pass is due: by night where the store is, not all stores at once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiq_cova_plugin.host import Store

NIGHT_BEGINS = time(1, 0)
NIGHT_LASTS = timedelta(hours=4)
"""Between these times of the store's zone its turn comes, at a moment of the store's own."""

AT_LEAST_EVERY = timedelta(hours=24)
"""A night has 23 or 25 hours now and then; a whole pass is never older than this."""

PAUSE_BETWEEN_PAGES_SECONDS = 2.0
"""How long the nightly pass waits before its next page, so that orders and the increments of
other stores of the company find COVA free. A pass that a person asks for does not wait."""


def last_turn(store: Store, now: datetime) -> datetime:
    """The latest moment, now or before, at which the store's nightly pass fell due."""
    zone, today = zone_of(store), now.astimezone(zone_of(store)).date()
    for days in range(3):
        night = datetime.combine(today - timedelta(days=days), NIGHT_BEGINS, tzinfo=zone)
        turn = night.astimezone(UTC) + _offset(store.id)
        if turn <= now:
            return turn
    raise AssertionError("one of three nights is over")


def is_whole_pass_due(store: Store, *, last_full_at: datetime, now: datetime) -> bool:
    """Has the store's turn come since its last whole pass?"""
    return last_full_at < last_turn(store, now) or now - last_full_at >= AT_LEAST_EVERY


def zone_of(store: Store) -> ZoneInfo:
    """The store's zone; UTC when the host names one that does not exist."""
    try:
        return ZoneInfo(store.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _offset(store_id: str) -> timedelta:
    """How far into the night the store's turn is; always the same for the same store."""
    digest = hashlib.blake2b(store_id.encode(), digest_size=8).digest()
    return NIGHT_LASTS * (int.from_bytes(digest) / 2**64)
