"""Pictures of every scene in every look, and a page to look at them: `make screenshots`."""

from __future__ import annotations

import logging
import sys
import tempfile
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.demo.played import a_played_shop
from tests.gallery.demo_pages import DEMO_PAGES, DemoPage, sign_in
from tests.gallery.scenes import SCENES
from tests.gallery.stage import LOOKS, Scene, a_stage, look_at
from tests.support.chromium import CHROMIUM_ARGUMENTS, find_chromium, stay_on_this_machine
from tests.support.live_server import running_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SHOW_ALL_PICTURES = """document.querySelectorAll('img[loading="lazy"]').forEach(each => {
  each.loading = "eager";
})"""
FOLDER = Path(__file__).parents[1] / "artefacts" / "gallery"


def take_pictures(scenes: list[Scene]) -> None:
    """Write `<scene>--<look>.png` for each scene and look, and say which is being taken."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
        )
        for scene in scenes:
            print(f"{scene.page}: {scene.state}", flush=True)
            page = browser.new_page(java_script_enabled=scene.javascript)
            stay_on_this_machine(page)
            _picture_of(scene, page)
            page.close()
        browser.close()


def _picture_of(scene: Scene, page: Page) -> None:
    for look in LOOKS:
        with (
            tempfile.TemporaryDirectory() as folder,
            a_stage(Path(folder)) as stage,
            running_server(stage.app) as server,
        ):
            look_at(page, server.at(scene.build(stage)), scene, look)
            page.screenshot(path=FOLDER / f"{scene.name}--{look.name}.png", full_page=True)


def take_demo_pictures(pages: list[DemoPage]) -> None:
    """Write `demo-<page>--<look>.png` for the demo shop's own pages."""
    if not pages:
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
        )
        page = browser.new_page()
        stay_on_this_machine(page)
        with (
            a_played_shop(Path(folder), csrf=True) as (app, _simulator),
            running_server(app) as server,
        ):
            sign_in(page, server.url)
            for look in LOOKS:
                page.set_viewport_size({"width": look.width, "height": 900})
                page.emulate_media(color_scheme="dark" if look.scheme == "dark" else "light")
                for each in pages:
                    print(f"Demo shop: {each.name}, {look.name}", flush=True)
                    page.goto(server.at(each.path(app)))
                    if each.act is not None:
                        each.act(page)
                    page.evaluate(_SHOW_ALL_PICTURES)
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=FOLDER / f"{each.slug}--{look.name}.png", full_page=True)
        browser.close()


def write_index(scenes: list[Scene]) -> Path:
    """The gallery page: a row for each scene, a column for each look."""
    rows = []
    for title, group in groupby(sorted(scenes, key=lambda each: each.page), lambda each: each.page):
        rows.append(f"<h2>{escape(title)}</h2>")
        for scene in group:
            rows.append(f"<h3>{escape(scene.state)}</h3><div>{_row(scene.name)}</div>")
    rows.append("<h2>Demo shop</h2>")
    for each in DEMO_PAGES:
        rows.append(f"<h3>{escape(each.name)}</h3><div>{_row(each.slug)}</div>")
    index = FOLDER / "index.html"
    index.write_text(_PAGE.format(rows="\n".join(rows)), encoding="utf-8")
    return index


def _row(name: str) -> str:
    return "".join(
        f'<a href="{name}--{look.name}.png"><img loading="lazy" '
        f'src="{name}--{look.name}.png" alt="{escape(look.name)}"></a>'
        for look in LOOKS
    )


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>All pages in all states</title>
<style>
body {{ font: 1rem system-ui, sans-serif; margin: 2rem; background: #ddd; }}
div {{ display: flex; gap: 1rem; align-items: flex-start; overflow-x: auto; padding-bottom: 1rem; }}
img {{ height: 32rem; width: auto; object-fit: cover; object-position: top; border: 1px solid #888; }}
</style>
<h1>All pages in all states</h1>
{rows}
</html>
"""


def main(words: list[str]) -> None:
    """Take the pictures of the scenes whose name has one of the words; of all without words."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    chosen = [scene for scene in SCENES if not words or any(word in scene.name for word in words)]
    take_pictures(chosen)
    take_demo_pictures(
        [each for each in DEMO_PAGES if not words or any(word in each.slug for word in words)]
    )
    print(f"Open {write_index(SCENES)}")


if __name__ == "__main__":
    main(sys.argv[1:])
