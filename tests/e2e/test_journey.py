"""From nothing to a completed delivery, as staff, shopper, cashier and shopper again see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from aiq_cova_plugin.demo.seed import MANAGER
from aiq_cova_plugin.simulator import Simulator

from tests.support.live_server import LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.chromium import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SOON = 20_000
"""Milliseconds within which a worker has certainly done what is due."""


def test_from_the_six_fields_to_a_completed_delivery(
    page: Page,
    demo_server: LiveServer,
    simulated_cova: Simulator,
    page_complaints: Complaints,
    take_screenshot: Callable[[str], Path],
) -> None:
    """The shop is not connected; a manager connects it, a shopper orders, the cashier hands over."""
    sign_in(page, demo_server)
    open_connection(page, demo_server)

    fill_in_six_fields(page, simulated_cova, password="not-the-password")
    press(page, "Save")
    password = page.get_by_label("Password")
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_be_focused()
    expect(page.locator("#field-password-error")).not_to_be_empty()
    expect(password).to_have_value("")
    expect(page.get_by_label("Username")).to_have_value(simulated_cova.username)
    take_screenshot("journey-1-wrong-password")

    fill_in_six_fields(page, simulated_cova, password=simulated_cova.password)
    press(page, "Test connection")
    expect(page.get_by_text("Find the location: works")).to_be_visible(timeout=SOON)
    expect(password).to_have_value(simulated_cova.password)
    expect(password).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_have_count(0)
    take_screenshot("journey-2-tested")
    press(page, "Save")
    expect(page.locator("#cova-toasts")).to_contain_text("COVA accepts the connection")
    expect(page.locator("#cova-settings .cova-badge").first).to_have_text("Connected")
    take_screenshot("journey-3-connected")

    wait_for_products(page, demo_server)
    order_address = order_for_delivery(page, demo_server, simulated_cova)

    order = wait_for(simulated_cova.orders, page)[0]
    customer = customer_of(simulated_cova, order)
    assert "Marina" in str(customer)
    assert "3035550177" in re.sub(r"\D", "", str(customer))
    assert "41 Lighthouse Lane" in str(customer)
    assert order["is_delivery"] is True

    page.goto(simulated_cova.url)
    expect(page.get_by_text("Marina Tide")).to_be_visible()
    expect(page.get_by_text("41 Lighthouse Lane")).to_be_visible()
    take_screenshot("journey-4-at-the-register")
    page.get_by_role("button", name="Hand over and complete").click()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()

    page.goto(order_address)
    expect(page.get_by_role("heading", name="Completed")).to_be_visible(timeout=SOON)
    take_screenshot("journey-5-shopper-sees-completed")

    page.goto(demo_server.at("/cova/1/orders"))
    page.locator("table a").first.click()
    expect(page.locator("#cova-order .cova-badge").first).to_have_text("Completed", timeout=SOON)
    expect(page.get_by_text("The sale was completed at the register.").first).to_be_visible()
    take_screenshot("journey-6-staff-see-completed")
    page.goto(demo_server.at("/cova/1/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("All is well", timeout=SOON)
    take_screenshot("journey-7-overview")
    assert page_complaints.all == []


def test_the_sync_button_on_the_hosts_products_page(
    page: Page,
    demo_server: LiveServer,
    simulated_cova: Simulator,
    page_complaints: Complaints,
    take_screenshot: Callable[[str], Path],
) -> None:
    """A price changes at the register; the button brings it over without leaving the page."""
    sign_in(page, demo_server)
    open_connection(page, demo_server)
    fill_in_six_fields(page, simulated_cova, password=simulated_cova.password)
    press(page, "Save")
    expect(page.locator("#cova-toasts")).to_contain_text("COVA accepts the connection")
    wait_for_products(page, demo_server)
    wait_until_no_sync_runs(page, demo_server)
    simulated_cova.register.set_price(simulated_cova.ordinary_products(1)[0], "77.77")

    page.goto(demo_server.at("/staff/1/products"))
    take_screenshot("host-products-with-button")
    press(page, "Sync with COVA")
    button = page.locator("#cova-sync-1")
    expect(button.get_by_role("link", name="Reload the list")).to_be_visible(timeout=SOON)
    expect(button).to_contain_text("1 changed")
    expect(button).not_to_have_attribute("hx-trigger", re.compile(".*"))
    take_screenshot("host-products-after-sync")
    button.get_by_role("link", name="Reload the list").click()

    expect(page.get_by_text("$77.77")).to_be_visible()
    assert page_complaints.all == []


# --- steps ----------------------------------------------------------------------------------------


def sign_in(page: Page, server: LiveServer) -> None:
    page.goto(server.at("/staff/login"))
    page.get_by_label("User name").fill(MANAGER.username)
    page.get_by_label("Password").fill(MANAGER.password)
    press(page, "Sign in")


def open_connection(page: Page, server: LiveServer) -> None:
    page.goto(server.at("/staff/1/integrations"))
    page.get_by_role("link", name="Connection", exact=True).click()
    expect(page.get_by_role("heading", name="Connection")).to_be_visible()
    # The host's frame brings no htmx: cova.js fetches it once the page is complete.
    wait_for(lambda: page.evaluate("Boolean(window.htmx)"), page)


def fill_in_six_fields(page: Page, simulator: Simulator, *, password: str) -> None:
    for label, value in (
        ("Company ID", simulator.company_id),
        ("Location ID", simulator.location_id),
        ("Username", simulator.username),
        ("Password", password),
        ("Client ID", simulator.client_id),
        ("Client Secret", simulator.client_secret),
        ("Integrator ID", simulator.integrator_id),
        ("Delivery fee product", simulator.delivery_fee_product_id),
    ):
        page.get_by_label(label, exact=True).fill(str(value))
    for toggle in ("Use COVA for this store", "Sync orders"):
        page.get_by_role("switch", name=toggle).check()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def wait_for_products(page: Page, server: LiveServer) -> None:
    """The first sync starts by itself; the menu fills."""

    def cards() -> int:
        page.goto(server.at("/shop/pier-street/"))
        return page.locator(".shop-card").count()

    assert wait_for(cards, page) > 5


def wait_until_no_sync_runs(page: Page, server: LiveServer) -> None:
    page.goto(server.at("/cova/1/runs"))
    page.locator("table a").first.click()
    expect(page.locator("#cova-run .cova-badge").first).to_have_text(
        re.compile("Done"), timeout=SOON
    )


def order_for_delivery(page: Page, server: LiveServer, simulator: Simulator) -> str:
    """Order an ordinary product; the address of the shopper's order page."""
    name = next(
        item.name
        for item in simulator.state.products.values()
        if item.id == simulator.ordinary_products(1)[0]
    )
    page.goto(server.at("/shop/pier-street/"))
    page.get_by_role("link", name=name).first.click()
    press(page, "Add to basket")
    page.goto(server.at("/shop/pier-street/checkout"))
    for label, value in (
        ("First name", "Marina"),
        ("Last name", "Tide"),
        ("Phone", "(303) 555-0177"),
        ("Date of birth", "1988-05-04"),
        ("Street and house number", "41 Lighthouse Lane"),
        ("City", "Denver"),
        ("ZIP", "80202"),
    ):
        if label == "Street and house number":
            page.locator("#fulfilment-delivery").check()
            page.locator("#state").select_option("CO")
        page.get_by_label(label).first.fill(value)
    press(page, "Place order")
    expect(page.get_by_role("heading", name="Thank you, Marina")).to_be_visible()
    return page.url


def customer_of(simulator: Simulator, order: dict[str, Any]) -> dict[str, Any]:
    return next(each for each in simulator.customers() if each["id"] == order["customer_id"])


def wait_for(look: Callable[[], Any], page: Page, *, seconds: float = 20) -> Any:
    """What `look` answers, as soon as that is something."""
    for _ in range(int(seconds * 4)):
        found = look()
        if found:
            return found
        page.wait_for_timeout(250)
    raise AssertionError("It did not happen in time.")
