"""One product's specifications: what COVA said, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.mapping.explain_specifications import (
    SpecificationReading,
    explain_specifications,
)
from aiq_cova_plugin.mapping.specification_names import (
    SpecificationNames,
    name_key,
    names_from_settings,
)
from aiq_cova_plugin.schemas import records
from aiq_cova_plugin.schemas.products import load_product
from aiq_cova_plugin.services.choices.specification_mapping import as_record
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import credentials_of, require_connected, require_store
from aiq_cova_plugin.store.connections import connection_of
from aiq_cova_plugin.store.models import Connection
from aiq_cova_plugin.store.products import product_of
from aiq_cova_plugin.store.specifications import specifications_of


class UnknownProduct(NeedsOperator):
    """Neither we nor, where it was asked, COVA has this product."""


@dataclass(frozen=True)
class ExplainedProduct:
    """A product's specifications and what became of each.

    `read_at` is when COVA said so, None when it never did; `is_fresh` when it was asked just
    now. `staff_fields` are the fields that staff own, which no sync writes. `trial` is what
    would become of a specification that was typed in to try it.
    """

    cova_product_id: str
    name: str
    read_at: datetime | None
    readings: tuple[SpecificationReading, ...]
    staff_fields: frozenset[str] = frozenset()
    is_fresh: bool = False
    trial: SpecificationReading | None = None
    specifications: tuple[records.Specification, ...] = field(default=(), repr=False)


def explain_product(ctx: ServiceContext, store_id: str, product_id: str) -> ExplainedProduct:
    """What COVA last said of the product's specifications, and what is made of it now.

    Raises `UnknownStore` and `UnknownProduct`.
    """
    require_store(ctx, store_id)
    wanted = product_id.strip().lower()
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        product = product_of(connection, store_id, wanted)
        found = specifications_of(connection, store_id, wanted)
    if product is None and found is None:
        raise UnknownProduct(
            f"No product {product_id[:64]!r} has been read from COVA for this store.",
            field="product",
            fix="Check the id, or press Sync so that it is read.",
        )
    said = tuple(as_record(each) for each in found.specifications) if found is not None else ()
    return _explained(
        row,
        wanted,
        name=product.name if product is not None else "",
        specifications=said,
        read_at=found.read_at if found is not None else None,
    )


def ask_cova(ctx: ServiceContext, store_id: str, product_id: str) -> ExplainedProduct:
    """What COVA says of the product right now; nothing is stored.

    Raises `UnknownStore`, `UnknownProduct`, `NotConnected`, and whatever keeps COVA from
    answering.
    """
    require_store(ctx, store_id)
    row = require_connected(ctx, store_id)
    credentials = credentials_of(ctx, row)
    wanted = product_id.strip().lower()
    ctx.database.end_reading()
    with ctx.open_client(credentials) as client:
        page = client.products_by_id([wanted])
    raw = next(
        (each for each in page.products if str(each.get("ProductId")).lower() == wanted), None
    )
    if raw is None:
        raise UnknownProduct(
            f"COVA has no product {product_id[:64]!r} at this store's location.",
            field="product",
            fix="It was deleted there, or belongs to another location. A full sync takes it off "
            "the menu.",
        )
    product = load_product(raw).product
    return _explained(
        row,
        wanted,
        name=product.name or "",
        specifications=product.specifications or (),
        read_at=ctx.clock.now(),
        is_fresh=True,
    )


def try_specification(
    ctx: ServiceContext,
    store_id: str,
    product: ExplainedProduct,
    *,
    name: str,
    value: str,
    unit: str,
) -> ExplainedProduct:
    """The product with what would become of one more specification; nothing is stored.

    It stands in for those of the same name that the product has.
    """
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
    typed = records.Specification(None, name, value, "", unit)
    others = [
        each for each in product.specifications if name_key(each.display_name) != name_key(name)
    ]
    cova_product = records.Product(
        product_id=product.cova_product_id, specifications=(*others, typed)
    )
    return replace(product, trial=explain_specifications(cova_product, _names_of(row))[-1])


def as_document(product: ExplainedProduct) -> dict[str, Any]:
    """The product as JSON values."""
    return {
        "cova_product_id": product.cova_product_id,
        "name": product.name,
        "read_at": product.read_at.isoformat() if product.read_at is not None else None,
        "specifications": [
            {
                "name": each.display_name,
                "field_id": each.field_id,
                "value": each.raw,
                "unit": each.unit,
                "meaning": each.meaning,
                "parsed": each.parsed,
                "field": each.field,
                "shop_gets": each.shop_gets,
                "used": each.used,
                "reason": each.reason,
                "note": each.note,
                "staff_own_the_field": each.field in product.staff_fields,
            }
            for each in product.readings
        ],
    }


def _explained(
    row: Connection | None,
    product_id: str,
    *,
    name: str,
    specifications: tuple[records.Specification, ...],
    read_at: datetime | None,
    is_fresh: bool = False,
) -> ExplainedProduct:
    product = records.Product(product_id=product_id, specifications=specifications)
    return ExplainedProduct(
        product_id,
        name,
        read_at,
        explain_specifications(product, _names_of(row)),
        staff_fields=frozenset(row.staff_fields if row is not None else ()),
        is_fresh=is_fresh,
        specifications=specifications,
    )


def _names_of(row: Connection | None) -> SpecificationNames:
    return names_from_settings(row.specification_names if row is not None else {})
