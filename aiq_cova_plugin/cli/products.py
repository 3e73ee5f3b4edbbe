"""`flask cova products …`: look at products, lock, exclude, take COVA's values, compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from aiq_cova_plugin.cli.group import command, cova, show, table
from aiq_cova_plugin.domain.differences import FieldComparison
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.products import change_product
from aiq_cova_plugin.services.products.change_product import Choice, UnknownProduct
from aiq_cova_plugin.services.products.compare_products import compare_store
from aiq_cova_plugin.services.products.show_products import (
    FILTER_NAMES,
    ProductDetails,
    product_details,
    product_list,
    standing_of,
)
from aiq_cova_plugin.services.stores import require_store
from aiq_cova_plugin.store.product_list import ProductRow
from aiq_cova_plugin.wiring import current_services

_OPERATOR = "the command line"
_STORE = click.option("--store", "store_id", required=True, help="The store.")


@cova.group("products")
def products() -> None:
    """Products: what COVA says, what the shop has, and what staff decided about them."""


@command(products, "list")
@_STORE
@click.option("--filter", "chosen", type=click.Choice(FILTER_NAMES), help="Only these.")
@click.option("--search", default="", help="Words of the name or SKU, or the begin of an id.")
@click.option("--page", default=1, show_default=True, type=click.IntRange(1))
@click.option("--per-page", default=50, show_default=True, type=click.IntRange(1, 1000))
def list_products(store_id: str, chosen: str | None, search: str, page: int, per_page: int) -> None:
    """List products by name, and count them by filter."""
    ctx = current_services()
    require_store(ctx, store_id)
    found = product_list(
        ctx, store_id, chosen=chosen or "", words=search, page=page, per_page=per_page
    )
    documents = [_row_document(row) for row in found.rows]
    counts = {name or "all": number for name, number in found.counts.items()}
    headings = ("cova_product_id", "name", "standing", "stock", "told_quantity", "differing")
    rows = [
        tuple(
            ", ".join(document[name]) if name == "differing" else document[name]
            for name in headings
        )
        for document in documents
    ]
    text = table(headings, rows, empty="There are no such products.")
    if found.last_page > 1:
        text += f"\nPage {found.page} of {found.last_page}, {found.number_found} products."
    document = {
        "store_id": store_id,
        "products": documents,
        "counts": counts,
        "number_found": found.number_found,
        "page": found.page,
        "pages": found.last_page,
    }
    show(document, text)


@command(products, "show")
@click.argument("product_id")
@_STORE
def show_product(product_id: str, store_id: str) -> None:
    """Show one product on both sides, field by field."""
    details = _details(current_services(), store_id, product_id)
    product, compared = details.compared.product, details.compared
    document = {
        "cova_product_id": product.cova_product_id,
        "store_id": store_id,
        "name": product.name,
        "host_state": product.host_state,
        "presence": product.presence,
        "is_locked": product.is_locked,
        "is_excluded": product.is_excluded,
        "is_dirty": product.is_dirty,
        "last_error": product.last_error,
        "stock": product.stock,
        "held": details.held,
        "sellable": details.sellable,
        "category_id": compared.category.category_id,
        "category_source": compared.category.source,
        "shop_side": "read_back" if compared.is_read_back else "last_told",
        "differing": list(compared.differing),
        "fields": [_field_document(each) for each in compared.fields],
    }
    rows = [
        (each.name, _short(each.cova), _short(each.shop), _owner(each), each.verdict.value)
        for each in compared.fields
    ]
    side = "shop" if compared.is_read_back else "last told"
    marks = [word for word, is_on in _marks(product) if is_on]
    heading = (
        f"{product.name or product.cova_product_id}: {', '.join([product.host_state, *marks])}"
    )
    lines = [heading, *([product.last_error] if product.last_error else [])]
    show(
        document,
        "\n".join([*lines, table(("field", "cova", side, "owner", "verdict"), rows, empty="")]),
    )


@command(products, "lock")
@click.argument("product_id")
@_STORE
def lock(product_id: str, store_id: str) -> None:
    """Let only the quantity of a product follow COVA."""
    _decide(store_id, product_id, change_product.lock_product)


@command(products, "unlock")
@click.argument("product_id")
@_STORE
def unlock(product_id: str, store_id: str) -> None:
    """Let a product follow COVA again."""
    _decide(store_id, product_id, change_product.unlock_product)


@command(products, "exclude")
@click.argument("product_id")
@_STORE
def exclude(product_id: str, store_id: str) -> None:
    """Take a product off the menu, and leave it alone from then on."""
    _decide(store_id, product_id, change_product.exclude_product)


@command(products, "include")
@click.argument("product_id")
@_STORE
def include(product_id: str, store_id: str) -> None:
    """Sync an excluded product again."""
    _decide(store_id, product_id, change_product.include_product)


@command(products, "restore")
@click.argument("product_id")
@_STORE
@click.option("--field", "fields", multiple=True, help="Only this field; may be repeated.")
def restore(product_id: str, store_id: str, fields: tuple[str, ...]) -> None:
    """Write COVA's values into the shop now, once, whoever owns the fields."""
    ctx = current_services()
    told = change_product.take_cova_values(
        ctx, store_id, product_id, set(fields) or None, by=_OPERATOR
    )
    document = {"store_id": store_id, "cova_product_id": product_id.lower(), "fields": list(told)}
    show(document, f"The shop has COVA's values now: {', '.join(told)}.")


@command(products, "compare")
@_STORE
def compare(store_id: str) -> None:
    """Compare every product with the shop, and remember which differ."""
    report = compare_store(current_services(), store_id)
    show(report.as_document(), f"{report.differing} of {report.compared} products differ.")


def _decide(store_id: str, product_id: str, service: Callable[..., Choice]) -> None:
    ctx = current_services()
    choice = service(ctx, store_id, product_id, by=_OPERATOR)
    product = _details(ctx, store_id, product_id).compared.product
    document = {
        "store_id": store_id,
        "cova_product_id": product.cova_product_id,
        "is_locked": product.is_locked,
        "is_excluded": product.is_excluded,
        "changed": choice.is_news,
        "sync_planned": choice.sync_is_planned,
    }
    when = "The next sync applies it." if choice.sync_is_planned else "COVA is off: no sync comes."
    show(document, f"{'Done.' if choice.is_news else 'It was so already.'} {when}")


def _details(ctx: ServiceContext, store_id: str, product_id: str) -> ProductDetails:
    found = product_details(ctx, store_id, product_id)
    if found is None:
        raise UnknownProduct(
            f"COVA has not sent this store a product {product_id!r}.",
            field="product",
            fix="See flask cova products list --store …",
        )
    return found


def _row_document(row: ProductRow) -> dict[str, Any]:
    state = row.state
    return {
        "cova_product_id": state.cova_product_id,
        "name": state.name,
        "sku": row.sku,
        "standing": standing_of(state),
        "host_state": state.host_state,
        "is_locked": state.is_locked,
        "is_excluded": state.is_excluded,
        "is_dirty": state.is_dirty,
        "stock": row.stock,
        "told_quantity": row.told_quantity,
        "category_source": row.category_source,
        "differing": list(state.differing),
        "last_error": state.last_error,
    }


def _field_document(field: FieldComparison) -> dict[str, Any]:
    return {
        "name": field.name,
        "cova": field.cova,
        "shop": field.shop,
        "verdict": field.verdict.value,
        "follows_cova": field.follows_cova,
    }


def _owner(field: FieldComparison) -> str:
    return "COVA" if field.follows_cova else "staff"


def _marks(product: Any) -> list[tuple[str, bool]]:
    return [
        ("locked", product.is_locked),
        ("excluded", product.is_excluded),
        ("waiting for the next sync", product.is_dirty),
    ]


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
