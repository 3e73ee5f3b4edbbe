"""`python -m tests.simulation`: plays seeds and tells the first one that breaks a promise."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

from tests.simulation.processes import play_elsewhere
from tests.simulation.stage import Stage
from tests.simulation.weeks import CALM, STORMY, Outcome, play, stores_of
from tests.support.databases import ON_POSTGRES
from tests.support.postgres import find_postgres_programs, running_postgres

ANY = "any"
"""Seeds nobody has played before: from a number picked now, on and on."""


def main(arguments: list[str] | None = None) -> int:
    chosen = _parse(arguments)
    first, last = _bounds(chosen.seeds)
    print(f"Playing from seed {first} in {chosen.weather} weather.", flush=True)
    began, failed, hours = time.monotonic(), 0, 0.0
    ends_at = None if chosen.minutes is None else began + chosen.minutes * 60
    for outcome in _outcomes(chosen, iter(range(first, last + 1)), ends_at):
        hours += outcome.hours * stores_of(outcome.seed)
        if chosen.journal:
            print("\n".join(outcome.journal))
        if outcome.failure is None:
            print(
                f"seed {outcome.seed}: all promises kept in {outcome.acts} acts "
                f"({outcome.seconds:.1f} s, {outcome.fingerprint})",
                flush=True,
            )
            continue
        failed += 1
        print(outcome.told(), flush=True)
        if not chosen.keep_going:
            break
    took = time.monotonic() - began
    print(
        f"{hours:g} store-hours in {took:.0f} seconds ({hours / max(took, 0.001) * 60:.0f} a minute), "
        f"{failed} seed(s) failed"
    )
    return 1 if failed else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate-weeks", description=__doc__)
    parser.add_argument("--seeds", default="1-20", help="one seed, first-last, or any")
    parser.add_argument("--hours", type=float, default=168.0, help="hours of each seed's world")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes of ours")
    parser.add_argument("--weather", choices=(STORMY, CALM), default=STORMY)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--keep-going", action="store_true", help="play on after a failure")
    parser.add_argument("--journal", action="store_true", help="print the journal in any case")
    return parser.parse_args(arguments)


def _bounds(seeds: str) -> tuple[int, int]:
    if seeds == ANY:
        first = random.SystemRandom().randrange(10**9)
        return first, first + 10**9
    first_text, _, last_text = seeds.partition("-")
    return int(first_text), int(last_text or first_text)


def _outcomes(
    chosen: argparse.Namespace, seeds: Iterator[int], ends_at: float | None
) -> Iterator[Outcome]:
    """One after the other, or in as many processes as were asked for, as they are ready."""
    if ON_POSTGRES or chosen.jobs == 1 or chosen.seeds.isdigit():
        with _stage() as stage:
            for seed in seeds:
                if ends_at is not None and time.monotonic() > ends_at:
                    return
                yield play(stage, seed, chosen.hours, weather=chosen.weather)
        return
    with ProcessPoolExecutor(chosen.jobs, get_context("spawn")) as pool:
        submit = partial(pool.submit, play_elsewhere, hours=chosen.hours, weather=chosen.weather)
        waiting: set[Future[Outcome]] = set()
        try:
            for seed in seeds:
                if ends_at is not None and time.monotonic() > ends_at:
                    break
                waiting.add(submit(seed))
                if len(waiting) >= chosen.jobs:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from sorted((each.result() for each in done), key=lambda each: each.seed)
            for each in waiting:
                yield each.result()
        finally:
            for each in waiting:
                each.cancel()


@contextmanager
def _stage() -> Iterator[Stage]:
    """A stage on the database that was asked for, closed afterwards."""
    if not ON_POSTGRES:
        stage = Stage()
        try:
            yield stage
        finally:
            stage.close()
        return
    programs = find_postgres_programs()
    if programs is None:
        sys.exit("PostgreSQL is not installed. Run: sh scripts/install_system_packages.sh")
    with running_postgres(programs) as server, server.database() as url:
        stage = Stage(url)
        try:
            yield stage
        finally:
            stage.close()


if __name__ == "__main__":
    sys.exit(main())
