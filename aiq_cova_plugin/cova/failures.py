"""Turns what went wrong with a call into one of the five kinds of `errors`.

The kind depends on three things: was it a read or a write, had it left the house, and which
status came back (cova-api.md section 10.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiq_cova_plugin.cova.rate_limit import DEFAULT_PAUSE_SECONDS, announced_limit
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
from aiq_cova_plugin.redaction import safe_reason

_REASON_KEYS = ("Message", "message", "error_description")
_LATER_REASON_KEYS = ("OrderMessage", "Description", "error")
_REQUEST_ID_HEADERS = ("x-ms-request-id", "request-id", "x-request-id", "x-correlation-id")

AGAIN = "It is tried again by itself; if it stays, see COVA's status page or call their support."
LOOK_UP = "Whether it arrived is looked up in COVA before anything is sent again."


class AnsweredWithError(CovaUnavailable):
    """COVA answered a read with a server error; `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int, **more: Any) -> None:
        super().__init__(message, **more)
        self.status = status


class AnswerTooSlow(CovaUnavailable):
    """COVA took longer than the read timeout to answer a read."""


class AnswerTooLarge(ContractBroken):
    """The answer is larger than we are willing to read."""


def not_sent(doing: str, *, detail: str) -> CovaUnavailable:
    """The call never left the house: nothing has changed in COVA, read or write."""
    return CovaUnavailable(f"COVA cannot be reached ({doing}).", detail=detail, fix=AGAIN)


def no_answer(doing: str, *, is_write: bool, is_slow: bool, detail: str) -> CovaPluginError:
    """The call was sent, and no usable answer came back."""
    how = "did not answer in time" if is_slow else "broke off the connection"
    if is_write:
        return OutcomeUnknown(f"COVA {how} ({doing}).", detail=detail, fix=LOOK_UP)
    kind = AnswerTooSlow if is_slow else CovaUnavailable
    return kind(f"COVA {how} ({doing}).", detail=detail, fix=AGAIN)


def unreadable(
    doing: str, *, is_write: bool, detail: str, request_id: str | None
) -> CovaPluginError:
    """The answer says success, and its body is not what was agreed."""
    if is_write:
        return OutcomeUnknown(
            f"COVA's answer cannot be read ({doing}).",
            detail=detail,
            fix=LOOK_UP,
            request_id=request_id,
        )
    return ContractBroken(
        f"COVA's answer is not the agreed one ({doing}).",
        detail=detail,
        fix="Check the address of COVA in the configuration; otherwise report this to support.",
        request_id=request_id,
    )


def refusal(
    doing: str,
    *,
    is_write: bool,
    status: int,
    headers: Mapping[str, str],
    reason: str,
) -> CovaPluginError:
    """What an answer other than 2xx means. `reason` is COVA's own text, already safe."""
    detail = f"HTTP {status}"
    request_id = request_id_of(headers)
    said = f": {reason}" if reason else "."
    if status == 429:
        return RateLimited(
            f"COVA asks us to call less often ({doing}).",
            retry_after=retry_after_of(headers),
            detail=detail,
            fix="It is tried again by itself.",
            request_id=request_id,
        )
    if status >= 500 or status == 408:
        if is_write:
            return OutcomeUnknown(
                f"COVA had a failure of its own ({doing}){said}",
                status=status,
                detail=detail,
                fix=LOOK_UP,
                request_id=request_id,
            )
        return AnsweredWithError(
            f"COVA had a failure of its own ({doing}){said}",
            status=status,
            detail=detail,
            fix=AGAIN,
            request_id=request_id,
        )
    if status < 400:
        return unreadable(doing, is_write=is_write, detail=detail, request_id=request_id)
    if status == 401:
        return BadCredentials(
            f"COVA does not accept the log-in it has just given ({doing}){said}",
            detail=detail,
            field="username",
            fix="Check company ID and user name with COVA's onboarding package.",
            request_id=request_id,
        )
    if status == 403:
        return NotPermitted(
            f"COVA's API user may not do this ({doing}){said}",
            detail=detail,
            field="username",
            fix="Ask COVA's API support to give this user the permission for this company.",
            request_id=request_id,
        )
    kind = Rejected
    if status == 404:
        kind = NotFound
    elif status in {409, 412}:
        kind = VersionConflict
    return kind(
        f"COVA refused ({doing}){said}",
        reason=reason,
        status=status,
        detail=detail,
        request_id=request_id,
    )


def reason_of(body: Any, *, secrets: Iterable[str] = (), personal: Iterable[str] = ()) -> str:
    """COVA's own reason in an error body, safe to show; empty when there is none.

    `body` is parsed JSON, or the text where it is no JSON. Known shapes: section 10.2 and 12.
    """
    return safe_reason(_raw_reason(body), secrets=secrets, personal=personal)


def retry_after_of(headers: Mapping[str, str]) -> float:
    """Seconds COVA wants us to wait: Retry-After, else *ResetSeconds, else 60 (10.1).

    A Retry-After given as a date is not read, since two clocks would have to agree.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        seconds = float(lowered["retry-after"])
    except (KeyError, ValueError):
        told = announced_limit(headers).reset_seconds
        seconds = DEFAULT_PAUSE_SECONDS if told is None else told
    # NaN fails both comparisons and ends at the default, too.
    return seconds if 0 <= seconds <= 86_400 else DEFAULT_PAUSE_SECONDS


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """COVA's id of the call, from whichever header carries one."""
    lowered = {name.lower(): value for name, value in headers.items()}
    for name in _REQUEST_ID_HEADERS:
        if lowered.get(name):
            return lowered[name][:100]
    return None


def _raw_reason(body: Any) -> str:
    if isinstance(body, str):
        start = body[:500].lstrip().lower()
        if start.startswith("<") and ("<html" in start or "<!doctype" in start):
            return "an HTML page"
        return body
    if not isinstance(body, Mapping):
        return ""
    inner = body.get("error")
    candidates = [body.get(key) for key in _REASON_KEYS]
    if isinstance(inner, Mapping):
        candidates += [inner.get("message"), inner.get("Message")]
    candidates += [body.get(key) for key in _LATER_REASON_KEYS]
    for candidate in candidates:
        if isinstance(candidate, str) and candidate.strip():
            return candidate
    return ""
