"""`flask cova specifications`: what COVA says of one product, and what was made of it."""

from __future__ import annotations

import click

from aiq_cova_plugin.cli.group import command, cova, show, table
from aiq_cova_plugin.services.products.specifications import as_document, ask_cova, explain_product
from aiq_cova_plugin.wiring import current_services


@command(cova, "specifications")
@click.option("--store", "store_id", required=True, help="The store.")
@click.option("--product", "product_id", required=True, help="COVA's id of the product.")
@click.option("--ask", is_flag=True, help="Ask COVA now instead of showing what was read last.")
def specifications(store_id: str, product_id: str, ask: bool) -> None:
    """Show each specification of a product: as COVA sent it, as it is read, what the shop gets."""
    ctx = current_services()
    product = (ask_cova if ask else explain_product)(ctx, store_id, product_id)
    headings = ("name", "value", "unit", "read as", "the shop gets")
    rows = [
        (
            each.display_name,
            each.raw[:60],
            each.unit,
            each.parsed[:60],
            f"{each.field}: {each.shop_gets}" if each.used else f"nothing: {each.reason}",
        )
        for each in product.readings
    ]
    title = f"{product.name or product.cova_product_id}"
    show(
        as_document(product),
        title + "\n" + table(headings, rows, empty="COVA has no specifications for it."),
    )
