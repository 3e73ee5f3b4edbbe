"""Real programs as an operator starts them: Celery workers, the beat, gunicorn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


class Program:
    """A running program in a process group of its own; what it says is kept in a file."""

    def __init__(self, command: Sequence[str], log: Path, environment: dict[str, str]) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", *command],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """As the kernel kills, children and all: no goodbye, no clean-up."""
        self._send(signal.SIGKILL)
        self._process.wait(timeout=20)

    def stop(self) -> None:
        """Ask it to end; after ten seconds insist."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
        self._send(signal.SIGKILL)
        self._process.wait(timeout=20)

    def ended_with(self) -> int:
        """Its exit status, once it has ended by itself."""
        return self._process.wait(timeout=100)

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")[-4000:]

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


@contextmanager
def running(
    command: Sequence[str], *, log: Path, environment: dict[str, str] | None = None
) -> Iterator[Program]:
    program = Program(command, log, environment or {})
    try:
        yield program
    finally:
        program.stop()


def shop_environment(database_url: str, config: dict[str, Any]) -> dict[str, str]:
    """For programs that build `tests.support.shop`."""
    return {"TEST_SHOP": json.dumps({"database_url": database_url, "config": config})}


def wait_until(condition: Callable[[], bool], *, seconds: float = 100, what: str = "it") -> None:
    """Patience for real programs on a busy machine; nothing is concluded from the time it took."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen in {seconds:.0f} seconds")
        time.sleep(0.1)
