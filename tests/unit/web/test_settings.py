"""Store > Integrations > COVA: what may be typed, what is refused, what is never shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.unit.web.kit import CLIENT_SECRET, NORTH, PASSWORD, Browser, Records, TinyHost

PATH = f"/cova/{NORTH}/settings"
TEST = f"{PATH}/test"
TYPED = {
    "company_id": "4711",
    "location_id": "4712",
    "username": "somebody",
    "password": "typed-password-1",
    "client_id": "SOMEBODY.AIQ",
    "client_secret": "typed-secret-1",
}


def error_of(markup: str, field: str) -> str:
    """The text beside a field; empty when none is shown."""
    found = re.search(rf'id="field-{field}-error"( hidden)?>([^<]*)<', markup)
    assert found, f"{field} has no place for an error"
    return "" if found.group(1) else found.group(2)


def input_of(markup: str, field: str) -> str:
    found = re.search(rf'<input[^>]*id="field-{field}"[^>]*>', markup)
    assert found, f"there is no field {field}"
    return found.group(0)


@pytest.mark.parametrize(
    "case",
    [
        ({"company_id": "abc"}, "company_id", "whole number"),
        ({"company_id": "0"}, "company_id", "above zero"),
        ({"company_id": "-3"}, "company_id", "above zero"),
        ({"company_id": "9" * 30}, "company_id", "above zero"),
        ({"company_id": ""}, "company_id", "needed"),
        ({"location_id": "12.5"}, "location_id", "whole number"),
        ({"username": ""}, "username", "needed"),
        ({"username": "x" * 300}, "username", "at most 200 characters"),
        ({"password": ""}, "password", "needed"),
        ({"client_id": "   "}, "client_id", "needed"),
        ({"client_secret": ""}, "client_secret", "needed"),
        ({"integrator_id": "not-a-guid"}, "integrator_id", "GUID"),
        ({"delivery_fee_product": "4711"}, "delivery_fee_product", "GUID"),
        ({"enabled": "perhaps"}, "enabled", "boolean"),
    ],
)
@pytest.mark.parametrize("htmx", [None, "cova-settings"])
def test_bad_input_comes_back_with_its_error(
    browser_without_js: Browser,
    records: Records,
    case: tuple[dict[str, str], str, str],
    htmx: str | None,
) -> None:
    change, field, said = case
    typed = TYPED | {"enabled": "on", "sync_orders": "on"} | change

    answer = browser_without_js.post(PATH, typed, htmx=htmx)

    assert answer.status_code == 422
    assert said in error_of(answer.text, field)
    assert 'aria-invalid="true"' in input_of(answer.text, field)
    assert f"field-{field}-error" in input_of(answer.text, field)
    for name in ("company_id", "location_id", "username", "client_id", "integrator_id"):
        value = typed.get(name, "")
        assert f'value="{value}"' in input_of(answer.text, name)
    assert ("checked" in input_of(answer.text, "sync_orders")) is True
    assert ("<html" in answer.text) is (htmx is None)
    assert records.rows("cova_connection") == []


def test_what_was_typed_is_escaped(browser_without_js: Browser) -> None:
    typed = TYPED | {"enabled": "on", "company_id": '"><script>alert(1)</script>'}

    answer = browser_without_js.post(PATH, typed)

    assert "<script>alert" not in answer.text
    assert "&#34;&gt;&lt;script&gt;" in answer.text


def test_a_secret_is_never_sent_back(connected_shop: Flask, six_fields: dict[str, str]) -> None:
    """Not when it is refused, saved, tested, or when its page is opened again."""
    browser = Browser(connected_shop.test_client())
    secrets = [
        TYPED["password"], TYPED["client_secret"],
        six_fields["password"], six_fields["client_secret"],
    ]  # fmt: skip

    answers = [
        browser.post(PATH, TYPED | {"enabled": "on", "company_id": "x"}),
        browser.post(PATH, TYPED | {"enabled": "on"}, htmx="cova-settings"),
        browser.post(TEST, TYPED),
        browser.post(TEST, six_fields, htmx="cova-check"),
        browser.post(PATH, six_fields | {"enabled": "on"}, htmx="cova-settings"),
        browser.get(PATH),
    ]
    row = Records(connected_shop).rows("cova_connection")[0]
    secrets += [row["password_encrypted"], row["client_secret_encrypted"]]

    for answer in answers:
        everything = answer.text + str(answer.headers)
        assert [secret for secret in secrets if secret in everything] == []
    assert 'value=""' in input_of(answers[-1].text, "password")
    assert "saved, leave empty to keep" in input_of(answers[-1].text, "password")


def test_refused_secrets_are_asked_for_again(browser_without_js: Browser) -> None:
    answer = browser_without_js.post(PATH, TYPED | {"enabled": "on", "company_id": "x"})

    assert "please type it again" in answer.text


def test_saving_without_javascript_redirects_and_says_so_once(
    connected_shop: Flask, six_fields: dict[str, str]
) -> None:
    browser = Browser(connected_shop.test_client())

    answer = browser.post(PATH, six_fields | {"enabled": "on"})
    first, second = browser.get(answer.headers["Location"]), browser.get(PATH)

    assert (answer.status_code, answer.headers["Location"]) == (303, PATH)
    assert "COVA accepts the connection" in first.text
    assert "COVA accepts the connection" not in second.text
    assert "checked" in input_of(second.text, "enabled")


def test_saving_with_htmx_gives_the_form_and_a_toast(
    connected_shop: Flask, six_fields: dict[str, str]
) -> None:
    browser = Browser(connected_shop.test_client())

    answer = browser.post(PATH, six_fields | {"enabled": "on"}, htmx="cova-settings")

    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<form")
    toast = json.loads(answer.headers["HX-Trigger"])["cova-toast"]
    assert toast["level"] == "ok"


def test_a_wrong_password_is_named_beside_the_password(
    connected_shop: Flask, six_fields: dict[str, str]
) -> None:
    browser = Browser(connected_shop.test_client())

    answer = browser.post(PATH, six_fields | {"enabled": "on", "password": "wrong"})

    assert answer.status_code == 422
    assert error_of(answer.text, "password")
    assert Records(connected_shop).rows("cova_connection") == []


def test_an_empty_secret_keeps_the_saved_one(
    connected_shop: Flask, six_fields: dict[str, str]
) -> None:
    browser = Browser(connected_shop.test_client())
    browser.post(PATH, six_fields | {"enabled": "on"})
    before = Records(connected_shop).rows("cova_connection")[0]

    empty = {"password": "", "client_secret": "", "enabled": "on", "sync_orders": "on"}
    answer = browser.post(PATH, six_fields | empty)
    after = Records(connected_shop).rows("cova_connection")[0]

    assert answer.status_code == 303
    assert after["password_encrypted"] == before["password_encrypted"]
    assert after["sync_orders"]


def test_a_toggle_that_is_not_sent_is_off(
    connected_shop: Flask, six_fields: dict[str, str]
) -> None:
    browser = Browser(connected_shop.test_client())
    browser.post(PATH, six_fields | {"enabled": "on"})

    browser.post(PATH, six_fields)

    assert not Records(connected_shop).rows("cova_connection")[0]["enabled"]
    assert "Switched off" in browser.get(PATH).text


def test_testing_shows_each_step_and_saves_nothing(
    connected_shop: Flask, six_fields: dict[str, str]
) -> None:
    browser = Browser(connected_shop.test_client())

    by_htmx = browser.post(TEST, six_fields, htmx="cova-check")
    by_form = browser.post(TEST, six_fields)

    for answer in (by_htmx, by_form):
        assert answer.status_code == 200
        for step in ("Log in", "Read products", "Find the location"):
            assert f"{step}: works" in answer.text
        assert "Nothing was saved" in answer.text
    assert "<input" not in by_htmx.text, "what was typed must stay in the browser"
    assert Records(connected_shop).rows("cova_connection") == []


@pytest.mark.parametrize(("field", "value"), [("password", "wrong"), ("client_secret", "wrong")])
def test_testing_names_the_failing_field(
    connected_shop: Flask, six_fields: dict[str, str], field: str, value: str
) -> None:
    browser = Browser(connected_shop.test_client())

    by_htmx = browser.post(TEST, six_fields | {field: value}, htmx="cova-check")
    by_form = browser.post(TEST, six_fields | {field: value})

    errors = json.loads(by_htmx.headers["HX-Trigger"])["cova-field-errors"]["errors"]
    assert list(errors) == [field]
    assert "failed" in by_htmx.text
    assert error_of(by_form.text, field) == errors[field].replace("'", "&#39;")


def test_testing_an_incomplete_form_is_bad_input(browser_without_js: Browser) -> None:
    answer = browser_without_js.post(TEST, {"company_id": "12"}, htmx="cova-check")

    assert answer.status_code == 422
    errors = json.loads(answer.headers["HX-Trigger"])["cova-field-errors"]["errors"]
    assert "password" in errors


def test_without_a_key_for_secrets_nothing_is_saved_and_the_reason_is_said(
    make_shop: Callable[..., Flask],
) -> None:
    shop = make_shop(COVA_SECRET_KEYS=None)

    answer = Browser(shop.test_client()).post(PATH, TYPED)

    assert answer.status_code == 422
    assert "COVA_SECRET_KEYS" in answer.text
    assert Records(shop).rows("cova_connection") == []


def test_a_refusal_found_by_a_sync_stands_beside_its_field(
    browser_without_js: Browser, records: Records
) -> None:
    records.connect(check_ok=False, check_message="COVA refused it.", check_field="password")

    assert error_of(browser_without_js.get(PATH).text, "password") == "COVA refused it."


def test_a_checkout_without_phone_is_mentioned(browser_without_js: Browser, host: TinyHost) -> None:
    host.requires_phone = False

    assert "does not ask for a phone number" in browser_without_js.get(PATH).text


@pytest.mark.parametrize("values", [{}, {"enabled": False}])
def test_no_page_shows_a_stored_secret(
    browser_without_js: Browser, records: Records, values: dict[str, Any]
) -> None:
    records.connect(**values)

    for path in ("", "settings", "pos-settings", "runs", "orders", "holds"):
        markup = browser_without_js.get(f"/cova/{NORTH}/{path}").text
        assert PASSWORD not in markup
        assert CLIENT_SECRET not in markup


def test_it_is_said_that_orders_with_a_delivery_fee_will_stop(
    browser_without_js: Browser, records: Records
) -> None:
    def page(**values: Any) -> str:
        records.connect(**values)
        return browser_without_js.get(PATH).text

    said = "Orders with a delivery fee will stop"
    assert said in page()
    assert said not in page(delivery_fee_product="de11fee0-0000-4000-8000-000000000001")
    assert said not in page(delivery_fee_product="", sync_orders=False)
