"""A RabbitMQ server for one test, where the program is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port, wait_until_open

# Debian's command on the PATH insists on a user and folders of its own; this is what it calls.
_PROGRAMS = Path("/usr/lib/rabbitmq/bin")


def find_rabbitmq() -> Path | None:
    """The server program, or None."""
    program = _PROGRAMS / "rabbitmq-server"
    return program if program.exists() else None


@contextmanager
def running_rabbitmq(program: Path) -> Iterator[str]:
    """Run it on free loopback ports with files in a temporary folder; the block gets its address."""
    folder = tempfile.mkdtemp(prefix="cova-rabbitmq-")
    port, names_port = free_port(), free_port()
    environment = {
        **os.environ,
        "HOME": folder,
        "RABBITMQ_NODENAME": f"cova{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": folder,
        "RABBITMQ_LOG_BASE": folder,
        "RABBITMQ_PID_FILE": f"{folder}/pid",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
        "ERL_EPMD_PORT": str(names_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    server = subprocess.Popen(
        [program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_open(port, seconds=90)
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        server.terminate()
        server.wait(timeout=30)
        # Erlang's name server was started beside it, on a port of its own.
        subprocess.run(["epmd", "-kill"], env=environment, check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
