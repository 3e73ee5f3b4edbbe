"""The store's first page: what needs a person, most urgent first, each with its way out."""

from __future__ import annotations

import re
from datetime import timedelta

from aiq_cova_plugin.domain.breaker_state import BreakerState
from aiq_cova_plugin.mapping.order_to_cova import NO_FEE_PRODUCT
from aiq_cova_plugin.services.compare.reports import RECONCILE
from aiq_cova_plugin.store.alerts import HOLD_GONE, raise_alert
from aiq_cova_plugin.store.breakers import DatabaseBreakers
from aiq_cova_plugin.store.connections import save_sync_state
from aiq_cova_plugin.store.push_warnings import other_delivery

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost, busy_day
from tests.unit.web.reports import STOCK, comparison, write_report

HOME = f"/cova/{NORTH}/"


def text_of(markup: str) -> str:
    return " ".join(markup.split())


def good_day(records: Records) -> None:
    records.connect()
    records.synced()
    records.run()


def test_four_words_say_how_it_stands(browser_without_js: Browser, records: Records) -> None:
    good_day(records)

    facts = text_of(browser_without_js.get(HOME).text).split('class="cova-facts"')[1]

    for word in ("Connected", "Ready", "Fresh", "In agreement"):
        assert f">{word}</span>" in facts
    assert "<time datetime=" in facts
    assert "What needs you" not in facts


def test_what_needs_somebody_comes_most_urgent_first(
    browser_without_js: Browser, records: Records
) -> None:
    busy_day(records)
    records.connect(check_ok=False, check_message="COVA refused the password.")
    records.run(status="held", started_at=records.now, message="It would hide 40 products.")
    message = "1 difference between shop and COVA"
    write_report(records, RECONCILE, document=comparison(STOCK), message=message)

    markup = text_of(browser_without_js.get(HOME).text)
    needs = markup.split('id="cova-needs-title"')[1].split("</section>")[0]

    places = [
        needs.index(text)
        for text in (
            "COVA refuses the connection",
            "Order W-1042",
            "A sync waits for you",
            "Order W-1040",
            "Products the shop could not save",
            message,
            "3 products without a category of their own",
        )
    ]
    assert places == sorted(places)
    for path in ("settings", "orders/1042", "reconcile", "pos-settings", "products/p-kit"):
        assert f'href="{HOME}{path}"' in needs


def test_an_agreement_is_not_claimed_while_the_last_comparison_found_differences(
    browser_without_js: Browser, records: Records
) -> None:
    good_day(records)
    message = "1 difference between shop and COVA"
    write_report(records, RECONCILE, document=comparison(STOCK), message=message)

    markup = text_of(browser_without_js.get(HOME).text)
    write_report(records, RECONCILE, document=comparison())
    agreed = text_of(browser_without_js.get(HOME).text)

    assert "All is well" not in markup
    assert "Not wholly" in markup
    assert "<h1>All is well</h1>" in agreed


def test_hundreds_of_orders_are_counted_whole_and_named_in_part(
    browser_without_js: Browser, records: Records
) -> None:
    good_day(records)
    for number in range(120):
        records.order(f"a{number}", "needs_attention", reason="No phone.")
    for number in range(30):
        records.order(f"q{number}", "queued")

    markup = text_of(browser_without_js.get(HOME).text)

    assert "<h1>120 orders need you</h1>" in markup
    assert "110 more orders need you" in markup
    assert "And 20 more" in markup
    assert markup.count("Order W-a") == 10


def test_a_store_that_was_never_switched_on_is_offered_a_preview(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect(enabled=False, was_enabled=False)

    markup = browser_without_js.get(HOME).text

    assert f'href="{HOME}preview"' in markup
    assert "Preview the first sync" in markup


def test_who_may_only_look_is_told_what_each_button_takes(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    busy_day(records)
    records.run(status="held", started_at=records.now, message="It would hide 40 products.")
    host.allowed[NORTH] = frozenset({"view"})

    markup = text_of(browser_without_js.get(HOME).text)

    assert "<form" not in markup
    for permission in ("sync", "orders", "configure"):
        assert f"needs the permission “{permission}”" in markup


def test_a_sync_that_should_have_begun_is_due_and_then_overdue(
    browser_without_js: Browser, records: Records
) -> None:
    """A time that is over is never told as one to come; when it is long over, what to do is."""
    good_day(records)

    def home(minutes_ago: float) -> str:
        records.synced(minutes_ago=minutes_ago)
        return re.sub("<[^>]+>", "", text_of(browser_without_js.get(HOME).text))

    assert re.search(r"Next: today at [\d:]+ \(in \d minutes\)|tomorrow", home(3))
    assert "Next: due now." in home(11)
    late = home(10 + 6 * 60)
    assert re.search(r"Next: overdue\. It was due \w+ at [\d:]+, and nothing has run since\.", late)
    assert "Nothing runs by itself" in late
    assert "ask whoever runs the shop whether its worker is running" in late


def test_what_a_comparison_found_is_not_told_as_if_it_still_were_so(
    browser_without_js: Browser, records: Records
) -> None:
    """A sync that wrote something, or a person who did, makes the comparison out of date."""
    records.connect()
    records.synced()
    records.run(started_at=records.now - timedelta(hours=3), updated=2)
    message = "2 differences between shop and COVA"
    write_report(records, RECONCILE, document=comparison(STOCK, STOCK), message=message)

    fresh = text_of(browser_without_js.get(HOME).text)
    records.run(started_at=records.now + timedelta(seconds=5), unchanged=4)
    untouched = text_of(browser_without_js.get(HOME).text)
    records.run(started_at=records.now + timedelta(seconds=9), updated=1)
    stale = text_of(browser_without_js.get(HOME).text)

    for markup in (fresh, untouched):
        assert f'<p class="cova-item-title">{message}</p>' in markup
        assert "Compared" in markup
    assert "The comparison is out of date" in stale
    assert "a sync has changed the shop since" in stale
    assert "<h1>Synced, and not compared since</h1>" in stale
    assert f'<p class="cova-item-title">{message}</p>' not in stale


def test_while_cova_is_away_that_comes_first_and_goes_when_it_answers(
    browser_without_js: Browser, records: Records
) -> None:
    good_day(records)
    records.run(started_at=records.now, status="failed", message="COVA could not be reached.")
    records.order("7", warning="The order has been waiting for COVA for more than 15 minutes.")

    def home() -> str:
        return text_of(browser_without_js.get(HOME).text)

    def state(values: dict[str, object]) -> None:
        with records.app.app_context(), records.ctx.database.short() as connection:
            save_sync_state(connection, NORTH, values)

    state({"last_outage_at": records.now - timedelta(minutes=5)})
    away = home()
    state({"last_outage_at": None})
    back = home()

    def open_breaker(company_id: int) -> None:
        until = records.now + timedelta(seconds=10)
        with records.app.app_context():
            DatabaseBreakers(records.ctx.database).replace(
                None, BreakerState(company_id, "crm", 5, opened_at=records.now, open_until=until)
            )

    open_breaker(999)
    with_another_company_away = home()
    open_breaker(12345)
    broken = home()

    for markup in (away, broken):
        assert re.search(r"<h1>COVA is not answering since (yesterday at )?\d\d:\d\d</h1>", markup)
        assert "Orders wait and are sent when it answers again; nothing is lost." in markup
        facts = markup.split('class="cova-facts"')[1]
        assert 'is-attention">Not answering</span>' in facts
        assert ">Ready</span>" not in facts
    for markup in (back, with_another_company_away):
        assert "<h1>Order W-7 has a warning</h1>" in markup
        assert 'is-ok">Connected</span>' in markup


def test_each_order_is_named_once_and_deliveries_that_may_go_wrong_by_that(
    browser_without_js: Browser, records: Records
) -> None:
    good_day(records)
    for order_id, other in (("1", "W-2"), ("2", "W-1")):
        warning = f"{other_delivery(other)}\nCOVA no longer knows this order."
        records.order(order_id, "in_pos", warning=warning)
    records.order("3", "in_pos", warning="COVA no longer knows this order.")

    markup = text_of(browser_without_js.get(HOME).text)
    records.order("4", "needs_attention", reason="No phone.", warning=other_delivery("W-1"))
    with records.app.app_context(), records.ctx.database.short() as connection:
        raise_alert(
            connection, NORTH, HOLD_GONE, "4", message="Too old.", fix="Count.", at=records.now
        )
    with_stuck = text_of(browser_without_js.get(HOME).text)

    assert "<h1>2 deliveries may go to the wrong address</h1>" in markup
    assert "1 other order with a warning." in markup
    needs = with_stuck.split('id="cova-needs-title"')[1].split("</section>")[0]
    assert needs.count(">Order W-4</a>") == 1
    assert ": its stock is free again" not in needs
    assert "The most urgent first." in needs
    for said in ("No phone.", "Order W-1 of the same customer", "Too old."):
        assert said in needs


def test_orders_that_stop_for_the_delivery_fee_lead_to_its_field(
    browser_without_js: Browser, records: Records
) -> None:
    good_day(records)
    field = f'href="{HOME}settings#field-delivery_fee_product"'

    warned = text_of(browser_without_js.get(HOME).text)
    reason = f"Order W-5 has a delivery fee of 7.50, but the store has {NO_FEE_PRODUCT}."
    records.order("5", "needs_attention", kind="UnmappedProduct", reason=reason)
    stopped = text_of(browser_without_js.get(HOME).text)
    records.connect(delivery_fee_product="de11fee0-0000-4000-8000-000000000001")
    mended = text_of(browser_without_js.get(HOME).text)

    assert "<h1>All is well</h1>" in warned
    assert "One with a delivery fee would stop" in warned
    assert field in warned
    assert "Not for deliveries" in stopped
    assert f"{field}>Open the connection<" in stopped
    assert stopped.count(field) == 3
    assert field not in mended
    assert ">Ready</span>" in mended


def test_the_first_sync_is_previewed_before_it_runs_only(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect()

    before = browser_without_js.get(HOME).text
    records.run(started_at=records.now, status="running", finished_at=None)
    meanwhile = browser_without_js.get(HOME).text

    assert "Preview the first sync" in before
    assert "Preview the first sync" not in meanwhile
