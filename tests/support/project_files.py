"""The project's own files, as version control sees them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# For a checkout without git: what .gitignore leaves out.
_NOT_OURS = {
    ".git", ".venv", "build", "dist", "instance", "artefacts", "__pycache__", ".hypothesis",
    ".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache",
}  # fmt: skip


def project_files() -> list[Path]:
    """Every file that is, or is about to be, under version control; relative to the root, sorted."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listing = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z",
             "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        names = [Path(name) for name in listing.split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*") if not _is_left_out(path)]
    return sorted(name for name in names if (ROOT / name).is_file())


def copy_project_to(folder: Path) -> Path:
    """A clean copy of the checkout: no build leftovers, no caches, nothing ignored."""
    for name in project_files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return folder


def _is_left_out(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return any(part in _NOT_OURS or part.endswith((".egg-info", ".pyc")) for part in parts)
