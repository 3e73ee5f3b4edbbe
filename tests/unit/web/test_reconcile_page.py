"""The page that compares shop, plugin and COVA, in each of its states, and its buttons."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest

from aiq_cova_plugin.services.choices.pos_settings import FIELD_LABELS
from aiq_cova_plugin.services.compare.difference import FREE_STOCK, POLL, RETRY, SWEEP, SYNC
from aiq_cova_plugin.services.compare.reports import RECONCILE
from aiq_cova_plugin.web.words.difference_words import button_of, kind_words

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost
from tests.unit.web.reports import (
    FORGOTTEN,
    MISSED,
    STOCK,
    WAITING,
    comparison,
    difference,
    write_report,
)

PAGE = f"/cova/{NORTH}/reconcile"
HTMX = {"HX-Request": "true"}


def text_of(markup: str) -> str:
    return " ".join(markup.split())


def test_an_unconnected_store_has_nothing_to_compare(browser_without_js: Browser) -> None:
    markup = browser_without_js.get(PAGE).text

    assert "nothing to compare" in markup
    assert "Compare now" not in markup


def test_before_the_first_comparison_it_is_offered(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()

    markup = browser_without_js.get(PAGE).text

    assert "have not been compared yet" in markup
    assert "Compare now" in markup


def test_agreement_is_said_in_words_with_its_time(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    write_report(records, RECONCILE, document=comparison())

    markup = text_of(browser_without_js.get(PAGE).text)

    assert "<h1>Shop and COVA agree</h1>" in markup
    assert "3 minutes ago" in markup


def test_what_differs_on_purpose_is_listed_and_nothing_is_said_to_be_the_same_everywhere(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    kept = difference(
        "kept_by_staff", "Blue Harbour (p-flower)", cova_product_id="p-flower",
        host="Price: 6.00", cova="Price: 5.25", plugin=None, cause="Staff locked it.",
    )  # fmt: skip
    document = comparison() | {"on_purpose": [kept], "number_on_purpose": 1}
    write_report(records, RECONCILE, document=document)

    markup = text_of(browser_without_js.get(PAGE).text)

    assert "<h1>Shop and COVA agree</h1>" in markup
    assert "is the same on all sides" not in markup
    assert "Different on purpose" in markup
    assert "Price: 6.00" in markup
    assert "Price: 5.25" in markup
    assert "On purpose: Values staff keep" in browser_without_js.get(f"{PAGE}?format=csv").text


def test_differences_are_grouped_with_cause_way_out_and_button(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    write_report(records, RECONCILE, document=comparison(STOCK, FORGOTTEN, WAITING, MISSED))

    markup = text_of(browser_without_js.get(PAGE).text)

    assert "<h1>4 differences between shop and COVA</h1>" in markup
    places = [
        markup.index(kind_words(kind).label)
        for kind in ("order_not_queued", "order_needs_person", "stock_differs")
    ]
    assert places == sorted(places), "the most urgent first"
    for path in ("reconcile/sweep", "orders/1042/retry", "sync", "reconcile/free-stock"):
        assert f'action="/cova/{NORTH}/{path}"' in markup
    assert 'name="order_id" value="78"' in markup
    assert "It was sold at the register." in markup
    assert f'href="/cova/{NORTH}/products/p-flower"' in markup
    assert f'href="/cova/{NORTH}/orders/1042"' in markup
    assert f'href="/cova/{NORTH}/orders/77"' not in markup, "it has no page: it was never queued"


def test_one_button_is_enough_for_all_of_a_kind(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    found = [difference("stock_differs", f"P{n}", action="sync") for n in range(8)]
    write_report(records, RECONCILE, document=comparison(*found))

    assert browser_without_js.get(PAGE).text.count(">Sync now<") == 1


def test_a_running_comparison_is_followed_beside_the_last_result(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    write_report(records, RECONCILE, document=comparison(STOCK))
    write_report(records, RECONCILE, "running", progress="Asking COVA about order 3 of 40",
                 heartbeat_at=records.now)  # fmt: skip

    markup = browser_without_js.get(PAGE).text
    poll = browser_without_js.get(PAGE, headers=HTMX).text

    assert "Asking COVA about order 3 of 40" in markup
    assert "1 difference between shop and COVA" in markup
    assert "Compare now" not in markup
    assert 'hx-trigger="every 2s"' in poll
    assert "1 difference" not in poll, "the poll leaves what is being read alone"


@pytest.mark.parametrize("state", ["failed", "dead"])
def test_one_that_was_not_finished_says_so_and_keeps_the_last_result(
    browser_without_js: Browser, records: Records, state: str
) -> None:
    records.connect()
    write_report(records, RECONCILE, document=comparison(STOCK))
    if state == "failed":
        write_report(records, RECONCILE, "failed", message="COVA is away.", fix="Wait.")
    else:
        write_report(
            records, RECONCILE, "running", heartbeat_at=records.now - timedelta(minutes=30)
        )

    markup = browser_without_js.get(PAGE).text

    assert "did not come to its end" in markup
    assert "1 difference between shop and COVA" in markup
    assert "Compare now" in markup


def test_what_was_left_out_is_said(browser_without_js: Browser, records: Records) -> None:
    records.connect()
    found = comparison() | {"not_compared": ["COVA was asked about the newest 500 of 900 orders."]}
    write_report(records, RECONCILE, document=found)

    assert "the newest 500 of 900 orders" in browser_without_js.get(PAGE).text


def test_thousands_of_differences_come_in_pages(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    kept = [difference("stock_differs", f"Product {n}", action="sync") for n in range(300)]
    found = comparison(*kept, counts={"stock_differs": 5000})
    write_report(records, RECONCILE, document=found)

    overview = browser_without_js.get(PAGE).text
    second = browser_without_js.get(f"{PAGE}?kind=stock_differs&page=2").text

    assert "5,000 differences" in overview
    assert overview.count('data-label="What"') == 10
    assert f'href="{PAGE}?kind=stock_differs"' in overview
    assert second.count('data-label="What"') == 50
    assert "51 to 100 of 300" in second
    assert "4,700 more are counted and not listed" in second


def test_who_may_only_look_is_told_what_is_missing(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    records.connect()
    write_report(records, RECONCILE, document=comparison(STOCK, WAITING, MISSED))
    host.allowed[NORTH] = frozenset({"view"})

    markup = text_of(browser_without_js.get(PAGE).text)

    assert "<form" not in markup
    assert "comparing needs the permission “sync”" in markup
    assert "queueing orders needs the permission “orders”" in markup


def test_stock_is_freed_by_hand(browser_without_js: Browser, records: Records) -> None:
    records.connect()
    records.product("p-flower", "Blue Harbour")
    records.hold("78", {"p-flower": Decimal(2)})

    answer = browser_without_js.post(f"{PAGE}/free-stock", {"order_id": "78"})

    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    assert [row["state"] for row in records.rows("cova_hold")] == ["released"]
    assert "1 product is free again" in browser_without_js.get(PAGE).text
    act = records.rows("cova_audit")[0]
    assert (act["action"], act["subject"], act["actor"]) == ("stock_freed", "78", "staff")


def test_stock_of_an_open_order_stays_held(browser_without_js: Browser, records: Records) -> None:
    records.connect()
    records.order("1042", "queued")
    records.product("p-flower", "Blue Harbour")
    records.hold("1042", {"p-flower": Decimal(2)})

    answer = browser_without_js.post(f"{PAGE}/free-stock", {"order_id": "1042"})

    assert answer.status_code == 409
    assert "Withdraw the order first" in answer.text
    assert [row["state"] for row in records.rows("cova_hold")] == ["active"]


def test_the_download_names_what_it_leaves_out(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    found = comparison(difference("stock_differs", "=1+1"), counts={"stock_differs": 9})
    write_report(records, RECONCILE, document=found)

    answer = browser_without_js.get(f"{PAGE}?format=csv")

    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert rows[1][:2] == ["Stock that changed in COVA", "'=1+1"]
    assert rows[2][1].startswith("8 more")


def test_every_action_has_its_button_and_every_shop_field_its_words() -> None:
    for action in (SYNC, POLL, SWEEP, RETRY, FREE_STOCK):
        button = button_of(action)
        assert button is not None
        assert button.permission in ("sync", "orders")
    assert button_of("") is None
    for name, label in FIELD_LABELS.items():
        words = kind_words(f"shop_{name}_differs").label
        assert label in words or name == "quantity"
    assert kind_words("something_new").label == "Something new"
