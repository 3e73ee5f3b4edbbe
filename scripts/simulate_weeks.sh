#!/bin/sh
# Plays seeds of the simulation until one fails, all are played, or the time is up.
#   sh scripts/simulate_weeks.sh PYTHON OPTIONS…   (the options of `python -m tests.simulation`)
set -eu

python=$1
shift

# A fixed order of sets, so that nothing but the seed decides what happens.
PYTHONHASHSEED=0
export PYTHONHASHSEED

exec "$python" -m tests.simulation "$@"
