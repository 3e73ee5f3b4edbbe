"""Allow-lists: what of a payload, header or error may be logged or shown.

What is not named here is not shown. Free text that COVA wrote passes `safe_reason`, which
takes out whatever looks like a secret or like a shopper's e-mail or phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

MAX_REASON_LENGTH = 300

LOGGABLE_HEADERS = frozenset(
    {
        "content-length",
        "content-type",
        "date",
        "request-id",
        "retry-after",
        "x-correlation-id",
        "x-ms-request-id",
        "x-request-id",
    }
)
"""Lower-case names of answer headers; those of the rate limit come on top."""

LOGGABLE_PRODUCT_KEYS = frozenset(
    {
        "ProductId",
        "MasterProductId",
        "CatalogSku",
        "Name",
        "IsArchived",
        "IsNonStock",
        "IsBatchTracked",
        "LifeCycle",
        "MeasurementType",
        "ClassificationPath",
        "UpdatedDateUtc",
    }
)
LOGGABLE_ORDER_KEYS = frozenset(
    {
        "Id",
        "OrderId",
        "CompanyId",
        "EntityId",
        "IsDelivery",
        "OrderStatus",
        "PaymentStatus",
        "SaleTotal",
        "OrderFulfillmentMethod",
        "OrderFulfillmentStatus",
    }
)
LOGGABLE_CUSTOMER_KEYS = frozenset(
    {"Id", "CustomerTypeId", "Disabled", "Version", "MergedIntoCustomerId"}
)
"""Nothing that names, reaches or describes a person."""

_PERSONAL_KEYS = frozenset(
    {
        "Criteria",
        "DateOfBirth",
        "FamilyName",
        "OrderReference",
        "PostalCode",
        "PrimaryName",
        "StreetAddress1",
        "StreetAddress2",
        "Value",
    }
)
"""Keys of what we send to COVA that name, reach or describe a person."""
_SHORTEST_WORD, _LONG_WORD = 3, 5

_HIDDEN = "[hidden]"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
_SPACE = re.compile(r"\s+")
_SENSITIVE = re.compile(
    r"""
      (?P<guid>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)
    | (?P<date>\b\d{4}-\d\d-\d\d(?:[T\ ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?)
    | (?P<named>
        \b(?:bearer|basic)\s+[\w.~+/=-]{8,}
      | \b[\w-]*(?:password|passwd|pwd|secret|token|authorization|api[-_ ]?key|client_id|username)
        ["']?\s*[:=]\s*(?:bearer\s+)?(?:"[^"]*"|'[^']*'|[^\s,;&"'}]+)
      )
    | (?P<email>[\w.+%-]+@[\w-]+(?:\.[\w-]+)*)
    | (?P<phone>(?<![\w.])\+?\(?\d(?:[\s().-]{0,3}\d){9,}(?!\w)|(?<![\w.-])\d{3}[-.\ ]\d{4}(?![\w-]))
    | (?P<token>(?<![\w])(?=[\w+/=.~-]*\d)(?=[\w+/=.~-]*[A-Za-z])[\w+/=.~-]{24,})
    """,
    re.IGNORECASE | re.VERBOSE,
)


def safe_reason(text: str, *, secrets: Iterable[str] = (), personal: Iterable[str] = ()) -> str:
    """One short line that may be shown and logged: at most 300 characters.

    `secrets` are values known to be secret; they are taken out literally, before anything
    that only looks like a token, a secret, an e-mail address or a phone number. `personal`
    are words about a person, taken out as whole words. Identifiers (GUIDs), dates and amounts
    stay.
    """
    # A reason of megabytes would keep the patterns busy for long; nobody reads past the start.
    line = text[: MAX_REASON_LENGTH * 10]
    for secret in secrets:
        if len(secret) >= 4:
            line = line.replace(secret, _HIDDEN)
    line = _SPACE.sub(" ", _CONTROL.sub(" ", line)).strip()
    line = _SENSITIVE.sub(_hide, without_words(line, personal))
    if len(line) > MAX_REASON_LENGTH:
        line = line[: MAX_REASON_LENGTH - 1].rstrip() + "…"
    return line


def without_words(text: str, words: Iterable[str]) -> str:
    """The text without these words, whole ones; those of two letters stay.

    A short word must be written the same way: a person may be called May.
    """
    wanted = sorted({each.strip() for each in words}, key=len, reverse=True)
    for word in wanted:
        if len(word) >= _SHORTEST_WORD:
            flags = re.IGNORECASE if len(word) >= _LONG_WORD else re.NOFLAG
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", _HIDDEN, text, flags=flags)
    return text


def personal_words(body: Any) -> tuple[str, ...]:
    """What a body sent to COVA says of a person, so that COVA's reason does not repeat it."""
    found: list[str] = []
    waiting = [body]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Mapping):
            for key, value in current.items():
                if key in _PERSONAL_KEYS and isinstance(value, str):
                    found += [value, *value.split()]
                else:
                    waiting.append(value)
        elif isinstance(current, list | tuple):
            waiting += current
    return tuple(found)


def safe_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be logged: names on the list, and those of the rate limit."""
    return {
        name: safe_reason(value)
        for name, value in headers.items()
        if name.lower() in LOGGABLE_HEADERS or "ratelimit" in name.lower()
    }


def safe_fields(raw: Mapping[str, Any], *, allowed: Set[str]) -> dict[str, Any]:
    """The plain values of a payload whose keys are on the list `allowed`."""
    return {
        key: safe_reason(value) if isinstance(value, str) else value
        for key, value in raw.items()
        if key in allowed and not isinstance(value, dict | list)
    }


def _hide(found: re.Match[str]) -> str:
    return found.group(0) if found.lastgroup in {"guid", "date"} else _HIDDEN
