"""Lock, sync, unlock, restore in the demo shop; and the product pages in every look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from playwright.sync_api import expect

from aiq_cova_plugin.simulator import Simulator

from tests.e2e.test_journey import (
    SOON,
    fill_in_six_fields,
    open_connection,
    press,
    sign_in,
    wait_for_products,
    wait_until_no_sync_runs,
)
from tests.gallery.filling import products_in_every_state
from tests.support.chromium import accessibility_problems
from tests.support.live_server import LiveServer
from tests.unit.web.kit import NORTH, Records, close, tiny_shop
from tests.unit.web.reading_host import HAZE, SNAPSHOT, ReadingHost

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.chromium import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def host() -> ReadingHost:
    return ReadingHost()


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str, host: ReadingHost) -> Iterator[Flask]:
    app = tiny_shop(tmp_path, host, database_url=sqlite_url)
    yield app
    close(app)


@pytest.fixture
def products(shop: Flask, host: ReadingHost) -> Records:
    records = Records(shop)
    products_in_every_state(records, host)
    return records


def test_excluding_asks_in_the_page_and_can_be_left(
    page: Page,
    server: LiveServer,
    products: Records,
    page_complaints: Complaints,
    take_screenshot: Callable[[str], Path],
) -> None:
    page.goto(server.at(f"/cova/{NORTH}/products/{HAZE}"))

    press(page, "Exclude from the menu")
    question = page.get_by_role("heading", name="Exclude Blue Harbour 3.5 g from the menu?")
    expect(question).to_be_focused()
    assert accessibility_problems(page) == []
    take_screenshot("product-exclude-asked")
    page.get_by_role("button", name="Leave it as it is").press("Enter")
    expect(question).to_have_count(0)
    expect(page.get_by_role("button", name="Exclude from the menu")).to_be_focused()
    press(page, "Exclude from the menu")
    press(page, "Yes, exclude it")

    expect(page.locator("#cova-toasts")).to_contain_text("Excluded from the menu.")
    expect(page.locator("#cova-product .cova-badge").first).to_have_text("Excluded")
    expect(page.get_by_role("button", name="Include again")).to_be_visible()
    assert page_complaints.all == []


def test_a_field_is_taken_by_keyboard_alone(
    page: Page, server: LiveServer, products: Records, host: ReadingHost
) -> None:
    page.goto(server.at(f"/cova/{NORTH}/products/{HAZE}"))
    row = page.locator("tr", has=page.get_by_role("rowheader", name="Name", exact=True))
    expect(row.locator(".cova-badge")).to_have_text("Differs")

    row.get_by_role("button", name="Take COVA's value of Name").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#cova-toasts")).to_contain_text("The shop has COVA's value of Name now.")
    expect(row.locator(".cova-badge")).to_have_text("Same")
    assert host.has[HAZE]["name"] == SNAPSHOT["name"]


def test_lock_sync_unlock_restore_in_the_demo_shop(
    page: Page,
    demo_server: LiveServer,
    simulated_cova: Simulator,
    page_complaints: Complaints,
    take_screenshot: Callable[[str], Path],
) -> None:
    """A price changes at the register; a locked product keeps its own until staff take COVA's."""
    (product_id,) = simulated_cova.ordinary_products(1)
    cova_page = demo_server.at(f"/cova/1/products/{product_id}")
    connect(page, demo_server, simulated_cova)

    page.goto(demo_server.at("/staff/1/products"))
    row = page.locator("tr", has=page.locator(f'a[href="/cova/1/products/{product_id}"]'))
    expect(row.locator(".cova-badge")).to_contain_text("In step")
    take_screenshot("demo-products-with-states")
    row.locator(".cova-badge").click()
    expect(page).to_have_url(cova_page)
    press(page, "Lock")
    # Pressed before htmx has come, the form posts as a form does: a note instead of a toast.
    expect(page.locator("#cova")).to_contain_text("Only the quantity follows COVA from now on.")
    expect(page.locator("#cova-product .cova-badge").first).to_have_text("Locked")

    simulated_cova.register.set_price(product_id, "77.77")
    sync_on_the_hosts_page(page, demo_server)
    price = page.locator("tr", has=page.get_by_role("rowheader", name="Price", exact=True))
    page.goto(cova_page)
    expect(price).to_contain_text("77.77")
    expect(price.locator(".cova-badge")).to_have_text("Differs")
    assert accessibility_problems(page) == []
    take_screenshot("demo-product-locked-and-different")

    page.goto(demo_server.at("/staff/1/products?cova=differs"))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("Locked")
    expect(page.get_by_text("$77.77")).to_have_count(0)

    page.goto(cova_page)
    press(page, "Unlock")
    expect(page.locator("#cova")).to_contain_text("Unlocked.")
    sync_on_the_hosts_page(page, demo_server)
    page.goto(cova_page)
    expect(price.locator(".cova-badge")).to_have_text("Same", timeout=SOON)

    page.goto(demo_server.at("/staff/1/products?q=" + name_of(simulated_cova, product_id)))
    page.locator("td.is-title a").first.click()
    page.get_by_label("Price in USD").fill("55.55")
    press(page, "Save")
    page.goto(cova_page)
    expect(price).to_contain_text("55.55")
    expect(price.locator(".cova-badge")).to_have_text("Differs")
    price.get_by_role("button", name="Take COVA's value").click()
    expect(price.locator(".cova-badge")).to_have_text("Same")
    expect(price).not_to_contain_text("55.55")
    assert page_complaints.all == []


def test_staff_remove_a_product_in_the_demo_shop_and_no_sync_brings_it_back(
    page: Page, demo_server: LiveServer, simulated_cova: Simulator, page_complaints: Complaints
) -> None:
    (product_id,) = simulated_cova.ordinary_products(1)
    name = name_of(simulated_cova, product_id)
    connect(page, demo_server, simulated_cova)
    page.goto(demo_server.at(f"/staff/1/products?q={name}"))
    page.locator("td.is-title a").first.click()

    press(page, "Remove from the menu")
    press(page, "Yes, exclude it")
    expect(page.locator("#cova-product .cova-badge").first).to_have_text("Excluded")
    simulated_cova.register.set_price(product_id, "77.77")
    sync_on_the_hosts_page(page, demo_server)

    page.goto(demo_server.at("/staff/1/products?cova=excluded"))
    expect(page.locator("tbody tr")).to_contain_text(name)
    expect(page.locator("tbody tr")).to_contain_text("Hidden")
    page.goto(demo_server.at("/shop/pier-street/"))
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    assert page_complaints.all == []


# --- steps ----------------------------------------------------------------------------------------


def connect(page: Page, server: LiveServer, simulator: Simulator) -> None:
    sign_in(page, server)
    open_connection(page, server)
    fill_in_six_fields(page, simulator, password=simulator.password)
    press(page, "Save")
    expect(page.locator("#cova-toasts")).to_contain_text("COVA accepts the connection")
    wait_for_products(page, server)
    wait_until_no_sync_runs(page, server)


def sync_on_the_hosts_page(page: Page, server: LiveServer) -> None:
    """Press the button until a sync has gone through that began after this was called.

    The worker may be at one itself; the first that ends may have begun earlier.
    """
    gone_through = 0
    for _ in range(6):
        page.goto(server.at("/staff/1/products"))
        button = page.locator("#cova-sync-1")
        if button.get_by_role("button").count():
            press(page, "Sync with COVA")
        expect(button.locator(".cova-badge")).to_be_visible(timeout=SOON)
        if "Done" in button.locator(".cova-badge").inner_text():
            gone_through += 1
        if gone_through == 2:
            return
    raise AssertionError("No sync went through.")


def name_of(simulator: Simulator, product_id: str) -> str:
    return next(
        item.name for item in simulator.state.products.values() if item.id == product_id
    ).strip()
