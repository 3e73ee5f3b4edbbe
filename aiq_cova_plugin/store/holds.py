"""The ledger of what is promised to orders; the only truth about holds.

Nothing keeps a running total: what is held of a product is always the sum of its rows.
Whoever takes a hold locks the products first (`store.products.lock_products`), so that two
shoppers never both see the last one free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.store.database import insert_if_new
from aiq_cova_plugin.store.models import Hold, Push
from aiq_cova_plugin.store.records import Question, many

_H = Hold
_COUNTS = ("active", "settling")
_OF_ORDER = Question(_H, _H.store_id == sa.bindparam("store"), _H.order_id == sa.bindparam("order"))
_OPEN_OF_STORE = Question(
    _H,
    _H.state.in_(_COUNTS),
    _H.store_id == sa.bindparam("store"),
    order_by=(_H.since, _H.store_id, _H.order_id),
)
_SETTLING_PRODUCTS = (
    sa.select(_H.cova_product_id)
    .where(_H.store_id == sa.bindparam("store"), _H.state == "settling")
    .distinct()
)
_IS_ITS_PUSH = sa.and_(Push.store_id == _H.store_id, Push.order_id == _H.order_id)
_FORGOTTEN_ORDERS = (
    sa.select(_H.order_id)
    .where(
        _H.store_id == sa.bindparam("store"),
        _H.state == "active",
        sa.or_(
            sa.and_(_H.since < sa.bindparam("before"), ~sa.exists().where(_IS_ITS_PUSH)),
            sa.exists().where(_IS_ITS_PUSH, Push.finished_at < sa.bindparam("before")),
        ),
    )
    .distinct()
)


@cache
def _held(*, of_products: bool, but_one_order: bool) -> sa.Select[str, Decimal]:
    """The question how much of each product is held, of a store or of some of its products."""
    conditions = [_H.store_id == sa.bindparam("store"), _H.state.in_(_COUNTS)]
    if of_products:
        conditions.append(_H.cova_product_id.in_(sa.bindparam("products", expanding=True)))
    if but_one_order:
        conditions.append(_H.order_id != sa.bindparam("but_order"))
    total = sa.type_coerce(sa.func.sum(_H.quantity), _H.quantity.type).label("total")
    return sa.select(_H.cova_product_id, total).where(*conditions).group_by(_H.cova_product_id)


def held_by_product(
    connection: sa.Connection,
    store_id: str,
    product_ids: Iterable[str] | None = None,
    *,
    except_order: str | None = None,
) -> dict[str, Decimal]:
    """dict: COVA product id → how much of it is held, leaving one order out if asked."""
    question = _held(of_products=product_ids is not None, but_one_order=except_order is not None)
    asked: dict[str, Any] = {"store": store_id}
    if product_ids is not None:
        asked["products"] = sorted(set(product_ids))
    if except_order is not None:
        asked["but_order"] = except_order
    rows = connection.execute(question, asked)
    return {row.cova_product_id: row.total for row in rows}


def holds_of_order(connection: sa.Connection, store_id: str, order_id: str) -> list[Hold]:
    """Every hold the order ever had, released ones too."""
    return _OF_ORDER.all(connection, store=store_id, order=order_id)


def open_holds(
    connection: sa.Connection, store_id: str | None = None, product_id: str | None = None
) -> list[Hold]:
    """Holds that count against the stock, oldest first."""
    if store_id is not None and product_id is None:
        return _OPEN_OF_STORE.all(connection, store=store_id)
    conditions: list[sa.ColumnElement[bool]] = [_H.state.in_(_COUNTS)]
    if store_id is not None:
        conditions.append(_H.store_id == store_id)
    if product_id is not None:
        conditions.append(_H.cova_product_id == product_id)
    return many(connection, _H, *conditions, order_by=(_H.since, _H.store_id, _H.order_id))


def take_holds(
    connection: sa.Connection,
    store_id: str,
    order_id: str,
    quantities: Mapping[str, Decimal],
    *,
    now: datetime,
) -> None:
    """Hold these quantities for the order; a hold that is there already is left as it is."""
    for product_id, quantity in sorted(quantities.items()):
        hold = {
            "store_id": store_id,
            "order_id": order_id,
            "cova_product_id": product_id,
            "quantity": quantity,
            "state": "active",
            "since": now,
            "reason": "",
        }
        connection.execute(insert_if_new(connection, _H), hold)


def replace_holds(
    connection: sa.Connection,
    store_id: str,
    order_id: str,
    quantities: Mapping[str, Decimal],
    *,
    now: datetime,
) -> None:
    """Hold exactly these quantities for the order, whatever it held before."""
    connection.execute(
        sa.delete(_H).where(
            _H.store_id == store_id, _H.order_id == order_id, _H.state != "settling"
        )
    )
    take_holds(connection, store_id, order_id, quantities, now=now)


def start_settling(
    connection: sa.Connection, store_id: str, order_id: str, *, now: datetime
) -> int:
    """COVA completed the order: the next stock reading that begins after `now` counts it."""
    return connection.execute(
        sa.update(_H)
        .where(_H.store_id == store_id, _H.order_id == order_id, _H.state == "active")
        .values(state="settling", settling_since=now)
    ).rowcount


def hold_again(
    connection: sa.Connection, store_id: str, order_id: str, *, now: datetime, reason: str
) -> list[str]:
    """Make holds active again that were released for `reason`; the ids of their products."""
    was_released = sa.and_(
        _H.store_id == store_id,
        _H.order_id == order_id,
        _H.state == "released",
        _H.reason == reason,
    )
    again = [row.cova_product_id for row in connection.execute(sa.select(_H).where(was_released))]
    connection.execute(
        sa.update(_H)
        .where(was_released)
        .values(state="active", since=now, released_at=None, reason="")
    )
    return again


def settle_after_all(
    connection: sa.Connection, store_id: str, order_id: str, *, now: datetime, reason: str
) -> list[str]:
    """Take back holds that were released for `reason`: the sale happened, and COVA's stock will
    count it; the ids of their products."""
    was_released = sa.and_(
        _H.store_id == store_id,
        _H.order_id == order_id,
        _H.state == "released",
        _H.reason == reason,
    )
    products = [
        row.cova_product_id
        for row in connection.execute(sa.select(_H.cova_product_id).where(was_released))
    ]
    if products:
        connection.execute(
            sa.update(_H)
            .where(was_released)
            .values(state="settling", settling_since=now, released_at=None, reason="")
        )
    return products


def release_holds(
    connection: sa.Connection, store_id: str, order_id: str, *, now: datetime, reason: str
) -> list[str]:
    """Release every open hold of the order; the ids of the products that were freed."""
    freed = [
        hold.cova_product_id
        for hold in holds_of_order(connection, store_id, order_id)
        if hold.state in _COUNTS
    ]
    if freed:
        connection.execute(
            sa.update(_H)
            .where(_H.store_id == store_id, _H.order_id == order_id, _H.state.in_(_COUNTS))
            .values(state="released", released_at=now, reason=reason)
        )
    return freed


def settling_products(connection: sa.Connection, store_id: str) -> set[str]:
    """Products with a hold that waits for a stock reading."""
    rows = connection.execute(_SETTLING_PRODUCTS, {"store": store_id})
    return {row.cova_product_id for row in rows}


def release_settled(
    connection: sa.Connection,
    store_id: str,
    product_ids: Iterable[str],
    *,
    read_began_at: datetime,
    now: datetime,
) -> int:
    """Release settling holds that a stock reading begun at `read_began_at` already counts."""
    wanted = sorted(set(product_ids))
    released = 0
    for start in range(0, len(wanted), 400):
        released += connection.execute(
            sa.update(_H)
            .where(
                _H.store_id == store_id,
                _H.state == "settling",
                _H.cova_product_id.in_(wanted[start : start + 400]),
                _H.settling_since < read_began_at,
            )
            .values(state="released", released_at=now, reason="counted in COVA's stock")
        ).rowcount
    return released


def forgotten_orders(connection: sa.Connection, store_id: str, *, before: datetime) -> list[str]:
    """Orders that hold stock since before then and were never queued for COVA, or were entered
    at the register by hand before then and nobody said that they were sold."""
    rows = connection.execute(_FORGOTTEN_ORDERS, {"store": store_id, "before": before})
    return [row.order_id for row in rows]
