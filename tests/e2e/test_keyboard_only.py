"""Connect, first sync, rescue an order: with Tab, Enter, Space and arrows, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from aiq_cova_plugin.host import ApplyResult, ProductChange
from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import new_simulator, settings_for
from tests.support.live_server import LiveServer
from tests.support.shop import ADA, Shop

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.chromium import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SOON = 30_000
_MOST_TABS = 120
_CAN_BE_SEEN = """() => {
  const held = document.activeElement, style = getComputedStyle(held);
  const box = held.getBoundingClientRect();
  if (held === document.body) return "the focus is nowhere";
  if (!held.matches(":focus-visible")) return held.outerHTML + " does not show the focus";
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return held.outerHTML + " has no outline";
  if (box.bottom <= 0 || box.top >= innerHeight) return held.outerHTML + " is off the screen";
  return "";
}"""


class Keyboard:
    """Somebody without a mouse: goes from control to control, and always sees where they are."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def see_the_focus(self) -> None:
        """Wait until something has the focus, and see it."""
        expect(self.page.locator(":focus")).to_have_count(1)
        assert self.page.evaluate(_CAN_BE_SEEN) == ""

    def go_to(self, control: Locator, *, with_key: str = "Tab") -> None:
        expect(control).to_be_visible(timeout=SOON)
        for _ in range(_MOST_TABS):
            if control.evaluate("each => each === document.activeElement"):
                return self.see_the_focus()
            self.press(with_key)
        raise AssertionError(f"{control} cannot be reached with {with_key}.")

    def write(self, label: str, text: str) -> None:
        self.go_to(self.page.get_by_label(label, exact=True))
        self.press("Control+a")
        self.page.keyboard.type(text)

    def open_page(self, name: str) -> None:
        """Through the menu; the new page begins at its top."""
        link = self.page.get_by_role("link", name=name, exact=True).first
        self.go_to(link, with_key="Shift+Tab")
        self.press("Enter")
        expect(self.page.locator(".cova-menu [aria-current]")).to_have_text(name)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with new_simulator(products=40, seed=4) as simulator:
        yield simulator


@pytest.fixture
def shop(sim: Simulator, sqlite_url: str) -> Iterator[Shop]:
    shop = Shop(sqlite_url, COVA_SCHEDULER="none", **settings_for(sim))
    yield shop
    shop.close()


def test_connect_sync_and_rescue_an_order_without_a_mouse(
    page: Page,
    shop: Shop,
    sim: Simulator,
    live_server: Callable[..., LiveServer],
    page_complaints: Complaints,
) -> None:
    keyboard = Keyboard(page)
    server = live_server(shop.app)
    page.goto(server.at("/cova/s1/"))

    connect_with_a_wrong_password_first(page, keyboard, sim)
    watch_the_first_sync(page, keyboard, shop)
    order_waits_for_a_person(shop, sim)
    choose_the_customer(page, keyboard, shop)

    assert len(sim.orders()) == 1
    assert page_complaints.all == []


def connect_with_a_wrong_password_first(page: Page, keyboard: Keyboard, sim: Simulator) -> None:
    keyboard.go_to(page.get_by_role("button", name="Connect COVA"))
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="How to connect")).to_be_visible()
    for toggle in ("Use COVA for this store", "Sync orders"):
        keyboard.go_to(page.get_by_role("switch", name=toggle))
        keyboard.press("Space")
    for label, value in (
        ("Company ID", sim.company_id),
        ("Location ID", sim.location_id),
        ("Username", sim.username),
        ("Password", "not-the-password"),
        ("Client ID", sim.client_id),
        ("Client Secret", sim.client_secret),
        ("Integrator ID", sim.integrator_id),
    ):
        keyboard.write(label, str(value))
    save = page.get_by_role("button", name="Save", exact=True)
    keyboard.go_to(save)
    keyboard.press("Enter")

    password = page.get_by_label("Password", exact=True)
    expect(page.locator("#field-password-error")).to_be_visible(timeout=SOON)
    expect(password).to_be_focused()
    keyboard.see_the_focus()
    expect(page.get_by_label("Client Secret", exact=True)).to_have_value(sim.client_secret)
    keyboard.write("Password", sim.password)
    keyboard.press("Enter")

    expect(page.locator("#cova-settings .cova-badge").first).to_have_text("Connected", timeout=SOON)
    expect(page.get_by_role("heading", name="How to connect")).to_have_count(0)
    keyboard.see_the_focus()


def watch_the_first_sync(page: Page, keyboard: Keyboard, shop: Shop) -> None:
    """The shop takes its time to save, until it has been seen that the page follows."""
    apply, gate = shop.host.apply_products, threading.Event()

    def wait_and_apply(store_id: str, changes: Sequence[ProductChange]) -> Sequence[ApplyResult]:
        assert gate.wait(60)
        return apply(store_id, changes)

    shop.host.apply_products = wait_and_apply  # type: ignore[method-assign]  # until it was seen
    try:
        keyboard.open_page("Overview")
        keyboard.go_to(page.get_by_role("button", name="Sync now"))
        keyboard.press("Enter")
        expect(page.get_by_role("progressbar")).to_be_visible(timeout=SOON)
        keyboard.see_the_focus()
        expect(page.locator("#cova-run")).to_contain_text("products written", timeout=SOON)
        keyboard.see_the_focus()
    finally:
        gate.set()
    expect(page.locator("#cova-run .cova-badge").first).to_contain_text("Done", timeout=SOON)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    keyboard.see_the_focus()


def order_waits_for_a_person(shop: Shop, sim: Simulator) -> None:
    """Two customers in COVA have the shopper's phone number, and neither is she."""
    for name in ("Bo", "Cy"):
        sim.register.add_customer(first_name=name, last_name="Example", phones=[ADA["phone"]])
    item = sim.state.products[sim.ordinary_products(1)[0]]
    shop.place("7", [(item.id, item.name, "1", "10.00")])
    shop.run("orders", "push")


def choose_the_customer(page: Page, keyboard: Keyboard, shop: Shop) -> None:
    keyboard.open_page("Overview")
    expect(page.get_by_role("heading", level=1)).to_have_text("1 order needs you")
    keyboard.go_to(page.get_by_role("button", name="Choose the customer"))
    keyboard.press("Enter")
    keyboard.go_to(page.get_by_role("button", name="Use this customer"))
    keyboard.press("Enter")
    expect(page.locator("#field-choice-error")).to_contain_text("Choose one of these customers")
    expect(page.get_by_role("radio").first).to_be_focused()
    keyboard.see_the_focus()
    keyboard.go_to(page.get_by_role("radio").first)
    keyboard.press("Space", "ArrowDown", "ArrowUp")
    expect(page.get_by_role("radio").first).to_be_checked()
    keyboard.see_the_focus()
    keyboard.go_to(page.get_by_role("button", name="Use this customer"))
    keyboard.press("Enter")
    expect(page.locator("#cova-order .cova-badge").first).not_to_have_text(
        "Needs you", timeout=SOON
    )
    keyboard.see_the_focus()

    assert shop.run("orders", "push").exit_code == 0
    expect(page.locator("#cova-order .cova-badge").first).to_have_text("In COVA", timeout=SOON)
    keyboard.see_the_focus()
