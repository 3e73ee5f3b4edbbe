"""Payload files, parsed as the client parses answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiq_cova_plugin.schemas.json_text import parse_json

PAYLOADS = Path(__file__).parents[2] / "payloads"


@pytest.fixture
def payload() -> Callable[[str], Any]:
    """A fresh copy of a payload: `payload("customer")`."""
    return lambda name: parse_json((PAYLOADS / f"{name}.json").read_bytes())
