"""The history of syncs, one that is running, and what one could not use."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.compare.reports import PREVIEW
from aiq_cova_plugin.store import runs as run_store
from aiq_cova_plugin.store.models import Run
from aiq_cova_plugin.store.run_changes import record_changes
from aiq_cova_plugin.web.words.run_words import progress_of, reading_time_left, step_of

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost
from tests.unit.web.reports import FIRST, write_report

LIST = f"/cova/{NORTH}/runs"


def text_of(markup: str) -> str:
    return " ".join(markup.split())


def test_each_run_says_what_it_did_how_and_at_what_cost(
    browser_without_js: Browser, records: Records
) -> None:
    records.run(
        mode="full", trigger="button", fetched=1908, created=1902, api_calls=1011, failed=6,
        status="partial",
    )  # fmt: skip

    markup = text_of(browser_without_js.get(LIST).text)

    for part in ("1,902 new, 6 not taken over", "Whole catalogue", "by the Sync button", "1,908",
                 "1,011", "4.0 s", "Done, with gaps"):  # fmt: skip
        assert part in markup
    assert "<time datetime=" in markup


def test_runs_are_filtered_by_how_they_ended(browser_without_js: Browser, records: Records) -> None:
    for status in ("succeeded", "succeeded", "failed"):
        records.run(status=status, message="COVA was away." if status == "failed" else "")

    everything = browser_without_js.get(LIST).text
    failed = browser_without_js.get(f"{LIST}?status=failed").text
    none = browser_without_js.get(f"{LIST}?status=held").text
    nonsense = browser_without_js.get(f"{LIST}?status=<b>").text

    assert 'All <span class="cova-count">3</span>' in everything
    assert 'Failed <span class="cova-count">1</span>' in everything
    assert failed.count('data-label="State"') == 1
    assert "No sync on record ended like this" in none
    assert nonsense.count('data-label="State"') == 3


def test_five_thousand_runs_come_in_pages(browser_without_js: Browser, records: Records) -> None:
    with records.app.app_context(), records.ctx.database.short() as connection:
        for number in range(5000):
            started = records.now - timedelta(minutes=10 * number)
            row = {
                "id": f"run-{number:04}", "store_id": NORTH, "mode": "incremental",
                "trigger": "schedule", "status": "succeeded", "started_at": started,
                "heartbeat_at": started, "finished_at": started,
            }  # fmt: skip
            run_store.start_run(connection, row)

    first = browser_without_js.get(LIST).text
    last = browser_without_js.get(f"{LIST}?page=100").text
    beyond = browser_without_js.get(f"{LIST}?page=101").text

    assert first.count('data-label="State"') == 50
    assert "1 to 50 of 5,000" in first
    assert f'rel="next" href="{LIST}?page=2"' in first
    assert "runs/run-0000" in first
    assert "4,951 to 5,000 of 5,000" in last
    assert "runs/run-4999" in last
    assert "Nothing on this page" in beyond
    for page in ("0", "-1", "x", "9" * 30):
        assert browser_without_js.get(f"{LIST}?page={page}").status_code == 200


def test_causes_come_with_the_way_to_mend_them_and_lead_to_the_products(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-kit", "Pocket Vape Kit")
    run_id = records.run(
        status="partial",
        issues=[
            FieldIssue("p-kit", "category", "No category is known for “Vape Kits”."),
            FieldIssue("p-kit", "Limonene", "“about 2” is not a number."),
        ],
    )

    markup = text_of(browser_without_js.get(f"{LIST}/{run_id}").text)

    assert "Say under POS settings which category it belongs to." in markup
    assert "Correct the specification in COVA" in markup
    assert f'href="/cova/{NORTH}/pos-settings"' in markup
    assert f'<a href="/cova/{NORTH}/products/p-kit">Pocket Vape Kit</a>' in markup
    assert "Download as CSV" in markup


def keep_changes(records: Records, run_id: str, changes: list[tuple[str, str, Any]]) -> None:
    with records.app.app_context(), records.ctx.database.short() as connection:
        record_changes(connection, run_id, changes)


CHANGES = [
    ("p-flower", "update", {"price": ["32", "30.5"], "category_id": ["1", "2"]}),
    ("p-gummies", "stock", {"quantity": ["9", "4"]}),
    ("p-old", "hide", {"enabled": [True, False]}),
    ("p-evil", "update", {"name": ["=2+2", "<b>bold</b>"], "brand": [None, "@SUM(1)"]}),
]


def test_a_run_says_what_it_changed_old_and_new(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-flower", "Blue Harbour 3.5 g")
    run_id = records.run(updated=3, hidden=1)
    keep_changes(records, run_id, CHANGES)

    markup = text_of(browser_without_js.get(f"{LIST}/{run_id}").text)
    seen = " ".join(re.sub(r"<[^>]+>", " ", markup).split())

    assert "Price before 32.00 → , after 30.50" in seen
    assert "Category before Flower → , after Edibles" in seen
    assert "before yes → , after no" in seen
    assert f'<a href="/cova/{NORTH}/products/p-flower">Blue Harbour 3.5 g</a>' in markup
    assert "&lt;b&gt;bold&lt;/b&gt;" in markup
    for tab in ("All 4", "Hidden 1", "Changed 2", "Stock only 1"):
        assert tab in seen
    assert "more products changed" not in seen


def test_changes_are_filtered_by_kind(browser_without_js: Browser, records: Records) -> None:
    run_id = records.run(updated=3, hidden=1)
    keep_changes(records, run_id, CHANGES)

    stock = browser_without_js.get(f"{LIST}/{run_id}?kind=stock").text
    nonsense = browser_without_js.get(f"{LIST}/{run_id}?kind=<b>&page=x").text
    beyond = browser_without_js.get(f"{LIST}/{run_id}?page=99").text

    assert "p-gummies" in stock
    assert "p-flower" not in stock
    assert "p-flower" in nonsense
    assert "Back to the first" in beyond


def test_a_long_list_of_changes_comes_in_pages_and_says_what_is_counted_only(
    browser_without_js: Browser, records: Records
) -> None:
    run_id = records.run(updated=5000)
    many = [(f"p-{each:04}", "stock", {"quantity": ["9", "4"]}) for each in range(1000)]
    keep_changes(records, run_id, many)

    first = text_of(browser_without_js.get(f"{LIST}/{run_id}").text)
    last = browser_without_js.get(f"{LIST}/{run_id}?kind=stock&page=20").text

    assert first.count("cova-item-title") == 50
    assert "1 to 50 of 1,000" in first
    assert "4,000 more products changed; the first 1,000 of a sync are kept one by one" in first
    assert f'rel="next" href="{LIST}/{run_id}?page=2#changes"' in first
    assert "p-0999" in last


def test_the_download_of_changes_has_a_line_for_each_field_and_is_harmless(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-flower", "Blue Harbour 3.5 g")
    run_id = records.run(updated=10, hidden=1)
    keep_changes(records, run_id, CHANGES)

    answer = browser_without_js.get(f"{LIST}/{run_id}?format=csv&of=changes")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))

    assert f"sync-{run_id[:8]}-changes.csv" in answer.headers["Content-Disposition"]
    assert rows[0] == ["Product id", "Product", "Change", "Field", "Before", "After"]
    assert ["p-flower", "Blue Harbour 3.5 g", "Changed", "Price", "32.00", "30.50"] in rows
    assert ["p-evil", "", "Changed", "Name", "'=2+2", "<b>bold</b>"] in rows
    assert ["p-evil", "", "Changed", "Brand", "–", "'@SUM(1)"] in rows
    assert rows[-1][1].startswith("7 more products changed")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": "succeeded"}, "Nothing: the shop had it all."),
        ({"status": "held"}, "Nothing: the sync stopped before it wrote."),
        ({"status": "failed"}, "Nothing was written before it failed."),
        ({"updated": 3}, "3 products changed; which ones was not kept then."),
    ],
)
def test_a_run_without_changes_says_why(
    browser_without_js: Browser, records: Records, values: dict[str, Any], words: str
) -> None:
    run_id = records.run(**values)

    assert words in browser_without_js.get(f"{LIST}/{run_id}").text


def test_while_a_run_goes_on_its_changes_do_not_move_under_the_reader(
    browser_without_js: Browser, records: Records
) -> None:
    now = records.now
    going = records.run(status="running", finished_at=None, heartbeat_at=now)
    died = records.run(status="running", finished_at=None, heartbeat_at=now - timedelta(hours=1))
    for run_id in (going, died):
        keep_changes(records, run_id, CHANGES)

    assert "What changed" not in browser_without_js.get(f"{LIST}/{going}").text
    assert "p-flower" in browser_without_js.get(f"{LIST}/{died}").text


@pytest.mark.parametrize(
    ("number", "words", "last"),
    [
        (100, "and 90 more", ["p-00099", ""]),
        (101, "and 91 more", ["p-00100", ""]),
        (102, "and 92 more", ["", "and 2 more"]),
        (5001, "and 4,991 more", ["", "and 4,901 more"]),
    ],
)
def test_many_products_of_one_cause_are_named_and_counted(
    browser_without_js: Browser, records: Records, number: int, words: str, last: list[str]
) -> None:
    issues = [FieldIssue(f"p-{each:05}", "THC", "“x” is not a number.") for each in range(number)]
    run_id = records.run(status="partial", issues=issues)

    markup = text_of(browser_without_js.get(f"{LIST}/{run_id}").text)
    rows = list(csv.reader(io.StringIO(browser_without_js.get(f"{LIST}/{run_id}?format=csv").text)))

    assert f"{number:,} products" in markup
    assert words in markup
    assert len(rows) == 1 + min(number, 101)
    assert rows[-1][:2] == last


READ = "Page 3, 1,500 products read"


def _run(records: Records, **values: object) -> Run:
    base = {
        "status": "running", "mode": "full", "phase": "reading", "pages": 3, "fetched": 1500,
        "to_apply": 0, "applied": 0, "started_at": records.now - timedelta(seconds=30),
        "heartbeat_at": records.now,
    }  # fmt: skip
    return Run(**(base | values))


@pytest.mark.parametrize(
    ("values", "expected", "told"),
    [
        (
            {},
            10_000,
            (f"{READ}; there were 10,000 the last time", 15, "about 3 minutes left to read"),
        ),
        (
            {"fetched": 9_500},
            10_000,
            (
                "Page 3, 9,500 products read; there were 10,000 the last time",
                95,
                "a few seconds left to read",
            ),
        ),
        (
            {"fetched": 100},
            10_000,
            ("Page 3, 100 products read; there were 10,000 the last time", 1, ""),
        ),
        ({"fetched": 12_000}, 10_000, ("Page 3, 12,000 products read", 99, "")),
        ({}, None, (READ, None, "")),
        ({"mode": "incremental"}, 10_000, (READ, None, "")),
        ({"pages": 0, "fetched": 0}, 10_000, ("", None, "")),
        (
            {"phase": "applying", "to_apply": 200, "applied": 50},
            10_000,
            ("50 of 200 products written", 25, ""),
        ),
        ({"status": "succeeded"}, 10_000, ("", 100, "")),
    ],
)
def test_progress_promises_only_what_is_known(
    records: Records,
    values: dict[str, object],
    expected: int | None,
    told: tuple[str, int | None, str],
) -> None:
    run = _run(records, **values)

    left = reading_time_left(run, expected, records.now)

    assert (step_of(run, expected), progress_of(run, expected), left) == told


def test_a_running_sync_says_how_far_it_is(browser_without_js: Browser, records: Records) -> None:
    records.run(mode="full", fetched=10_000, started_at=records.now - timedelta(days=1))
    run_id = records.run(
        mode="full", status="running", finished_at=None, phase="reading", pages=10, fetched=5000,
        started_at=records.now - timedelta(minutes=5), heartbeat_at=records.now,
    )  # fmt: skip

    markup = text_of(browser_without_js.get(f"{LIST}/{run_id}").text)

    assert "Page 10, 5,000 products read; there were 10,000 the last time" in markup
    assert "about 5 minutes left to read" in markup
    assert 'value="50"' in markup


def test_a_held_run_leads_to_its_preview_and_is_approved_knowingly(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    run_id = records.run(
        status="held", mode="full", message="It would hide 40 products.",
        started_at=records.now - timedelta(minutes=9),
    )  # fmt: skip
    write_report(records, PREVIEW, document=FIRST)

    markup = text_of(browser_without_js.get(f"{LIST}/{run_id}").text)

    form = next(each for each in markup.split("<form") if "Approve and sync" in each)
    assert "required" in form
    assert "It would hide 40 products." in markup
    assert "See what it would do" in markup
    assert "A preview was made since" in markup


def test_who_may_only_look_is_told_what_is_missing(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    records.connect()
    held = records.run(status="held", message="It would hide 40 products.")
    host.allowed[NORTH] = frozenset({"view"})

    for path in (LIST, f"{LIST}/{held}"):
        markup = text_of(browser_without_js.get(path).text)
        assert "<form" not in markup
        assert "needs the permission “sync”" in markup


def test_a_held_run_says_what_it_would_do_and_later_what_came_of_it(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()
    held = records.run(
        status="held", message="It would hide 6.", fetched=7, unchanged=7, to_apply=6,
        started_at=records.now - timedelta(minutes=9),
    )  # fmt: skip
    records.run(status="failed", started_at=records.now - timedelta(minutes=8))

    waiting = text_of(browser_without_js.get(f"{LIST}/{held}").text)
    home = browser_without_js.get(f"/cova/{NORTH}/").text
    after = records.run(started_at=records.now - timedelta(minutes=7), hidden=6)
    with records.app.app_context():
        audit.note(records.ctx, NORTH, "run_approved", after, by="Robin Example", full=False)
    newer = records.run(status="held", message="It would hide 9.")
    listed = text_of(browser_without_js.get(LIST).text)
    waits = text_of(browser_without_js.get(f"{LIST}?status=held").text)
    settled = text_of(browser_without_js.get(f"{LIST}?status=settled").text)
    run_page = text_of(browser_without_js.get(f"{LIST}/{held}").text)

    assert "<dt>Would hide or set to zero</dt><dd>6</dd>" in waiting
    assert "<dt>Unchanged</dt>" not in waiting
    assert "A sync waits for you" in home, "a sync that failed decides nothing"
    assert 'Waiting for you <span class="cova-count">1</span>' in listed
    assert 'Held back, settled <span class="cova-count">1</span>' in listed
    for markup in (listed, settled, run_page):
        assert ">Approved</span>" in markup
        assert re.search(rf'<a href="{LIST}/{after}">See the sync of (to|yester)day at', markup)
    assert f"{LIST}/{newer}" in waits
    assert f"{LIST}/{held}" not in waits
    assert f"{LIST}/{held}" in settled
    assert f"{LIST}/{newer}" not in settled
    assert "Approve and sync" not in run_page
