"""The demo shop's own pages: accessible, and fit, on a light wide screen and a dark narrow one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.demo.played import a_played_shop
from tests.gallery.demo_pages import DEMO_PAGES, sign_in
from tests.gallery.stage import Look
from tests.support.chromium import accessibility_problems
from tests.support.live_server import LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.chromium import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# Colours do not depend on the width: two looks see every scheme and every width.
LOOKS = (Look("light", 1280), Look("dark", 320))


def test_every_page_of_the_demo_is_accessible_and_fits(
    page: Page,
    page_complaints: Complaints,
    tmp_path: Path,
    live_server: Callable[..., LiveServer],
    take_screenshot: Callable[[str], Path],
) -> None:
    problems: dict[str, list[str]] = {}
    with a_played_shop(tmp_path, csrf=True) as (app, _simulator):
        server = live_server(app)
        sign_in(page, server.url)
        for look in LOOKS:
            page.set_viewport_size({"width": look.width, "height": 900})
            page.emulate_media(color_scheme="dark" if look.scheme == "dark" else "light")
            for each in DEMO_PAGES:
                page.goto(server.at(each.path(app)))
                if each.act is not None:
                    each.act(page)
                found = accessibility_problems(page)
                if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                    found.append("wider than the screen")
                if found:
                    problems[f"{each.name}, {look.name}"] = found
                take_screenshot(f"{each.slug}--{look.name}")

    assert problems == {}
    assert [each for each in page_complaints.all if "status of 404" not in each] == []


def test_a_visitor_plays_the_register_by_keyboard_and_sees_it_come_back(
    page: Page, tmp_path: Path, live_server: Callable[..., LiveServer]
) -> None:
    with a_played_shop(tmp_path, csrf=True) as (app, _simulator):
        server = live_server(app)
        marina = next(each for each in DEMO_PAGES if each.name == "order on its way").path(app)
        sign_in(page, server.url)
        page.get_by_role("link", name="Try it").press("Enter")
        page.get_by_role("button", name="Hand over").press("Enter")
        expect(page.get_by_text("is handed over now")).to_be_visible()
        page.goto(server.at(marina))
        expect(page.get_by_role("heading", name="Confirmed")).to_be_visible()

        app.test_cli_runner().invoke(args=["cova", "orders", "poll", "--json"])

        # The shopper's page follows by itself, every five seconds.
        expect(page.get_by_role("heading", name="Completed")).to_be_visible(timeout=20_000)
