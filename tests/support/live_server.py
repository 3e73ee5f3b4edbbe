"""A WSGI app behind a real port, in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


@dataclass(frozen=True)
class LiveServer:
    """Where the app answers. `url` has no slash at its end."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def at(self, path: str) -> str:
        """The whole address of a path that begins with a slash."""
        return self.url + path


@contextmanager
def running_server(wsgi_app: WSGIApplication, *, port: int = 0) -> Iterator[LiveServer]:
    """Serve the app on a free (or the given) loopback port until the block ends.

    A thread and not a fork (which is what pytest-flask's own `live_server` does), so that the test
    and the app share their objects, on every platform.
    """
    server = make_server("127.0.0.1", port, wsgi_app, threaded=True)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield LiveServer(port=server.server_port)
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
