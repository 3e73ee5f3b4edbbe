"""What a scene plays on: a tiny shop of its own, and the looks a page is seen in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask

from tests.unit.web.kit import Records, close, tiny_shop
from tests.unit.web.reading_host import ReadingHost

if TYPE_CHECKING:
    from playwright.sync_api import Page


@dataclass(frozen=True)
class Look:
    """How a page is looked at: the colour scheme and the width of the window in pixels."""

    scheme: str
    width: int

    @property
    def name(self) -> str:
        return f"{self.scheme}-{self.width}"


LOOKS = (Look("light", 1280), Look("dark", 1280), Look("light", 320), Look("dark", 320))


class Stage:
    """A shop with nothing in it, and the means to fill it."""

    def __init__(self, app: Flask, host: ReadingHost) -> None:
        self.app = app
        self.host = host
        self.records = Records(app)


@dataclass(frozen=True)
class Scene:
    """One page in one state. `build` fills the stage and gives the path to open; `act` is
    what somebody then does on the page. Without `javascript` it is pictured only: what looks
    for accessibility problems is itself a script."""

    page: str
    state: str
    build: Callable[[Stage], str]
    act: Callable[[Page], Any] | None = None
    javascript: bool = True

    @property
    def name(self) -> str:
        words = f"{self.page}--{self.state}".lower().replace(" ", "-")
        return "".join(each for each in words if each.isalnum() or each == "-")


@contextmanager
def a_stage(folder: Path, **options: Any) -> Iterator[Stage]:
    """A stage that is cleared away afterwards."""
    host = ReadingHost()
    app = tiny_shop(folder, host, **options)
    try:
        yield Stage(app, host)
    finally:
        close(app)


def look_at(page: Page, address: str, scene: Scene, look: Look) -> None:
    """Open the scene's page in one look, and do what the scene does."""
    page.set_viewport_size({"width": look.width, "height": 900})
    page.emulate_media(color_scheme="dark" if look.scheme == "dark" else "light")
    page.goto(address, wait_until="load")
    if scene.act is not None:
        scene.act(page)
