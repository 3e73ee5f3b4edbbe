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
    from playwright.sync_api import Page, Route

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

    page.get_by_role("button", name="Retry").click()

    expect(page.locator(".cova-toast.is-error")).to_contain_text("nothing to send again")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".cova-toast")).to_have_count(0)


def test_withdrawing_asks_first(page: Page, server: LiveServer, records: Records) -> None:
    """The page itself asks; the way out leads back to the button, the yes to what became of it."""
    records.order("5", "queued")
    page.goto(server.at(f"/cova/{NORTH}/orders/5"))
    button = page.locator("summary", has_text="Give up sending")
    question = page.locator(".cova-ask .cova-question")

    button.press("Enter")
    expect(question).to_be_focused()
    expect(question).to_contain_text("free its stock")
    assert accessibility_problems(page) == []
    page.get_by_role("button", name="No, leave it as it is").press("Enter")
    expect(question).to_be_hidden()
    expect(button).to_be_focused()
    button.press("Enter")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    assert records.rows("cova_push")[0]["state"] == "queued"

    button.press("Enter")
    page.get_by_role("button", name="Yes, give up sending").press("Enter")
    expect(page.locator("#cova-order .cova-badge").first).to_have_text("Withdrawn")
    expect(page.locator('#cova-order [role="status"]')).to_be_focused()


def test_on_a_phone_the_menu_is_one_line_with_the_current_page_in_sight(
    page: Page, server: LiveServer, records: Records
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(server.at(f"/cova/{NORTH}/activity"))
    menu = page.locator(".cova-menu")

    assert menu.evaluate("each => each.offsetHeight") < 70
    expect(menu.locator("[aria-current]")).to_be_in_viewport(ratio=0.9)
    menu.get_by_role("link", name="Overview").focus()
    expect(menu.get_by_role("link", name="Overview")).to_be_in_viewport(ratio=0.9)
    assert accessibility_problems(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def test_place_and_focus_stay_where_they_were(
    page: Page, server: LiveServer, records: Records, page_complaints: Complaints
) -> None:
    """A button pressed in the middle of a long page is where it was when the page is new."""
    busy_day(records)
    page.set_viewport_size({"width": 320, "height": 640})
    for address, name in (
        ("pos-settings", "Save"),
        ("order-settings", "Save"),
        ("settings", "Test connection"),
        ("pos-settings/specifications", "Save"),
    ):
        page.goto(server.at(f"/cova/{NORTH}/{address}"))
        button = page.get_by_role("button", name=name, exact=True).first
        button.scroll_into_view_if_needed()
        before = button.evaluate("each => each.getBoundingClientRect().top")
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            button.press("Enter")
        expect(
            page.locator(".cova-toast, .cova-steps, .cova-error:not([hidden])").first
        ).to_be_visible()
        expect(page.locator(":focus")).to_have_count(1)
        held = page.evaluate("document.activeElement.textContent.trim()")
        after = page.evaluate("document.activeElement.getBoundingClientRect().top")
        assert held == name, address
        # It only ever gives way to the message that would lie over it.
        assert -90 < after - before < 2, address
    assert [each for each in page_complaints.all if "503" not in each] == []


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


def test_what_comes_by_itself_takes_nothing_away_that_is_being_typed(
    page: Page, server: LiveServer, records: Records
) -> None:
    records.order("5", "queued")
    page.goto(server.at(f"/cova/{NORTH}/orders/5"))
    page.get_by_text("I have entered it at the register by hand").click()
    note = page.get_by_label("Receipt number or note, if you like")
    note.fill("Receipt 77")
    with page.expect_response(lambda answer: "/orders/5" in answer.url):
        pass
    expect(note).to_be_focused()
    expect(note).to_have_value("Receipt 77")


def test_an_action_that_does_not_arrive_says_so_and_can_be_repeated(
    page: Page, server: LiveServer, records: Records
) -> None:
    """Offline, no answer, and a server that breaks: words, a usable button, nothing lost."""
    records.connect()
    page.goto(server.at(f"/cova/{NORTH}/order-settings"))
    fee = page.get_by_label("Delivery fee: COVA product ID")
    save = page.get_by_role("button", name="Save", exact=True)
    said = page.locator("#cova-alerts")
    fee.fill("not an id")

    page.context.set_offline(True)
    save.press("Enter")
    expect(said).to_contain_text("You are offline. Nothing was saved")
    expect(save).to_be_enabled()
    expect(save).to_be_focused()
    assert accessibility_problems(page) == []
    page.context.set_offline(False)

    page.route("**/order-settings", lambda route: route.fulfill(status=500, body="<h1>Oh</h1>"))
    save.press("Enter")
    expect(said).to_contain_text("Something went wrong on the shop's server (500)")
    expect(save).to_be_focused()
    page.unroute("**/order-settings")

    held: list[Route] = []
    page.evaluate("htmx.config.timeout = 300")
    page.route("**/order-settings", lambda route: held.insert(0, route))
    save.press("Enter")
    expect(said).to_contain_text("did not answer in time")
    expect(save).to_be_enabled()
    page.unroute("**/order-settings")
    page.evaluate("htmx.config.timeout = 0")
    for route in held:
        route.abort()

    expect(fee).to_have_value("not an id")
    save.press("Enter")
    expect(fee).to_have_attribute("aria-invalid", "true")
    expect(fee).to_be_focused()
    expect(fee).to_have_value("not an id")


def test_a_poll_says_that_the_connection_is_lost_and_recovers(
    page: Page, server: LiveServer, records: Records
) -> None:
    records.connect()
    run_id = records.run(
        status="running", phase="applying", to_apply=10, applied=2, finished_at=None,
        heartbeat_at=records.now,
    )  # fmt: skip
    page.goto(server.at(f"/cova/{NORTH}/runs/{run_id}"))
    expect(page.get_by_role("progressbar")).to_be_visible()
    said = page.locator("#cova-standing")

    page.context.set_offline(True)
    expect(said).to_have_text("Connection lost. Trying again…", timeout=20_000)
    page.context.set_offline(False)
    expect(said).not_to_contain_text("Trying again", timeout=20_000)
    page.route(f"**/runs/{run_id}*", lambda route: route.fulfill(status=500, body="Oh"))
    expect(said).to_contain_text("problem (500). Trying again…", timeout=20_000)
    page.unroute(f"**/runs/{run_id}*")
    expect(said).not_to_contain_text("Trying again", timeout=20_000)
