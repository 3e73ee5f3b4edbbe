"""Where in COVA a store is connected to, asked in the middle of work that takes a while."""

from __future__ import annotations

import sqlalchemy as sa

from aiq_cova_plugin.store.models import Connection

_PLACE_OF_STORE = (
    sa.select(Connection.company_id, Connection.location_id)
    .where(Connection.store_id == sa.bindparam("store"))
    .with_for_update(read=True)
)


def is_connected_to(
    connection: sa.Connection, store_id: str, *, company_id: int | None, location_id: int | None
) -> bool:
    """Is the store still connected to this company and location?

    Whoever wants to change that waits until the caller's transaction is over, so that what is
    written in it belongs to the place the store is connected to.
    """
    found = connection.execute(_PLACE_OF_STORE, {"store": store_id}).one_or_none()
    return found is not None and tuple(found) == (company_id, location_id)
