"""Why is this 3? Row by row, for one product or many, found by name or order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from aiq_cova_plugin.services.stock.expire_holds import HOLD_EXPIRED
from aiq_cova_plugin.store import alerts, holds
from aiq_cova_plugin.store.alerts import HOLD_GONE

from tests.unit.web.kit import NORTH, Browser, Records, busy_day

PAGE = f"/cova/{NORTH}/holds"


def text_of(markup: str) -> str:
    return " ".join(markup.split())


def test_one_product_is_explained_whether_it_is_held_or_not(
    browser_without_js: Browser, records: Records
) -> None:
    busy_day(records)
    records.product("p-calm", "Calm Tea", stock=Decimal(1234), applied={"quantity": "1234"})

    held = text_of(browser_without_js.get(f"{PAGE}?product=P-FLOWER").text)
    free = text_of(browser_without_js.get(f"{PAGE}?product=p-calm").text)
    unknown = browser_without_js.get(f"{PAGE}?product=%3Cb%3E").text

    assert "Blue Harbour 3.5 g" in held
    assert "Sour Cherry" not in held
    assert f'href="/cova/{NORTH}/orders/1042"' in held
    assert "No order holds any of it." in free
    assert "The shop was told 1234." in free
    assert "knows no product with this id" in unknown
    assert "<b>" not in unknown


def test_holds_are_found_by_product_and_by_order(
    browser_without_js: Browser, records: Records
) -> None:
    busy_day(records)

    by_name = browser_without_js.get(f"{PAGE}?q=cherry").text
    by_order = browser_without_js.get(f"{PAGE}?q=w-1042").text
    nothing = browser_without_js.get(f"{PAGE}?q=<script>").text

    assert "Sour Cherry" in by_name
    assert "Blue Harbour" not in by_name
    assert "Blue Harbour" in by_order
    assert "Sour Cherry" not in by_order
    assert "No hold of a product or order like" in nothing
    assert "<script>alert" not in nothing
    assert 'value="&lt;script&gt;"' in nothing, "what was typed stays"


def test_five_thousand_held_products_come_in_pages(
    browser_without_js: Browser, records: Records
) -> None:
    quantities = {f"p-{number:04}": Decimal(1) for number in range(5000)}
    with records.app.app_context(), records.ctx.database.short() as connection:
        holds.take_holds(connection, NORTH, "77", quantities, now=records.now)

    first = browser_without_js.get(PAGE)
    last = browser_without_js.get(f"{PAGE}?page=100").text

    assert first.text.count("Can be sold") == 50
    assert "1 to 50 of 5,000" in first.text
    assert "p-4999" in last
    assert "Nothing on this page" in browser_without_js.get(f"{PAGE}?page=101").text


def test_holds_that_ran_out_are_shown_with_their_alert(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-1", "Blue Harbour")
    records.hold("55", {"p-1": Decimal(3)})
    records.hold("56", {"p-1": Decimal(2)})
    with records.app.app_context(), records.ctx.database.short() as connection:
        hour_ago = records.now - timedelta(hours=1)
        holds.release_holds(connection, NORTH, "55", now=hour_ago, reason=HOLD_EXPIRED)
        holds.release_holds(connection, NORTH, "56", now=hour_ago, reason="cancelled")
        alerts.raise_alert(
            connection, NORTH, HOLD_GONE, "55", message="Its stock was freed.",
            fix="Confirm or cancel the order in the shop.", at=records.now,
        )  # fmt: skip

    markup = text_of(browser_without_js.get(PAGE).text)
    overview = text_of(browser_without_js.get(f"/cova/{NORTH}/").text)

    assert "Order 55: 3 of Blue Harbour" in markup
    assert "Confirm or cancel the order in the shop." in markup
    assert "Order 56" not in markup
    assert "Order 55: its stock is free again" in overview


def test_stock_that_did_not_change_is_as_old_as_the_last_question(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    read_at = records.now - timedelta(minutes=13)
    records.product("p-1", "Blue Harbour", stock_read_at=read_at)
    records.hold("1042", {"p-1": Decimal(2)})

    before = browser_without_js.get(PAGE).text
    records.synced(minutes_ago=4)
    asked = browser_without_js.get(PAGE).text

    assert "read <time" in before
    assert "13 minutes ago</time>" in before
    assert "unchanged since" in asked
    assert "4 minutes ago</time>" in asked
