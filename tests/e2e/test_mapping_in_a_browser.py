"""Mapping in a browser: the inbox, what a rule decides, the question before stock is let go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.gallery.filling import odd_words
from tests.gallery.stage import LOOKS
from tests.support.chromium import accessibility_problems
from tests.support.live_server import LiveServer
from tests.unit.web.kit import NORTH, Records

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.gallery.filling import odd_words
from tests.support.chromium import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

POS = f"/cova/{NORTH}/pos-settings"
NAMES = f"{POS}/specifications"
PRODUCT = f"/cova/{NORTH}/products/p-gummies/specifications"


@pytest.fixture
def records(shop: Flask) -> Records:
    records = Records(shop)
    odd_words(records)
    return records


def problems_in_every_look(page: Page, take_screenshot: Callable[[str], Path], name: str) -> object:
    """dict: look → what is wrong in it; the page is as it is, only its look changes."""
    problems: dict[str, list[str]] = {}
    for look in LOOKS:
        page.set_viewport_size({"width": look.width, "height": 900})
        # A colour that is still on its way to the other look must not be measured.
        page.emulate_media(
            color_scheme="dark" if look.scheme == "dark" else "light", reduced_motion="reduce"
        )
        too_wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        found = accessibility_problems(page) + (["wider than the screen"] if too_wide else [])
        if found:
            problems[look.name] = found
        take_screenshot(f"mapping-{name}-{look.name}")
    return problems


def test_from_the_inbox_to_a_rule_and_its_count(
    page: Page, server: LiveServer, records: Records, page_complaints: Complaints
) -> None:
    page.goto(server.at(POS))
    inbox = page.get_by_role("table", name="What COVA calls products that have no category")
    expect(inbox.get_by_role("row", name="Zzyzx")).to_contain_text("3")

    page.get_by_label("Category for Chews").select_option(label="Edibles (suggested)")
    page.get_by_role("button", name="Map it Chews").click()

    expect(page.locator("#cova-toasts")).to_contain_text("Saved")
    expect(page.locator("#spec-0")).to_have_value("Chews")
    expect(page.locator("#spec-0-matches")).to_have_text("matches 2 products")
    expect(inbox.get_by_role("row", name="Zzyzx")).to_contain_text("1")
    page.locator("#rule-0").fill("Zzyzx")
    expect(page.locator("#rule-0-matches")).to_have_text(
        "matches 3 products, decides for 1: other rules come first for the rest"
    )
    assert page_complaints.all == []


def test_letting_go_of_the_stock_is_asked_about_and_needs_a_yes(
    page: Page,
    server: LiveServer,
    records: Records,
    take_screenshot: Callable[[str], Path],
) -> None:
    page.goto(server.at(POS))
    page.get_by_role("switch", name="Quantity").uncheck()
    page.get_by_role("button", name="Save", exact=True).last.click()

    question = page.get_by_role("alert")
    expect(question).to_contain_text("the shop can sell what is not there")
    expect(page.get_by_role("button", name="Yes, save it like this")).to_be_focused()
    assert problems_in_every_look(page, take_screenshot, "question") == {}
    assert json.loads(records.rows("cova_connection")[0]["staff_fields"]) == []

    page.keyboard.press("Enter")

    expect(page.locator("#cova-toasts")).to_contain_text("Saved")
    assert json.loads(records.rows("cova_connection")[0]["staff_fields"]) == ["quantity"]


def test_a_name_is_used_and_a_bad_line_is_led_to_by_keyboard(
    page: Page, server: LiveServer, records: Records, page_complaints: Complaints
) -> None:
    page.goto(server.at(NAMES))
    chosen = page.get_by_label("What Delta9 Potency Reading is")
    expect(chosen.locator("option:checked")).to_have_text("THC (suggested)")
    page.get_by_role("button", name="Use Delta9 Potency Reading like this").press("Enter")
    expect(page.locator("#mapping-0-name")).to_have_value("Delta9 Potency Reading")
    expect(page.locator("#cova-unused-title")).to_be_focused()

    page.get_by_label("Meaning of Delta9 Potency Reading").select_option("weight")
    doubt = page.locator("#mapping-0-doubt")
    expect(doubt).to_be_empty()
    page.get_by_label("Meaning of Delta9 Potency Reading").select_option("coa")
    expect(doubt).to_contain_text(
        "1 product has a value that does not read as Certificate of analysis"
    )
    page.get_by_label("Meaning of Delta9 Potency Reading").select_option("THC")
    expect(doubt).to_be_empty()

    page.locator("#mapping-1-id").fill("twelve")
    page.get_by_label("Meaning of the new name").select_option("CBD")
    page.get_by_role("button", name="Save", exact=True).press("Enter")

    expect(page.locator("#mapping-1-name")).to_be_focused()
    expect(page.locator("#mapping-1-error")).to_contain_text("whole number")
    expect(page.locator("#mapping-1-id")).to_have_value("twelve")
    assert accessibility_problems(page) == []
    assert [each for each in page_complaints.all if "422" not in str(each)] == []


def test_a_value_is_tried_without_leaving_the_page(
    page: Page, server: LiveServer, records: Records, page_complaints: Complaints
) -> None:
    page.goto(server.at(PRODUCT))
    page.get_by_role("button", name="Try it").press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.locator("#try-name-error")).to_contain_text("Type the name")
    page.get_by_label("Name", exact=True).fill("CBD Max")
    page.get_by_label("Value", exact=True).fill("1,5 – 2")
    page.get_by_label("Unit", exact=True).fill("%")
    page.get_by_role("button", name="Try it").press("Enter")

    expect(page.locator("#cova-trial")).to_contain_text("CBD 2 %")
    expect(page.get_by_role("button", name="Try it")).to_be_focused()
    assert page.url.endswith("/specifications")
    assert page_complaints.all == []
