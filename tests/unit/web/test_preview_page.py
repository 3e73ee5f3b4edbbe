"""The preview's page in each of its states: none yet, being made, made, failed, forbidden."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from aiq_cova_plugin.errors import LeaseHeld
from aiq_cova_plugin.services.compare.reports import PREVIEW
from aiq_cova_plugin.web.pages import preview

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost
from tests.unit.web.reports import FIRST, write_report

PAGE = f"/cova/{NORTH}/preview"
HTMX = {"HX-Request": "true"}


def text_of(markup: str) -> str:
    return " ".join(markup.split())


def test_an_unconnected_store_is_led_to_the_connection(browser_without_js: Browser) -> None:
    markup = browser_without_js.get(PAGE).text

    assert "not connected to COVA yet" in markup
    assert f'href="/cova/{NORTH}/settings"' in markup
    assert "Make a preview" not in markup


def test_before_the_first_one_it_is_offered_even_while_cova_is_off(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect(enabled=False, was_enabled=False)

    markup = browser_without_js.get(PAGE).text

    assert "No preview has been made yet" in markup
    assert "COVA need not be switched on" in text_of(markup)
    assert f'action="{PAGE}"' in markup


def test_the_button_begins_one_and_leads_to_the_page(
    browser_without_js: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The making itself is the integration tests' business; here a thread would outlive its test."""
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        preview,
        "start_report",
        lambda _ctx, store, kind, by, *, full: asked.append((store, kind, full)),
    )
    records.connect()

    answer = browser_without_js.post(PAGE, {"full": "1"})
    by_old_button = browser_without_js.post(f"/cova/{NORTH}/sync", {"preview": "1"})

    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    assert by_old_button.headers["Location"] == PAGE
    assert asked == [(NORTH, PREVIEW, True), (NORTH, PREVIEW, False)]


def test_a_second_one_is_refused_in_words(
    browser_without_js: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_args: Any, **_options: Any) -> None:
        raise LeaseHeld("A preview of this store is being made already.", fix="Wait for it.")

    monkeypatch.setattr(preview, "start_report", busy)
    records.connect()

    answer = browser_without_js.post(PAGE)

    assert answer.status_code == 409
    assert "being made already" in answer.text


def test_one_that_is_being_made_is_followed(browser_without_js: Browser, records: Records) -> None:
    records.connect()
    write_report(records, PREVIEW, "running", progress="Page 3, 1,500 products read",
                 heartbeat_at=records.now)  # fmt: skip

    page = browser_without_js.get(PAGE)
    poll = browser_without_js.get(PAGE, headers=HTMX)

    for answer in (page, poll):
        assert "Page 3, 1,500 products read" in answer.text
        assert 'hx-trigger="every 2s"' in answer.text
        assert "Reload to see how far it is" in answer.text, "without JavaScript"
    assert "<html" not in poll.text
    assert "HX-Retarget" not in poll.headers
    assert "Make a preview" not in page.text


def test_once_it_is_made_the_poll_brings_the_result_and_ends(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    write_report(records, PREVIEW, document=FIRST)

    poll = browser_without_js.get(PAGE, headers=HTMX)

    assert poll.headers["HX-Retarget"] == "#cova-report"
    assert 'id="cova-report"' in poll.text
    assert "hx-trigger" not in poll.text
    assert "3 products would change" in text_of(poll.text)


def test_one_that_went_quiet_is_not_called_alive(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    write_report(records, PREVIEW, "running", heartbeat_at=records.now - timedelta(minutes=3))

    assert "Nothing has been heard of this for 3 minutes" in browser_without_js.get(PAGE).text


def test_a_dead_one_can_be_started_again(browser_without_js: Browser, records: Records) -> None:
    records.connect()
    write_report(records, PREVIEW, "running", heartbeat_at=records.now - timedelta(hours=1))

    markup = browser_without_js.get(PAGE).text

    assert "stopped before it was done" in markup
    assert "Make a preview" in markup
    assert "hx-trigger" not in markup


def test_a_failed_one_says_why_and_what_to_do(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    write_report(records, PREVIEW, "failed", message="COVA is away.", fix="Wait a little.")

    markup = browser_without_js.get(PAGE).text

    assert "COVA is away." in markup
    assert "Wait a little." in markup
    assert "Make a preview" in markup


def test_the_result_has_names_not_ids_and_what_disappears_first(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    write_report(records, PREVIEW, document=FIRST)

    markup = text_of(browser_without_js.get(PAGE).text)

    assert "3 products would change" in markup
    assert markup.index("Winter Blend") < markup.index("Blue Harbour 3.5 g</strong>")
    assert '<td data-label="Now">10</td><td data-label="After"><strong>12.5</strong>' in markup
    assert '<td data-label="Now">Flower</td><td data-label="After"><strong>Edibles' in markup
    assert f'href="/cova/{NORTH}/products/p-flower"' in markup
    assert f'href="/cova/{NORTH}/products/p-new"' not in markup, "it has no page yet"
    assert "14 products" in markup, "what could not be used is there as well"
    assert "Sync everything" in markup, "it was a preview of the whole catalogue"


def test_it_is_filtered_by_what_would_happen(browser_without_js: Browser, records: Records) -> None:
    records.connect()
    write_report(records, PREVIEW, document=FIRST)

    hidden = browser_without_js.get(f"{PAGE}?kind=hide").text
    nonsense = browser_without_js.get(f"{PAGE}?kind=%3Cb%3E").text

    assert "Winter Blend" in hidden
    assert "What changes about Blue Harbour" not in hidden
    assert "What changes about Blue Harbour" in nonsense
    assert "<b>" not in nonsense


def test_five_thousand_changes_come_in_pages(browser_without_js: Browser, records: Records) -> None:
    records.connect()
    many = [
        {"cova_product_id": f"p-{n}", "name": f"Product {n}", "kind": "create",
         "fields": [["price", None, "9"]]}
        for n in range(1000)
    ]  # fmt: skip
    found = FIRST | {"kinds": {"create": 5000}, "created": 5000, "changes": many}
    write_report(records, PREVIEW, document=found)

    first = browser_without_js.get(PAGE)
    last = browser_without_js.get(f"{PAGE}?page=20").text
    beyond = browser_without_js.get(f"{PAGE}?page=999").text

    assert "5,000 products would change" in text_of(first.text)
    assert first.text.count("What changes about") == 50
    assert len(first.text) < 200_000
    assert "951 to 1,000 of 1,000" in last
    assert "4,000 more are counted and not listed" in last
    assert "Nothing on this page" in beyond


def test_a_held_one_is_approved_knowingly(browser_without_js: Browser, records: Records) -> None:
    records.connect()
    found = FIRST | {"status": "held", "message": "It would hide 40 of 60 products."}
    write_report(records, PREVIEW, document=found)

    markup = browser_without_js.get(PAGE).text

    form = next(each for each in markup.split("<form") if "Approve and sync" in each)
    assert "It would hide 40 of 60 products." in markup
    assert 'type="checkbox"' in form
    assert "required" in form
    assert 'name="approve" value="1"' in form
    assert 'name="full" value="1"' in form


def test_while_cova_is_off_there_is_nothing_to_sync_but_a_way_on(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect(enabled=False)
    write_report(records, PREVIEW, document=FIRST)

    markup = browser_without_js.get(PAGE).text

    assert "Sync everything" not in markup
    assert "Switch it on" in markup


def test_who_may_only_look_is_told_what_is_missing(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    records.connect()
    write_report(records, PREVIEW, document=FIRST)
    host.allowed[NORTH] = frozenset({"view"})

    markup = browser_without_js.get(PAGE).text

    assert "<form" not in markup
    assert "You may look, but making a preview needs the permission “sync”" in text_of(markup)
    assert browser_without_js.post(PAGE).status_code == 403


def test_the_download_has_every_kept_change_and_no_formula(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    found = FIRST | {"kinds": {"hide": 1, "update": 1, "create": 900}}
    write_report(records, PREVIEW, document=found)

    answer = browser_without_js.get(f"{PAGE}?format=csv")

    assert answer.mimetype == "text/csv"
    assert "filename=preview.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert rows[0] == ["Product id", "Product", "Change", "Field", "Now", "After"]
    assert ["p-flower", "Blue Harbour 3.5 g", "Changed", "Price", "10", "12.5"] in rows
    assert all(not cell.startswith("=") for row in rows for cell in row)
    assert any(cell.startswith("'=HYPERLINK") for row in rows for cell in row)
    assert rows[-1][1].startswith("899 more changes")


def test_the_download_of_nothing_is_an_empty_table(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()

    answer = browser_without_js.get(f"{PAGE}?format=csv")

    assert answer.status_code == 200
    assert len(answer.text.splitlines()) == 1
