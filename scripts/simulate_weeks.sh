#!/bin/sh
# Plays seeds of the simulation until one fails, all are played, or the time is up.
#   sh scripts/simulate_weeks.sh PYTHON SEEDS HOURS [MINUTES]
set -eu

python=$1 seeds=$2 hours=$3 minutes=${4:-}

# A fixed order of sets, so that nothing but the seed decides what happens.
PYTHONHASHSEED=0
export PYTHONHASHSEED

if [ -n "$minutes" ]; then
    exec "$python" -m tests.simulation --seeds "$seeds" --hours "$hours" --minutes "$minutes"
fi
exec "$python" -m tests.simulation --seeds "$seeds" --hours "$hours"
