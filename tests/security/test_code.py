"""What the package's code never does; a new place that does it fails here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.project_files import ROOT

PACKAGE = ROOT / "aiq_cova_plugin"
NOT_IN_A_SHOP = {"simulator", "demo", "testing"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "render_template_string", "from_string"}
RUNS_PROGRAMS = {"subprocess", "ctypes", "pty", "commands"}
BUILDS_OBJECTS = {"pickle", "marshal", "shelve", "dill", "jsonpickle", "yaml"}
READS_XML = {"xml", "lxml", "ldap", "ldap3", "defusedxml"}
WEAK = {"md5", "sha1", "DES", "ARC4", "ECB", "new"}
OTHER_CRYPTOGRAPHY = {"Crypto", "OpenSSL", "nacl", "rsa"}
MAY_BE_RANDOM = {"services/run_due.py", "services/orders/push_row.py"}
"""Where chance only spreads work and nobody must guess it."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        if not NOT_IN_A_SHOP & set(inside.parts):
            yield inside.as_posix(), ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> set[str]:
    """The first word of everything that is imported."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def called(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """(last name, call) of every call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr, node
            elif isinstance(node.func, ast.Name):
                yield node.func.id, node


def test_nothing_runs_a_text_a_program_or_a_stored_object() -> None:
    wrong = []
    for name, tree in trees():
        wrong += [
            f"{name}: {each}"
            for each in imported(tree) & (RUNS_PROGRAMS | BUILDS_OBJECTS | READS_XML)
        ]
        for function, call in called(tree):
            is_re = isinstance(call.func, ast.Attribute) and ast.unparse(call.func) == "re.compile"
            if function in RUNS_TEXT and not is_re:
                wrong.append(f"{name}:{call.lineno}: {function}")
            if function in {"system", "popen", "spawnl", "execv"}:
                wrong.append(f"{name}:{call.lineno}: {function}")

    assert wrong == []


def test_no_statement_is_put_together_from_texts() -> None:
    wrong = []
    for name, tree in trees():
        if name.startswith("store/migrations/versions/"):
            continue  # constants of a release
        for function, call in called(tree):
            if function in {"text", "exec_driver_sql", "literal_column"} and call.args:
                is_sql = ast.unparse(call.func) in {"sa.text", "sa.literal_column"}
                is_constant = isinstance(call.args[0], ast.Constant)
                if (is_sql or function == "exec_driver_sql") and not is_constant:
                    wrong.append(f"{name}:{call.lineno}")

    assert wrong == []


def test_cryptography_is_the_librarys_and_nothing_weak() -> None:
    wrong = []
    for name, tree in trees():
        names = imported(tree)
        wrong += [f"{name}: {each}" for each in names & OTHER_CRYPTOGRAPHY]
        if "cryptography" in names and name not in {"vault.py", "config.py"}:
            wrong.append(f"{name}: cryptography is the vault's")
        if "random" in names and name not in MAY_BE_RANDOM:
            wrong.append(f"{name}: random")
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "hashlib":
                wrong += [f"{name}:{node.lineno}: {node.attr}"] if node.attr in WEAK else []
            if isinstance(node, ast.Attribute | ast.Name):
                last = node.attr if isinstance(node, ast.Attribute) else node.id
                if last in {"uuid1", "uuid3"}:
                    wrong.append(f"{name}:{node.lineno}: {last}")

    assert wrong == []


def test_no_script_of_ours_keeps_anything_in_the_browser_or_runs_a_text() -> None:
    """But for the moment of the last click, which tells the next page where to put the focus."""
    scripts = [path for path in (ROOT / "static" / "cova").glob("*.js") if path.is_file()]
    harmless = "sessionStorage.setItem(ACTED, String(Date.now()))"
    never = ("localStorage", "sessionStorage.setItem", "sessionStorage[", "indexedDB", "document.cookie", "eval(",
             "new Function", "innerHTML", "document.write", "insertAdjacentHTML")  # fmt: skip

    found = {
        path.name: [word for word in never if word in text]
        for path, text in ((path, path.read_text().replace(harmless, "")) for path in scripts)
    }

    assert found
    assert {name: words for name, words in found.items() if words} == {}


def test_only_the_client_of_cova_opens_connections() -> None:
    """The shop's machine asks nobody but COVA: links that COVA sends are never fetched."""
    network = {"requests", "urllib3", "http", "socket", "ftplib", "smtplib", "httpx", "aiohttp"}
    wrong = [
        f"{name}: {each}"
        for name, tree in trees()
        if not name.startswith("cova/")
        for each in imported(tree) & network
    ]

    # A worker's name is its machine's; the redaction quietens a library's log.
    assert [each for each in wrong if each != "wiring.py: socket"] == []


def test_no_other_origin_is_named_in_a_page() -> None:
    """Scripts and styles come with the package: nothing is loaded from elsewhere."""
    folders = [ROOT / "templates", *(PACKAGE / name for name in ("web",))]
    pages: list[Path] = [path for folder in folders for path in folder.rglob("*.html")]
    wrong = [
        f"{path.name}: {line.strip()[:80]}"
        for path in pages
        for line in path.read_text("utf-8").splitlines()
        if ("<script" in line or "<link" in line or "<img" in line) and "//" in line
    ]

    assert len(pages) > 20
    assert wrong == []
