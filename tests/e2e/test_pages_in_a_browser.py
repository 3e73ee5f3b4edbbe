"""What pages do in a browser: forms, toasts, live counts, confirmations, the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from aiq_cova_plugin.store import runs

from tests.support.chromium import accessibility_problems
from tests.support.live_server import LiveServer
from tests.unit.web.kit import NORTH, Records, busy_day

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.chromium import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_refused_form_is_accessible_and_leads_to_the_field(
    page: Page,
    server: LiveServer,
    page_complaints: Complaints,
    take_screenshot: Callable[[str], Path],
) -> None:
    page.goto(server.at(f"/cova/{NORTH}/settings"))
    page.get_by_label("Company ID").fill("twelve")
    page.get_by_role("switch", name="Use COVA for this store").check()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_label("Company ID")).to_be_focused()
    expect(page.locator("#field-company_id-error")).to_contain_text("whole number")
    assert accessibility_problems(page) == []
    take_screenshot("connection-refused")
    assert page_complaints.all == []


def test_a_running_sync_is_followed_until_it_ends(
    page: Page, server: LiveServer, records: Records
) -> None:
    records.connect()
    run_id = records.run(
        status="running", phase="applying", to_apply=10, applied=2, finished_at=None,
        heartbeat_at=records.now,
    )  # fmt: skip
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(server.at(f"/cova/{NORTH}/runs/{run_id}"))
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "20")
    with records.app.app_context(), records.ctx.database.short() as connection:
        finished = records.now + timedelta(seconds=9)
        runs.change_run(
            connection, run_id, {"status": "succeeded", "finished_at": finished, "updated": 8}
        )
    expect(page.locator("#cova-run .cova-badge")).to_have_text("Done")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    number = len(asked)
    page.wait_for_timeout(2500)

    assert len(asked) == number, "a finished sync must not be asked for again"


def test_a_rule_counts_its_products_while_it_is_typed(
    page: Page, server: LiveServer, records: Records, page_complaints: Complaints
) -> None:
    busy_day(records)
    page.goto(server.at(f"/cova/{NORTH}/pos-settings"))

    page.get_by_label("COVA classification").last.fill("Vape Kits")

    expect(page.locator("#rule-0-matches")).to_have_text("matches 2 products")
    page.get_by_label("Category for the new rule").select_option("3")
    page.get_by_role("switch", name="Pictures").uncheck()
    expect(page.get_by_text("Staff choose the pictures.")).to_be_visible()
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#cova-toasts")).to_contain_text("Saved")
    expect(page.get_by_label("COVA classification").first).to_have_value("Vape Kits")
    assert page_complaints.all == []


def test_a_refused_action_is_said_in_a_toast_that_stays(
    page: Page, server: LiveServer, records: Records
) -> None:
    """Another member of staff was faster: the order is no longer what the page shows."""
    push = records.order("5", "needs_attention", reason="No phone number.")
    page.goto(server.at(f"/cova/{NORTH}/orders/5"))
    from aiq_cova_plugin.store import outbox

    with records.app.app_context(), records.ctx.database.short() as connection:
        outbox.change_push(connection, push.id, {"state": "completed"})

    page.get_by_role("button", name="Retry now").click()

    expect(page.locator(".cova-toast.is-error")).to_contain_text("nothing to send again")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".cova-toast")).to_have_count(0)


def test_withdrawing_asks_first(page: Page, server: LiveServer, records: Records) -> None:
    records.order("5", "queued")
    page.goto(server.at(f"/cova/{NORTH}/orders/5"))
    questions: list[str] = []

    def decline(dialog: object) -> None:
        questions.append(dialog.message)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.once("dialog", decline)
    page.get_by_role("button", name="Withdraw from COVA").click()
    page.wait_for_timeout(300)
    assert records.rows("cova_push")[0]["state"] == "queued"

    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Withdraw from COVA").click()
    expect(page.locator("#cova-order .cova-badge").first).to_have_text("Withdrawn")
    assert "free its stock" in questions[0]


def test_the_keyboard_is_enough(page: Page, server: LiveServer, records: Records) -> None:
    """Skip link, then the menu; what has the focus can be seen."""
    records.connect()
    page.goto(server.at(f"/cova/{NORTH}/"))

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Tab")
    overview = page.get_by_role("link", name="Overview", exact=True)
    expect(overview).to_be_focused()
    expect(overview).to_have_css("outline-style", "solid")
