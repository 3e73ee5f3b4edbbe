"""What every answer carries and what every request must be, whatever page it is about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from aiq_cova_plugin.web.visible_text import show_unseen

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost, busy_day, close, tiny_shop

TOKEN = "a-token-for-monitoring-77"


@pytest.fixture
def host() -> TinyHost:
    return TinyHost()


@pytest.fixture
def shop(tmp_path: Path, host: TinyHost) -> Iterator[Flask]:
    app = tiny_shop(tmp_path, host, COVA_METRICS_TOKEN=TOKEN)
    yield app
    close(app)


def addresses(shop: Flask) -> list[str]:
    """Every address that can be read, the downloads among them, and one that is not there."""
    found = [f"/cova/{NORTH}/nowhere", "/cova/other-store/"]
    for rule in shop.url_map.iter_rules():
        if rule.endpoint.startswith("cova.") and rule.endpoint != "cova.static":
            if "GET" not in (rule.methods or ()):
                continue
            with shop.test_request_context():
                names = dict.fromkeys(rule.arguments - {"store_id"}, "x") | {"store_id": NORTH}
                path = rule.build(names)[1]  # type: ignore[index]
            found += [path, f"{path}?format=csv"]
    return found


def test_every_answer_says_what_it_is_and_how_it_may_be_used(shop: Flask) -> None:
    busy_day(Records(shop))
    browser, read = Browser(shop.test_client()), 0
    for path in addresses(shop):
        answer = browser.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
        headers, kind = answer.headers, answer.content_type
        if path.endswith("/nowhere"):
            continue  # no address of ours: the host answers
        read += 1
        assert "charset=utf-8" in kind or kind == "application/json", path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path
        assert headers["Cache-Control"] == "no-store", path
        assert "default-src 'self'" in headers["Content-Security-Policy"], path
        assert "frame-ancestors 'self'" in headers["Content-Security-Policy"], path
        assert "unsafe" not in headers["Content-Security-Policy"], path
        assert [name for name in headers if name[0].startswith("Access-Control")] == [], path
        assert [name for name in headers if name[0] in {"X-Powered-By", "Server"}] == [], path
        if kind.startswith("text/csv"):
            name = headers["Content-Disposition"].partition("filename=")[2]
            assert name.strip('"').replace("-", "").replace(".csv", "").isalnum(), path
    assert read > 25


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"enabled": "on"}'),
        ("text/plain", b"enabled=on"),
        ("application/xml", b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"),
        ("application/octet-stream", b"\x80\x04"),
        ("", b"enabled=on"),
    ],
)
def test_what_is_no_form_is_refused_and_changes_nothing(
    shop: Flask, kind: str, body: bytes
) -> None:
    records = Records(shop)
    records.connect()
    browser = Browser(shop.test_client())
    token, before = browser.token(), records.rows("cova_connection")
    for rule in shop.url_map.iter_rules():
        if not rule.endpoint.startswith("cova.") or "POST" not in (rule.methods or ()):
            continue
        with shop.test_request_context():
            names = dict.fromkeys(rule.arguments - {"store_id"}, "x") | {"store_id": NORTH}
            path = rule.build(names)[1]  # type: ignore[index]
        answer = browser.client.post(
            path, data=body, content_type=kind, headers={"X-CSRFToken": token}
        )
        assert answer.status_code == 415, path
        without_token = browser.client.post(path, data=body, content_type=kind)
        assert without_token.status_code == 400, path
    assert records.rows("cova_connection") == before


def test_a_host_that_cannot_say_who_may_lets_nobody_in(shop: Flask, host: TinyHost) -> None:
    def broken(action: str, store_id: str) -> bool:
        raise RuntimeError("the permissions cannot be read")

    busy_day(Records(shop))
    shop.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    host.can = broken  # type: ignore[method-assign]
    browser: Any = shop.test_client()
    for path in addresses(shop):
        if path.startswith(("/cova/health", "/cova/metrics")):
            continue
        answer = browser.get(path)
        assert answer.status_code in (404, 500), path
        assert "North Street" not in answer.text, path


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("<p>Blue Dream</p>", "<p>Blue Dream</p>"),
        ("<p>\u202egpj.exe</p>", "<p>\ufffdgpj.exe</p>"),
        ("<p>a\u2066b\u2069c\u200bd\ufeff</p>", "<p>a\ufffdb\ufffdc\ufffdd\ufffd</p>"),
        # A form sends back what is stored, whatever is in it.
        ('<input value="a\u200bb">\u202e', '<input value="a\u200bb">\ufffd'),
        ("<p>\U0001f469\u200d\U0001f33e نام\u200cها é</p>",) * 2,
    ],
)
def test_characters_nobody_sees_are_shown(markup: str, shown: str) -> None:
    assert show_unseen(markup) == shown


def test_a_name_cannot_turn_the_page_around(shop: Flask) -> None:
    records = Records(shop)
    records.order("1", "needs_attention", reason="\u202eABC", order_number="\u2067x")

    page = Browser(shop.test_client()).get(f"/cova/{NORTH}/orders").text

    assert "\ufffdABC" in page
    assert "\u202e" not in page
