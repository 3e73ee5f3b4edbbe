"""What the reading pages say, and what their buttons do without JavaScript and with htmx."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from aiq_cova_plugin.errors import (
    BadCredentials,
    ContractBroken,
    CovaPluginError,
    CovaUnavailable,
    IllegalMove,
    LeaseHeld,
    NotConnected,
    OutcomeUnknown,
    Rejected,
    UnknownStore,
)
from aiq_cova_plugin.web.pages import orders, overview, runs

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost, busy_day

HOME = f"/cova/{NORTH}/"
HTMX = {"HX-Request": "true"}


# --- overview -------------------------------------------------------------------------------------


def heading(browser: Browser) -> str:
    return browser.get(HOME).text.split("<h1>")[1].split("</h1>")[0]


def test_the_headline_says_the_one_thing_that_matters(
    browser_without_js: Browser, records: Records
) -> None:
    """From nothing to a good day and back, the most urgent first."""
    story = [heading(browser_without_js)]
    records.connect(enabled=False, was_enabled=False)
    story.append(heading(browser_without_js))
    records.connect()
    story.append(heading(browser_without_js))
    records.synced()
    records.run()
    story.append(heading(browser_without_js))
    records.synced(minutes_ago=55)
    story.append(heading(browser_without_js))
    records.run(status="held", started_at=records.now)
    story.append(heading(browser_without_js))
    records.connect(check_ok=False, check_message="No.", check_field="password")
    story.append(heading(browser_without_js))
    records.order("1", "needs_attention")
    story.append(heading(browser_without_js))
    records.connect(enabled=False)
    records.order("2", "needs_attention")
    story.append(heading(browser_without_js))

    assert story == [
        "COVA is not connected yet",
        "COVA is not ready",
        "Waiting for the first sync",
        "All is well",
        "The menu is out of date",
        "A sync waits for you",
        "COVA refuses the connection",
        "COVA refuses the connection",
        "2 orders need you",
    ]


def test_orders_that_need_a_person_come_first_with_their_way_out(
    browser_without_js: Browser, records: Records
) -> None:
    busy_day(records)

    markup = browser_without_js.get(HOME).text

    places = [markup.index(f"Order W-{each}<") for each in ("1042", "1043", "1040", "1044")]
    assert places == sorted(places)
    assert "Repair what COVA names, then press Retry." in markup
    assert f"{HOME}orders/1042/retry" in markup
    assert f"{HOME}orders/1043/retry" not in markup, "retrying alone cannot choose a customer"
    assert "3 without a category" in markup


def test_a_held_run_is_approved_in_its_own_mode(
    browser_without_js: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        runs, "start_sync", lambda ctx, store_id, **given: asked.update(given) or "run-1"
    )
    records.connect()
    records.run(status="held", mode="full", message="It would hide 40 products.")
    markup = browser_without_js.get(HOME).text

    form = next(each for each in markup.split("<form") if "Approve and sync" in each)
    answer = browser_without_js.post(f"{HOME}sync", {"full": "1", "approve": "1"})

    assert 'name="full" value="1"' in form
    assert 'name="approve" value="1"' in form
    assert "It would hide 40 products." in markup
    assert answer.status_code == 303
    assert (asked["full"], asked["approve"]) == (True, True)


# --- runs -----------------------------------------------------------------------------------------


def test_a_running_sync_asks_for_itself_and_a_finished_one_does_not(
    browser_without_js: Browser, records: Records
) -> None:
    going = records.run(
        status="running", finished_at=None, phase="applying", to_apply=50, applied=20
    )
    done = records.run()

    first = browser_without_js.get(f"{HOME}runs/{going}", headers=HTMX).text
    last = browser_without_js.get(f"{HOME}runs/{done}", headers=HTMX).text

    assert 'hx-trigger="every 2s"' in first
    assert 'max="100" value="40"' in first
    assert "hx-trigger" not in last
    assert "<html" not in first + last


def test_a_run_that_went_quiet_is_not_called_alive(
    browser_without_js: Browser, records: Records
) -> None:
    long_ago = records.now - timedelta(minutes=30)
    run_id = records.run(
        status="running", finished_at=None, started_at=long_ago, heartbeat_at=long_ago
    )

    assert "Nothing has been heard" in browser_without_js.get(f"{HOME}runs/{run_id}").text


def test_a_run_that_was_just_asked_for_is_starting(
    browser_without_js: Browser, records: Records
) -> None:
    from time import time

    now = int(time())
    starting = browser_without_js.get(f"{HOME}runs/new-run?started={now}")
    fragment = browser_without_js.get(f"{HOME}runs/new-run?started={now}", headers=HTMX)

    assert starting.status_code == 200
    assert "about to begin" in starting.text
    assert f'hx-get="{HOME}runs/new-run?started={now}"' in fragment.text
    for query in ("", f"?started={now - 3600}", f"?started={now + 3600}", "?started=soon"):
        assert browser_without_js.get(f"{HOME}runs/new-run{query}").status_code == 404


def test_issues_are_grouped_by_cause_with_the_products_named(
    browser_without_js: Browser, records: Records
) -> None:
    ids = busy_day(records)

    markup = browser_without_js.get(f"{HOME}runs/{ids['run']}").text

    assert "2 products" in markup
    assert markup.count("is not a number, so it is shown as text") == 1
    assert "Sour Cherry Gummies" in markup
    assert "Blue Harbour 3.5 g" in markup
    assert "“&lt;0.1”" in markup, "what COVA wrote is escaped"


# --- orders ---------------------------------------------------------------------------------------


def test_orders_are_counted_and_filtered_by_state(
    browser_without_js: Browser, records: Records
) -> None:
    busy_day(records)

    everything = browser_without_js.get(f"{HOME}orders").text
    filtered = browser_without_js.get(f"{HOME}orders?state=needs_attention").text
    nonsense = browser_without_js.get(f"{HOME}orders?state=<b>").text

    assert 'All <span class="cova-count">5</span>' in everything
    assert 'Needs you <span class="cova-count">2</span>' in everything
    assert "W-1042" in filtered
    assert "W-1039" not in filtered
    assert "W-1039" in nonsense


def test_an_order_tells_its_story_newest_first(
    browser_without_js: Browser, records: Records
) -> None:
    busy_day(records)

    markup = browser_without_js.get(f"{HOME}orders/1040").text

    assert markup.index("Shop updated") < markup.index("At the register<") < markup.index("Queued<")
    assert "84.50 USD" in markup
    assert "Tell the driver" in markup


@pytest.mark.parametrize(
    ("state", "is_moving"),
    [("queued", True), ("checking", True), ("needs_attention", False), ("completed", False)],
)
def test_an_order_is_looked_at_again_while_a_worker_is_on_it(
    browser_without_js: Browser, records: Records, state: str, is_moving: bool
) -> None:
    records.order("5", state)

    markup = browser_without_js.get(f"{HOME}orders/5", headers=HTMX).text

    assert ('hx-trigger="every 3s"' in markup) is is_moving


@pytest.mark.parametrize("htmx", [None, "cova-order"])
def test_retry_puts_the_order_back_on_its_way(
    browser_without_js: Browser, records: Records, htmx: str | None
) -> None:
    records.connect()
    records.order("5", "needs_attention", reason="No phone.")

    answer = browser_without_js.post(f"{HOME}orders/5/retry", htmx=htmx)

    assert records.rows("cova_push")[0]["state"] == "queued"
    if htmx is None:
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{HOME}orders/5")
        assert "on its way to COVA again" in browser_without_js.get(f"{HOME}orders/5").text
    else:
        assert answer.status_code == 200
        assert 'id="cova-order"' in answer.text
        assert "cova-toast" in answer.headers["HX-Trigger"]


def test_withdrawing_an_order_that_never_left(
    browser_without_js: Browser, records: Records
) -> None:
    records.order("5", "queued")

    answer = browser_without_js.post(f"{HOME}orders/5/cancel")

    assert answer.status_code == 303
    assert records.rows("cova_push")[0]["state"] == "withdrawn"


def test_what_is_finished_cannot_be_retried(browser_without_js: Browser, records: Records) -> None:
    records.order("5", "completed")

    by_form = browser_without_js.post(f"{HOME}orders/5/retry")
    by_htmx = browser_without_js.post(f"{HOME}orders/5/retry", htmx="cova-order")

    assert (by_form.status_code, by_htmx.status_code) == (409, 409)
    assert "there is nothing to send again" in by_form.text
    toast = json.loads(by_htmx.headers["HX-Trigger"])["cova-toast"]
    assert toast["level"] == "error"
    assert "/retry" not in browser_without_js.get(f"{HOME}orders/5").text


def test_a_person_chooses_between_customers(browser_without_js: Browser, records: Records) -> None:
    busy_day(records)
    chosen = "0f8fad5b-d9cb-469f-a165-70867728950e"

    refused = browser_without_js.post(
        f"{HOME}orders/1043/customer", {"other_customer_id": '"><b>'}, htmx="cova-order"
    )
    taken = browser_without_js.post(
        f"{HOME}orders/1043/customer", {"cova_customer_id": chosen, "other_customer_id": " "}
    )

    assert refused.status_code == 422
    assert 'aria-invalid="true"' in refused.text
    assert "&#34;&gt;&lt;b&gt;" in refused.text
    assert taken.status_code == 303
    row = next(row for row in records.rows("cova_push") if row["order_id"] == "1043")
    assert (row["chosen_customer_id"], row["state"]) == (chosen, "queued")


def test_who_it_may_be_is_shown_to_those_who_may_choose_alone(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    busy_day(records)
    path = f"{HOME}orders/1043"

    for_chooser = browser_without_js.get(path).text
    host.allowed[NORTH] = frozenset({"view"})
    for_reader = browser_without_js.get(path).text

    assert "robin@example.com" in for_chooser
    assert "Robyn &lt;Tide&gt;" in for_chooser
    assert "robin@example.com" not in for_reader


def test_candidates_that_cannot_be_read_any_more_leave_the_field_for_the_id(
    browser_without_js: Browser, records: Records
) -> None:
    records.order("8", "needs_attention", kind="AmbiguousCustomer", candidates_encrypted="spoiled")

    markup = browser_without_js.get(f"{HOME}orders/8").text

    assert "The customer&#39;s ID in COVA" in markup
    assert 'type="radio"' not in markup


def test_only_an_ambiguous_order_asks_for_a_customer(
    browser_without_js: Browser, records: Records
) -> None:
    busy_day(records)

    assert "Which COVA customer" in browser_without_js.get(f"{HOME}orders/1043").text
    assert "Which COVA customer" not in browser_without_js.get(f"{HOME}orders/1042").text


def test_without_the_permission_there_are_no_buttons(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    busy_day(records)
    host.allowed[NORTH] = frozenset({"view"})

    for path in ("", "orders", "orders/1042", "orders/1043", "runs"):
        # Searching changes nothing, so that form stays.
        assert 'method="post"' not in browser_without_js.get(HOME + path).text


# --- holds ----------------------------------------------------------------------------------------


def test_holds_are_summed_row_by_row(browser_without_js: Browser, records: Records) -> None:
    busy_day(records)

    markup = " ".join(browser_without_js.get(f"{HOME}holds").text.split())
    flower = markup.split("Blue Harbour 3.5 g</a></h2>")[1].split("</section>")[0]

    for part in (">12<", "− 2<", "− 1.5<", "− 1<", "<strong>7.5</strong>"):
        assert part in flower
    assert "The shop still shows 9" in flower
    assert "Oversold by 1" in markup


def test_a_hold_of_an_order_that_is_not_queued_leads_nowhere(
    browser_without_js: Browser, records: Records
) -> None:
    records.product("p-1", "Blue Harbour", stock=None)
    records.hold("77", {"p-1": Decimal(1)})

    markup = browser_without_js.get(f"{HOME}holds").text

    assert "Order 77" in markup
    assert "orders/77" not in markup
    assert "COVA has not said how much there is" in markup


# --- nothing there yet ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "Fill in the six fields"),
        ("runs", "No sync has run yet"),
        ("orders", "No order yet"),
        ("holds", "Nothing is held"),
        ("pos-settings", "your rules have a category for every product"),
    ],
)
def test_an_empty_page_is_written_by_a_person(
    browser_without_js: Browser, path: str, said: str
) -> None:
    assert said in browser_without_js.get(HOME + path).text


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownStore("There is no such store."), 404),
        (IllegalMove("It is finished."), 409),
        (LeaseHeld("A sync is running."), 409),
        (NotConnected("Not connected.", fix="Fill in the fields."), 409),
        (BadCredentials("Refused.", field="password"), 422),
        (Rejected("No.", reason="Because."), 422),
        (CovaUnavailable("COVA is away.", retry_after=30), 503),
        (OutcomeUnknown("No answer."), 502),
        (ContractBroken("Odd answer."), 502),
        (CovaPluginError("Something else."), 500),
    ],
)
def test_a_failure_is_a_page_with_reason_and_way_out(
    browser_without_js: Browser,
    monkeypatch: pytest.MonkeyPatch,
    error: CovaPluginError,
    status: int,
) -> None:
    def fail(*_args: Any) -> Any:
        raise error

    monkeypatch.setattr(overview, "overview_of", fail)

    page = browser_without_js.get(HOME)
    fragment = browser_without_js.get(HOME, headers=HTMX)

    assert (page.status_code, fragment.status_code) == (status, status)
    assert error.message in page.text
    assert error.fix in page.text
    assert json.loads(fragment.headers["HX-Trigger"])["cova-toast"]["level"] == "error"
    if isinstance(error, CovaUnavailable):
        assert page.headers["Retry-After"] == "30"
        assert "try again" in page.text


def test_a_sync_that_is_running_already(
    browser_without_js: Browser, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_args: Any, **_options: Any) -> str:
        raise LeaseHeld("A sync of this store is already running.")

    monkeypatch.setattr(runs, "start_sync", busy)
    records.connect()

    assert browser_without_js.post(f"{HOME}sync").status_code == 409


def test_an_address_that_does_not_exist_is_the_hosts_business(shop: Flask) -> None:
    assert shop.test_client().get("/cova/north/no/such/page").status_code == 404


# --- the frame ------------------------------------------------------------------------------------


def test_the_hosts_frame_is_used_and_gets_all_that_is_needed(
    make_shop: Callable[..., Flask],
) -> None:
    shop = make_shop(COVA_BASE_TEMPLATE="frame.html")
    _write_frame(shop)
    client = shop.test_client()

    page, refusal = client.get(HOME), client.get("/cova/north/orders/none")

    for answer in (page, refusal):
        assert "THE HOST'S FRAME" in answer.text
        assert "the host's own head" in answer.text
        for part in ("cova.css", "cova.js", "widgets.css", "csrf-token", "htmx-config"):
            assert part in answer.text
        assert 'data-htmx="/cova/static/vendor/htmx-2.0.11.min.js"' in answer.text
        assert "Content-Security-Policy" not in answer.headers
    assert "<title>COVA overview · North Street | Host</title>" in page.text


def _write_frame(shop: Flask) -> None:
    from pathlib import Path

    frame = (
        "<!doctype html><title>{% block title %}{% endblock %} | Host</title>"
        "{% block head %}<!-- the host's own head -->{% endblock %}"
        "THE HOST'S FRAME {% block content %}{% endblock %}"
    )
    (Path(shop.root_path) / "frame.html").write_text(frame, "utf-8")


def test_orders_module_names_every_state() -> None:
    from aiq_cova_plugin.domain.push_states import PushState
    from aiq_cova_plugin.web.words.view_models import PUSH_WORDS

    assert set(PUSH_WORDS) == set(PushState)
    assert set(orders._STATES) == set(PushState)


def test_the_page_itself_asks_before_an_order_is_withdrawn(
    browser_without_js: Browser, records: Records
) -> None:
    """The question, the yes and the way out are there without JavaScript; no dialog of the browser."""
    records.order("5", "queued", submitted_at=records.now)
    records.order("6", "queued")

    markup = " ".join(browser_without_js.get(f"/cova/{NORTH}/orders/5").text.split())
    asked = markup.split('<details class="cova-ask">')[1].split("</details>")[0]

    assert "hx-confirm" not in markup
    assert "Withdraw from COVA" in asked.split("</summary>")[0]
    assert "free its stock" in asked
    assert "The shop&#39;s own order stays as it is: cancel it there too." in asked
    never_sent = browser_without_js.get(f"/cova/{NORTH}/orders/6").text
    assert "Give up sending" in never_sent
    assert "Withdraw from COVA" not in never_sent
    assert ">COVA order<" in markup
    assert ">COVA order<" not in never_sent
    assert f'action="/cova/{NORTH}/orders/5/cancel"' in asked
    assert "Yes, withdraw from COVA" in asked
    assert f'href="/cova/{NORTH}/orders/5">No, leave it as it is' in asked
    assert "<dialog" not in markup


def test_who_is_refused_is_told_to_sign_in_and_where_the_host_says_so(
    shop: Flask, browser_without_js: Browser, host: TinyHost
) -> None:
    host.allowed[NORTH] = frozenset()

    plain = browser_without_js.get(f"/cova/{NORTH}/")
    # As Flask-Login keeps it; a view that the host does not have is not linked to.
    shop.login_manager = SimpleNamespace(login_view="nowhere")  # type: ignore[attr-defined]  # set by Flask-Login
    unknown = browser_without_js.get(f"/cova/{NORTH}/")
    shop.login_manager.login_view = "static"  # type: ignore[attr-defined]  # needs a value
    unbuildable = browser_without_js.get(f"/cova/{NORTH}/")
    shop.view_functions["sign_in"] = lambda: ""
    shop.url_map.add(Rule("/sign-in", endpoint="sign_in"))
    shop.login_manager.login_view = "sign_in"  # type: ignore[attr-defined]  # as a host sets it
    linked = browser_without_js.get(f"/cova/{NORTH}/")

    for answer in (plain, unknown, unbuildable, linked):
        assert answer.status_code == 403
        assert "You may not be signed in" in answer.text
        assert ('href="/sign-in"' in answer.text) == (answer is linked)
