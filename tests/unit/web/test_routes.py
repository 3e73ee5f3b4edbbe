"""Every address × permission × CSRF, taken from the URL map: a new route is covered or fails here."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from flask import Flask

from aiq_cova_plugin.services.compare import put_right
from aiq_cova_plugin.web.blueprint import STORE_PAGES
from aiq_cova_plugin.web.pages import preview, reconcile, runs

from tests.unit.web.kit import ALL_ACTIONS, NORTH, SOUTH, Browser, Records, TinyHost, busy_day

PERMISSIONS = {
    ("cova.overview", "GET"): "view",
    ("cova.settings", "GET"): "configure",
    ("cova.settings", "POST"): "configure",
    ("cova.test_connection", "POST"): "configure",
    ("cova.pos_settings", "GET"): "configure",
    ("cova.pos_settings", "POST"): "configure",
    ("cova.rule_matches", "GET"): "configure",
    ("cova.specifications", "GET"): "configure",
    ("cova.specifications", "POST"): "configure",
    ("cova.specification_use", "POST"): "configure",
    ("cova.specification_doubts", "GET"): "configure",
    ("cova.product_specifications", "GET"): "view",
    ("cova.product_ask_cova", "POST"): "sync",
    ("cova.products", "GET"): "view",
    ("cova.products_compare", "POST"): "sync",
    ("cova.product", "GET"): "view",
    ("cova.product_lock", "POST"): "configure",
    ("cova.product_unlock", "POST"): "configure",
    ("cova.product_exclude", "POST"): "configure",
    ("cova.product_include", "POST"): "configure",
    ("cova.product_category", "POST"): "configure",
    ("cova.product_restore", "POST"): "sync",
    ("cova.sync", "POST"): "sync",
    ("cova.runs", "GET"): "view",
    ("cova.run", "GET"): "view",
    ("cova.orders", "GET"): "view",
    ("cova.order", "GET"): "view",
    ("cova.order_retry", "POST"): "orders",
    ("cova.order_cancel", "POST"): "orders",
    ("cova.order_customer", "POST"): "orders",
    ("cova.order_phone", "POST"): "orders",
    ("cova.order_ask", "POST"): "orders",
    ("cova.order_by_hand", "POST"): "orders",
    ("cova.order_restore_address", "POST"): "orders",
    ("cova.orders_retry", "POST"): "orders",
    ("cova.order_settings", "GET"): "configure",
    ("cova.order_settings", "POST"): "configure",
    ("cova.holds", "GET"): "view",
    ("cova.preview", "GET"): "view",
    ("cova.preview_start", "POST"): "sync",
    ("cova.reconcile", "GET"): "view",
    ("cova.reconcile_start", "POST"): "sync",
    ("cova.poll_now", "POST"): "orders",
    ("cova.sweep_now", "POST"): "orders",
    ("cova.free_stock", "POST"): "orders",
    ("cova.activity", "GET"): "configure",
}
WITHOUT_STORE = {"cova.static", "cova.health", "cova.metrics"}
PAGES = [key for key in PERMISSIONS if key[1] == "GET"]
CHANGES = [key for key in PERMISSIONS if key[1] == "POST"]


def address(shop: Flask, endpoint: str, store_id: str, ids: dict[str, str]) -> str:
    values = {
        "store_id": store_id,
        "run_id": ids["run"],
        "order_id": ids["refused"],
        "product_id": ids["product"],
    }
    rule = next(rule for rule in shop.url_map.iter_rules() if rule.endpoint == endpoint)
    with shop.test_request_context():
        return str(
            shop.url_for(endpoint, **{name: values[name] for name in sorted(rule.arguments)})
        )


@pytest.fixture(autouse=True)
def no_sync_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncs are other tests' business; a thread here would outlive its test."""
    monkeypatch.setattr(runs, "start_sync", lambda *_args, **_options: "a-run")
    for page, name in (
        (preview, "start_report"),
        (reconcile, "start_report"),
        (put_right, "start_poll"),
        (put_right, "start_sweep"),
    ):
        monkeypatch.setattr(page, name, lambda *_args, **_options: None)


@pytest.fixture
def ids(records: Records) -> dict[str, str]:
    return busy_day(records)


def test_every_route_of_the_plugin_is_in_the_table(shop: Flask) -> None:
    found = {
        (rule.endpoint, method)
        for rule in shop.url_map.iter_rules()
        if rule.endpoint.startswith("cova.") and rule.endpoint not in WITHOUT_STORE
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert found == set(PERMISSIONS)
    assert all("<store_id>" in path for _methods, path, _endpoint, _view in STORE_PAGES)


@pytest.mark.parametrize("route", PERMISSIONS)
def test_each_route_asks_for_its_own_permission(
    shop: Flask,
    host: TinyHost,
    browser_without_js: Browser,
    ids: dict[str, str],
    route: tuple[str, str],
) -> None:
    endpoint, method = route
    needed = PERMISSIONS[route]
    path = address(shop, endpoint, NORTH, ids)
    browser = browser_without_js
    send = browser.get if method == "GET" else browser.post

    host.allowed[NORTH] = ALL_ACTIONS - {needed}
    refused = send(path)
    host.allowed[NORTH] = frozenset({needed})
    allowed = send(path)

    assert refused.status_code == 403
    assert f"“{needed}”" in refused.text
    assert allowed.status_code not in (400, 403, 404, 500)


@pytest.mark.parametrize("route", CHANGES)
def test_each_change_needs_the_token(
    shop: Flask, browser_without_js: Browser, ids: dict[str, str], route: tuple[str, str]
) -> None:
    path = address(shop, route[0], NORTH, ids)
    other = Browser(shop.test_client())
    browser_without_js.token()

    missing = browser_without_js.client.post(path)
    strange = browser_without_js.client.post(path, data={"csrf_token": "made up"})
    foreign = browser_without_js.client.post(path, data={"csrf_token": other.token()})
    by_header = browser_without_js.client.post(
        path, headers={"X-CSRFToken": browser_without_js.token()}
    )

    assert [missing.status_code, strange.status_code, foreign.status_code] == [400, 400, 400]
    assert "nothing was changed" in " ".join(missing.text.split())
    assert by_header.status_code not in (400, 403, 500)


@pytest.mark.parametrize("route", CHANGES)
def test_a_change_with_neither_token_nor_permission_is_refused(
    shop: Flask,
    host: TinyHost,
    browser_without_js: Browser,
    ids: dict[str, str],
    route: tuple[str, str],
) -> None:
    host.allowed[NORTH] = frozenset()

    answer = browser_without_js.client.post(address(shop, route[0], NORTH, ids))

    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_unsafe_methods_do_nothing(
    browser_without_js: Browser, ids: dict[str, str], method: str
) -> None:
    answer = browser_without_js.client.open(f"/cova/{NORTH}/settings", method=method)

    assert answer.status_code == 405


@pytest.mark.parametrize("route", PERMISSIONS)
def test_a_store_that_is_not_there_is_404_for_those_who_may_know(
    shop: Flask,
    host: TinyHost,
    browser_without_js: Browser,
    ids: dict[str, str],
    route: tuple[str, str],
) -> None:
    host.may_everywhere = True
    path = address(shop, route[0], "nowhere", ids)

    answer = (browser_without_js.get if route[1] == "GET" else browser_without_js.post)(path)

    assert answer.status_code == 404
    assert "no such store" in answer.text


@pytest.mark.parametrize("route", PAGES)
def test_a_store_one_may_not_see_looks_like_one_that_is_not_there(
    shop: Flask,
    host: TinyHost,
    browser_without_js: Browser,
    ids: dict[str, str],
    route: tuple[str, str],
) -> None:
    host.allowed = {}

    hidden = browser_without_js.get(address(shop, route[0], NORTH, ids))
    absent = browser_without_js.get(address(shop, route[0], "nowhere", ids))

    def without_token(text: str) -> str:
        return "\n".join(line for line in text.splitlines() if "csrf-token" not in line)

    assert (hidden.status_code, absent.status_code) == (403, 403)
    assert without_token(hidden.text) == without_token(absent.text)
    assert "North Street" not in hidden.text


@pytest.mark.parametrize("route", PAGES)
def test_pages_are_never_kept_and_differ_for_htmx(
    shop: Flask, browser_without_js: Browser, ids: dict[str, str], route: tuple[str, str]
) -> None:
    answer = browser_without_js.get(address(shop, route[0], NORTH, ids))

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "HX-Request" in answer.headers["Vary"]
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("route", PAGES)
def test_no_page_has_script_or_style_inside(
    shop: Flask, browser_without_js: Browser, ids: dict[str, str], route: tuple[str, str]
) -> None:
    markup = browser_without_js.get(address(shop, route[0], NORTH, ids)).text

    assert " style=" not in markup
    assert "<style" not in markup
    assert "javascript:" not in markup
    assert " onclick" not in markup
    assert " hx-on" not in markup
    assert all("src=" in each.split(">", 1)[0] for each in markup.split("<script")[1:])


def test_one_stores_orders_and_runs_are_not_found_under_another(
    shop: Flask, browser_without_js: Browser, ids: dict[str, str]
) -> None:
    for endpoint in ("cova.order", "cova.run"):
        assert browser_without_js.get(address(shop, endpoint, SOUTH, ids)).status_code == 404
    for endpoint in ("cova.order_retry", "cova.order_cancel", "cova.order_customer"):
        assert browser_without_js.post(address(shop, endpoint, SOUTH, ids)).status_code == 404


def test_the_menu_shows_what_the_user_may_open(host: TinyHost, browser_without_js: Browser) -> None:
    host.allowed[NORTH] = frozenset({"view"})
    markup = browser_without_js.get(f"/cova/{NORTH}/").text

    assert f'href="/cova/{NORTH}/orders"' in markup
    assert f'href="/cova/{NORTH}/settings"' not in markup
    assert "Sync now" not in markup


@pytest.mark.parametrize(
    ("own_check", "field"),
    list(itertools.product([True, False], ["csrf_token", "shop_token"])),
)
def test_the_check_lives_in_peace_with_the_hosts_own(
    make_shop: Callable[..., Flask], own_check: bool, field: str
) -> None:
    from flask_wtf import CSRFProtect

    shop = make_shop(WTF_CSRF_FIELD_NAME=field)
    if own_check:
        CSRFProtect(shop)
    browser = Browser(shop.test_client())
    records = Records(shop)
    records.order("7", "needs_attention")
    path = f"/cova/{NORTH}/orders/7/retry"

    without = browser.client.post(path)
    token = browser.token()
    with_token = browser.client.post(path, data={field: token})

    assert f'name="{field}"' in browser.get(f"/cova/{NORTH}/settings").text
    assert (without.status_code, with_token.status_code) == (400, 303)
    assert "nothing was changed" in " ".join(without.text.split())


def test_the_token_is_needed_even_where_the_host_has_switched_its_own_check_off(
    make_shop: Callable[..., Flask],
) -> None:
    shop = make_shop(WTF_CSRF_ENABLED=False)

    assert shop.test_client().post(f"/cova/{NORTH}/sync").status_code == 400


def test_a_host_without_secret_key_is_told_so(make_shop: Callable[..., Flask]) -> None:
    shop = make_shop(SECRET_KEY=None)
    client = shop.test_client()

    for answer in (client.get(f"/cova/{NORTH}/"), client.post(f"/cova/{NORTH}/sync")):
        assert answer.status_code == 500
        assert "SECRET_KEY" in answer.text
    assert client.get("/cova/health").status_code == 200
