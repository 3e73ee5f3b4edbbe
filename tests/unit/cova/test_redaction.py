"""What may be shown stays, what must not be shown goes."""

from __future__ import annotations

import pytest

from aiq_cova_plugin.redaction import (
    LOGGABLE_CUSTOMER_KEYS,
    LOGGABLE_PRODUCT_KEYS,
    safe_fields,
    safe_headers,
    safe_reason,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The integrator id is not valid, please provide a valid one.",
        "Product 0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0001 is out of stock.",
        "Product 12345678-1111-4222-9333-123456789012 is out of stock.",
        "Expected amount 69.65, got 60.00 for order WEB-10045.",
        "Failed at 2026-01-20T17:03:04.123 and 2026-01-20 17:03",
        "The password is incorrect.",
        "DetailedProductData/UpdatedAsOf is unavailable",
    ],
)
def test_what_helps_stays(text: str):
    assert safe_reason(text) == text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("mail ada.example+x@shop.example.test now", "shop.example"),
        ("call 5550100199 now", "5550100199"),
        ("call (555) 010-0199 now", "010-0199"),
        ("call +1 555 010 0199 now", "0199"),
        ("call 555.010.0199 now", "0199"),
        ("call 010-0199 now", "0199"),
        ("token 0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("Authorization: Bearer abc.def-123456789", "abc.def"),
        ("bearer abcdefghijk", "abcdefghijk"),
        ("password=hunter2", "hunter2"),
        ('{"client_secret": "two words"}', "two words"),
        ("access_token:abc&x=1", "abc"),
        ("api-key = k1", "k1"),
        ("username: ada", "ada"),
    ],
)
def test_what_looks_private_goes(text: str, secret: str):
    shown = safe_reason(text)
    assert secret not in shown
    assert "[hidden]" in shown


def test_known_secrets_go_literally_but_not_tiny_ones():
    assert safe_reason("the horse is here", secrets=("horse", "", "is")) == "the [hidden] is here"


def test_one_short_line_without_control_characters():
    assert safe_reason("a\r\nb\x1b[0m\u202e c\x00") == "a b [0m c"
    long = safe_reason("word " * 10_000)
    assert len(long) <= 300
    assert long.endswith("…")


def test_a_hostile_text_does_not_take_long():
    for text in ("1 " * 5000, "a" * 5000, "-" * 5000, "token" * 1000, "1(" * 3000, "a@" * 3000):
        assert len(safe_reason(text)) <= 300


def test_only_listed_headers_are_shown():
    headers = {
        "Date": "Tue, 20 Jan 2026 12:00:05 GMT",
        "COVA-APIM-RateLimit-Limit": "1000",
        "Set-Cookie": "a=b",
        "WWW-Authenticate": "x",
        "X-MS-Request-Id": "r-1",
    }
    assert set(safe_headers(headers)) == {"Date", "COVA-APIM-RateLimit-Limit", "X-MS-Request-Id"}


def test_only_listed_fields_are_shown(payload):
    customer = safe_fields(payload("customer"), allowed=LOGGABLE_CUSTOMER_KEYS)
    assert set(customer) == {"Id", "CustomerTypeId", "Disabled", "Version", "MergedIntoCustomerId"}
    product = safe_fields(payload("product_page")["Products"][0], allowed=LOGGABLE_PRODUCT_KEYS)
    assert "Availability" not in product
    assert product["Name"] == "Northern Test Haze 3.5g"
