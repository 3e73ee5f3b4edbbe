"""Connecting for the first time, step by step; and one COVA user behind several stores."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.unit.web.kit import CLIENT_SECRET, NORTH, PASSWORD, SOUTH, Browser, Records, TinyHost

PATH = f"/cova/{NORTH}/settings"


def steps_of(markup: str) -> list[str]:
    """The state of each step of the guide, in order; empty without a guide."""
    found = re.search(r'<ol class="cova-guide">(.*?)</ol>', markup, flags=re.DOTALL)
    return re.findall(r'<li class="is-(\w+)"', found.group(1)) if found else []


def test_the_guide_begins_with_asking_cova(browser_without_js: Browser) -> None:
    page = browser_without_js.get(PATH).text

    assert steps_of(page) == ["now", "later", "later", "later"]
    assert "temporary" in page
    assert "North Street" in page


@pytest.mark.parametrize(
    ("saved", "steps"),
    [
        ({"check_ok": None, "enabled": False, "was_enabled": False}, "done now later later"),
        ({"check_ok": False, "enabled": False, "was_enabled": False}, "done now later later"),
        ({"check_ok": True, "enabled": False, "was_enabled": False}, "done done done now"),
        ({"check_ok": False, "enabled": True}, "done now later done"),
    ],
)
def test_the_guide_knows_what_is_done(
    browser_without_js: Browser, records: Records, saved: dict[str, object], steps: str
) -> None:
    records.connect(**saved)

    assert steps_of(browser_without_js.get(PATH).text) == steps.split()


@pytest.mark.parametrize("saved", [{}, {"enabled": False}])
def test_a_store_that_was_connected_needs_no_guide(
    browser_without_js: Browser, records: Records, saved: dict[str, object]
) -> None:
    records.connect(**saved)

    assert steps_of(browser_without_js.get(PATH).text) == []


def test_stores_with_the_same_user_are_warned_about(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    assert "by the same user" not in browser_without_js.get(PATH).text

    records.connect(SOUTH, username="NORTH-API")

    page = browser_without_js.get(PATH).text
    assert "COVA knows South Quay by the same user" in page
    assert 'name="share_secrets"' in page


def test_a_store_the_user_may_not_see_is_not_named(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    records.connect()
    records.connect(SOUTH)
    host.allowed[SOUTH] = frozenset()

    assert "South Quay" not in browser_without_js.get(PATH).text


def _secrets_of(app: Flask, store_id: str) -> tuple[str, str]:
    records = Records(app)
    (row,) = (r for r in records.rows("cova_connection") if r["store_id"] == store_id)
    decrypt = records.ctx.vault.decrypt
    return decrypt(row["password_encrypted"]), decrypt(row["client_secret_encrypted"])


@pytest.fixture
def both(connected_shop: Flask, six_fields: dict[str, str]) -> Flask:
    """Two stores known to the simulator by one user; the south has an old password."""
    records = Records(connected_shop)
    same = {"username": six_fields["username"], "client_id": six_fields["client_id"]}
    place = {name: int(six_fields[name]) for name in ("company_id", "location_id")}
    records.connect(NORTH, **same, **place)
    records.connect(SOUTH, **same, **place)
    return connected_shop


def test_a_new_password_goes_to_all_stores_of_the_user(
    both: Flask, six_fields: dict[str, str]
) -> None:
    browser = Browser(both.test_client())

    answer = browser.post(
        PATH, six_fields | {"enabled": "on", "share_secrets": "on"}, htmx="cova-settings"
    )

    assert answer.status_code == 200
    assert "South Quay got the new secrets too" in answer.headers["HX-Trigger"]
    new = (six_fields["password"], six_fields["client_secret"])
    assert _secrets_of(both, NORTH) == new
    assert _secrets_of(both, SOUTH) == new


def test_without_the_tick_the_other_store_keeps_its_password(
    both: Flask, six_fields: dict[str, str]
) -> None:
    Browser(both.test_client()).post(PATH, six_fields | {"enabled": "on"})

    assert _secrets_of(both, NORTH)[0] == six_fields["password"]
    assert _secrets_of(both, SOUTH) == (PASSWORD, CLIENT_SECRET)


def test_a_store_the_user_may_not_change_keeps_its_password_and_is_named(
    both: Flask, six_fields: dict[str, str], host: TinyHost
) -> None:
    host.allowed[SOUTH] = frozenset({"view"})

    answer = Browser(both.test_client()).post(
        PATH, six_fields | {"enabled": "on", "share_secrets": "on"}, htmx="cova-settings"
    )

    assert "South Quay kept the old ones" in answer.headers["HX-Trigger"]
    assert _secrets_of(both, SOUTH) == (PASSWORD, CLIENT_SECRET)


def test_a_refused_password_is_given_to_nobody(both: Flask, six_fields: dict[str, str]) -> None:
    wrong = six_fields | {"password": "not-the-password", "enabled": "on", "share_secrets": "on"}

    answer = Browser(both.test_client()).post(PATH, wrong)

    assert answer.status_code == 422
    for store_id in (NORTH, SOUTH):
        assert _secrets_of(both, store_id) == (PASSWORD, CLIENT_SECRET)
