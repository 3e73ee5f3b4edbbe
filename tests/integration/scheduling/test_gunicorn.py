"""Several gunicorn workers with the embedded scheduler on one database, with no configuration.

What is started are the lines of docs/deployment/Procfile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import outbox, runs

from tests.integration.scheduling.programs import Program, running, shop_environment, wait_until
from tests.support.connected import SECRET_KEY, connection_of
from tests.support.ports import free_port
from tests.support.procfile import lay_out_shop, procfile_command
from tests.support.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def cova() -> Iterator[Simulator]:
    with Simulator(products=40, seed=1) as simulator:
        yield simulator
    assert simulator.broken == []


def test_three_workers_do_everything_once(
    database_url: str, cova: Simulator, tmp_path: Path
) -> None:
    config = {
        "COVA_API_URL": cova.url,
        "COVA_TOKEN_URL": cova.token_url,
        "COVA_INTEGRATOR_ID": cova.integrator_id,
        "COVA_SECRET_KEYS": SECRET_KEY,
        "COVA_CATALOG_INTERVAL_SECONDS": 4,
        "COVA_TICK_SECONDS": 0.5,
    }
    port = free_port()
    command = procfile_command("web", folder=tmp_path, port=port)
    with closing(Shop(database_url, **config)) as shop:
        shop.cova.connect_store(
            shop.app, "s1", check=False, enabled=True, sync_orders=True, **connection_of(cova)
        )
        log = tmp_path / "gunicorn.log"
        environment = shop_environment(database_url, config) | lay_out_shop(tmp_path)
        with running(
            procfile_command("release", folder=tmp_path),
            log=tmp_path / "release.log",
            environment=environment,
        ) as release:
            assert release.ended_with() == 0, release.said()
        with running(command, log=log, environment=environment) as web:
            wait_until(lambda: answers(port), what=f"an answer: {web.said()}")
            for number, product in enumerate(cova.ordinary_products(12)):
                shop.place(f"o{number}", [(product, "A product", "1", "10.00")])
            wait(web, lambda: states(shop) == {"in_pos": 12}, "all orders in COVA")
            wait(web, lambda: len(good_runs(shop)) >= 3, "three syncs")

        assert len(cova.orders()) == 12
        assert {order["received_puts"] for order in cova.orders()} == {1}
        # Every due time had one run, and no two of them at once.
        spans = sorted((run.started_at, run.finished_at) for run in good_runs(shop))
        assert all(early[1] <= late[0] for early, late in pairwise(spans))
        assert "Traceback" not in log.read_text()


def wait(web: Program, condition: object, what: str) -> None:
    try:
        wait_until(condition, what=what)  # type: ignore[arg-type]
    except AssertionError as exc:
        raise AssertionError(f"{exc}\n{web.said()}") from exc


def answers(port: int) -> bool:
    try:
        url = f"http://127.0.0.1:{port}/cova/health"
        return requests.get(url, timeout=5).status_code in (200, 503)
    except requests.RequestException:
        return False


def states(shop: Shop) -> Counter[str]:
    with shop.app.app_context(), shop.services.database.short() as connection:
        return Counter(push.state for push in outbox.pushes(connection))


def good_runs(shop: Shop) -> list[runs.Run]:
    with shop.app.app_context(), shop.services.database.short() as connection:
        found = runs.runs_of(connection, "s1", limit=200)
    return [run for run in found if run.status == "succeeded"]
