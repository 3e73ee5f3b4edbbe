"""How long 1,000 open orders take to be asked about, and 500 queued ones to be sent."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiq_cova_plugin.cova.rate_limit import DEFAULT_CALLS_PER_MINUTE
from aiq_cova_plugin.simulator import Simulator

from tests.integration.orders.kit import Bench, make_ready, open_bench
from tests.integration.orders.many import fill
from tests.support.shop import ADA


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=int, default=1000, help="orders at the register")
    parser.add_argument("--queued", type=int, default=500, help="orders waiting to be sent")
    parser.add_argument("--database", help="an empty database's address; SQLite without it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Simulator(products=30, seed=1) as simulator:
        simulator.switches.update({"rate_limit_headers": False, "rate_limit_enforced": False})
        address = options.database or f"sqlite:///{Path(folder) / 'shop.db'}"
        make_ready(simulator, address)
        with open_bench(simulator, address) as bench:
            poll(bench, options.open)
            drain(bench, options.queued)


def poll(bench: Bench, number: int) -> None:
    """One slot of two minutes: as many passes as its minutes allow."""
    ids = fill(bench, number, age=timedelta(hours=1))
    for cova_id in ids[:: max(1, number // 100)]:
        bench.sim.register.complete(cova_id)
    before = len(bench.sim.requests())
    seconds, settled = [], 0
    for _ in range(2):
        began = time.perf_counter()
        settled += bench.poll(only_due=True).changed
        seconds.append(time.perf_counter() - began)
        bench.advance(61)
    calls = (len(bench.sim.requests()) - before) / 2
    share = 100 * calls / DEFAULT_CALLS_PER_MINUTE
    print(
        f"poll, {number:,} open orders: {', '.join(f'{each:.1f} s' for each in seconds)}; ", end=""
    )
    print(f"{settled} settled, {calls:.0f} calls a minute ({share:.0f} % of our quota)")


def drain(bench: Bench, number: int) -> None:
    """Everything that queued up during an outage, one worker, no limit but the machine's."""
    # What was completed before has been sold.
    bench.sim.register.set_stock(bench.sim.ordinary_products(1)[0], 10 * number)
    for each in range(number):
        person = {**ADA, "email": None, "phone": f"303-556-{each % 20:04}"}
        bench.place(f"queued-{each}", customer=person)
    before = len(bench.sim.requests())
    began = time.perf_counter()
    report = bench.push()
    seconds = time.perf_counter() - began
    calls = len(bench.sim.requests()) - before
    print(
        f"drain, {number:,} queued orders: {seconds:.1f} s, {seconds / number * 1000:.0f} ms each, ",
        end="",
    )
    print(f"{calls / number:.1f} calls each, {report.changed - report.needs_attention} arrived")


if __name__ == "__main__":
    main()
