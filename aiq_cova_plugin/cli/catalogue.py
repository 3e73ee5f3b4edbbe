"""`flask cova sync`, `holds`: the menu, the stock, and what is promised of it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import click

from aiq_cova_plugin.cli.group import command, cova, show, table
from aiq_cova_plugin.errors import CovaPluginError, NeedsOperator
from aiq_cova_plugin.services.audit import note
from aiq_cova_plugin.services.catalogue.sync_catalog import SyncReport, preview_sync, sync_catalog
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.stores import enabled_stores, require_store
from aiq_cova_plugin.store.holds import open_holds
from aiq_cova_plugin.wiring import current_services


@command(cova, "sync")
@click.option("--store", "store_id", help="Sync this store.")
@click.option("--all", "all_stores", is_flag=True, help="Sync every store that is switched on.")
@click.option("--full", is_flag=True, help="Read everything, not only what changed.")
@click.option("--preview", is_flag=True, help="Write nothing; show old → new.")
@click.option("--approve", is_flag=True, help="Let a held-back mass change through.")
def sync(store_id: str | None, all_stores: bool, full: bool, preview: bool, approve: bool) -> bool:
    """Bring menu, prices and stock up to date with COVA."""
    ctx = current_services()
    if (store_id is None) == (not all_stores):
        mistake = "Say which store to sync." if store_id is None else "One store, or all of them?"
        raise NeedsOperator(mistake, field="store", fix="Give either --store ID or --all.")
    if preview and approve:
        raise NeedsOperator(
            "A preview changes nothing, so there is nothing to approve.",
            field="approve",
            fix="Give either --preview or --approve.",
        )
    documents, texts = [], []
    for each in [store_id] if store_id else enabled_stores(ctx):
        document = _sync_one(ctx, each, full, preview, approve, alone=bool(store_id))
        documents.append(document)
        texts.append(_report_text(document))
    show({"stores": documents}, "\n".join(texts) or "No store is connected and switched on.")
    return all(document["status"] == "succeeded" for document in documents)


def _sync_one(
    ctx: ServiceContext, store_id: str, full: bool, preview: bool, approve: bool, *, alone: bool
) -> dict[str, Any]:
    """One store's document; among several stores one that fails leaves the others alone."""
    try:
        if preview:
            report = preview_sync(ctx, store_id, full=full)
        else:
            report = sync_catalog(ctx, store_id, full=full, approve=approve)
            if approve:
                note(ctx, store_id, "run_approved", report.run_id, by="the command line")
    except CovaPluginError as exc:
        if alone:
            raise
        report = SyncReport(store_id, "", "full" if full else "incremental", status="failed")
        report.message, report.fix = exc.message, exc.fix
    return report.as_document()


def _report_text(document: dict[str, Any]) -> str:
    names = ("fetched", "created", "updated", "hidden", "unchanged", "failed")
    numbers = ", ".join(f"{document[name]} {name}" for name in names)
    lines = [
        (
            f"{document['store_id']}: {document['status']} ({document['mode']}): {numbers}; "
            f"{document['api_calls']} calls, {document['seconds']:.1f} s"
        )
    ]
    lines += [document[name] for name in ("message", "fix") if document[name]]
    lines += [
        f"  {issue['cova_product_id']}: {issue['field']}: {issue['reason']}"
        for issue in document["issues"][:50]
    ]
    for change in document.get("changes", ()):
        lines.append(f"  {change['action']} {change['cova_product_id']}")
        for name, value in change["fields"].items():
            lines.append(f"    {name}: {_short(value['old'])} → {_short(value['new'])}")
    return "\n".join(lines)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


@command(cova, "holds")
@click.option("--store", "store_id", help="Only this store.")
def holds(store_id: str | None) -> None:
    """Show what is held for orders, and so why the sellable quantity is what it is."""
    ctx = current_services()
    if store_id is not None:
        require_store(ctx, store_id)
    with ctx.database.short() as connection:
        found = open_holds(connection, store_id)
    documents = [
        {
            "store_id": hold.store_id,
            "order_id": hold.order_id,
            "cova_product_id": hold.cova_product_id,
            "quantity": _number(hold.quantity),
            "state": hold.state,
            "since": hold.since.isoformat(),
        }
        for hold in found
    ]
    headings = ("store_id", "order_id", "cova_product_id", "quantity", "state", "since")
    rows = [tuple(document[name] for name in headings) for document in documents]
    show({"holds": documents}, table(headings, rows, empty="Nothing is held for any order."))


def _number(quantity: Decimal) -> int | float:
    """A quantity as a JSON number: whole ones without a point."""
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)
