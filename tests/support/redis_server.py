"""A Redis server for one test session."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.ports import free_port, wait_until_open


@contextmanager
def running_redis(program: str) -> Iterator[str]:
    """Run Redis on a free loopback port, without files; the block gets its address."""
    folder = tempfile.mkdtemp(prefix="cova-redis-")
    port = free_port()
    server = subprocess.Popen(
        [
            program, "--port", str(port), "--bind", "127.0.0.1",
            "--save", "", "--appendonly", "no", "--dir", folder,
        ],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until_open(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)
