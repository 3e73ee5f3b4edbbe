"""How long `CovaPlugin.reserve` takes, alone and with many shoppers after the same product."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiq_cova_plugin.host import InsufficientStock, OrderLine
from aiq_cova_plugin.simulator import Simulator

from tests.support.shop import Shop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shoppers", type=int, default=50)
    parser.add_argument("--database", help="a database address; SQLite in a file without it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Simulator(products=20, seed=1) as simulator:
        address = options.database or f"sqlite:///{Path(folder) / 'shop.db'}"
        measure(address, simulator, options.shoppers)


def measure(address: str, simulator: Any, shoppers: int) -> None:
    shop = Shop(
        address,
        COVA_API_URL=simulator.url,
        COVA_TOKEN_URL=simulator.token_url,
        COVA_SECRET_KEYS=Fernet.generate_key().decode(),
        COVA_SCHEDULER="none",
    )
    names = ("company_id", "location_id", "username", "password", "client_id", "client_secret")
    settings = {name: getattr(simulator, name) for name in names}
    shop.cova.connect_store(shop.app, "s1", **settings, enabled=True)
    shop.run("sync", "--store", "s1")
    product, units = next(
        (product_id, int(Decimal(fields["quantity"])))
        for product_id, fields in shop.products().items()
        if Decimal(fields.get("quantity") or 0) >= 10
    )

    def buy(number: int) -> tuple[float, bool]:
        began = time.perf_counter()
        line = OrderLine(product, "A product", Decimal(1), Decimal("10.00"))
        with shop.app.app_context():
            try:
                shop.cova.reserve("s1", f"order-{number}", [line])
                shop.db.session.commit()
                is_held = True
            except InsufficientStock:
                shop.db.session.rollback()
                is_held = False
        return time.perf_counter() - began, is_held

    alone = [buy(number)[0] for number in range(5)]
    with ThreadPoolExecutor(shoppers) as pool:
        crowd = list(pool.map(buy, range(5, 5 + shoppers)))
    seconds = [each for each, _held in crowd]
    held = 5 + sum(is_held for _seconds, is_held in crowd)
    print(f"{units} units, {5 + shoppers} shoppers: {held} held")
    print(f"  alone, median          {statistics.median(alone) * 1000:7.1f} ms")
    print(f"  in the crowd, median   {statistics.median(seconds) * 1000:7.1f} ms")
    print(
        f"  in the crowd, 95 %     {sorted(seconds)[int(len(seconds) * 0.95) - 1] * 1000:7.1f} ms"
    )
    print(f"  in the crowd, slowest  {max(seconds) * 1000:7.1f} ms")
    shop.close()


if __name__ == "__main__":
    main()
