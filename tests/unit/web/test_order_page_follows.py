"""An order's page that looks again by itself, and the form for a missing phone number."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from aiq_cova_plugin.services.audit import entries_of
from aiq_cova_plugin.store import outbox

from tests.unit.web.kit import NORTH, Browser, Records, TinyHost

HOME = f"/cova/{NORTH}/"
PHONE = "(303) 555-0177"


@pytest.fixture(autouse=True)
def connected(records: Records) -> None:
    records.connect()


def _poll_url(markup: str) -> str:
    found = re.search(r'hx-get="([^"]+)" hx-trigger="every', markup)
    assert found is not None
    return html.unescape(found[1])


def _move(records: Records, order_id: str, **values: Any) -> None:
    with records.app.app_context(), records.ctx.database.short() as connection:
        push = outbox.push_of_order(connection, NORTH, order_id)
        assert push is not None
        outbox.change_push(connection, push.id, values)
        outbox.add_event(connection, push.id, "waiting", "A new step.", at=records.now)


def test_while_nothing_else_can_be_done_only_facts_and_timeline_are_replaced(
    browser_without_js: Browser, records: Records
) -> None:
    records.order("5", "queued")
    page = browser_without_js.get(f"{HOME}orders/5").text
    _move(records, "5", attempts=3)

    answer = browser_without_js.get(_poll_url(page), headers={"HX-Request": "true"})

    assert "HX-Retarget" not in answer.headers
    assert answer.text.count('id="cova-order-facts"') == 1
    assert 'id="cova-order-timeline" hx-swap-oob="true"' in answer.text
    assert "A new step." in answer.text
    for typed_into in ("<form", "<details", "<button", 'id="cova-order"'):
        assert typed_into not in answer.text
    assert "cova-order-words" not in answer.text, "an unchanged state is not said again"


def test_another_state_is_said_beside_and_a_person_who_must_act_gets_the_whole_page(
    browser_without_js: Browser, records: Records
) -> None:
    records.order("5", "queued")
    asked = _poll_url(browser_without_js.get(f"{HOME}orders/5").text)
    _move(records, "5", state="checking")

    moved = browser_without_js.get(asked, headers={"HX-Request": "true"})
    _move(records, "5", state="needs_attention", kind="Rejected", reason="COVA refused order W-5.")
    stopped = browser_without_js.get(asked, headers={"HX-Request": "true"})

    assert 'hx-swap-oob="innerHTML:#cova-order-words"' in moved.text
    assert "Checking with COVA" in moved.text
    assert stopped.headers["HX-Retarget"] == "#cova-order"
    assert "hx-trigger" not in stopped.text, "what waits for a person is not asked again and again"
    assert ">Retry</button>" in stopped.text
    # What somebody is just typing about an entry by hand survives.
    assert '<details id="cova-by-hand" hx-preserve' in stopped.text


@pytest.mark.parametrize("state", ["in_pos", "needs_attention", "completed", "withdrawn"])
def test_a_settled_order_is_not_asked_about(
    browser_without_js: Browser, records: Records, state: str
) -> None:
    records.order("5", state)

    assert "hx-trigger" not in browser_without_js.get(f"{HOME}orders/5").text


def test_an_order_whose_next_try_is_far_is_asked_about_more_rarely(
    browser_without_js: Browser, records: Records
) -> None:
    records.order("5", "queued")
    records.order("6", "queued", next_attempt_at=records.now + timedelta(minutes=20))

    assert 'hx-trigger="every 3s"' in browser_without_js.get(f"{HOME}orders/5").text
    assert 'hx-trigger="every 15s"' in browser_without_js.get(f"{HOME}orders/6").text


# --- a phone number for this order -------------------------------------------------------------


def _without_phone(records: Records) -> None:
    records.order(
        "5", "needs_attention", kind="MissingPhone", reason="Order W-5 has no phone number."
    )


@pytest.mark.parametrize("typed", ["", "12", "call me", "303-555-01778888888", "<b>"])
def test_what_is_no_phone_number_comes_back_beside_its_field(
    browser_without_js: Browser, records: Records, typed: str
) -> None:
    _without_phone(records)

    answer = browser_without_js.post(f"{HOME}orders/5/phone", data={"phone": typed})

    assert answer.status_code == 422
    assert f'name="phone" type="tel" value="{html.escape(typed)}"' in answer.text
    assert 'id="field-phone-error">That is not a valid phone number.' in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_the_number_is_kept_encrypted_and_shown_nowhere(
    browser_without_js: Browser, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    _without_phone(records)

    answer = browser_without_js.post(f"{HOME}orders/5/phone", data={"phone": PHONE})

    page = browser_without_js.get(f"{HOME}orders/5").text
    with records.app.app_context(), records.ctx.database.short() as connection:
        push = outbox.push_of_order(connection, NORTH, "5")
    with records.app.app_context():
        acts = entries_of(records.ctx, NORTH)
    assert answer.status_code == 303
    assert push is not None
    assert push.state == "queued"
    assert records.ctx.vault.decrypt(push.phone_encrypted or "") == '"+13035550177"'
    for told in (page, caplog.text, repr([(act.action, act.detail) for act in acts])):
        assert "5550177" not in re.sub(r"[-() ]", "", told)
    assert "Phone number entered" in page
    assert "order_phone_entered" in [act.action for act in acts]


def test_only_an_order_that_waits_for_a_number_asks_for_one(
    browser_without_js: Browser, records: Records
) -> None:
    _without_phone(records)
    records.order("6", "needs_attention", kind="Rejected", reason="No.")

    assert "Use this number" in browser_without_js.get(f"{HOME}orders/5").text
    assert "Use this number" not in browser_without_js.get(f"{HOME}orders/6").text
    refused = browser_without_js.post(f"{HOME}orders/6/phone", data={"phone": PHONE})
    assert refused.status_code in (303, 409, 422)
    with records.app.app_context(), records.ctx.database.short() as connection:
        push = outbox.push_of_order(connection, NORTH, "6")
    assert push is not None
    assert push.phone_encrypted is None


def test_who_may_only_look_is_not_asked_for_a_number(
    browser_without_js: Browser, records: Records, host: TinyHost
) -> None:
    _without_phone(records)
    host.allowed[NORTH] = frozenset({"view"})

    assert 'name="phone"' not in browser_without_js.get(f"{HOME}orders/5").text
