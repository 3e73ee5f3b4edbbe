"""Small files in the instance folder that only this user may read."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from flask import Flask


def secret(app: Flask, name: str, make: Callable[[], str] = secrets.token_urlsafe) -> str:
    """The secret of that name, made at its first use. Two processes get the same one."""
    path = Path(app.instance_path) / name
    fresh = path.with_name(f"{name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        write(fresh, make())
        # A link is made whole or not at all, and never over a file that is there.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text("utf-8").strip()


def write(path: Path, text: str) -> None:
    """Write the file as a whole, readable by its owner alone."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
