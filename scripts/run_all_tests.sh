#!/bin/sh
# All tests: run_all_tests.sh BIN [arguments for the tests that are not played weeks]
# The played weeks compute and wait for nothing, so they run beside the others; what they said
# comes at the end. Fails when either fails.
set -u
bin=$1
shift
said=$(mktemp)
"$bin/pytest" -q tests/simulation >"$said" 2>&1 &
weeks=$!
trap 'kill "$weeks" 2>/dev/null; rm -f "$said"' EXIT

status=0
"$bin/pytest" --ignore=tests/simulation "$@" || status=$?

echo
echo "The played weeks (tests/simulation), which ran meanwhile:"
wait "$weeks" || status=$?
cat "$said"
exit "$status"
