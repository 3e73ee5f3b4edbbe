"""Every page in every state of the gallery: accessible, and fits, in every look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.gallery.scenes import SCENES
from tests.gallery.stage import LOOKS, Scene, Stage, a_stage, look_at
from tests.support.chromium import accessibility_problems
from tests.support.live_server import LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.chromium import Complaints

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def stage(tmp_path: Path, sqlite_url: str) -> Iterator[Stage]:
    with a_stage(tmp_path, database_url=sqlite_url) as stage:
        yield stage


WITH_SCRIPTS = [scene for scene in SCENES if scene.javascript]


@pytest.mark.parametrize("scene", WITH_SCRIPTS, ids=[scene.name for scene in WITH_SCRIPTS])
def test_page_is_accessible_and_fits(
    page: Page,
    page_complaints: Complaints,
    stage: Stage,
    live_server: Callable[..., LiveServer],
    scene: Scene,
) -> None:
    address = live_server(stage.app).at(scene.build(stage))
    problems: dict[str, list[str]] = {}

    for look in LOOKS:
        look_at(page, address, scene, look)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        found = accessibility_problems(page)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found.append("wider than the screen")
        if found:
            problems[look.name] = found

    assert problems == {}
    # A refusal is a page like any other to us; the browser notes its status all the same.
    assert [each for each in page_complaints.all if "status of 40" not in each] == []


def test_no_two_scenes_share_a_name() -> None:
    assert len({scene.name for scene in SCENES}) == len(SCENES)
