"""What `responses` cannot play: a server that breaks connections, and time that obeys."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Watch:
    """A stopwatch moved by the sleeps it is asked for; they are kept in `slept`."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


RESET = b"reset"
HANG = b"hang"
CLOSE = b"close"


def reply(
    status: int = 200,
    body: bytes = b"{}",
    *,
    headers: tuple[str, ...] = (),
    content_length: int | None = None,
) -> bytes:
    """The bytes of an HTTP answer; a `content_length` beyond the body breaks it off."""
    length = len(body) if content_length is None else content_length
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {length}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ScriptedServer:
    """Answers one connection after the other with the next line of `script`."""

    def __init__(self) -> None:
        self.script: list[bytes] = []
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        # Wakes the thread out of accept().
        with contextlib.suppress(OSError), socket.create_connection(self._listener.getsockname()):
            pass
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            connection, _ = self._listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                if self._ended.is_set():
                    return
                self.requests.append(_read_request(connection))
                line = self.script.pop(0) if self.script else reply(500, b"end of script")
                if line == HANG:
                    self._ended.wait(0.5)
                elif line == RESET:
                    # With no lingering, close() sends a reset instead of an end.
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                elif line != CLOSE:
                    connection.sendall(line)


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
