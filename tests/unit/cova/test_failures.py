"""Every failure lands in its kind, with COVA's reason and without anything secret."""

from __future__ import annotations

import logging
import socket
import ssl
import traceback
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import requests
import urllib3

from aiq_cova_plugin.cova.failures import (
    AnsweredWithError,
    reason_of,
    request_id_of,
    retry_after_of,
)
from aiq_cova_plugin.errors import (
    BadCredentials,
    ContractBroken,
    CovaPluginError,
    CovaUnavailable,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    VersionConflict,
)
from aiq_cova_plugin.schemas.records import (
    ContactMethod,
    CustomerAddress,
    NewCustomer,
    SalesOrder,
    SalesOrderPayment,
)

API = "https://api.covasoft.net"
ORDER_ID = "3f0d7c1e-5555-4a1f-8b70-000000000001"
ADDRESS = CustomerAddress("a", 3, "1 Road", "", "Town", "CO", "US", "80000", version=1)
NEW_CUSTOMER = NewCustomer("Ada", "Example", None, (ContactMethod(None, 1, 3, "5550100199"),))
ORDER = SalesOrder(ORDER_ID, 1000, 1001, "Ada Example", None, "i", False, "W-1", ())
PAYMENT = SalesOrderPayment(Decimal(1), datetime(2026, 1, 1, tzinfo=UTC))

READS = {
    "product_page": lambda client: client.product_page(skip=0, top=1),
    "updated": lambda client: client.product_page_updated_as_of(
        updated_as_of=datetime(2026, 1, 1, tzinfo=UTC), skip=0, top=1
    ),
    "products_by_id": lambda client: client.products_by_id(["a"]),
    "locations": lambda client: client.locations(),
    "location": lambda client: client.location(),
    "tax_pricing": lambda client: client.tax_pricing(),
    "search": lambda client: client.search_customers(field="Phone", value="1", operation="Equals"),
    "search_by_text": lambda client: client.search_customers_by_text("Ada"),
    "customer": lambda client: client.customer("c"),
    "order_status": lambda client: client.order_status(ORDER_ID),
    "read_order": lambda client: client.read_order(ORDER_ID),
    "completed": lambda client: client.completed_orders(since=datetime(2026, 1, 1, tzinfo=UTC)),
}
WRITES = {
    "create_customer": lambda client: client.create_customer(NEW_CUSTOMER),
    "add_address": lambda client: client.add_address("c", ADDRESS),
    "update_address": lambda client: client.update_address("c", ADDRESS),
    "submit_inclusive": lambda client: client.submit_order(ORDER, tax_pricing="Inclusive"),
    "submit_exclusive": lambda client: client.submit_order(ORDER, tax_pricing="Exclusive"),
    "cancel_order": lambda client: client.cancel_order(ORDER_ID),
    "pay_order": lambda client: client.pay_order(order_id=ORDER_ID, payments=[PAYMENT]),
}
each_read = pytest.mark.parametrize("ask", READS.values(), ids=READS)
each_write = pytest.mark.parametrize("ask", WRITES.values(), ids=WRITES)
each_call = pytest.mark.parametrize("ask", (READS | WRITES).values(), ids=READS | WRITES)


@pytest.fixture
def answers(cova):
    """Let every call to the API be answered alike; `answers.sent()` counts them."""
    import re

    class Answers:
        def set(self, **answer):
            for method in ("GET", "POST", "PUT", "DELETE"):
                cova.add(method, re.compile(re.escape(API) + ".*"), **answer)

        def sent(self):
            return [call for call in cova.calls if call.request.url.startswith(API)]

    return Answers()


def failure_of(ask, client) -> CovaPluginError:
    with pytest.raises(CovaPluginError) as caught:
        ask(client)
    return caught.value


@each_read
def test_a_server_error_of_a_read_is_unavailable(client, answers, ask):
    answers.set(status=500, json={"Message": "The operation timed out."})
    error = failure_of(ask, client)
    assert isinstance(error, AnsweredWithError)
    assert isinstance(error, CovaUnavailable)
    assert error.status == 500
    assert "The operation timed out." in error.message
    assert len(answers.sent()) == 1


@each_write
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 302])
def test_a_server_error_of_a_write_leaves_the_outcome_open_and_is_not_repeated(
    client, answers, ask, status
):
    answers.set(status=status, json={"Message": "Oops."})
    assert type(failure_of(ask, client)) is OutcomeUnknown
    assert len(answers.sent()) == 1


@each_read
@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_passing_error_of_a_read_is_tried_three_times(client, answers, watch, ask, status):
    answers.set(status=status, body="Bad gateway")
    assert isinstance(failure_of(ask, client), CovaUnavailable)
    assert len(answers.sent()) == 3
    assert watch.slept == [0.5, 1.0]


@each_call
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (403, NotPermitted),
        (404, NotFound),
        (405, Rejected),
        (409, VersionConflict),
        (412, VersionConflict),
        (422, Rejected),
        (429, RateLimited),
    ],
)
def test_a_refusal_has_one_meaning_for_reads_and_writes(client, answers, ask, status, kind):
    answers.set(
        status=status, json={"Message": "Because."}, headers={"x-ms-request-id": "request-7"}
    )
    error = failure_of(ask, client)
    assert type(error) is kind
    assert error.request_id == "request-7"
    if isinstance(error, Rejected):
        assert error.reason == "Because."
        assert error.status == status
    if isinstance(error, RateLimited):
        assert error.retry_after == 60
    assert len(answers.sent()) == 1


@each_read
@pytest.mark.parametrize("body", ["<html>maintenance</html>", "", "{'a': 1}", "null"])
def test_an_unreadable_answer_to_a_read_is_a_broken_contract(client, answers, ask, body):
    answers.set(status=200, body=body)
    assert type(failure_of(ask, client)) is ContractBroken
    assert len(answers.sent()) == 1


@each_read
@pytest.mark.parametrize("body", [b'"text"', b"5", b"true", b'{"a": 1}'])
def test_an_answer_of_another_shape_is_a_broken_contract(client, answers, ask, body):
    answers.set(status=200, body=body)
    assert type(failure_of(ask, client)) is ContractBroken


@each_read
def test_a_redirect_is_not_followed(client, answers, ask):
    answers.set(status=302, headers={"Location": "https://elsewhere.example/"})
    assert type(failure_of(ask, client)) is ContractBroken
    assert len(answers.sent()) == 1


@each_call
def test_after_a_401_one_new_token_and_one_more_try(client, cova, answers, ask):
    answers.set(status=401, json={"statusCode": 401, "message": "Unauthorized."})
    error = failure_of(ask, client)
    assert type(error) is BadCredentials
    assert error.field == "username"
    assert len(answers.sent()) == 2
    assert client.calls == 4


def test_after_a_401_the_new_token_works(client, cova):
    from tests.unit.cova.conftest import TOKEN_URL

    url = f"{API}/entitymanager/v1/Companies(1000)/Locations"
    cova.get(url, status=401)
    cova.get(url, json=[])
    cova.replace("POST", TOKEN_URL, json={"access_token": "token-1", "expires_in": 43199})
    cova.post(TOKEN_URL, json={"access_token": "token-2", "expires_in": 43199})
    assert client.locations() == ()
    assert cova.calls[-1].request.headers["Authorization"] == "Bearer token-2"


@each_call
@pytest.mark.parametrize(
    "exception",
    [
        requests.ConnectTimeout("x"),
        requests.exceptions.InvalidURL("x"),
        requests.exceptions.SSLError(ssl.SSLCertVerificationError("x")),
        requests.ConnectionError(
            urllib3.exceptions.MaxRetryError(
                None, "/", urllib3.exceptions.NameResolutionError("h", None, socket.gaierror())
            )
        ),
    ],
    ids=["connect timeout", "invalid address", "certificate", "no such host"],
)
def test_what_never_left_is_unavailable_for_reads_and_writes(client, answers, ask, exception):
    answers.set(body=exception)
    assert type(failure_of(ask, client)) is CovaUnavailable


@each_write
@pytest.mark.parametrize(
    "exception",
    [
        requests.ReadTimeout("x"),
        requests.ConnectionError("reset"),
        requests.exceptions.SSLError("broken in the middle"),
        requests.exceptions.ChunkedEncodingError("x"),
        OSError("x"),
    ],
    ids=["read timeout", "reset", "TLS", "chunks", "other"],
)
def test_what_left_without_an_answer_leaves_the_outcome_open(client, answers, ask, exception):
    answers.set(body=exception)
    assert type(failure_of(ask, client)) is OutcomeUnknown
    assert len(answers.sent()) == 1


@each_call
def test_no_message_detail_or_traceback_holds_a_secret(client, answers, caplog, ask):
    caplog.set_level(logging.DEBUG)
    secrets = ("correct-horse", "battery-staple", "token-1", "ada@example.test", "5550100199")
    text = "password=hunter2 correct-horse battery-staple token-1 ada@example.test 5550100199"
    answers.set(status=400, json={"Message": text})
    error = failure_of(ask, client)
    shown = "".join(traceback.format_exception(error)) + error.detail + error.fix + caplog.text
    shown += "".join(
        str(vars(record)) for record in caplog.records if record.name.startswith("aiq")
    )
    for secret in (*secrets, "hunter2"):
        assert secret not in shown


def test_a_traceback_does_not_repeat_what_was_searched_for(client, answers):
    answers.set(body=requests.ConnectionError(f"{API}/crm?$filter=Criteria eq 'Ada Example'"))
    with pytest.raises(CovaUnavailable) as caught:
        client.search_customers_by_text("Ada Example")
    printed = "".join(traceback.format_exception(caught.value))
    assert "eq 'Ada" not in printed


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"Message": "A", "message": "B"}, "A"),
        ({"message": "B"}, "B"),
        ({"statusCode": 401, "message": "Denied"}, "Denied"),
        ({"error": "invalid_grant", "error_description": "C"}, "C"),
        ({"error": {"code": 3, "message": "D"}}, "D"),
        ({"OrderMessage": "E"}, "E"),
        ({"Description": "F"}, "F"),
        ({"error": "invalid_grant"}, "invalid_grant"),
        ({"Message": "", "Description": "F"}, "F"),
        ({"Message": {"a": 1}}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
        ("plain text", "plain text"),
        ("  <!DOCTYPE html><html><body>Error 500", "an HTML page"),
        ("<HTML>x", "an HTML page"),
        ("x" * 1000, "x" * 299 + "…"),
        ({"Message": "one\r\ntwo\x00\x1b[31m"}, "one two [31m"),
    ],
)
def test_covas_own_reason_is_found(body, expected):
    assert reason_of(body) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"Retry-After": "7", "COVA-APIM-RateLimit-ResetSeconds": "30"}, 7),
        ({"cova-apim-ratelimit-resetseconds": "30"}, 30),
        ({"X-RateLimit-ResetSeconds": "0"}, 0),
        ({"Retry-After": "Tue, 20 Jan 2026 12:00:05 GMT"}, 60),
        ({"Retry-After": "-5"}, 60),
        ({"Retry-After": "nan"}, 60),
        ({"Retry-After": "inf"}, 60),
        ({"Retry-After": "99999999"}, 60),
        ({}, 60),
    ],
)
def test_how_long_to_wait(headers, expected):
    assert retry_after_of(headers) == expected


def test_request_id_is_found_in_any_case_and_bounded():
    assert request_id_of({"X-MS-Request-Id": "a" * 500}) == "a" * 100
    assert request_id_of({"Date": "x"}) is None
