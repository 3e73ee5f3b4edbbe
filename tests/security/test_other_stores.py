"""One store's staff cannot see or touch another's, whatever ids they send: URL, form or JSON.

Every route is taken from the URL map, so that a new one is covered by being there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from aiq_cova_plugin.web.pages import runs
from aiq_cova_plugin.wiring import services_of

from tests.unit.web.kit import (
    ALL_ACTIONS,
    CANDIDATES,
    NORTH,
    SOUTH,
    Browser,
    Records,
    TinyHost,
    busy_day,
    close,
    tiny_shop,
)

NORTHERN_WORDS = ("Blue Harbour", "Sour Cherry", "W-1042", "W-1040", "Robin Tide", "north-api")
ID_FIELDS = (
    "order_id", "order_ids", "order", "orders", "run_id", "run", "product_id", "product_ids",
    "product", "cova_product_id", "customer_id", "cova_customer_id", "event_id", "id", "ids",
    "store_id", "store",
)  # fmt: skip
MACHINERY = {"cova_lease", "cova_breaker", "cova_call_budget", "cova_token"}
"""Tables of the workers, shared by stores of one company; no request names their rows."""


@pytest.fixture
def host() -> TinyHost:
    """Its user may do everything in the southern store, and nothing in the northern one."""
    found = TinyHost()
    found.allowed = {SOUTH: ALL_ACTIONS}
    return found


@pytest.fixture
def shop(
    tmp_path: Path, sqlite_url: str, host: TinyHost, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    # A sync in the background is not this test's business; a thread would outlive it.
    monkeypatch.setattr(runs, "start_sync", lambda *_args, **_options: "a-run")
    app = tiny_shop(tmp_path, host, database_url=sqlite_url)
    yield app
    close(app)


@pytest.fixture
def ids(shop: Flask) -> dict[str, str]:
    records = Records(shop)
    found = busy_day(records)
    records.connect(SOUTH, username="south-api")
    return found


def our_rules(shop: Flask) -> list[Rule]:
    return [
        rule
        for rule in shop.url_map.iter_rules()
        if rule.endpoint.startswith("cova.") and "store_id" in rule.arguments
    ]


def paths_with_northern_ids(
    shop: Flask, rule: Rule, store_id: str, ids: dict[str, str]
) -> list[str]:
    """The rule's address for each id of the northern store that might fit its arguments."""
    known = {
        "order_id": [ids["order"], ids["refused"], ids["ambiguous"]],
        "run_id": [ids["run"]],
        "product_id": ["p-flower", "p-gummies"],
    }
    names = sorted(rule.arguments - {"store_id"})
    number = max([len(known.get(name, [1])) for name in names], default=1)
    everything = [value for values in known.values() for value in values]
    paths = []
    with shop.test_request_context():
        for position in range(number):
            values: dict[str, Any] = {"store_id": store_id}
            for name in names:
                choices = known.get(name, everything)
                values[name] = choices[position % len(choices)]
            paths.append(shop.url_for(rule.endpoint, **values))
    return paths


def northern_rows(shop: Flask) -> dict[str, list[tuple[Any, ...]]]:
    """Everything stored that is not the southern store's own, or the workers' machinery."""
    with shop.app_context(), services_of(shop).database.short() as connection:
        found = {}
        southern = set(
            connection.execute(
                sa.text("select id from cova_push where store_id = :store"), {"store": SOUTH}
            ).scalars()
        )
        for name in set(sa.inspect(connection).get_table_names()) - MACHINERY:
            rows = connection.execute(sa.text(f"select * from {name}")).mappings()  # noqa: S608 - own names
            found[name] = sorted(
                (
                    tuple(row.values())
                    for row in rows
                    if row.get("store_id") != SOUTH and row.get("push_id") not in southern
                ),
                key=str,
            )
        return found


def test_no_address_of_another_store_answers(shop: Flask, ids: dict[str, str]) -> None:
    browser, before = Browser(shop.test_client()), northern_rows(shop)

    for rule in our_rules(shop):
        for path in paths_with_northern_ids(shop, rule, NORTH, ids):
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                answer = browser.get(path) if method == "GET" else browser.post(path)
                assert answer.status_code == 403, (method, path)
                assert not any(word in answer.text for word in NORTHERN_WORDS), path

    assert northern_rows(shop) == before


def test_no_id_of_another_store_is_found_under_ones_own(shop: Flask, ids: dict[str, str]) -> None:
    browser, before, tried = Browser(shop.test_client()), northern_rows(shop), 0

    for rule in our_rules(shop):
        if rule.arguments == {"store_id"}:
            continue
        for path in paths_with_northern_ids(shop, rule, SOUTH, ids):
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                tried += 1
                answer = browser.get(path) if method == "GET" else browser.post(path)
                assert answer.status_code in (403, 404, 409, 422), (method, path)
                assert not any(word in answer.text for word in NORTHERN_WORDS), path

    assert tried > 5
    assert northern_rows(shop) == before


@pytest.mark.parametrize("as_json", [False, True], ids=["form", "json"])
def test_no_id_of_another_store_works_in_a_form_or_in_json(
    shop: Flask, ids: dict[str, str], as_json: bool
) -> None:
    browser, before = Browser(shop.test_client()), northern_rows(shop)
    token = browser.token()
    foreign = [ids["refused"], ids["run"], "p-flower", CANDIDATES[0]["id"], NORTH]

    for rule in our_rules(shop):
        if "POST" not in (rule.methods or ()):
            continue
        for path in paths_with_northern_ids(shop, rule, SOUTH, ids):
            for value in foreign:
                body: Any = dict.fromkeys(ID_FIELDS, value)
                headers = {"X-CSRFToken": token}
                sent = {"json": body} if as_json else {"data": body}
                query = dict.fromkeys(ID_FIELDS, value)
                answer = browser.client.post(path, query_string=query, headers=headers, **sent)
                # 502 and 503: it was about the southern store, and nothing answers for COVA here.
                assert answer.status_code < 500 or answer.status_code in (502, 503), path
                assert not any(word in answer.text for word in NORTHERN_WORDS), path

    assert northern_rows(shop) == before


def test_an_order_id_that_two_stores_share_stays_apart(shop: Flask, ids: dict[str, str]) -> None:
    records = Records(shop)
    records.order(ids["refused"], "needs_attention", store_id=SOUTH, reason="Southern trouble.")
    browser, before = Browser(shop.test_client()), northern_rows(shop)

    page = browser.get(f"/cova/{SOUTH}/orders/{ids['refused']}").text
    answer = browser.post(f"/cova/{SOUTH}/orders/{ids['refused']}/retry")

    assert "Southern trouble." in page
    assert "Blue Harbour" not in page
    assert answer.status_code == 303
    assert northern_rows(shop) == before


def test_no_route_takes_a_method_it_does_not_declare(shop: Flask, ids: dict[str, str]) -> None:
    browser, before = Browser(shop.test_client()), northern_rows(shop)
    token = browser.token()

    for rule in our_rules(shop):
        for path in paths_with_northern_ids(shop, rule, SOUTH, ids)[:1]:
            declared = {
                method
                for each in our_rules(shop)
                if each.rule == rule.rule
                for method in each.methods or ()
            }
            others = {"GET", "POST", "PUT", "PATCH", "DELETE"} - declared
            for method in sorted(others):
                answer = browser.client.open(path, method=method, headers={"X-CSRFToken": token})
                # 404 where another rule has the method, and takes the path's last word for an id.
                assert answer.status_code in (404, 405), (method, path)

    assert northern_rows(shop) == before


def test_the_open_pages_name_no_store_without_the_token(shop: Flask, ids: dict[str, str]) -> None:
    client = shop.test_client()

    assert client.get("/cova/health").json == {"status": "attention"}
    assert client.get("/cova/metrics").status_code == 404
    assert client.post("/cova/health").status_code in (400, 405)
