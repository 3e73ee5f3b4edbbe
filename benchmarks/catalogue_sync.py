"""How long a catalogue sync takes: first, unchanged, and with one product in a hundred changed."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiq_cova_plugin.services.catalogue.sync_catalog import SyncReport, sync_catalog

from tests.support.shop import Shop

RUN_SIMULATOR = """
import json, sys
from aiq_cova_plugin.simulator import run_simulator
run_simulator(port=0, products=int(sys.argv[1]), seed=1,
              announce=lambda connection: print(json.dumps(connection), flush=True))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=10_000)
    products = parser.parse_args().products
    simulator = subprocess.Popen(
        [sys.executable, "-c", RUN_SIMULATOR, str(products)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert simulator.stdout is not None
        connection = json.loads(simulator.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), connection, products)
    finally:
        simulator.terminate()
        simulator.wait(10)


def measure(folder: Path, connection: dict[str, Any], products: int) -> None:
    shop = Shop(
        f"sqlite:///{folder / 'shop.db'}",
        COVA_API_URL=connection["url"],
        COVA_TOKEN_URL=connection["token_url"],
        COVA_SECRET_KEYS=Fernet.generate_key().decode(),
        COVA_SCHEDULER="none",
    )
    names = ("company_id", "location_id", "username", "password", "client_id", "client_secret")
    settings = {name: connection[name] for name in names}
    shop.cova.connect_store(shop.app, "s1", **settings, enabled=True)

    def full() -> SyncReport:
        with shop.app.app_context():
            return sync_catalog(shop.services, "s1", full=True)

    def increment() -> SyncReport:
        with shop.app.app_context():
            return sync_catalog(shop.services, "s1")

    print(f"{products} products, SQLite, simulator in its own process")
    first = timed("first sync, everything new", full)
    unchanged = timed("full pass, nothing changed", full)
    touch_some(shop, products // 100)
    timed("full pass, 1 % to be mapped again", full)
    timed("increment, nothing changed", increment)
    print(f"an unchanged product costs {unchanged / first:.2f} of a new one")
    shop.close()


def timed(name: str, work: Callable[[], SyncReport]) -> float:
    began = time.perf_counter()
    report = work()
    seconds = time.perf_counter() - began
    touched = report.created + report.updated + report.hidden
    print(
        f"  {name:36} {seconds:7.2f} s  {report.api_calls:3} calls  "
        f"{touched:6} written  {report.status}"
    )
    return seconds


def touch_some(shop: Shop, how_many: int) -> None:
    """Forget what COVA last said of some products, as if COVA had changed them."""
    with shop.app.app_context(), shop.services.database.short() as connection:
        ids = [
            row[0] for row in connection.exec_driver_sql("select cova_product_id from cova_product")
        ]
        for product_id in random.Random(1).sample(ids, how_many):
            connection.exec_driver_sql(
                "update cova_product set raw_hash = '' where cova_product_id = ?", (product_id,)
            )


if __name__ == "__main__":
    main()
