"""Nothing under version control is secret, private to a machine, or too big."""

from __future__ import annotations

import re

import pytest

from tests.support.project_files import ROOT, project_files

# What a secret looks like, whoever issued it.
SECRETS = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.",
    "a cloud access key": r"\bAKIA[0-9A-Z]{16}\b",
    "a repository token": r"\bgh[pousr]_[A-Za-z0-9]{30,}\b",
    "a password in an address": r"\b[a-z+]+://[^\s/:@{}<$]+:[^\s/:@{}<$]{6,}@(?!localhost|127\.)",
}

# Paths that exist on one machine only. Written in two halves, so that this file is clean itself.
MACHINE_PATHS = r"(?<![\w.])/(?:" + "|".join(["ho" + "me/[a-z]", "ro" + "ot/", "wo" + "rk/"]) + ")"

LARGEST_FILE_BYTES = 500_000

# Text that shows what must not be: samples for redaction, written to be caught there.
SAMPLES = ("tests/unit/test_redaction", "tests/unit/test_vault")


def _texts() -> list[tuple[str, str]]:
    texts = []
    for path in project_files():
        if "vendor" in path.parts or path.as_posix().startswith(SAMPLES):
            continue
        try:
            texts.append((path.as_posix(), (ROOT / path).read_text("utf-8")))
        except UnicodeDecodeError:
            continue  # a picture
    return texts


@pytest.mark.parametrize("kind", SECRETS)
def test_no_file_holds(kind: str) -> None:
    found = [name for name, text in _texts() if re.search(SECRETS[kind], text)]

    assert found == []


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [
        f"{name}: {match.group(0)}"
        for name, text in _texts()
        for match in re.finditer(MACHINE_PATHS, text)
    ]

    assert found == []


def test_no_file_is_unreasonably_big() -> None:
    big = [
        str(path) for path in project_files() if (ROOT / path).stat().st_size > LARGEST_FILE_BYTES
    ]

    assert big == []


def test_vendored_files_carry_their_version_and_licence() -> None:
    vendor = ROOT / "static" / "cova" / "vendor"
    for path in vendor.iterdir():
        name_and_version = re.match(r"[a-z]+-\d+\.\d+\.\d+", path.name)
        assert name_and_version, f"{path.name} does not say which release it is"
        assert list(vendor.glob(f"{name_and_version.group(0)}.LICENSE.*")), f"{path.name}: licence?"
