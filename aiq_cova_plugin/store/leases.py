"""Claims on named pieces of work: one worker at a time, and a dead one is replaced.

A claim is a row with an owner and an end. Taking, renewing and giving back are single
compare-and-set statements, so they need no lock that lives longer than the statement and
work the same on SQLite and PostgreSQL (decision 0002).

Until a claim's end nobody else can have it. Its holder therefore asks the database only once a
good part of the time is used up; what must be written as the owner asks with that very write
(`renew_within`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.clock import Clock
from aiq_cova_plugin.errors import LeaseHeld
from aiq_cova_plugin.store.database import Database, insert_for
from aiq_cova_plugin.store.models import Lease

_L = Lease
_OF_NAME = sa.select(_L.owner, _L.fence, _L.expires_at).where(_L.name == sa.bindparam("of_name"))
_STILL_OURS = sa.update(_L).where(
    _L.name == sa.bindparam("of_name"), _L.fence == sa.bindparam("our_fence")
)
"""A write of the holder; the columns to set are the parameters."""
_IS_FREE = sa.or_(_L.owner.is_(None), _L.expires_at <= sa.bindparam("now"))
_TAKE = _STILL_OURS.where(_IS_FREE)
_RENEW_AFTER = 1 / 4
"""Renewed once so much of its length has gone by. The rest is for clocks that differ."""


@dataclass(frozen=True)
class HeldLease:
    """A lease this worker holds; `took_over` says that its last owner never gave it back."""

    name: str
    owner: str
    fence: int
    took_over: bool


class Leases:
    """Takes, renews and gives back leases, each in a short transaction of its own."""

    def __init__(self, database: Database, clock: Clock, *, owner: str, seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._owner = owner
        self._length = timedelta(seconds=seconds)
        self._renew_at: dict[HeldLease, datetime] = {}

    @contextmanager
    def hold(self, name: str, *, busy: str) -> Iterator[HeldLease]:
        """Hold the lease for the block. Raises `LeaseHeld` with the sentence `busy`."""
        lease = self.take(name)
        if lease is None:
            raise LeaseHeld(busy)
        try:
            yield lease
        finally:
            self.give_back(lease)

    def take(self, name: str, *, seconds: float | None = None) -> HeldLease | None:
        """The lease, or None when another worker has it. It lasts `seconds`, or as all do."""
        now = self._clock.now()
        length = self._length if seconds is None else timedelta(seconds=seconds)
        with self._database.short() as connection:
            before = connection.execute(_OF_NAME, {"of_name": name}).one_or_none()
            if before is not None:
                return self._take_after(connection, name, before, now, length)
        self._make_known(name, now)
        return self.take(name, seconds=seconds)

    def _take_after(
        self,
        connection: sa.Connection,
        name: str,
        before: sa.Row[str | None, int, datetime],
        now: datetime,
        length: timedelta,
    ) -> HeldLease | None:
        """Take the lease that stood as `before`, if it is free and stands so still."""
        if before.owner is not None and before.expires_at > now:
            return None
        taken = connection.execute(
            _TAKE,
            {
                "of_name": name,
                "our_fence": before.fence,
                "now": now,
                "owner": self._owner,
                "expires_at": now + length,
                "fence": before.fence + 1,
            },
        )
        if taken.rowcount != 1:
            return None
        lease = HeldLease(name, self._owner, before.fence + 1, before.owner is not None)
        self._renew_at[lease] = now + self._length * _RENEW_AFTER
        return lease

    def _make_known(self, name: str, now: datetime) -> None:
        """Write the row of a lease that nobody ever took."""
        with self._database.short() as connection:
            connection.execute(
                insert_for(connection, _L)
                .values(name=name, owner=None, expires_at=now, fence=0)
                .on_conflict_do_nothing()
            )

    def renew(self, lease: HeldLease) -> None:
        """Prolong the lease if it is time. Raises `LeaseHeld` when it was lost to another worker."""
        renew_at = self._renew_at.get(lease)
        if renew_at is not None and self._clock.now() < renew_at:
            return
        with self._database.short() as connection:
            until = self._clock.now() + self._length * _RENEW_AFTER
            self.renew_within(connection, lease)
        self._renew_at[lease] = until

    def renew_within(self, connection: sa.Connection, lease: HeldLease) -> None:
        """The same in a transaction of the caller's: what it writes is written as the owner.

        Nobody can take the lease over until that transaction ends.
        """
        renewed = connection.execute(
            _STILL_OURS, _key(lease) | {"expires_at": self._clock.now() + self._length}
        )
        if renewed.rowcount != 1:
            raise LeaseHeld(
                "This worker was too slow and another one has taken its work over.",
                detail=lease.name,
            )

    def give_back(self, lease: HeldLease) -> None:
        self._renew_at.pop(lease, None)
        with self._database.short() as connection:
            connection.execute(
                _STILL_OURS, _key(lease) | {"owner": None, "expires_at": self._clock.now()}
            )

    def leave_closed(self, lease: HeldLease, *, seconds: float) -> None:
        """Let nobody have the lease for so long, its holder neither: giving it back does nothing.

        For work whose outcome is not known yet and must not be done a second time meanwhile.
        """
        self._renew_at.pop(lease, None)
        with self._database.short() as connection:
            connection.execute(
                _STILL_OURS,
                _key(lease)
                | {
                    "fence": lease.fence + 1,
                    "expires_at": self._clock.now() + timedelta(seconds=seconds),
                },
            )

    def is_held(self, name: str, now: datetime) -> bool:
        """Is some worker on it right now?"""
        with self._database.short() as connection:
            row = connection.execute(
                sa.select(Lease.expires_at).where(Lease.name == name, Lease.owner.is_not(None))
            ).one_or_none()
        return row is not None and row.expires_at > now


def _key(lease: HeldLease) -> dict[str, Any]:
    return {"of_name": lease.name, "our_fence": lease.fence}
