"""Reports as their worker would have left them, for pages to show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiq_cova_plugin.services.compare.reports import PREVIEW, RECONCILE
from aiq_cova_plugin.store import reports

from tests.unit.web.kit import NORTH, Records

FIRST = {
    "store_id": NORTH,
    "mode": "full",
    "status": "succeeded",
    "message": "",
    "seconds": 4.2,
    "fetched": 3,
    "created": 1,
    "updated": 1,
    "hidden": 1,
    "unchanged": 0,
    "failed": 0,
    "api_calls": 2,
    "kinds": {"hide": 1, "update": 1, "create": 1},
    "changes": [
        {
            "cova_product_id": "p-gone",
            "name": "Winter Blend",
            "kind": "hide",
            "fields": [["enabled", True, False]],
        },
        {
            "cova_product_id": "p-flower",
            "name": "Blue Harbour 3.5 g",
            "kind": "update",
            "fields": [["price", "10", "12.5"], ["category_id", "1", "2"]],
        },
        {
            "cova_product_id": "p-new",
            "name": '=HYPERLINK("https://example.com")',
            "kind": "create",
            "fields": [["name", None, '=HYPERLINK("https://example.com")'], ["price", None, "9"]],
        },
    ],
    "issues": [
        {
            "field": "category",
            "reason": "No category is known for “Vape Kits”.",
            "number_of_products": 14,
            "named": [["p-flower", "Blue Harbour 3.5 g"]],
        }
    ],
}


def difference(kind: str, subject: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "subject": subject,
        "host": "3",
        "plugin": "3",
        "cova": "1",
        "fix": "Press Sync now.",
        "cause": "It was sold at the register.",
        "action": "",
        "name": subject,
        "order_id": None,
        "cova_product_id": None,
    } | more


STOCK = difference(
    "stock_differs", "Blue Harbour (p-flower)", name="Blue Harbour", cova_product_id="p-flower",
    action="sync",
)  # fmt: skip
WAITING = difference(
    "order_needs_person", "1042", name="W-1042", order_id="1042", action="retry",
    cause="COVA refused it.", fix="Repair what COVA names, then press Retry.", cova=None,
)  # fmt: skip
MISSED = difference(
    "order_not_queued", "77", order_id="77", action="sweep", fix="Press Look for missed orders.",
)  # fmt: skip
FORGOTTEN = difference(
    "hold_without_order", "78 / p-flower", name="Blue Harbour", order_id="78",
    cova_product_id="p-flower", action="free_stock",
)  # fmt: skip


def comparison(*found: dict[str, Any], counts: dict[str, int] | None = None) -> dict[str, Any]:
    """The document of a comparison with these differences."""
    number: dict[str, int] = {}
    for each in found:
        number[each["kind"]] = number.get(each["kind"], 0) + 1
    return {
        "store_id": NORTH,
        "agrees": not found,
        "differences": list(found),
        "counts": counts or number,
    }


def write_report(records: Records, kind: str, status: str = "ready", **values: Any) -> None:
    """The row of a report that began four minutes ago."""
    began = records.now - timedelta(minutes=4)
    document = values.pop("document", None)
    row = {"status": status, "heartbeat_at": began + timedelta(seconds=20), **values}
    if document is not None:
        made_at = began + timedelta(seconds=20)
        row["document"] = document | {"made_at": made_at.isoformat()}
        row.setdefault("finished_at", made_at)
    with records.app.app_context(), records.ctx.database.short() as connection:
        reports.open_report(connection, NORTH, kind, now=began)
        reports.change_report(connection, NORTH, kind, row)


def all_reports(records: Records) -> None:
    """A preview and a comparison with a bit of everything."""
    write_report(records, PREVIEW, document=FIRST)
    found = comparison(WAITING, MISSED, STOCK, FORGOTTEN)
    message = "4 differences between shop and COVA"
    write_report(records, RECONCILE, document=found, message=message)
