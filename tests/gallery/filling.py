"""What stages are filled with: days on which something happened."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.compare.reports import PREVIEW, RECONCILE
from aiq_cova_plugin.services.stock.expire_holds import HOLD_EXPIRED
from aiq_cova_plugin.store import holds
from aiq_cova_plugin.store.run_changes import record_changes
from aiq_cova_plugin.store.specifications import save_specifications

from tests.unit.web.kit import NORTH, Records, busy_day
from tests.unit.web.reading_host import HAZE, SNAPSHOT, ReadingHost
from tests.unit.web.reports import FIRST, all_reports, comparison, write_report


def odd_words(records: Records) -> None:
    """A busy day with products and specifications nobody has mapped yet."""
    busy_day(records)
    for number in range(3):
        records.product(
            f"p-odd-{number}", f"Odd {number}", "Zzyzx", category_source="unmapped",
            menu_category="Chews" if number else "",
        )  # fmt: skip
    specifications = [
        {"field_id": 101, "name": "Total THC", "value": "24,5", "unit": "%"},
        {"field_id": 102, "name": "THC", "value": "18", "unit": "%"},
        {"field_id": 103, "name": "Delta9 Potency Reading", "value": "12.5", "unit": "mg"},
        {"field_id": None, "name": "A very long name " * 8, "value": "x" * 300, "unit": ""},
        {"field_id": 104, "name": "COA", "value": "in the drawer", "unit": ""},
    ]
    with records.app.app_context(), records.ctx.database.short() as connection:
        row = {"store_id": NORTH, "cova_product_id": "p-gummies", "read_at": records.now}
        save_specifications(connection, [row | {"specifications": specifications}])


def a_fortnight(records: Records) -> None:
    """Two weeks of syncs and orders, so that every chart has something to draw."""
    for day in range(14):
        at = records.now - timedelta(days=day)
        for status in ["succeeded"] * (6 + day % 4) + ["partial"] * (day % 3) + ["failed"]:
            records.run(
                started_at=at, status=status, created=day, updated=30 - day, hidden=day % 5,
                failed=day % 4,
            )  # fmt: skip
        for number in range(3):
            records.order(
                f"{day}-{number}", "completed", finished_at=at, in_pos_at=at,
                queued_at=at - timedelta(seconds=5 + 40 * number),
            )  # fmt: skip


def everything(records: Records) -> str:
    """A bit of everything; the id of a held run."""
    busy_day(records)
    a_fortnight(records)
    all_reports(records)
    records.hold("55", {"p-flower": Decimal(3)})
    with records.app.app_context():
        with records.ctx.database.short() as connection:
            holds.release_holds(connection, NORTH, "55", now=records.now, reason=HOLD_EXPIRED)
        audit.note(records.ctx, NORTH, "settings_saved", by="Robin Example", changed={"a": 1})
        audit.note(records.ctx, NORTH, "product_locked", "p-flower", by="Robin Example")
    return records.run(
        status="held", mode="full", started_at=records.now, message="It would hide 40 products."
    )


def reports_being_made(records: Records) -> None:
    """A preview and a comparison on their way."""
    records.connect()
    for kind in (PREVIEW, RECONCILE):
        write_report(
            records, kind, "running", progress="Page 3, 1,500 products read",
            heartbeat_at=records.now - timedelta(minutes=2),
        )  # fmt: skip


def reports_that_failed(records: Records) -> None:
    """The last good results, and newer ones that could not be made."""
    records.connect()
    write_report(records, PREVIEW, document=FIRST | {"status": "held", "message": "It is much."})
    write_report(records, PREVIEW, "failed", message="COVA is away.", fix="Wait a little.")
    write_report(records, RECONCILE, document=comparison())
    write_report(records, RECONCILE, "failed", message="COVA is away.", fix="Wait a little.")


def changes_of_a_sync(records: Records, *, locked: bool = True) -> str:
    """A sync that changed a bit of everything, more than is kept; its id."""
    records.connect()
    records.product(HAZE, "Blue Harbour 3.5 g", snapshot=SNAPSHOT, is_locked=locked)
    for product_id, name in (("p-gummies", "Sour Cherry Gummies 10 × 10 mg"), ("p-new", "Dusk")):
        records.product(product_id, name)
    run_id = records.run(
        fetched=1904, created=1, updated=1230, hidden=1, unchanged=672, api_calls=6, mode="full"
    )
    before = "…cured for a month in glass jars by the harbour. Harvested in May."
    labs = [{"name": "THCa", "value": "21.3", "max_value": "21.3", "unit": "%", "text": ""}]
    new = {
        "name": "Dusk", "category_id": "2", "brand": "Example Farms", "price": "18",
        "quantity": "24", "tags": ["evening", "calm"],
    }  # fmt: skip
    changes: list[tuple[str, str, dict[str, Any]]] = [
        (HAZE, "update", {"price": ["32", "30.5"], "category_id": ["1", "3"]}),
        ("p-gummies", "sold_out", {"quantity": ["4", "0"]}),
        ("p-gone", "hide", {"enabled": [True, False]}),
        (
            HAZE,
            "update",
            {
                "description": [before, before.replace("May", "June")],
                "labs": [labs, [labs[0] | {"value": "22.8", "max_value": "22.8"}]],
            },
        ),
        ("p-new", "create", {name: [None, value] for name, value in new.items()}),
    ]
    stock = [("p-gummies", "stock", {"quantity": ["9", str(8 - each)]}) for each in range(3)]
    with records.app.app_context(), records.ctx.database.short() as connection:
        record_changes(connection, run_id, [*changes, *stock])
    return run_id


def products_in_every_state(records: Records, host: ReadingHost) -> None:
    """A menu with a product in every state; one of them was edited in the shop."""
    records.connect()
    records.product(
        HAZE, "Blue Harbour 3.5 g", "Flower > Sativa", snapshot=SNAPSHOT, stock=Decimal(12),
        is_locked=True, differing_fields="name,price", applied={"quantity": "9"},
    )  # fmt: skip
    records.hold("1042", {HAZE: Decimal(3)})
    host.has[HAZE] = {
        "name": "Blue Harbour, hand-trimmed",
        "price": Decimal("30.00"),
        "quantity": Decimal(9),
        "description": "<p>" + "A long word about the harbour at dusk. " * 12 + "</p>",
        "category_id": "1",
        "enabled": True,
    }
    plain = {"presence": "active", "sku": "SC0100", "regular_price": "18.00"}
    for product_id, name, values in (
        ("p-failed", "Sour Cherry Gummies", {"last_error": "The picture is too large."}),
        ("p-excluded", "Rolling Tray", {"is_excluded": True, "host_state": "hidden"}),
        ("p-waiting", "Travel Vape Kit", {"is_dirty": True, "category_source": "unmapped"}),
        ("p-absent", "Winter Blend", {"host_state": "absent", "presence": "archived"}),
    ):
        snapshot = plain | {"cova_product_id": product_id, "name": name}
        records.product(product_id, name, "Edibles > Gummies", snapshot=snapshot, **values)
