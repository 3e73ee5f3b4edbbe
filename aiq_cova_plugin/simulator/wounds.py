"""What a fault does to an answer: refusals instead of it, or damage to it (section 12.1)."""

from __future__ import annotations

import json
from typing import Any

from flask import Response

from .faults import HANG_SECONDS, Fault
from .wire import answer, refusal
from .world import World

_STATUS = {
    "rate_limited": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "forbidden": 403,
    "unauthorized": 401,
}
_MESSAGES = {
    401: "Authorization has been denied for this request.",
    403: "You do not have permission to perform this action.",
    429: "Rate limit is exceeded. Try again later.",
    500: "An error has occurred.",
    503: "The service is unavailable.",
}
_GATEWAY_PAGE = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)
#: The properties `nulls` empties when it is not told which: all that a reader should tolerate.
NULLABLE = (
    "ShortDescription",
    "LongDescription",
    "SupplierSkus",
    "ManufacturerSkus",
    "Upcs",
    "ProductSpecifications",
    "Assets",
    "Availability",
    "Prices",
    "ApplicableTaxRates",
    "CompanyLevelRegularPrice",
    "ClassificationPath",
    "DisplayName",
    "Addresses",
    "ContactMethods",
    "FamilyName",
    "OrderMessage",
    "PaymentMessage",
    "SaleTotal",
)


def seconds_of(fault: Fault) -> float:
    """How long this fault waits: as told, else 1 s for a delay and very long for a timeout."""
    if fault.seconds is not None:
        return fault.seconds
    return 1.0 if fault.action == "delay" else HANG_SECONDS


def refusal_of(fault: Fault, world: World) -> Response:
    """The answer given instead of doing the work."""
    status = fault.status or _STATUS.get(fault.action, 500)
    if fault.body is not None:
        kind = "application/json" if fault.body.lstrip().startswith(("{", "[")) else "text/plain"
        response = Response(fault.body, status=status, content_type=kind)
    elif status == 502:
        response = Response(_GATEWAY_PAGE, status=502, content_type="text/html")
    elif fault.action == "unauthorized":
        # The gateway in front of the services answers in its own shape (section 10.2).
        response = answer({"statusCode": 401, "message": _MESSAGES[401]}, 401)
    else:
        response = refusal(status, _MESSAGES.get(status, "The request failed."))
    if status == 429 and world.switches.rate_limit_headers:
        limits = {"Limit": world.switches.rate_limit, "Remaining": 0, "ResetSeconds": 1}
        for name, value in limits.items():
            response.headers[f"COVA-APIM-RateLimit-{name}"] = str(value)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    response.headers.update(fault.headers)
    return response


def wound(fault: Fault, response: Response) -> Response:
    """The answer after the work was done, damaged as the fault says; others pass unchanged."""
    if fault.action == "garbage":
        text = fault.body if fault.body is not None else "<!doctype html><p>Please wait ...</p>"
        return Response(text, status=200, content_type="application/json")
    if fault.action == "truncated":
        raw = response.get_data()
        return Response(raw[: len(raw) // 2], status=200, content_type="application/json")
    if fault.action not in ("empty_page", "extra_keys", "nulls") or not response.is_json:
        return response
    document = json.loads(response.get_data())
    if fault.action == "empty_page":
        document = _emptied(document)
    elif fault.action == "extra_keys":
        document = _widened(document)
    else:
        document = _nulled(document, fault.keys or NULLABLE)
    response.set_data(json.dumps(document, ensure_ascii=False))
    return response


def _emptied(document: Any) -> Any:
    if isinstance(document, list):
        return []
    if isinstance(document, dict):
        return {key: [] if isinstance(v, list) else v for key, v in document.items()}
    return document


def _widened(document: Any) -> Any:
    if isinstance(document, list):
        return [_widened(item) for item in document]
    if isinstance(document, dict):
        wider = {key: _widened(value) for key, value in document.items()}
        return {"AddedLater": {"Kind": "unknown", "Values": [1, None]}, **wider}
    return document


def _nulled(document: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(document, list):
        return [_nulled(item, keys) for item in document]
    if isinstance(document, dict):
        return {
            key: None if key in keys else _nulled(value, keys) for key, value in document.items()
        }
    return document
