"""A real HTTP server on the loopback interface around one world."""

from __future__ import annotations

import contextlib
import logging
import selectors
import signal
import socket
import struct
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from . import control
from .account import Account
from .app import DROP, create_app
from .clock import SimulatorClock
from .faults import Faults
from .register import Register
from .state import State
from .switches import Switches
from .world import World

_log = logging.getLogger(__name__)
#: Closing a socket with this setting sends a reset instead of a goodbye.
_RESET = struct.pack("ii", 1, 0)


class _Handler(WSGIRequestHandler):
    """Logs quietly, and resets the connection of a call that was told to go unanswered."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def connection_dropped(
        self, error: BaseException, environ: dict[str, Any] | None = None
    ) -> None:
        """Close without an answer; a reader sees a reset or an early end."""
        del error
        self.close_connection = True
        if environ is not None and environ.get(DROP):
            with contextlib.suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def send_response(self, code: int, message: str | None = None) -> None:
        """Leave `Date` to the app, which knows the simulated time."""
        self.log_request(code)
        self.send_response_only(code, message)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - inherited
        """Hand the access log to logging, where nobody hears it unless asked for."""
        _log.debug("%s " + message, type, *args)


class _Server(ThreadedWSGIServer):
    """Keeps track of open connections and their threads, so that a stop leaves none behind."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, app: Any) -> None:
        self._bell: socket.socket | None = None
        # Werkzeug ends the process when a port is taken; bound here, it is a plain OSError.
        with socket.create_server(("127.0.0.1", port), backlog=128) as bound:
            super().__init__("127.0.0.1", port, app, _Handler, fd=bound.fileno())
        self._guard = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._bell, self._ear = socket.socketpair()

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Answer calls until `shutdown`, which is noticed at once; nothing is polled."""
        del poll_interval
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            while self._ear not in [key.fileobj for key, _events in selector.select()]:
                self._handle_request_noblock()  # type: ignore[attr-defined]  # typeshed lacks it

    def shutdown(self) -> None:
        """Let `serve_forever` return after the call it is handing over."""
        if self._bell is not None:
            self._bell.send(b"!")

    def server_close(self) -> None:
        """Stop listening. Werkzeug also calls it once while the server is being made."""
        super().server_close()
        if self._bell is not None:
            self._bell.close()
            self._ear.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread of its own that is remembered until it ends."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="cova-simulator-call",
            daemon=True,
        )
        with self._guard:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection once it is over."""
        try:
            super().shutdown_request(request)
        finally:
            with self._guard:
                self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news; the rest is kept for the log."""
        del request
        _log.debug("connection from %s failed", client_address, exc_info=True)

    def end_connections(self) -> None:
        """Close every open connection and wait for the threads that answered them."""
        with self._guard:
            open_now = dict(self._open)
        for connection in open_now:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in open_now.values():
            if thread is not threading.current_thread():
                thread.join(timeout=5)


class Simulator:
    """A running COVA on 127.0.0.1: `with Simulator() as sim: ... sim.url ...`.

    `state`, `register`, `faults`, `switches` and `clock` may be used from the test's thread
    while calls come in. The catalogue depends on `products` and `seed` alone.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        products: int = 400,
        seed: int = 1,
        switches: Switches | None = None,
        account: Account | None = None,
    ) -> None:
        self._port = port
        self._world = World.create(
            products=products,
            seed=seed,
            switches=switches or Switches(),
            account=account or Account(),
        )
        self._app = self._make_app()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def _make_app(self) -> Flask:
        return create_app(self._world)

    # -- life --

    def start(self) -> Self:
        """Listen; returns once calls are answered. Raises OSError when the port is taken."""
        if self._server is not None:
            raise RuntimeError("The simulator is running already.")
        self._world.faults.resume()
        self._server = _Server(self._port, self._app)
        self._port = self._server.port
        self._world.base_url = self.url
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            name="cova-simulator",
            daemon=True,
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, end hanging calls and leave no thread; harmless when stopped."""
        if self._server is None or self._thread is None:
            return
        server, thread = self._server, self._thread
        self._server = self._thread = None
        self._world.faults.stop()
        server.shutdown()
        thread.join(timeout=5)
        server.end_connections()
        server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Back to the seeded records: no orders, faults, tokens or requests; time is real."""
        self._world.reset()

    # -- where and who --

    @property
    def url(self) -> str:
        """The base of all services."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.url}/v1/oauth2/token"

    @property
    def account(self) -> Account:
        """The retailer that is simulated, with its rooms and locations."""
        return self._world.account

    @property
    def company_id(self) -> int:
        """The company's id."""
        return self.account.company_id

    @property
    def location_id(self) -> int:
        """The main location's id."""
        return self.account.location_ids[0]

    @property
    def second_location_id(self) -> int:
        """The other location's id."""
        return self.account.location_ids[1]

    @property
    def username(self) -> str:
        """The API user; `+slow` and the like behind it choose a fault for all its calls."""
        return self.account.username

    @property
    def password(self) -> str:
        """The API user's password."""
        return self.account.password

    @property
    def client_id(self) -> str:
        """The OAuth client."""
        return self.account.client_id

    @property
    def client_secret(self) -> str:
        """The OAuth client's secret."""
        return self.account.client_secret

    @property
    def integrator_id(self) -> str:
        """The GUID orders must carry."""
        return self.account.integrator_id

    @property
    def delivery_fee_product_id(self) -> str:
        """The non-stock product for delivery fees."""
        return self.account.delivery_fee_product_id

    def connection(self) -> dict[str, Any]:
        """What a store must be told to connect, with the keys of `flask cova simulate`."""
        return {
            "url": self.url,
            "token_url": self.token_url,
            "company_id": self.company_id,
            "location_id": self.location_id,
            "username": self.username,
            "password": self.password,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "integrator_id": self.integrator_id,
        }

    # -- handles --

    @property
    def state(self) -> State:
        """The records; hold `state.lock` to read several as one."""
        return self._world.state

    @property
    def register(self) -> Register:
        """The cashier."""
        return self._world.register

    @property
    def faults(self) -> Faults:
        """Faults on purpose."""
        return self._world.faults

    @property
    def switches(self) -> Switches:
        """The open questions about COVA."""
        return self._world.switches

    @property
    def clock(self) -> SimulatorClock:
        """The simulated time."""
        return self._world.clock

    @property
    def broken(self) -> list[Exception]:
        """Errors of the simulator itself; a test run expects none."""
        return self._world.broken

    def orders(self) -> list[dict[str, Any]]:
        """Plain copies of all orders, oldest first."""
        return control.list_orders(self._world)

    def customers(self) -> list[dict[str, Any]]:
        """Plain copies of all customers, oldest first."""
        return control.list_customers(self._world)

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Plain copies of the calls so far, of one operation if given."""
        with self.state.lock:
            records = list(self.state.requests)
        return [item.to_dict() for item in records if operation in (None, item.operation)]

    def ordinary_products(self, count: int | None = None) -> list[str]:
        """Ids of products without surprises: Active, sold by the piece, no sale, no tiers, at
        least five sellable at the main location. As seeded: later changes do not alter it."""
        with self.state.lock:
            return list(self.state.ordinary_ids[:count])


def run_simulator(
    port: int,
    products: int,
    seed: int = 1,
    announce: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `announce` gets `connection()` once calls are answered.

    Raises OSError when the port is taken. Signals are caught on the main thread only, where
    Python allows it, and handed back afterwards.
    """
    over = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        over.set()

    is_main = threading.current_thread() is threading.main_thread()
    with Simulator(port, products=products, seed=seed) as simulator:
        before = (
            {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
            if is_main
            else {}
        )
        try:
            if announce is not None:
                announce(simulator.connection())
            # A wait without end would keep Python from noticing the signal on some systems.
            while not over.wait(timeout=1):
                pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve_forever(
    port: int = 0,
    products: int = 400,
    seed: int = 1,
    announce: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """`run_simulator` with defaults for a person at a prompt."""
    run_simulator(port, products, seed, announce)
