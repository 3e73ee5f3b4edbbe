#!/bin/sh
# Asks whether a security advisory stands against what we install.
#
# A known vulnerability fails. Where the advisory service cannot be reached this is said plainly and
# passes, since our code cannot change it.
#
# Usage: audit_dependencies.sh ENVIRONMENT
set -eu

bin=$1/bin
report=$(mktemp)
errors=$(mktemp)
trap 'rm -f "$report" "$errors"' EXIT

echo "Looking up security advisories for what is installed."
"$bin/pip-audit" --skip-editable --progress-spinner off --timeout 15 \
    --format json --output "$report" >/dev/null 2>"$errors" </dev/null || true

"$bin/python" - "$report" "$errors" <<'PYTHON'
import json
import sys
from pathlib import Path

report, errors = (Path(name).read_text("utf-8") for name in sys.argv[1:])
if not report.strip():
    last_line = (errors.strip().splitlines() or ["no reason given"])[-1]
    print(f"NOT AUDITED: the advisory service did not answer ({last_line[:200]}).")
    sys.exit(0)

packages = json.loads(report)["dependencies"]
audited = [package for package in packages if "vulns" in package]
vulnerable = [package for package in audited if package["vulns"]]
for package in vulnerable:
    for vulnerability in package["vulns"]:
        fixed_in = ", ".join(vulnerability["fix_versions"]) or "no release yet"
        print(f"VULNERABLE: {package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed_in}")
unknown = len(packages) - len(audited)
if not audited:
    print(f"NOT AUDITED: no advisory service knew any of the {unknown} packages. Is one reachable?")
    sys.exit(0)
print(f"{len(audited)} packages audited, {len(vulnerable)} vulnerable, {unknown} could not be looked up.")
sys.exit(1 if vulnerable else 0)
PYTHON
