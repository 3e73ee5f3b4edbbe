"""Worker processes for the tests that kill or race them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[3]


class Worker:
    """A real process with the plugin in it; killed when the block ends."""

    def __init__(self, database_url: str, config: dict[str, Any], *, until: str = "once") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.integration.orders.worker"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(json.dumps({"database_url": database_url, "config": config, "until": until}))

    def wait_until_ready(self) -> None:
        assert self._hear() == "ready"

    def go(self) -> None:
        self._say("go")

    def wait_until_done(self) -> int:
        """How many orders it moved."""
        word, _, number = self._hear().partition(" ")
        assert word == "done"
        self._process.wait(timeout=20)
        return int(number)

    def kill(self) -> None:
        """As the kernel kills: no goodbye, no clean-up."""
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=20)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def worker(database_url: str, config: dict[str, Any], *, until: str = "once") -> Iterator[Worker]:
    started = Worker(database_url, config, until=until)
    try:
        yield started
    finally:
        started.kill()
