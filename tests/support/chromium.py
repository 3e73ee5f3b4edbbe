"""Chromium for the browser tests: how it is started, what it may reach, what it complains about."""

from __future__ import annotations

import os
import shutil
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Route

# A browser keeps asking its maker for updates, lists and time. A test browser asks nobody.
CHROMIUM_ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]

_LOOPBACK = {"127.0.0.1", "localhost", "::1", None}

# What the browser reports although nothing is wrong.
_HARMLESS = (
    "favicon.ico",
    # A form refused with 422 and shown again is how our pages answer bad input.
    "status of 422",
    # Playwright hides the caret with an inline style while it takes a picture.
    "Refused to apply inline style",
    "Applying inline style violates",
)


def find_chromium() -> str | None:
    """The browser's path: `CHROMIUM` from the environment, else what the system has, else None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def stay_on_this_machine(page: Page) -> None:
    """Let the page load from loopback only; anything else is a bug of the page."""

    def decide(route: Route) -> None:
        if urlsplit(route.request.url).hostname in _LOOPBACK:
            route.continue_()
        else:
            route.abort()

    page.route("**/*", decide)


class Complaints:
    """Collects what a page writes to its console as an error, and exceptions in its scripts."""

    def __init__(self, page: Page) -> None:
        self.all: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.all.append(f"script error: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        text = f"{message.text} {message.location.get('url', '')}"
        if message.type == "error" and not any(harmless in text for harmless in _HARMLESS):
            self.all.append(text.strip())


def accessibility_problems(page: Page) -> list[str]:
    """What axe finds on the page as it stands: "rule: what is wrong (where)", empty when clean."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']} ({node['target']})"
        for violation in violations
        for node in violation["nodes"]
    ]
