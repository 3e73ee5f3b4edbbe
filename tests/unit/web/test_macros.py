"""The Sync button and the order badge on the host's own pages."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, render_template_string

from aiq_cova_plugin.errors import LeaseHeld, NotConnected
from aiq_cova_plugin.web import template_globals
from aiq_cova_plugin.web.pages import runs

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost

BUTTON = f"cova-sync-{NORTH}"
SYNC = f"/cova/{NORTH}/sync"


@pytest.fixture(params=["", " with context"], ids=["without context", "with context"])
def host_page(request: pytest.FixtureRequest, shop: Flask, host: TinyHost) -> str:
    """The address of a page of the host that uses both macros."""
    source = (
        "{% from 'cova/macros.html' import cova_sync_button, cova_order_badge"
        + request.param
        + " %}<h1>Products</h1>{{ cova_sync_button('north') }}"
        "{{ cova_order_badge('north', '5') }}{{ cova_order_badge('north', 6) }}<hr>"
    )
    shop.add_url_rule("/products", "products", lambda: render_template_string(source))
    return "/products"


def test_the_button_is_a_form_that_works_without_htmx(
    host_page: str,
    browser_without_js: Browser,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records.connect()
    monkeypatch.setattr(runs, "start_sync", lambda *_args, **_options: "run-1")
    markup = browser_without_js.get(host_page).text
    token = markup.split('name="csrf_token" value="')[1].split('"')[0]

    answer = browser_without_js.client.post(SYNC, data={"csrf_token": token})

    assert f'action="{SYNC}"' in markup
    assert "cova.js" in markup, "what is said when the shop does not answer"
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"/cova/{NORTH}/runs/run-1?started=")


def test_with_htmx_the_button_shows_how_far_it_is(
    browser_without_js: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = records.run(status="running", finished_at=None, fetched=120, pages=1, phase="reading")
    monkeypatch.setattr(runs, "start_sync", lambda *_args, **_options: run_id)
    asks_as_button = {"HX-Request": "true", "HX-Target": BUTTON}

    started = browser_without_js.post(SYNC, htmx=BUTTON).text
    going = browser_without_js.get(f"/cova/{NORTH}/runs/{run_id}", headers=asks_as_button).text
    done = browser_without_js.get(
        f"/cova/{NORTH}/runs/{records.run(created=3)}", headers=asks_as_button
    ).text

    for fragment in (started, going):
        assert f'id="{BUTTON}"' in fragment
        assert 'hx-trigger="every 2s"' in fragment
        assert "<form" not in fragment
    assert "120 products read" in going
    assert "hx-trigger" not in done
    assert "3 new" in done
    assert "<form" in done


def test_a_refused_start_is_said_beside_the_button(
    browser_without_js: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any, **_options: Any) -> str:
        raise NotConnected("This store is not connected.", fix="Fill in the fields.")

    monkeypatch.setattr(runs, "start_sync", refuse)

    answer = browser_without_js.post(SYNC, htmx=BUTTON)

    assert answer.status_code == 200, "a host's page need not show what came with a 4xx"
    assert "This store is not connected. Fill in the fields." in answer.text


def test_a_sync_that_runs_already_is_shown_instead(
    browser_without_js: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = records.run(status="running", finished_at=None)

    def busy(*_args: Any, **_options: Any) -> str:
        raise LeaseHeld("Busy.")

    monkeypatch.setattr(runs, "start_sync", busy)

    assert f"/runs/{run_id}" in browser_without_js.post(SYNC, htmx=BUTTON).text


def test_a_running_sync_shows_as_soon_as_the_page_opens(
    host_page: str, browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    run_id = records.run(status="running", finished_at=None)

    assert f'hx-get="/cova/{NORTH}/runs/{run_id}"' in browser_without_js.get(host_page).text


def test_who_may_not_sync_sees_no_button(
    host_page: str, browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    records.connect()
    host.allowed[NORTH] = frozenset({"view"})

    assert "<form" not in browser_without_js.get(host_page).text


def test_a_store_that_is_not_connected_or_is_switched_off_has_no_button(
    host_page: str, browser_without_js: Browser, records: Records
) -> None:
    unconnected = browser_without_js.get(host_page).text
    records.connect(enabled=False)
    switched_off = browser_without_js.get(host_page).text

    for markup in (unconnected, switched_off):
        assert "<form" not in markup
        assert "cova.js" not in markup


def test_the_badge_says_how_the_order_stands(
    host_page: str, browser_without_js: Browser, records: Records
) -> None:
    records.order("5", "needs_attention", reason="The phone is <missing>.")
    records.order("6", "in_pos", warning="Tell the driver.")

    markup = browser_without_js.get(host_page).text

    assert "Needs you" in markup
    assert "is-bad" in markup
    assert "The phone is &lt;missing&gt;." in markup
    assert f"/cova/{NORTH}/orders/5" in markup
    assert "In COVA" in markup
    assert "with a warning" in markup


def test_an_order_that_was_never_queued_has_no_badge(
    host_page: str, browser_without_js: Browser
) -> None:
    assert "cova-badge" not in browser_without_js.get(host_page).text


def test_the_style_sheet_comes_once(
    host_page: str, browser_without_js: Browser, records: Records
) -> None:
    records.order("5")

    assert browser_without_js.get(host_page).text.count("widgets.css") == 1


def test_trouble_of_ours_never_takes_the_hosts_page_down(
    host_page: str, browser_without_js: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(template_globals, "current_services", fail)

    answer = browser_without_js.get(host_page)

    assert answer.status_code == 200
    assert "<h1>Products</h1>" in answer.text
    assert "<hr>" in answer.text


def test_only_names_of_ours_are_added_to_the_hosts_templates(shop: Flask) -> None:
    before = set(Flask("plain").jinja_env.globals)

    assert all(name.startswith("cova_") for name in set(shop.jinja_env.globals) - before)


# --- how products stand ---------------------------------------------------------------------------


@pytest.fixture
def product_page(shop: Flask) -> str:
    """A page of the host with a hundred products, asked for at once, and one that is not."""
    source = (
        "{% from 'cova/macros.html' import cova_product_state %}"
        "{% set states = cova_product_states('north', ids) %}"
        "{% for id in ids %}<p>{{ id }}={{ cova_product_state('north', id) or '–' }}</p>{% endfor %}"
        "<hr>{{ cova_product_state('north', 'p-alone') }}"
    )
    ids = [f"P-{number}" for number in range(100)]
    shop.add_url_rule("/menu", "menu", lambda: render_template_string(source, ids=ids))
    return "/menu"


def test_a_page_of_products_costs_one_query(
    product_page: str, shop: Flask, browser_without_js: Browser, records: Records
) -> None:
    for number in range(90):
        records.product(f"p-{number}", f"Product {number}", is_locked=number == 7)
    records.product("p-alone", "Alone", last_error="The picture is <too> large.")
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "cova_product" in statement:
            asked.append(statement)

    with shop.app_context():
        engine = records.ctx.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    markup = browser_without_js.get(product_page).text
    sa.event.remove(engine, "before_cursor_execute", note)

    assert len(asked) == 2, "one for the hundred, one for the one that was not among them"
    assert "snapshot" not in asked[0]
    assert markup.count(">In step<") == 89
    assert f'href="/cova/{NORTH}/products/p-7"' in markup
    assert ">Locked<" in markup
    assert "P-99=–" in markup, "a product COVA never sent has no badge"
    assert 'title="The picture is &lt;too&gt; large."' in markup
    assert ">Not saved<" in markup


def test_who_may_not_see_covas_pages_sees_no_state(
    product_page: str, browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    records.product("p-1", "Product 1")
    host.allowed[NORTH] = frozenset({"sync"})

    assert "cova-badge" not in browser_without_js.get(product_page).text


def test_a_host_page_stays_up_when_states_cannot_be_read(
    product_page: str, browser_without_js: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(template_globals, "current_services", fail)

    answer = browser_without_js.get(product_page)

    assert answer.status_code == 200
    assert "<hr>" in answer.text


# --- progress -------------------------------------------------------------------------------------


def test_the_button_tells_the_time_left_at_the_pace_it_has_seen(
    browser_without_js: Browser, records: Records
) -> None:
    run_id = records.run(
        status="running", finished_at=None, phase="applying", applied=300, to_apply=900,
        created=250, updated=50,
    )  # fmt: skip
    asks_as_button = {"HX-Request": "true", "HX-Target": BUTTON}
    address = f"/cova/{NORTH}/runs/{run_id}"
    then = int(records.now.timestamp()) - 20

    first = browser_without_js.get(address, headers=asks_as_button).text
    later = browser_without_js.get(f"{address}?seen=100-{then}", headers=asks_as_button).text
    nonsense = browser_without_js.get(f"{address}?seen=x-y", headers=asks_as_button).text

    assert "300 of 900 products written" in first
    assert "250 new, 50 changed" in first
    assert 'value="33"' in first
    assert " left" not in first, "there is no pace yet"
    assert "seen=300-" in first
    assert "about 1 minute left" in later or "about 60 seconds left" in later
    assert f"seen=100-{then}" in later
    assert " left" not in nonsense


def test_the_end_is_said_in_words_to_everybody(
    browser_without_js: Browser, records: Records
) -> None:
    run_id = records.run(status="partial", message="1 product could not be synced.")
    asks_as_button = {"HX-Request": "true", "HX-Target": BUTTON}

    done = browser_without_js.get(f"/cova/{NORTH}/runs/{run_id}", headers=asks_as_button).text

    assert 'role="status"' in done
    assert "Done, with gaps" in done
    assert "1 product could not be synced." in done
    assert "<progress" not in done


def test_a_page_opened_during_a_sync_asks_at_once(
    host_page: str, browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    records.run(status="running", finished_at=None)

    assert 'hx-trigger="load, every 2s"' in browser_without_js.get(host_page).text
