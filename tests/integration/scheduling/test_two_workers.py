"""Two Celery workers, the beat, Redis and a database, as in production; one worker is killed.

The database is the truth: messages may be lost or come many times. What is started are the lines of
docs/deployment/Procfile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aiq_cova_plugin.scheduling.celery_tasks import (
    CATALOGUE_TASK,
    ORDERS_TASK,
    create_celery,
)
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import outbox

from tests.integration.scheduling.programs import Program, running, shop_environment, wait_until
from tests.support.connected import SECRET_KEY, connection_of
from tests.support.procfile import lay_out_shop, procfile_command
from tests.support.rabbitmq import find_rabbitmq, running_rabbitmq
from tests.support.requirements import missing
from tests.support.shop import Shop

pytestmark = [
    pytest.mark.redis,
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:kombu"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:redis"),
]

_LEASE_SECONDS = 8


@dataclass
class Site:
    """The shop, its COVA, and the settings its workers get."""

    shop: Shop
    sim: Simulator
    environment: dict[str, str]
    folder: Path
    broker_url: str

    def worker(self, number: int) -> Any:
        command = [*procfile_command("worker", folder=self.folder), "-n", f"w{number}@test"]
        return running(
            command, log=self.folder / f"worker-{number}.log", environment=self.environment
        )

    def beat(self) -> Any:
        command = procfile_command("beat", folder=self.folder)
        return running(command, log=self.folder / "beat.log", environment=self.environment)

    def place(self, *order_ids: str) -> None:
        for order_id, product in zip(order_ids, self.sim.ordinary_products(), strict=False):
            self.shop.place(order_id, [(product, "A product", "1", "10.00")])

    def owner(self) -> str:
        """The worker that has claimed an order, as `machine:process:…`; empty when none has."""
        with self.shop.app.app_context(), self.shop.services.database.short() as connection:
            owners = [push.lease_owner for push in outbox.pushes(connection)]
        return next((owner for owner in owners if owner), "")

    def states(self) -> Counter[str]:
        with self.shop.app.app_context(), self.shop.services.database.short() as connection:
            return Counter(push.state for push in outbox.pushes(connection))

    def assert_each_order_came_once(self, count: int) -> None:
        orders = self.sim.orders()
        assert len(orders) == count
        assert len({order["external_order_id"] for order in orders}) == count
        assert {order["received_puts"] for order in orders} == {1}
        assert len(self.sim.customers()) == len({str(each) for each in self.sim.customers()})


@pytest.fixture
def rabbitmq_url() -> Iterator[str]:
    """A RabbitMQ server of this test alone."""
    program = find_rabbitmq()
    if program is None:
        missing("RabbitMQ", "Run: sh scripts/install_system_packages.sh")
    with running_rabbitmq(program) as url:
        yield url


@pytest.fixture
def site(tmp_path: Path, postgres_url: str, redis_url: str) -> Iterator[Site]:
    with _site(tmp_path, postgres_url, redis_url) as made:
        yield made


@contextmanager
def _site(folder: Path, database_url: str, broker_url: str) -> Iterator[Site]:
    with Simulator(products=40, seed=1) as sim:
        config = {
            "COVA_API_URL": sim.url,
            "COVA_TOKEN_URL": sim.token_url,
            "COVA_INTEGRATOR_ID": sim.integrator_id,
            "COVA_SECRET_KEYS": SECRET_KEY,
            "COVA_SCHEDULER": "celery",
            "COVA_READ_TIMEOUT_SECONDS": _LEASE_SECONDS - 1,
            "COVA_LEASE_SECONDS": _LEASE_SECONDS,
            "COVA_TICK_SECONDS": 1,
            "CELERY": {
                "broker_url": broker_url,
                "broker_connection_retry_on_startup": True,
                "worker_hijack_root_logger": False,
            },
        }
        with closing(Shop(database_url, **config)) as shop:
            shop.cova.connect_store(
                shop.app, "s1", check=False, enabled=True, sync_orders=True, **connection_of(sim)
            )
            environment = shop_environment(database_url, config) | lay_out_shop(folder)
            yield Site(shop, sim, environment, folder, broker_url)
        assert sim.broken == []


def test_a_worker_killed_in_the_middle_of_an_order_costs_nothing(site: Site) -> None:
    _kill_one_in_the_middle(site)


def test_the_same_on_rabbitmq(tmp_path: Path, postgres_url: str, rabbitmq_url: str) -> None:
    with _site(tmp_path, postgres_url, rabbitmq_url) as site:
        _kill_one_in_the_middle(site)


def _kill_one_in_the_middle(site: Site) -> None:
    fault = site.sim.faults.add("submit_order", action="timeout_after_effect")
    order_ids = [f"o{number}" for number in range(10)]
    with site.worker(1) as one, site.worker(2) as two, site.beat():
        wait_until(lambda: bool(site.shop.products()), what="the first sync")
        site.place(*order_ids)
        wait_until(lambda: fault.hits == 1, what="a submission that hangs")

        victim = _victim(site, one, two)
        victim.kill()

        try:
            wait_until(lambda: site.states() == {"in_pos": 10}, what="all orders in COVA")
        except AssertionError as exc:
            raise AssertionError(f"{site.states()}\n{one.said()}\n{two.said()}") from exc

    site.assert_each_order_came_once(10)


def _victim(site: Site, one: Program, two: Program) -> Program:
    """Whichever worker has the order that hangs."""
    pid = int(site.owner().split(":")[1])
    return {one.pid: one, two.pid: two}[pid]


def test_messages_may_be_lost_or_doubled(site: Site) -> None:
    import redis

    celery_app: Any = create_celery(site.shop.app)
    with site.worker(1), site.worker(2), site.beat():
        wait_until(lambda: bool(site.shop.products()), what="the first sync")
        site.place("o1", "o2", "o3")
        for _ in range(20):
            celery_app.send_task(ORDERS_TASK)
            celery_app.send_task(CATALOGUE_TASK)
        wait_until(lambda: site.states() == {"in_pos": 3}, what="three orders in COVA")

        site.place("o1x", "o2x", "o3x")
        with closing(redis.Redis.from_url(site.broker_url)) as broker:
            broker.delete("celery", "unacked", "unacked_index")
        wait_until(lambda: site.states() == {"in_pos": 6}, what="six orders in COVA")
    celery_app.close()

    site.assert_each_order_came_once(6)
