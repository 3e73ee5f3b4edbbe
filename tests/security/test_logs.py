"""The log: constant names, ids in fields; and the list of security claims names tests that exist."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path

import pytest

from tests.security.journey import Browser
from tests.support.connected import ConnectedShop
from tests.support.project_files import ROOT

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
PACKAGE = ROOT / "aiq_cova_plugin"
NOT_OURS = {"simulator", "demo", "testing", "migrations"}


def log_calls(path: Path) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"log", "logger", "logging", "_log"}
    ]


def test_every_log_message_is_a_constant_name() -> None:
    wrong, seen = [], 0
    for path in PACKAGE.rglob("*.py"):
        if NOT_OURS & set(path.relative_to(PACKAGE).parts):
            continue
        for call in log_calls(path):
            seen += 1
            first = call.args[0] if call.args else None
            is_name = (
                isinstance(first, ast.Constant)
                and isinstance(first.value, str)
                and re.fullmatch(r"[a-z][a-z0-9_]*", first.value) is not None
            )
            if not is_name or len(call.args) != 1:
                wrong.append(f"{path.relative_to(ROOT)}:{call.lineno}")

    assert wrong == []
    assert seen > 25


def test_refusals_are_in_the_log(shop: ConnectedShop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="aiq_cova_plugin")
    browser = Browser(shop)
    browser.client.post("/cova/s1/sync")
    shop.shop.host.allowed = set()
    browser.get("/cova/s1/settings")
    browser.get("/cova/s1%0Afaked_event/settings")

    told = [(record.getMessage(), vars(record)["store_id"]) for record in caplog.records]
    assert told == [
        ("form_token_refused", "s1"),
        ("access_refused", "s1"),
        ("access_refused", "s1 faked_event"),
    ]


def test_every_alert_and_event_is_documented() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    kinds = ["credentials", "stale", "held_run", "order_stuck", "orders_late", "hold_expired"]

    assert [kind for kind in kinds if f"`{kind}`" not in text] == []
