"""The wire between plugin and COVA without a socket, and everything that can go wrong on it.

`WireAdapter` is mounted on the session of the real client. It hands every call to the
simulator's WSGI app in the same thread, and asks the world first what is to happen to it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

Failure = str
"""What goes wrong with a call; one of the names below."""

BEFORE_EFFECT = (
    "refused",
    "reset_before",
    "timeout_before",
    "limited",
    "error_500",
    "gateway_502",
    "unavailable_503",
)
AFTER_EFFECT = ("reset_after", "timeout_after", "gateway_502_after", "garbage", "truncated", "slow")
SPECIAL = ("late", "twice")
"""`late`: the connection breaks, and the order arrives up to half a minute afterwards. `twice`:
a gateway delivers the call twice. Both are for sending orders and reading alone: for nothing
else is there an id by which COVA, or anybody, could tell a repeat."""
DEATHS = ("die_before", "die_after")

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>Bad gateway</body></html>"
LATENCY_SECONDS = 0.2
SLOW_SECONDS = 25.0
CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class WireCall:
    """One call on its way to COVA."""

    method: str
    path: str
    body: bytes
    company: int = 0
    """Whose call it is, by its log-in."""

    @property
    def service(self) -> str:
        return self.path.lstrip("/").partition("/")[0].lower()

    @property
    def is_log_in(self) -> bool:
        return self.path.lower().rstrip("/").endswith("/oauth2/token")

    @property
    def is_payment(self) -> bool:
        return self.method == "POST" and "covaorderpayment" in self.path.lower()

    @property
    def is_submission(self) -> bool:
        return self.method == "PUT" and "pcovaorder(" in self.path.lower()

    @property
    def is_reading(self) -> bool:
        lowered = self.path.lower()
        is_search = self.method == "POST" and (
            "detailedproductdata" in lowered or "search" in lowered
        )
        return self.method == "GET" or is_search or self.is_log_in

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


class WireAdapter(HTTPAdapter):
    """Carries calls to COVA in this thread; `carry` decides what becomes of each."""

    def __init__(
        self, carry: Callable[[WireCall, Callable[[], Any], float], Any], front: Any
    ) -> None:
        super().__init__()
        self._carry = carry
        self._front = front

    def send(  # noqa: PLR0917 - as requests declares it
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        del stream, verify, cert, proxies
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else bytes(body)
        parts = urlsplit(request.url or "")
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        read_timeout = timeout[1] if isinstance(timeout, tuple) else 60.0
        headers = dict(request.headers)
        company = self._front.company_of(parts.path, raw, headers)
        call = WireCall(request.method or "GET", path, raw, company)
        status, told, document = self._carry(
            call, lambda: self._front.answer(call, headers), float(read_timeout)
        )
        return self.build_response(
            request,
            urllib3.HTTPResponse(
                body=BytesIO(document), headers=told, status=status, preload_content=False
            ),
        )


WireAnswer = tuple[int, list[tuple[str, str]], bytes]


def call_wsgi(app: Any, call: WireCall, headers: dict[str, Any]) -> WireAnswer:
    """The answer of a WSGI app to this call."""
    path, _, query = call.path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(call.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(call.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        key = name.upper().replace("-", "_")
        environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = text
    told: list[Any] = []

    def start_response(status: str, answered: list[tuple[str, str]], *_: Any) -> None:
        told[:] = [int(status.partition(" ")[0]), answered]

    document = app(environ, start_response)
    try:
        body = b"".join(document)
    finally:
        if hasattr(document, "close"):
            document.close()
    return told[0], told[1], body


def refused() -> requests.ConnectionError:
    """Nobody listens: nothing has left the house."""
    pool: Any = None
    cause = urllib3.exceptions.NewConnectionError(pool, "Connection refused")
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/", cause))


def reset() -> requests.ConnectionError:
    """The connection broke while waiting for the answer."""
    return requests.ConnectionError(
        urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
    )


def timed_out() -> requests.ReadTimeout:
    """No answer within the read timeout."""
    return requests.ReadTimeout("Read timed out.")


def plain_answer(failure: Failure, retry_after: int | None) -> WireAnswer:
    """What COVA or its gateway answers instead of working."""
    if failure == "limited":
        headers = [("Content-Type", "application/json")]
        if retry_after is not None:
            headers.append(("Retry-After", str(retry_after)))
        return 429, headers, b'{"Message":"Rate limit is exceeded."}'
    if failure == "error_500":
        return 500, [("Content-Type", "application/json")], b'{"Message":"An error has occurred."}'
    if failure == "unavailable_503":
        return 503, [("Content-Type", "text/plain")], b"The service is unavailable."
    return 502, [("Content-Type", "text/html")], HTML
