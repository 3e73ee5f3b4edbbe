"""Claims on named pieces of work: one worker at a time, and a dead one is replaced.

A claim is a row with an owner and an end. Taking, renewing and giving back are single
compare-and-set statements, so they need no lock that lives longer than the statement and
work the same on SQLite and PostgreSQL (decision 0002).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from aiq_cova_plugin.clock import Clock
from aiq_cova_plugin.errors import LeaseHeld
from aiq_cova_plugin.store.database import Database, insert_for
from aiq_cova_plugin.store.models import Lease


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

    def take(self, name: str) -> HeldLease | None:
        """The lease, or None when another worker has it."""
        now = self._clock.now()
        with self._database.short() as connection:
            connection.execute(
                insert_for(connection, Lease)
                .values(name=name, owner=None, expires_at=now, fence=0)
                .on_conflict_do_nothing()
            )
        with self._database.short() as connection:
            free = sa.or_(Lease.owner.is_(None), Lease.expires_at <= now)
            before = connection.execute(
                sa.select(Lease.owner, Lease.fence).where(Lease.name == name)
            ).one()
            taken = connection.execute(
                sa.update(Lease)
                .where(Lease.name == name, Lease.fence == before.fence, free)
                .values(owner=self._owner, expires_at=now + self._length, fence=before.fence + 1)
            )
            if taken.rowcount != 1:
                return None
            return HeldLease(name, self._owner, before.fence + 1, before.owner is not None)

    def renew(self, lease: HeldLease) -> None:
        """Prolong the lease. Raises `LeaseHeld` when it was lost to another worker."""
        with self._database.short() as connection:
            self.renew_within(connection, lease)

    def renew_within(self, connection: sa.Connection, lease: HeldLease) -> None:
        """The same in a transaction of the caller's: what it writes is written as the owner.

        Nobody can take the lease over until that transaction ends.
        """
        renewed = connection.execute(
            sa.update(Lease)
            .where(Lease.name == lease.name, Lease.fence == lease.fence)
            .values(expires_at=self._clock.now() + self._length)
        )
        if renewed.rowcount != 1:
            raise LeaseHeld(
                "This worker was too slow and another one has taken its work over.",
                detail=lease.name,
            )

    def give_back(self, lease: HeldLease) -> None:
        with self._database.short() as connection:
            connection.execute(
                sa.update(Lease)
                .where(Lease.name == lease.name, Lease.fence == lease.fence)
                .values(owner=None, expires_at=self._clock.now())
            )

    def leave_closed(self, lease: HeldLease, *, seconds: float) -> None:
        """Let nobody have the lease for so long, its holder neither: giving it back does nothing.

        For work whose outcome is not known yet and must not be done a second time meanwhile.
        """
        with self._database.short() as connection:
            connection.execute(
                sa.update(Lease)
                .where(Lease.name == lease.name, Lease.fence == lease.fence)
                .values(
                    fence=lease.fence + 1,
                    expires_at=self._clock.now() + timedelta(seconds=seconds),
                )
            )

    def is_held(self, name: str, now: datetime) -> bool:
        """Is some worker on it right now?"""
        with self._database.short() as connection:
            row = connection.execute(
                sa.select(Lease.expires_at).where(Lease.name == name, Lease.owner.is_not(None))
            ).one_or_none()
        return row is not None and row.expires_at > now
