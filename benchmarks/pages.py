"""How long the staff pages take with a big store behind them, and with a small one.

A page is sent whole, so the time until it is made is the time until its first byte. Measured
without a browser and without a network.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store.models import AuditEntry, PushEvent, Run, RunIssue

from tests.integration.orders.kit import Bench, make_ready, open_bench
from tests.integration.orders.many import fill

PAGES = (
    "", "products", "products?page=40", "products?q=blue", "orders", "orders?page=10",
    "orders?q=MANY-7", "orders/many-2", "runs", "runs/{run}", "activity", "activity?page=100",
    "holds", "settings", "pos-settings", "order-settings", "preview", "reconcile",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=5_000)
    parser.add_argument("--orders", type=int, default=1_000)
    parser.add_argument("--log-rows", type=int, default=100_000, help="acts, and steps of orders")
    parser.add_argument("--times", type=int, default=20, help="how often each page is asked for")
    parser.add_argument("--database", help="an empty database's address; SQLite without it")
    asked = parser.parse_args()
    small = measure(100, 20, 100, asked.times, None)
    big = measure(asked.products, asked.orders, asked.log_rows, asked.times, asked.database)
    print(f"{asked.products:,} products, {asked.orders:,} orders, {asked.log_rows:,} log rows; "
          f"in brackets 100, 20 and 100")  # fmt: skip
    for page, seconds in big.items():
        p95 = sorted(seconds)[int(len(seconds) * 0.95) - 1]
        before = statistics.median(small[page])
        median = statistics.median(seconds)
        print(f"  {'/' + page:20} median {median * 1000:6.0f} ms ({before * 1000:4.0f} ms, "
              f"{median / before:4.1f} times), 95 % {p95 * 1000:6.0f} ms")  # fmt: skip


def measure(
    products: int, orders: int, log_rows: int, times: int, database: str | None
) -> dict[str, list[float]]:
    """dict: page → seconds of each time it was asked for."""
    with tempfile.TemporaryDirectory() as folder, Simulator(products=products, seed=1) as simulator:
        simulator.switches.update({"rate_limit_headers": False, "rate_limit_enforced": False})
        address = database or f"sqlite:///{Path(folder) / 'shop.db'}"
        make_ready(simulator, address)
        with open_bench(simulator, address) as bench:
            code, report = bench.command("sync", "--store", "s1", "--full")
            assert code == 0, report
            fill(bench, orders, age=timedelta(hours=1))
            run_id = report["stores"][0]["run_id"]
            add_log_rows(bench, run_id, log_rows)
            return {page: ask(bench, page.format(run=run_id), times) for page in PAGES}


def ask(bench: Bench, page: str, times: int) -> list[float]:
    client = bench.shop.app.test_client()
    seconds = []
    for _ in range(times + 1):
        began = time.perf_counter()
        answer = client.get(f"/cova/s1/{page}")
        seconds.append(time.perf_counter() - began)
        assert answer.status_code == 200, f"{page}: {answer.status}"
    # The first time Jinja compiles the templates.
    return seconds[1:]


def add_log_rows(bench: Bench, run_id: str, number: int) -> None:
    """Years of acts and of steps of orders, two years of runs, a run with many complaints."""
    now = bench.clock.now()
    with bench.shop.app.app_context(), bench.ctx.database.short() as connection:
        pushes = connection.execute(sa.text("select id from cova_push")).scalars().all()
        run = connection.execute(sa.select(Run.__table__).where(Run.id == run_id)).mappings().one()
        for first in range(0, number, 1000):
            numbers = range(first, min(first + 1000, number))
            connection.execute(
                sa.insert(AuditEntry),
                [
                    {"store_id": "s1", "at": now - timedelta(minutes=each), "actor": "Ada Example",
                     "action": "settings_saved", "subject": "s1", "detail": {}}
                    for each in numbers
                ],
            )  # fmt: skip
            connection.execute(
                sa.insert(PushEvent),
                [
                    {"push_id": pushes[each % len(pushes)], "at": now - timedelta(minutes=each),
                     "event": "queued", "detail": "Waiting to be sent."}
                    for each in numbers
                ],
            )  # fmt: skip
        connection.execute(
            sa.insert(Run),
            [
                {**run, "id": str(uuid4()), "started_at": now - timedelta(minutes=10 * each)}
                for each in range(1, number // 10)
            ],
        )
        connection.execute(
            sa.insert(RunIssue),
            [
                {"run_id": run_id, "cova_product_id": str(uuid4()), "field": "labs",
                 "reason": "The unit of this specification is not known."}
                for _ in range(number // 50)
            ],
        )  # fmt: skip


if __name__ == "__main__":
    main()
