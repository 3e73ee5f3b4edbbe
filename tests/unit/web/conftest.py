"""A tiny shop with the staff pages, and a browser without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.unit.web.kit import Browser, Records, TinyHost, close, tiny_shop


@pytest.fixture
def host() -> TinyHost:
    return TinyHost()


@pytest.fixture
def make_shop(tmp_path: Path, host: TinyHost) -> Iterator[Callable[..., Flask]]:
    """A shop with other configuration: `make_shop(COVA_METRICS_TOKEN="…")`."""
    made: list[Flask] = []

    def make(**options: Any) -> Flask:
        folder = tmp_path / f"shop-{len(made)}"
        folder.mkdir()
        made.append(tiny_shop(folder, host, **options))
        return made[-1]

    yield make
    for app in made:
        close(app)


@pytest.fixture
def shop(make_shop: Callable[..., Flask]) -> Flask:
    return make_shop()


@pytest.fixture
def browser_without_js(shop: Flask) -> Browser:
    return Browser(shop.test_client())


@pytest.fixture
def records(shop: Flask) -> Records:
    return Records(shop)
