"""The store's own rules for which COVA products land in which of its categories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from aiq_cova_plugin.store.models import CategoryRule, Product
from aiq_cova_plugin.store.records import Question

_R, _P = CategoryRule, Product
_CHUNK = 400
_OF_STORE = Question(_R, _R.store_id == sa.bindparam("store"), order_by=(_R.kind, _R.pattern))


class PlaceCount(NamedTuple):
    """So many products on sale have these words in COVA, and found their category like this."""

    classification_path: str
    menu_category: str
    product_type: str
    category_source: str
    number_of_products: int


class ProductPlace(NamedTuple):
    """Where one product belongs in COVA's words, and whether it is on sale there."""

    cova_product_id: str
    name: str
    classification_path: str
    menu_category: str
    product_type: str
    category_source: str
    is_on_sale: bool


def rules_of(connection: sa.Connection, store_id: str) -> list[CategoryRule]:
    return _OF_STORE.all(connection, store=store_id)


def replace_rules(
    connection: sa.Connection, store_id: str, kind: str, rules: Sequence[tuple[str, str]]
) -> None:
    """Make these (pattern, category id) pairs the store's rules of one kind."""
    connection.execute(sa.delete(_R).where(_R.store_id == store_id, _R.kind == kind))
    if rules:
        connection.execute(
            sa.insert(_R),
            [
                {"store_id": store_id, "kind": kind, "pattern": pattern, "category_id": category}
                for pattern, category in dict(rules).items()
            ],
        )


def set_rule(
    connection: sa.Connection, store_id: str, kind: str, pattern: str, category_id: str | None
) -> bool:
    """Make this the store's one rule for the pattern, or None to have none; was that news?"""
    same = (_R.store_id == store_id, _R.kind == kind, sa.func.lower(_R.pattern) == pattern.lower())
    before = list(connection.execute(sa.select(_R.category_id).where(*same)).scalars())
    if before == ([] if category_id is None else [category_id]):
        return False
    connection.execute(sa.delete(_R).where(*same))
    if category_id is not None:
        connection.execute(
            sa.insert(_R).values(
                store_id=store_id, kind=kind, pattern=pattern, category_id=category_id
            )
        )
    return True


def place_counts(connection: sa.Connection, store_id: str) -> list[PlaceCount]:
    """Every combination of COVA's words among the products on sale, with how many have it."""
    words = (_P.classification_path, _P.menu_category, _P.product_type, _P.category_source)
    rows = connection.execute(
        sa.select(*words, sa.func.count())
        .where(_P.store_id == store_id, _P.presence == "active", _P.vanished_at.is_(None))
        .group_by(*words)
        .order_by(*words)
    )
    return [PlaceCount(*row) for row in rows]


def places_of(
    connection: sa.Connection, store_id: str, product_ids: Iterable[str]
) -> dict[str, ProductPlace]:
    """dict: product id → its place, for those of the ids that are known."""
    wanted = sorted(set(product_ids))
    found: dict[str, ProductPlace] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(
            sa.select(
                _P.cova_product_id,
                _P.name,
                _P.classification_path,
                _P.menu_category,
                _P.product_type,
                _P.category_source,
                sa.and_(_P.presence == "active", _P.vanished_at.is_(None)),
            ).where(_P.store_id == store_id, _P.cova_product_id.in_(wanted[start : start + _CHUNK]))
        )
        found |= {row[0]: ProductPlace(*row) for row in rows}
    return found
