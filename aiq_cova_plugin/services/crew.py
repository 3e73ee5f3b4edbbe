"""The threads of one process that do what is due: a few at once, a slow one in nobody's way.

A crew has so many places. Who has been at one piece of work for longer than `patience_seconds`
gives the place up and goes on beside the others, so that stores whose COVA hangs do not keep
the rest waiting. At most `_CAP` times as many threads as places ever run.

With one place there are no threads at all: the work is done where it was asked for, one piece
after the other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Wait = Literal["none", "quick", "all"]
"""How long a call that hands out work stays: until it is handed out, until only slow pieces are
left, or until everything is done."""

PATIENCE_SECONDS = 10.0
PER_GROUP = 2
"""How many pieces of one group (the stores of one company) are worked on at once."""
_CAP = 4
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Piece:
    """One piece of work. Of two with the same `key` only one is worked on at a time."""

    key: Hashable
    group: Hashable | None
    work: Callable[[], object]


class Source(Protocol):
    """Where pieces come from; asked by several threads, each piece given out once."""

    def next_piece(self, *, busy: Collection[Hashable], full: Collection[Hashable]) -> Piece | None:
        """The next piece whose key is not `busy` and whose group is not `full`, or None."""
        ...


@dataclass
class _Call:
    """One call of `work_off`: what it has running, and how much was done."""

    source: Source
    in_context: Callable[[], Any]
    done: int = 0
    threads: int = 0
    running: dict[Piece, float] = field(default_factory=dict)


class Crew:
    """Works off pieces with up to `places` threads; shared by all ticks of a process."""

    def __init__(
        self,
        name: str,
        places: int,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        per_group: int = PER_GROUP,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._places = places
        self._patience_seconds = patience_seconds
        self._per_group = per_group
        self._monotonic = monotonic
        self._asking = threading.Lock()
        self._changed = threading.Condition()
        self._running: dict[Piece, float] = {}
        self._threads = 0

    def work_off(self, source: Source, *, in_context: Callable[[], Any], wait: Wait = "all") -> int:
        """Do what the source has; how many pieces were done by the time this returns.

        `in_context` makes the context each thread works in.
        """
        call = _Call(source, in_context)
        if self._places == 1:
            return self._work_here(call)
        self._hand_out(call)
        if wait != "none":
            self._wait(call, wait)
        return call.done

    def wait_until_idle(self) -> None:
        """Wait for all threads of the crew to end."""
        with self._changed:
            while self._threads:
                self._changed.wait(_LOOK_SECONDS)

    def _work_here(self, call: _Call) -> int:
        while (piece := self._begin(call)) is not None:
            self._finish(call, piece)
        return call.done

    def _hand_out(self, call: _Call) -> None:
        """Start a thread for each piece there is room for; they fetch the rest themselves."""
        # At most so many at once: while quick ones end there is always room, and a tick must end.
        for _ in range(self._places):
            if not self._has_room() or (piece := self._begin(call)) is None:
                return
            self._count_threads(call, 1)
            threading.Thread(
                target=self._work, args=(call, piece), name=f"cova-{self._name}", daemon=True
            ).start()

    def _work(self, call: _Call, piece: Piece | None) -> None:
        try:
            while piece is not None:
                # A context of its own for each: what a piece left in a session ends with it.
                with call.in_context():
                    was_slow = self._finish(call, piece)
                    # Somebody else has the place of a slow one.
                    piece = None if was_slow and not self._has_room() else self._begin(call)
        finally:
            self._count_threads(call, -1)

    def _count_threads(self, call: _Call, change: int) -> None:
        with self._changed:
            self._threads += change
            call.threads += change
            self._changed.notify_all()

    def _begin(self, call: _Call) -> Piece | None:
        # One thread at a time: what another is about to begin must be known to be busy.
        with self._asking:
            with self._changed:
                busy = {piece.key for piece in self._running}
                groups = [piece.group for piece in self._running if piece.group is not None]
            full = {group for group in groups if groups.count(group) >= self._per_group}
            piece = call.source.next_piece(busy=busy, full=full)
            if piece is not None:
                with self._changed:
                    self._running[piece] = call.running[piece] = self._monotonic()
            return piece

    def _finish(self, call: _Call, piece: Piece) -> bool:
        """Do the work; was it slow?"""
        try:
            piece.work()
        finally:
            with self._changed:
                began = self._running.pop(piece)
                call.running.pop(piece)
                call.done += 1
                self._changed.notify_all()
        return self._is_slow(began)

    def _wait(self, call: _Call, wait: Wait) -> None:
        while True:
            # Places may have come free, and pieces that had to wait for their company.
            self._hand_out(call)
            with self._changed:
                slow = sum(self._is_slow(began) for began in call.running.values())
                if call.threads - (slow if wait == "quick" else 0) <= 0:
                    return
                self._changed.wait(_LOOK_SECONDS)

    def _has_room(self) -> bool:
        with self._changed:
            quick = sum(not self._is_slow(began) for began in self._running.values())
            return quick < self._places and len(self._running) < _CAP * self._places

    def _is_slow(self, began: float) -> bool:
        return self._monotonic() - began >= self._patience_seconds
