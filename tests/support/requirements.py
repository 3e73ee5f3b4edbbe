"""What to do when a program is missing, and which skips CI accepts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NoReturn

import pytest

# A skip with one of these beginnings may stand in CI. "[cannot run here]" is for what no fresh
# machine could do; "[no recordings]" for tests that replay recordings of the real COVA, which are
# not part of the repository.
SKIPS_CI_ACCEPTS = ("[cannot run here]", "[no recordings]")


def runs_in_ci() -> bool:
    """Is this a CI run, where a missing program is a failure?"""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def missing(what: str, remedy: str) -> NoReturn:
    """Leave the test: skipped on a developer's machine, failed in CI."""
    message = f"{what} is not installed. {remedy}"
    if runs_in_ci():
        pytest.fail(message)
    pytest.skip(message)


def skips_ci_refuses(skips: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of (test, reason) pairs, those that a fresh machine could have run."""
    return [(test, reason) for test, reason in skips if not reason.startswith(SKIPS_CI_ACCEPTS)]
