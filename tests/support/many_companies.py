"""COVA with many companies behind one address: a front that sends each call to its simulator."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

from aiq_cova_plugin.simulator import Account, Simulator
from aiq_cova_plugin.simulator.server import _Server

FIRST_COMPANY = 400_001


class ManyCompanies:
    """A WSGI app. A log-in is known by its username, every other call by its token."""

    def __init__(self, count: int, *, products: int = 20) -> None:
        self.simulators = [
            Simulator(products=products, account=_account(number)) for number in range(count)
        ]
        self._app_by_username = {each.username: _app_of(each) for each in self.simulators}
        self._app_by_token: dict[str, Any] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].lower().rstrip("/").endswith("/oauth2/token"):
            return self._log_in(environ, start_response)
        token = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        answered: Iterable[bytes] = self._app_by_token[token](environ, start_response)
        return answered

    def _log_in(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        username = parse_qs(body.decode())["username"][0].partition("+")[0]
        app = self._app_by_username[username]
        answer = b"".join(app(environ, start_response))
        if b'"access_token"' in answer:
            token = answer.split(b'"access_token"')[1].split(b'"')[1].decode()
            self._app_by_token[token] = app
        return [answer]

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Answer calls on a free loopback port; the block gets the address."""
        # The simulator's own server, which also knows how to drop a connection.
        server = _Server(0, self)
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            thread.join(timeout=5)
            server.end_connections()
            server.server_close()

    @property
    def broken(self) -> list[Exception]:
        return [error for each in self.simulators for error in each.broken]


def _account(number: int) -> Account:
    return Account(company_id=FIRST_COMPANY + number, username=f"api-user-{number}")


def _app_of(simulator: Simulator) -> Callable[..., Iterable[bytes]]:
    # Never started: its app is served by the front.
    app: Callable[..., Iterable[bytes]] = simulator._app
    return app


def connection_of(simulator: Simulator, *, url: str) -> dict[str, Any]:
    """What a store must be told to connect to this company."""
    names = ("company_id", "location_id", "username", "password", "client_id", "client_secret")
    return {name: getattr(simulator, name) for name in names}
