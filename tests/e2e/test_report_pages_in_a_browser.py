"""What the watching pages do in a browser: follow, keep what is read, ask before approving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from aiq_cova_plugin.services.compare.reports import PREVIEW, RECONCILE
from aiq_cova_plugin.store import reports

from tests.gallery.filling import everything
from tests.support.live_server import LiveServer
from tests.unit.web.kit import NORTH, Records
from tests.unit.web.reports import FIRST, STOCK, comparison, write_report

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.chromium import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HOME = f"/cova/{NORTH}/"


def test_a_comparison_is_followed_to_its_end_and_lost_input_is_not(
    page: Page, server: LiveServer, records: Records, page_complaints: Complaints
) -> None:
    records.connect()
    write_report(records, RECONCILE, "running", progress="Page 1", heartbeat_at=records.now)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(server.at(f"{HOME}reconcile"))
    expect(page.locator("#cova-progress")).to_contain_text("Page 1")
    with records.app.app_context(), records.ctx.database.short() as connection:
        reports.change_report(connection, NORTH, RECONCILE, {"progress": "Page 2"})
    expect(page.locator("#cova-progress")).to_contain_text("Page 2")
    write_report(records, RECONCILE, document=comparison(STOCK))
    expect(page.get_by_role("heading", level=1)).to_have_text("1 difference between shop and COVA")
    expect(page.get_by_role("button", name="Compare now")).to_be_visible()
    number = len(asked)
    page.wait_for_timeout(2500)

    assert len(asked) == number, "a finished comparison must not be asked for again"
    assert page_complaints.all == []


def test_what_is_being_read_is_not_disturbed_while_a_new_result_is_made(
    page: Page, server: LiveServer, records: Records
) -> None:
    records.connect()
    write_report(records, PREVIEW, document=FIRST)
    write_report(records, PREVIEW, "running", progress="Page 1", heartbeat_at=records.now)

    page.goto(server.at(f"{HOME}preview"))
    row = page.locator("summary", has_text="Blue Harbour")
    row.click()
    with records.app.app_context(), records.ctx.database.short() as connection:
        reports.change_report(connection, NORTH, PREVIEW, {"progress": "Page 2"})
    expect(page.locator("#cova-progress")).to_contain_text("Page 2")

    expect(page.get_by_role("cell", name="12.5")).to_be_visible()


def test_a_held_sync_is_not_approved_by_a_single_slip(
    page: Page, server: LiveServer, records: Records
) -> None:
    """By keyboard alone: unfold, try without the tick, and nothing happens."""
    run_id = everything(records)
    page.goto(server.at(f"{HOME}runs/{run_id}"))

    page.get_by_text("Approve it", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Approve and sync").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_label("I have looked at what would change")).to_be_focused()
    assert page.url.endswith(f"runs/{run_id}")
    assert "run_approved" not in {row["action"] for row in records.rows("cova_audit")}


def test_the_numbers_of_a_chart_are_there_without_seeing_it(
    page: Page, server: LiveServer, records: Records
) -> None:
    everything(records)
    page.goto(server.at(HOME))

    chart = page.locator("figure", has=page.get_by_role("heading", name="Syncs a day"))
    expect(chart.get_by_role("img")).to_have_accessible_name(
        "Syncs a day. "
        + str(chart.locator("p").first.text_content())
        + " The numbers are in the table below."
    )
    chart.get_by_text("The numbers").first.click()

    expect(chart.get_by_role("table", name="Syncs a day").get_by_role("row")).to_have_count(15)
