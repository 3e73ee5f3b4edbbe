"""An order's page in a browser: it follows what happens and leaves alone who is typing on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from aiq_cova_plugin.store import outbox

from tests.support.live_server import LiveServer
from tests.unit.web.kit import NORTH, Records

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.chromium import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def _move(records: Records, step: str, **values: Any) -> None:
    with records.app.app_context(), records.ctx.database.short() as connection:
        push = outbox.push_of_order(connection, NORTH, "5")
        assert push is not None
        outbox.change_push(connection, push.id, values)
        outbox.add_event(connection, push.id, "waiting", step, at=records.now)


def test_an_order_on_its_way_is_followed_without_disturbing_who_types(
    page: Page, server: LiveServer, records: Records, page_complaints: Complaints
) -> None:
    records.connect()
    records.order("5", "queued")
    page.goto(server.at(f"/cova/{NORTH}/orders/5"))
    page.locator("#cova-by-hand summary").click()
    note = page.get_by_label("Receipt number or note")
    note.press_sequentially("R-10")

    _move(records, "The first step.", state="checking", attempts=2)

    expect(page.locator("#cova-order-timeline")).to_contain_text("The first step.", timeout=20_000)
    expect(page.get_by_role("status").first).to_contain_text("Checking with COVA")
    expect(note).to_be_focused()
    note.press_sequentially("24")
    said = {"level": "ok", "text": "The order is on its way to COVA again."}
    page.evaluate(
        "said => document.dispatchEvent(new CustomEvent('cova-toast', {detail: said}))", said
    )
    toast = page.locator("#cova-notes .cova-toast")
    expect(toast).to_be_visible()
    # Under the pointer it would stay for ever, had the state not moved on.
    toast.hover()

    _move(records, "The last step.", state="needs_attention", kind="Rejected", reason="Refused.")

    expect(page.locator("#cova-order-facts")).to_contain_text("Refused.", timeout=20_000)
    expect(toast).to_have_count(0)
    expect(page.locator("#cova-order-timeline")).to_have_count(1)
    expect(page.locator("#cova-order-facts")).not_to_have_attribute("hx-trigger", "every 3s")
    expect(note).to_have_value("R-1024")
    assert page_complaints.all == []
