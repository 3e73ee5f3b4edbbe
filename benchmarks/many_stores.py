"""A thousand stores on one machine: is every one fresh within its interval, and what is left?

COVA is simulated in a process of its own, one company for each store. The shop runs as in
production: the tick loop hands out what is due, the crews work it off. After every store's first
sync come as many rounds of the schedule as asked for; a store's freshness is the time between
two good syncs of it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import itertools

from aiq_cova_plugin.host import Store
from aiq_cova_plugin.services.run_due import run_due_catalogue_jobs, run_due_order_jobs

from tests.support.shop import Shop

SERVE = """
import json, sys, time
from tests.support.many_companies import ManyCompanies, connection_of
companies = ManyCompanies(int(sys.argv[1]), products=int(sys.argv[2]))
with companies.serving() as url:
    connections = [connection_of(each, url=url) | {"integrator_id": each.integrator_id,
                   "product": each.ordinary_products(1)[0]} for each in companies.simulators]
    print(json.dumps({"url": url, "connections": connections}), flush=True)
    while sys.stdin.readline():
        print(json.dumps([len(each.orders()) for each in companies.simulators]), flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=1000)
    parser.add_argument("--products", type=int, default=10, help="products of each store")
    parser.add_argument("--interval", type=float, default=600, help="seconds between two syncs")
    parser.add_argument("--minutes", type=float, default=22, help="how long to run")
    parser.add_argument("--orders-every", type=float, default=2, help="seconds between two orders")
    parser.add_argument("--workers", type=int, default=4, help="COVA_WORKERS")
    parser.add_argument("--database", default=None, help="an empty database; else an SQLite file")
    asked = parser.parse_args()
    cova = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVE, str(asked.stores), str(asked.products)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert cova.stdout is not None
        told = json.loads(cova.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            url = asked.database or f"sqlite:///{Path(folder) / 'shop.db'}"
            with closing(open_shop(url, told, asked)) as shop:
                measure(shop, told, asked, cova)
    finally:
        cova.terminate()
        cova.wait(20)


def open_shop(database_url: str, told: dict[str, Any], asked: argparse.Namespace) -> Shop:
    shop = Shop(
        database_url,
        COVA_API_URL=told["url"],
        COVA_TOKEN_URL=f"{told['url']}/v1/oauth2/token",
        COVA_SECRET_KEYS=Fernet.generate_key().decode(),
        COVA_SCHEDULER="none",
        COVA_CATALOG_INTERVAL_SECONDS=asked.interval,
        COVA_WORKERS=asked.workers,
        # What docs/operations.md asks of a host on SQLite.
        SQLALCHEMY_ENGINE_OPTIONS={"connect_args": {"timeout": 20}}
        if database_url.startswith("sqlite")
        else {},
    )
    if database_url.startswith("sqlite"):
        with shop.app.app_context(), shop.db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    shop.host.store_list = [
        Store(f"s{number}", f"Store {number}", "America/Denver", "US", "USD")
        for number in range(asked.stores)
    ]
    began = time.perf_counter()
    for number, connection in enumerate(told["connections"]):
        settings = {name: value for name, value in connection.items() if name != "product"}
        shop.cova.connect_store(
            shop.app, f"s{number}", check=False, enabled=True, sync_orders=True, **settings
        )
    print(f"{asked.stores} stores connected in {time.perf_counter() - began:.0f} s")
    return shop


def measure(shop: Shop, told: dict[str, Any], asked: argparse.Namespace, cova: Any) -> None:
    began, cpu_began = time.monotonic(), _cpu_seconds()
    end = began + asked.minutes * 60
    all_first = placed = ticks = 0
    longest_tick, slept = 0.0, 0.0
    next_order = began
    while (now := time.monotonic()) < end:
        tick_began = time.perf_counter()
        with shop.app.app_context():
            run_due_order_jobs(shop.services, wait="none")
            run_due_catalogue_jobs(shop.services, wait="none")
        ticks, longest_tick = ticks + 1, max(longest_tick, time.perf_counter() - tick_began)
        while next_order < now and all_first:
            number = placed * 7 % asked.stores
            product = told["connections"][number]["product"]
            shop.place(f"o{placed}", [(product, "A product", "1", "10")], store_id=f"s{number}")
            placed += 1
            next_order += asked.orders_every
        if not all_first and good_syncs(shop, at_least=1) >= asked.stores:
            all_first = time.monotonic()
            next_order = all_first
            print(f"first sync of all stores after {all_first - began:.0f} s", flush=True)
        time.sleep(2)
        slept += 2
    with shop.app.app_context():
        for crew in shop.services.crews.values():
            crew.wait_until_idle()
    report(shop, asked, seconds=time.monotonic() - began, cpu=_cpu_seconds() - cpu_began)
    print(f"  ticks {ticks}, longest {longest_tick:.2f} s; processors {os.cpu_count()}")
    print(f"  orders placed {placed}, in COVA {in_cova(cova)}")


def report(shop: Shop, asked: argparse.Namespace, *, seconds: float, cpu: float) -> None:
    gaps = [gap for gaps in _gaps(shop).values() for gap in gaps]
    runs = good_syncs(shop, at_least=None)
    print(f"{asked.stores} stores, {asked.products} products each, {seconds:.0f} s")
    print(f"  good syncs {runs}, {runs / seconds:.2f} a second; needed "
          f"{asked.stores / asked.interval:.2f} a second")  # fmt: skip
    if gaps:
        gaps.sort()
        print(f"  time between two syncs of a store: median {gaps[len(gaps) // 2]:.0f} s, "
              f"99 % {gaps[int(len(gaps) * 0.99)]:.0f} s, worst {gaps[-1]:.0f} s; "
              f"interval {asked.interval:.0f} s")  # fmt: skip
    with shop.app.app_context(), shop.db.engine.connect() as connection:
        bad = connection.execute(
            sa.text("select count(*) from cova_run where status not in ('succeeded', 'running')")
        ).scalar_one()
        waits = _order_waits(connection)
    print(f"  syncs that failed {bad}")
    if waits:
        print(f"  from confirmed to in COVA: median {waits[len(waits) // 2]:.1f} s, "
              f"worst {waits[-1]:.1f} s")  # fmt: skip
    print(f"  processor time {cpu:.0f} s: {100 * cpu / seconds:.0f} % of one processor")


def good_syncs(shop: Shop, *, at_least: int | None) -> int:
    """Good syncs altogether, or stores with at least so many."""
    with shop.app.app_context(), shop.db.engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "select store_id, count(*) as number_of_runs from cova_run "
                "where status = 'succeeded' group by store_id"
            )
        ).all()
    if at_least is None:
        return sum(row.number_of_runs for row in rows)
    return sum(row.number_of_runs >= at_least for row in rows)


def _gaps(shop: Shop) -> dict[str, list[float]]:
    from aiq_cova_plugin.store.models import Run

    ends: dict[str, list[Any]] = {}
    with shop.app.app_context(), shop.db.engine.connect() as connection:
        for row in connection.execute(
            sa.select(Run.store_id, Run.finished_at)
            .where(Run.status == "succeeded")
            .order_by(Run.finished_at)
        ):
            ends.setdefault(row.store_id, []).append(row.finished_at)
    return {
        store: [(late - early).total_seconds() for early, late in itertools.pairwise(all_)]
        for store, all_ in ends.items()
    }


def _order_waits(connection: Any) -> list[float]:
    from aiq_cova_plugin.store.models import Push

    rows = connection.execute(
        sa.select(Push.queued_at, Push.in_pos_at).where(Push.in_pos_at.is_not(None))
    )
    return sorted((row.in_pos_at - row.queued_at).total_seconds() for row in rows)


def in_cova(cova: Any) -> int:
    cova.stdin.write("\n")
    cova.stdin.flush()
    return sum(json.loads(cova.stdout.readline()))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
