"""The macro that shows on the host's own dashboard how a store stands with COVA."""

from __future__ import annotations

import pytest
from flask import Flask, render_template_string

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost, busy_day

SOURCE = "{% from 'cova/macros.html' import cova_store_health %}<main>{{ cova_store_health(store) }}</main>"


@pytest.fixture
def dashboard(shop: Flask) -> str:
    shop.add_url_rule(
        "/dashboard/<store>",
        "dashboard",
        lambda store: render_template_string(SOURCE, store=store),
    )
    return f"/dashboard/{NORTH}"


def test_it_says_in_words_how_the_store_stands(
    dashboard: str, browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    records.synced()
    records.run()

    page = browser_without_js.get(dashboard).text

    for word in ("All is well", "Connected", "Ready", "Fresh", "In agreement"):
        assert word in page
    assert f'href="/cova/{NORTH}/"' in page
    assert "Needs a person" not in page


def test_what_needs_a_person_comes_with_the_page_that_mends_it(
    dashboard: str, browser_without_js: Browser, records: Records
) -> None:
    busy_day(records)
    records.order("shared", "needs_attention", kind="AmbiguousCustomer", reason="Two have it.")

    page = browser_without_js.get(dashboard).text

    assert "Needs a person" in page
    assert "Choose the customer" in page
    assert f'href="/cova/{NORTH}/orders/shared"' in page


def test_who_may_not_see_the_store_sees_nothing_of_it(
    dashboard: str, browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    records.connect()
    host.allowed[NORTH] = frozenset()

    assert browser_without_js.get(dashboard).text == "<main></main>"
    assert browser_without_js.get("/dashboard/nowhere").text == "<main></main>"
