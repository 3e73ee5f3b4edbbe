"""`python -m tests.simulation`: plays seeds and tells the first one that breaks a promise."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.stage import Stage
from tests.simulation.weeks import play


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make simulate-weeks", description=__doc__)
    parser.add_argument("--seeds", default="1-20", help="one seed, or first-last")
    parser.add_argument("--hours", type=float, default=168.0, help="hours of each seed's world")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes of ours")
    parser.add_argument("--keep-going", action="store_true", help="play on after a failure")
    parser.add_argument("--journal", action="store_true", help="print the journal in any case")
    chosen = parser.parse_args(arguments)
    first, _, last = chosen.seeds.partition("-")
    began, failed, hours = time.monotonic(), 0, 0.0
    stage = Stage()
    try:
        for seed in range(int(first), int(last or first) + 1):
            if chosen.minutes and time.monotonic() - began > chosen.minutes * 60:
                break
            outcome = play(stage, seed, chosen.hours)
            hours += chosen.hours
            if chosen.journal:
                print("\n".join(outcome.journal))
            if outcome.failure is None:
                print(
                    f"seed {seed}: all promises kept in {outcome.acts} acts "
                    f"({outcome.seconds:.1f} s, {outcome.fingerprint})",
                    flush=True,
                )
                continue
            failed += 1
            print(outcome.told(), flush=True)
            if not chosen.keep_going:
                break
    finally:
        stage.close()
    took = time.monotonic() - began
    print(f"{hours:g} store-hours in {took:.0f} seconds, {failed} seed(s) failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
