"""A PostgreSQL server for one test session, also where the tests run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.support.ports import free_port, wait_until_open

# Nothing of it survives the session, so nothing needs to reach the disk.
_FAST_AND_FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass
class PostgresServer:
    """A server of its own folder. Databases are cheap: give each test its own."""

    programs: Path
    folder: Path
    port: int
    user: dict[str, Any]
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def start(self) -> None:
        """Return once it lets clients in."""
        settings = [word for setting in _FAST_AND_FORGETFUL for word in ("-c", setting)]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self.programs / "postgres", "-D", self.folder, "-p", str(self.port),
                    "-h", "127.0.0.1", "-k", self.folder, *settings,
                ],
                stdout=log, stderr=log, cwd=self.folder, **self.user,
            )  # fmt: skip
        _wait_until_ready(self.programs, self.port)

    def stop(self) -> None:
        """End every connection and the server."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast shutdown": do not wait for clients
            self._process.wait(timeout=20)
        self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody answers inside the block; afterwards the server is there again."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def database(self, *, copy_of: str = "template0") -> Iterator[str]:
        """A database and its SQLAlchemy address; dropped when the block ends.

        It is empty, or a copy of another one, named by its address, that nobody uses just now.
        """
        name = f"test_{next(self._numbers)}"
        self._administer("CREATE DATABASE {} TEMPLATE {}", name, copy_of.rpartition("/")[2])
        try:
            yield f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"
        finally:
            self._administer("DROP DATABASE {} WITH (FORCE)", name)

    def _administer(self, statement: str, *names: str) -> None:
        dsn = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def find_postgres_programs() -> Path | None:
    """The folder with `initdb` and `postgres`, newest version first, or None."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    # Debian keeps them off the PATH, one folder per major version.
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


@contextmanager
def running_postgres(programs: Path) -> Iterator[PostgresServer]:
    """Make a cluster in a temporary folder, run it on a free loopback port, remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cova-postgres-"))
    user = _unprivileged_user(folder)
    try:
        # The locale and encoding of the machine must not decide how the tests sort and compare.
        subprocess.run(
            [
                programs / "initdb", "--pgdata", folder, "--username=postgres", "--auth=trust",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
            ],
            check=True, capture_output=True, cwd=folder, **user,
        )  # fmt: skip
        server = PostgresServer(programs, folder, free_port(), user)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_user(folder: Path) -> dict[str, Any]:
    """Arguments for subprocess that step down from root, which PostgreSQL refuses to run as."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _wait_until_ready(programs: Path, port: int) -> None:
    wait_until_open(port, seconds=20)
    question = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", "SELECT 1"]
    deadline = time.monotonic() + 20
    # The port opens a moment before the server lets anybody in.
    while subprocess.run(
        [programs / "psql", *question], check=False, capture_output=True, timeout=20
    ).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError("PostgreSQL listens, but lets nobody in")
        time.sleep(0.05)
