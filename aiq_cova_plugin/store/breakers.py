"""Which services of COVA are away, as all workers see it."""

from __future__ import annotations

import logging
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from aiq_cova_plugin.domain.breaker_state import BreakerState
from aiq_cova_plugin.store.database import Database, insert_for
from aiq_cova_plugin.store.models import Breaker
from aiq_cova_plugin.store.records import Question, many

log = logging.getLogger(__name__)
_B = Breaker
_OF_SERVICE = Question(
    # Asked before every call of COVA.
    _B,
    _B.company_id == sa.bindparam("company"),
    _B.service == sa.bindparam("service"),
)
_GUARDED = ("failures", "open_until", "trial_until")


class DatabaseBreakers:
    """Rows of `cova_breaker`: the client's `BreakerStore`.

    A breaker is a comfort: where the database fails, calls are made as if there were none.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, company_id: int, service: str) -> BreakerState | None:
        """The breaker, or None when nothing ever failed."""
        try:
            with self._database.short() as connection:
                row = _OF_SERVICE.one(connection, company=company_id, service=service)
        except SQLAlchemyError:
            log.warning("breaker_not_read", extra={"service": service})
            return None
        return None if row is None else _state(row)

    def replace(self, before: BreakerState | None, after: BreakerState) -> bool:
        """Write the new state if the old one still stands, or if there was none."""
        try:
            with self._database.short() as connection:
                if before is None:
                    return _added(connection, after)
                unchanged = [
                    getattr(_B, name).is_not_distinct_from(getattr(before, name))
                    for name in _GUARDED
                ]
                changed = sa.update(_B).where(
                    _B.company_id == after.company_id, _B.service == after.service, *unchanged
                )
                return connection.execute(changed.values(**asdict(after))).rowcount == 1
        except SQLAlchemyError:
            log.warning("breaker_not_written", extra={"service": after.service})
            return False


def all_breakers(connection: sa.Connection) -> list[BreakerState]:
    """Every breaker that ever counted a failure."""
    return [_state(row) for row in many(connection, _B, order_by=(_B.company_id, _B.service))]


def _added(connection: sa.Connection, state: BreakerState) -> bool:
    # Asked for the row itself: not every driver counts inserted rows.
    inserted = insert_for(connection, _B).values(**asdict(state)).on_conflict_do_nothing()
    return connection.execute(inserted.returning(_B.service)).first() is not None


def _state(row: Breaker) -> BreakerState:
    return BreakerState(
        company_id=row.company_id,
        service=row.service,
        failures=row.failures,
        opened_at=row.opened_at,
        open_until=row.open_until,
        trial_until=row.trial_until,
        reason=row.reason,
    )
