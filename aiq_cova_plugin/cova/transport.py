"""The only place that sends something: one session, every call bounded in time and size."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from aiq_cova_plugin.cova import failures
from aiq_cova_plugin.cova.breaker import Breaker, CovaAway, NeverOpens, Passage
from aiq_cova_plugin.cova.endpoints import require_safe_url
from aiq_cova_plugin.cova.rate_limit import PROCESS_BUDGET, CallBudget, Priority
from aiq_cova_plugin.errors import (
    ConfigurationError,
    CovaPluginError,
    CovaUnavailable,
    OutcomeUnknown,
    RateLimited,
)
from aiq_cova_plugin.redaction import personal_words, safe_headers
from aiq_cova_plugin.schemas.json_text import dump_json, parse_json

log = logging.getLogger(__name__)

MEBIBYTE = 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_ENCODINGS = frozenset({"identity", "gzip", "deflate", ""})
_PASSING_STATUSES = frozenset({502, 503, 504})
"""Worth an immediate second try. 500 is not: on bulk calls it is usually a timeout of COVA's
own (section 10.2), and asking for less helps more than asking again."""
_GATEWAY_STATUSES = frozenset({502, 503})
"""Of a service behind COVA's gateway that is not there, however little is asked for."""


@dataclass(frozen=True)
class Call:
    """One call to be sent. `doing` names it for people: "reading products".

    `is_write` decides about repeats and about what silence means. `needs_body` is False where
    any 2xx is success, whatever the body says. `can_ask_for_less`: silence may mean that it
    asked for too much, and says nothing about the service.
    """

    doing: str
    operation: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    url: str = field(repr=False)
    service: str
    is_write: bool
    priority: Priority = "orders"
    company_id: int = 0
    json: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    needs_body: bool = True
    can_ask_for_less: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Answer:
    """A usable answer, or a refusal that the caller wants to look at itself."""

    status: int
    body: Any = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    server_time: datetime | None = None
    request_id: str | None = None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Transport:
    """Sends calls and sorts what goes wrong; knows nothing of tokens.

    Reads are repeated at once, a few times, when the connection fails, COVA answers 502 to
    504, or asks for a wait of no more than `longest_wait_seconds`. Writes are sent once.
    Safe to share among threads as far as `requests.Session` is.
    """

    def __init__(
        self,
        *,
        connect_timeout_seconds: float = 5.0,
        read_timeout_seconds: float = 60.0,
        max_answer_bytes: int = 64 * MEBIBYTE,
        read_attempts: int = 3,
        backoff_seconds: float = 0.5,
        longest_wait_seconds: float = 5.0,
        budget: CallBudget = PROCESS_BUDGET,
        breaker: Breaker | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._timeouts = (connect_timeout_seconds, read_timeout_seconds)
        # The read timeout counts between two pieces; a server that drips must end as well.
        self._longest_answer_seconds = 2 * read_timeout_seconds
        self._max_answer_bytes = max_answer_bytes
        self._read_attempts = max(1, read_attempts)
        self._backoff_seconds = backoff_seconds
        self._longest_wait_seconds = longest_wait_seconds
        self._budget = budget
        self._breaker = breaker or NeverOpens()
        self._monotonic = monotonic
        self._sleep = sleep
        self._session = _new_session()
        self._lock = threading.Lock()
        self._calls = 0
        self._server_time: datetime | None = None

    @property
    def server_time(self) -> datetime | None:
        """What COVA's clock said when it last answered (UTC); None when it has not said."""
        return self._server_time

    @property
    def calls(self) -> int:
        """How many calls were sent, log-ins and repeats included."""
        return self._calls

    def close(self) -> None:
        self._session.close()

    def send(
        self,
        call: Call,
        *,
        token: str | None = None,
        keep_statuses: frozenset[int] = frozenset(),
    ) -> Answer:
        """The answer to a call; a refusal only when its status is in `keep_statuses`.

        Raises one of the kinds of `errors` for everything else.
        """
        require_safe_url(call.url.partition("?")[0], key=call.operation)
        attempts = 1 if call.is_write else self._read_attempts
        for attempt in range(1, attempts + 1):
            try:
                answer = self._send_once(call, token)
                if answer.is_success or answer.status in keep_statuses:
                    return answer
                raise self._refusal(call, answer, token)
            except (
                failures.AnswerTooLarge,
                failures.AnswerTooSlow,
                ConfigurationError,
                CovaAway,
            ):
                raise
            except CovaPluginError as error:
                wait = self._seconds_before_repeat(error, attempt)
                if attempt == attempts or wait is None:
                    raise
                log.info(
                    "cova_call_repeated",
                    extra={
                        "operation": call.operation,
                        "attempt": attempt,
                        "wait_seconds": wait,
                        "failure": type(error).__name__,
                    },
                )
                self._sleep(wait)
        raise AssertionError("the loop above returns or raises")

    def _seconds_before_repeat(self, error: CovaPluginError, attempt: int) -> float | None:
        """How long to wait before sending a read again; None when it is not to be."""
        if isinstance(error, failures.AnsweredWithError):
            if error.status not in _PASSING_STATUSES:
                return None
        elif isinstance(error, RateLimited):
            wait = error.retry_after
            return wait if wait is not None and wait <= self._longest_wait_seconds else None
        elif not isinstance(error, CovaUnavailable):
            return None
        return min(self._backoff_seconds * 2.0 ** (attempt - 1), self._longest_wait_seconds)

    def _send_once(self, call: Call, token: str | None) -> Answer:
        """The answer, whatever its status; the breaker hears how it went."""
        passage = self._breaker.enter(call.company_id, call.service)
        is_told = False
        try:
            if call.company_id:
                self._budget.acquire(
                    company_id=call.company_id, service=call.service, priority=call.priority
                )
            answer = self._exchange(call, token)
            is_told = _tell_breaker(passage, call, answer)
        except (CovaUnavailable, OutcomeUnknown) as error:
            is_slow = isinstance(error, failures.AnswerTooSlow)
            if not (is_slow and call.can_ask_for_less):
                passage.failed(error.message)
                is_told = True
            raise
        finally:
            if not is_told:
                passage.left_open()
        return answer

    def _exchange(self, call: Call, token: str | None) -> Answer:
        with self._lock:
            self._calls += 1
        started = self._monotonic()
        response = self._open(call, token)
        try:
            headers = dict(response.headers)
            if call.company_id:
                self._budget.observe(
                    company_id=call.company_id, service=call.service, headers=headers
                )
            answer = self._answer(call, response, headers, started)
        finally:
            response.close()
        log.debug(
            "cova_call_answered",
            extra={
                "operation": call.operation,
                "method": call.method,
                "service": call.service,
                "status": answer.status,
                "seconds": round(self._monotonic() - started, 3),
                "answer_headers": safe_headers(headers),
            },
        )
        return answer

    def _open(self, call: Call, token: str | None) -> requests.Response:
        """Send the call and read the answer's headers."""
        headers = {"Accept": "application/json"}
        body: bytes | Mapping[str, str] | None = call.form
        if call.form is None and call.json is not None:
            headers["Content-Type"] = "application/json"
            body = dump_json(call.json)
        try:
            return self._session.request(
                call.method,
                call.url,
                data=body,
                headers=headers,
                auth=_Bearer(token),
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            # Their texts hold the address, and with it what was searched for: only their kinds
            # are told, and they are not chained, lest a traceback prints them.
            detail = _kinds(exc)
            if _was_not_sent(exc):
                raise failures.not_sent(call.doing, detail=detail) from None
            raise failures.no_answer(
                call.doing, is_write=call.is_write, is_slow=_is_timeout(exc), detail=detail
            ) from None

    def _answer(
        self, call: Call, response: requests.Response, headers: dict[str, str], started: float
    ) -> Answer:
        status = response.status_code
        is_success = 200 <= status < 300
        body: Any = None
        try:
            document = self._read(response, started, call)
            body = _parsed(document) if document.strip() else None
        except _NotJson as not_json:
            if is_success and call.needs_body:
                raise failures.unreadable(
                    call.doing,
                    is_write=call.is_write,
                    detail=f"HTTP {status}, not JSON",
                    request_id=failures.request_id_of(headers),
                ) from not_json
            body = not_json.text
        except CovaPluginError:
            # The status alone answers, where a refusal or an unneeded body breaks off.
            if is_success and call.needs_body:
                raise
        if is_success and call.needs_body and body is None:
            raise failures.unreadable(
                call.doing,
                is_write=call.is_write,
                detail=f"HTTP {status}, no body",
                request_id=failures.request_id_of(headers),
            )
        self._server_time = _date_of(headers) or self._server_time
        return Answer(
            status=status,
            body=body,
            headers=headers,
            server_time=_date_of(headers),
            request_id=failures.request_id_of(headers),
        )

    def _read(self, response: requests.Response, started: float, call: Call) -> bytes:
        """The body, as long as it is neither too large nor too slow."""
        document = bytearray()
        if response.headers.get("Content-Encoding", "identity").lower() not in _ENCODINGS:
            # Packed twice, a few bytes become a memory full before any limit sees them.
            raise failures.unreadable(
                call.doing, is_write=call.is_write, detail="unknown encoding", request_id=None
            )
        try:
            for chunk in response.iter_content(_CHUNK_BYTES):
                document += chunk
                if len(document) > self._max_answer_bytes:
                    if call.is_write:
                        raise failures.no_answer(
                            call.doing, is_write=True, is_slow=False, detail="answer too large"
                        )
                    raise failures.AnswerTooLarge(
                        f"COVA's answer is too large ({call.doing}).",
                        detail=f"more than {self._max_answer_bytes} bytes",
                    )
                if self._monotonic() - started > self._longest_answer_seconds:
                    raise failures.no_answer(
                        call.doing, is_write=call.is_write, is_slow=True, detail="drips"
                    )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            raise failures.no_answer(
                call.doing, is_write=call.is_write, is_slow=_is_timeout(exc), detail=_kinds(exc)
            ) from None
        return bytes(document)

    def _refusal(self, call: Call, answer: Answer, token: str | None) -> CovaPluginError:
        error = failures.refusal(
            call.doing,
            is_write=call.is_write,
            status=answer.status,
            headers=answer.headers,
            reason=failures.reason_of(
                answer.body,
                secrets=(*call.secrets, token or ""),
                personal=personal_words(call.json),
            ),
        )
        if isinstance(error, RateLimited) and call.company_id and error.retry_after:
            self._budget.pause(
                company_id=call.company_id, service=call.service, seconds=error.retry_after
            )
        return error


def _tell_breaker(passage: Passage, call: Call, answer: Answer) -> bool:
    """Whether the answer says anything about the service being there."""
    status = answer.status
    if status == 429:
        return False  # the gateway's word, not the service's
    if status < 500 and status != 408:
        passage.answered()
        return True
    if call.can_ask_for_less and status not in _GATEWAY_STATUSES:
        return False
    # What COVA says to an order or a customer may be about a person; a breaker is about a service.
    is_personal = call.is_write or bool(personal_words(call.json))
    said = "" if is_personal else failures.reason_of(answer.body, secrets=call.secrets)
    passage.failed(f"HTTP {status} ({call.doing})" + (f": {said}" if said else "."))
    return True


class _Bearer(AuthBase):
    """Sets the token. Used without one as well: it keeps `requests` from reading ~/.netrc."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _NotJson(Exception):
    def __init__(self, text: str) -> None:
        super().__init__("not JSON")
        self.text = text


def _new_session() -> requests.Session:
    session = requests.Session()
    # Repeats are decided here per call, never by the adapter, which knows no writes.
    adapter = HTTPAdapter(max_retries=urllib3.Retry(0, read=False))
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["User-Agent"] = "aiq-cova-plugin"
    session.headers["Accept-Encoding"] = "gzip, deflate"
    # A shop's cookies have no business between two calls.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def _parsed(document: bytes) -> Any:
    try:
        return parse_json(document)
    except ValueError as exc:
        raise _NotJson(document[:4000].decode("utf-8", "replace")) from exc


def _date_of(headers: Mapping[str, str]) -> datetime | None:
    """COVA's own time: watermarks are kept by it, not by ours (section 12)."""
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        moment = parsedate_to_datetime(lowered["date"])
    except (KeyError, ValueError, TypeError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _causes(exc: BaseException) -> list[BaseException]:
    """The exception and all that `requests` and urllib3 have wrapped in it."""
    found: list[BaseException] = []
    waiting: list[BaseException] = [exc]
    while waiting and len(found) < 20:
        current = waiting.pop(0)
        if current in found:
            continue
        found.append(current)
        inside = [*current.args, getattr(current, "reason", None), current.__cause__]
        waiting += [each for each in inside if isinstance(each, BaseException)]
    return found


def _was_not_sent(exc: BaseException) -> bool:
    """True only when it is certain that no byte of the call has left."""
    if isinstance(exc, requests.exceptions.ConnectTimeout | requests.exceptions.InvalidURL):
        return True
    before_sending = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.LocationParseError,
        ConnectionRefusedError,
        # The certificate is checked before the request is written.
        ssl.SSLCertVerificationError,
    )
    return any(isinstance(each, before_sending) for each in _causes(exc))


def _is_timeout(exc: BaseException) -> bool:
    kinds = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    return any(isinstance(each, kinds) for each in _causes(exc))


def _kinds(exc: BaseException) -> str:
    names = dict.fromkeys(type(each).__name__ for each in _causes(exc))
    return " < ".join(names)
