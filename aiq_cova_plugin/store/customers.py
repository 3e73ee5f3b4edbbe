"""Which COVA customer a phone number belongs to, so that it is found again at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from aiq_cova_plugin.store.database import insert_for
from aiq_cova_plugin.store.models import CustomerLink, Push
from aiq_cova_plugin.store.records import many

_L, _P = CustomerLink, Push


def linked_customer(connection: sa.Connection, company_id: int, phone_digest: str) -> str | None:
    """The COVA customer id remembered for the phone, or None."""
    return connection.execute(
        sa.select(_L.cova_customer_id).where(
            _L.company_id == company_id, _L.phone_digest == phone_digest
        )
    ).scalar_one_or_none()


def remember_customer(
    connection: sa.Connection,
    company_id: int,
    phone_digest: str,
    cova_customer_id: str,
    *,
    now: datetime,
) -> None:
    statement = insert_for(connection, _L).values(
        company_id=company_id,
        phone_digest=phone_digest,
        cova_customer_id=cova_customer_id,
        verified_at=now,
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["company_id", "phone_digest"],
            set_={"cova_customer_id": cova_customer_id, "verified_at": now},
        )
    )


def forget_customer(connection: sa.Connection, company_id: int, phone_digest: str) -> None:
    connection.execute(
        sa.delete(_L).where(_L.company_id == company_id, _L.phone_digest == phone_digest)
    )


def pushes_sent_to_chosen(
    connection: sa.Connection, cova_customer_ids: Collection[str], *, limit: int = 50
) -> list[Push]:
    """Orders for which a person chose one of these customers, the newest first."""
    return many(
        connection,
        _P,
        _P.chosen_customer_id.in_(cova_customer_ids),
        order_by=_P.id.desc(),
        limit=limit,
    )
