"""How much memory a catalogue sync needs at its peak, for catalogues of several sizes.

Each sync runs in a process of its own, so that its peak is its own. What the process needs before
it syncs is measured too: the difference is what the catalogue costs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from catalogue_sync import RUN_SIMULATOR
from cryptography.fernet import Fernet

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiq_cova_plugin.services.catalogue.sync_catalog import preview_sync, sync_catalog

from tests.support.shop import Shop

PASSES = ("preview of everything", "first sync", "full, nothing changed", "full, all changed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, nargs="+", default=[1_000, 10_000, 25_000])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        sync_once(**json.loads(asked.child))
        return
    peaks: dict[str, list[tuple[int, float]]] = {}
    for products in asked.products:
        for name, measured in measure(products):
            peaks.setdefault(name, []).append((products, measured["peak"] - measured["before"]))
    for name, sizes in peaks.items():
        (small, low), (large, high) = sizes[0], sizes[-1]
        if large > small:
            each = (high - low) / (large - small) * 1024
            print(f"{name}: {each:.1f} KiB for each product more; {large / small:.0f} times the "
                  f"products, {high / low:.1f} times the memory")  # fmt: skip


def measure(products: int) -> list[tuple[str, dict[str, float]]]:
    """Every pass over a catalogue of this size; MiB before and at the peak."""
    print(f"{products:,} products, SQLite")
    simulator = subprocess.Popen(
        [sys.executable, "-c", RUN_SIMULATOR, str(products)], stdout=subprocess.PIPE, text=True
    )
    measured = []
    try:
        assert simulator.stdout is not None
        connection = json.loads(simulator.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            shared = {"folder": folder, "connection": connection,
                      "key": Fernet.generate_key().decode()}  # fmt: skip
            for name in PASSES:
                child = json.dumps(shared | {"name": name})
                answer = json.loads(
                    subprocess.run(
                        [sys.executable, __file__, "--child", child],
                        check=True, stdout=subprocess.PIPE, text=True,
                    ).stdout.splitlines()[-1]
                )  # fmt: skip
                measured.append((name, answer))
                print(f"  {name:24} before {answer['before']:6.0f} MiB, peak "
                      f"{answer['peak']:6.0f} MiB, {answer['seconds']:6.1f} s, "
                      f"{answer['status']}")  # fmt: skip
    finally:
        simulator.terminate()
        simulator.wait(10)
    return measured


def sync_once(folder: str, connection: dict[str, Any], key: str, name: str) -> None:
    """In the child: one pass; prints what it needed."""
    shop = Shop(
        f"sqlite:///{Path(folder) / 'shop.db'}",
        COVA_API_URL=connection["url"],
        COVA_TOKEN_URL=connection["token_url"],
        COVA_SECRET_KEYS=key,
        COVA_SCHEDULER="none",
    )
    if name == PASSES[0]:
        names = ("company_id", "location_id", "username", "password", "client_id", "client_secret")
        settings = {each: connection[each] for each in names}
        shop.cova.connect_store(shop.app, "s1", **settings, enabled=True)
    with shop.app.app_context():
        if name == PASSES[3]:
            with shop.services.database.short() as database:
                database.exec_driver_sql("update cova_product set raw_hash = ''")
        before = _peak_mib()
        began = time.perf_counter()
        work = preview_sync if name == PASSES[0] else sync_catalog
        report = work(shop.services, "s1", full=True)
    answer = {"before": before, "peak": _peak_mib(), "status": report.status}
    print(json.dumps(answer | {"seconds": time.perf_counter() - began}))
    shop.close()


def _peak_mib() -> float:
    """The most this process has needed so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    main()
