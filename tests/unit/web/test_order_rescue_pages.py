"""Finding, grouping and rescuing orders on the staff pages."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.host import Address, Customer, Delivery, Order, OrderLine
from aiq_cova_plugin.services.orders.refusal_words import what_to_do
from aiq_cova_plugin.store import outbox

from tests.unit.web.kit import ALL_ACTIONS, CANDIDATES, NORTH, SOUTH, Browser, Records, TinyHost

HOME = f"/cova/{NORTH}/"


@pytest.fixture(autouse=True)
def connected(records: Records) -> None:
    records.connect()


def trouble(records: Records, order_id: str, kind: str = "MissingPhone", **more: Any) -> None:
    records.order(
        order_id,
        "needs_attention",
        kind=kind,
        reason=more.pop("reason", f"Order W-{order_id} has no phone number."),
        fix="Add it and press Retry.",
        **more,
    )


def test_orders_are_found_by_number_id_and_cova_id_alone(
    browser_without_js: Browser, records: Records
) -> None:
    wanted = records.order("1042", "in_pos")
    records.order("2055", "in_pos")
    records.order("77", "queued", store_id=SOUTH)

    for text in ("w-1042", "#1042", "104", wanted.cova_order_id[:13].upper()):
        found = browser_without_js.get(f"{HOME}orders", query_string={"q": text}).text
        assert "W-1042" in found, text
        assert "W-2055" not in found, text
    nobody = browser_without_js.get(f"{HOME}orders", query_string={"q": "100%_<i>"}).text
    assert "100%_&lt;i&gt;" in nobody
    assert "Names and phone numbers are not searched" in nobody
    assert "W-77" not in browser_without_js.get(f"{HOME}orders?q=77").text


def test_many_orders_come_page_by_page(browser_without_js: Browser, records: Records) -> None:
    for number in range(230):
        records.order(f"{number:03}", "completed" if number % 2 else "in_pos")

    first = browser_without_js.get(f"{HOME}orders").text
    last = browser_without_js.get(f"{HOME}orders?page=3").text
    beyond = browser_without_js.get(f"{HOME}orders?page=99").text
    half = browser_without_js.get(f"{HOME}orders?state=completed&page=2").text

    assert first.count('data-label="Order"') == 100
    assert "W-229" in first
    assert "Page 1 of 3, 230 orders" in first
    assert last.count('data-label="Order"') == beyond.count('data-label="Order"') == 30
    assert "W-000" in last
    assert half.count('data-label="Order"') == 15
    assert "page=1" in half
    assert browser_without_js.get(f"{HOME}orders?page=x").status_code == 200


def test_what_needs_a_person_is_grouped_with_one_button_each(
    browser_without_js: Browser, records: Records
) -> None:
    trouble(records, "1")
    trouble(records, "2")
    trouble(records, "3", "AmbiguousCustomer", reason="Two customers have the number.")
    trouble(records, "9", store_id=SOUTH)

    markup = browser_without_js.get(f"{HOME}orders").text
    answer = browser_without_js.post(f"{HOME}retry-orders", {"cause": "MissingPhone"})

    assert "Retry these 2" in markup
    assert "Several customers in COVA have the phone number" in markup
    assert "Retry this one" not in markup
    assert answer.status_code == 303
    states = {row["order_id"]: row["state"] for row in records.rows("cova_push")}
    assert states == {
        "1": "queued", "2": "queued", "3": "needs_attention", "9": "needs_attention",
    }  # fmt: skip
    assert "2 orders will be looked at again now" in browser_without_js.get(f"{HOME}orders").text


def test_who_may_not_handle_orders_is_told_so(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    trouble(records, "1")
    host.allowed[NORTH] = ALL_ACTIONS - {"orders"}

    queue = browser_without_js.get(f"{HOME}orders").text
    order = browser_without_js.get(f"{HOME}orders/1").text

    assert "Retry these" not in queue
    assert "Ask somebody who may handle orders" in queue
    assert "ask somebody who may handle orders" in order
    assert "by-hand" not in order


def test_an_order_is_marked_as_entered_by_hand(
    browser_without_js: Browser, records: Records
) -> None:
    trouble(records, "5")
    page = browser_without_js.get(f"{HOME}orders/5").text

    answer = browser_without_js.post(f"{HOME}orders/5/by-hand", {"note": "Receipt 4711"})

    assert "for three days at most, it stays held here" in page
    assert answer.status_code == 303
    (row,) = records.rows("cova_push")
    assert row["state"] == "completed"
    after = browser_without_js.get(f"{HOME}orders/5").text
    assert "Receipt 4711" in after
    assert "Entered by hand" in after
    assert "by-hand" not in after
    (act,) = [
        each for each in records.rows("cova_audit") if each["action"] == "order_entered_by_hand"
    ]
    assert (act["actor"], act["subject"]) == ("staff", "5")


@pytest.mark.parametrize("htmx", [None, "cova-order"])
def test_a_note_that_is_too_long_comes_back(
    browser_without_js: Browser, records: Records, htmx: str | None
) -> None:
    trouble(records, "5")

    answer = browser_without_js.post(f"{HOME}orders/5/by-hand", {"note": "x" * 101}, htmx=htmx)

    assert answer.status_code == 422
    assert "Shorten the note to 100 characters." in answer.text
    assert "x" * 101 in answer.text
    assert records.rows("cova_push")[0]["state"] == "needs_attention"


def test_an_overwritten_address_offers_to_be_put_back(
    browser_without_js: Browser, records: Records
) -> None:
    push = records.order("5", "in_pos")
    records.order("6", "in_pos")
    with records.app.app_context(), records.ctx.database.short() as connection:
        kept = records.ctx.vault.encrypt(json.dumps({"customer_id": "c", "address": {}}))
        outbox.add_event(
            connection, push.id, "overwriting_address", "It differs.", at=records.now,
            private_encrypted=kept,
        )  # fmt: skip

    assert "Put the address back" in browser_without_js.get(f"{HOME}orders/5").text
    assert "Put the address back" not in browser_without_js.get(f"{HOME}orders/6").text


@pytest.mark.parametrize(
    ("cova", "said"),
    [("84.50", ""), ("90.00", "5.50 USD more than in the shop"), ("80.00", "4.50 USD less")],
)
def test_the_totals_are_compared_in_money(
    browser_without_js: Browser, records: Records, cova: str, said: str
) -> None:
    records.order("5", "in_pos", sale_total=Decimal(cova))

    markup = browser_without_js.get(f"{HOME}orders/5").text

    assert f"{cova} USD" in markup
    assert said in markup
    assert ("than in the shop" in markup) is bool(said)


def test_paused_orders_are_seen_to_be_paused(browser_without_js: Browser, records: Records) -> None:
    records.connect(sync_orders=False)
    records.order("5", "queued")

    queue = browser_without_js.get(f"{HOME}orders").text
    order = browser_without_js.get(f"{HOME}orders/5").text

    for markup in (queue, order):
        assert "Paused: Sync Orders is off" in markup
        assert ">Paused</span>" in markup
    assert "every 3s" not in order, "nothing moves, so nothing is asked again and again"


def test_retry_of_an_order_being_taken_back_says_so(
    browser_without_js: Browser, records: Records
) -> None:
    trouble(records, "5", cancel_requested=True)

    browser_without_js.post(f"{HOME}orders/5/retry")

    markup = browser_without_js.get(f"{HOME}orders/5").text
    assert "asked again to give it back" in markup
    assert "on its way to COVA again" not in markup


def shopper(order_id: str, **customer: Any) -> Order:
    line = OrderLine("p-1", "Blue Harbour", Decimal(1), Decimal("10.00"))
    address = Address("1 Pier Street", "", "Exampleton", "CO", "80202", "US")
    return Order(
        order_id, NORTH, f"W-{order_id}", None, Customer(**customer), [line],
        delivery=Delivery(address, Decimal(0)),
    )  # fmt: skip


def test_possible_customers_stand_beside_the_order_s_own(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    kept = records.ctx.vault.encrypt(json.dumps(CANDIDATES))
    trouble(records, "5", "AmbiguousCustomer", candidates_encrypted=kept)
    host.orders["5"] = shopper(
        "5", first_name="robyn", last_name="<Tide>", phone="303 555 01", email="ROBIN@example.com",
        date_of_birth=date(1988, 5, 4),
    )  # fmt: skip

    page = " ".join(browser_without_js.get(f"{HOME}orders/5").text.split())
    none_chosen = browser_without_js.post(f"{HOME}orders/5/customer", {})

    own, choices = page.split("Which COVA customer is it?")
    for known in ("robyn &lt;Tide&gt;", "303 555 01", "ROBIN@example.com", "Exampleton"):
        assert known in own
    first, second = choices.split('value="7c9e6679')
    assert re.findall("same [a-z -]+<", first) == ["same e-mail<", "same birth date<"]
    assert re.findall("same [a-z -]+<", second.split("</label>")[0]) == ["same name<"]
    assert none_chosen.status_code == 422
    wrong = none_chosen.text.split('id="field-choice-error"')[1]
    assert wrong.startswith(">Choose one of these customers")
    assert "autofocus" in wrong.split("</label>")[0], "the first of the choices has the focus"
    assert 'aria-invalid="true"' not in none_chosen.text
    host.allowed[NORTH] = ALL_ACTIONS - {"orders"}
    assert "303 555 01" not in browser_without_js.get(f"{HOME}orders/5").text


def test_an_order_without_a_usable_number_shows_whom_to_ask(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    trouble(records, "5", reason="The phone number is not a valid one.")
    host.orders["5"] = shopper("5", first_name="Robin", phone="12-34", email="robin@example.com")

    page = browser_without_js.get(f"{HOME}orders/5").text

    for known in ("Robin", "12-34", "robin@example.com"):
        assert known in page.split('id="field-phone"')[0]


def test_a_withdrawal_is_not_called_the_shop_s_and_leaves_a_note(
    browser_without_js: Browser, records: Records
) -> None:
    trouble(records, "5", submitted_at=records.now)
    records.hold("5", {"p-1": Decimal(2)})

    browser_without_js.post(f"{HOME}orders/5/cancel")
    page = browser_without_js.get(f"{HOME}orders/5").text

    assert "stays confirmed, with nothing held for it. Cancel it in the shop too." in page
    assert "withdrawn from COVA by staff" in page
    assert "This order is being withdrawn from COVA." in page
    assert "The shop has cancelled" not in page
    assert "cancelled in the shop" not in page
    assert "Add it and press Retry." not in page
    assert "/orders/5/retry" not in page
    assert "stays confirmed" in browser_without_js.get(f"{HOME}orders").text
    (push,) = records.rows("cova_push")
    assert push["host_status"] == "confirmed"


def test_tax_on_top_is_no_difference_to_worry_about(
    browser_without_js: Browser, records: Records
) -> None:
    records.order("5", "in_pos", sale_total=Decimal("90.00"), tax_pricing="Exclusive")

    page = browser_without_js.get(f"{HOME}orders/5").text

    assert "Total in the shop, before tax" in page
    assert "With 5.50 USD tax" in page
    assert "than in the shop" not in page


def test_the_timeline_speaks_plainly_and_folds_ids_away(
    browser_without_js: Browser, records: Records
) -> None:
    ids = [each["id"] for each in CANDIDATES]
    records.order(
        "5", "in_pos", cova_status="ReadyForPayment, OrderPlaced", submitted_at=records.now,
        events=[
            ("queued", ""), ("sending", ""), ("customer_candidates", ", ".join(ids)),
            ("customer_chosen", f"Kim chose COVA customer {ids[0]}."), ("sending", ""),
            ("cova_status", "COVA says: ReadyForPayment, OrderPlaced."),
        ],
    )  # fmt: skip

    page = browser_without_js.get(f"{HOME}orders/5").text

    assert "<p>2 customers in COVA.</p>" in page
    assert "<p>Kim chose COVA customer …950e.</p>" in page
    assert f"<code>{', '.join(ids)}</code></details>" in page
    assert "COVA says: ready for payment, order placed." in page
    assert "<dd>Ready for payment, order placed" in page
    assert "<dt>Tries</dt><dd>2</dd>" in page


def test_what_to_do_where_cova_names_no_cause() -> None:
    for empty in ("", "The order is invalid.", "Order rejected"):
        assert "COVA names no cause" in what_to_do(empty)
        assert "withdraw it" in what_to_do(empty)
    assert what_to_do("Product 12 is archived.").startswith("Repair what COVA names")
