"""The same services through a real Celery worker on a real Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet

from aiq_cova_plugin.scheduling.celery_tasks import (
    CATALOGUE_TASK,
    ORDERS_TASK,
    create_celery,
)
from aiq_cova_plugin.simulator import Simulator

from tests.support.shop import Shop

pytestmark = pytest.mark.redis


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(products=20, seed=1) as simulator:
        yield simulator


@pytest.fixture
def shop(sqlite_url: str, simulator: Simulator, redis_url: str) -> Iterator[Shop]:
    shop = Shop(
        sqlite_url,
        COVA_API_URL=simulator.url,
        COVA_TOKEN_URL=simulator.token_url,
        COVA_INTEGRATOR_ID=simulator.integrator_id,
        COVA_SECRET_KEYS=Fernet.generate_key().decode(),
        COVA_SCHEDULER="celery",
        CELERY={
            "broker_url": redis_url,
            "worker_hijack_root_logger": False,
            "broker_connection_retry_on_startup": True,
        },
    )
    shop.cova.connect_store(
        shop.app,
        "s1",
        company_id=simulator.company_id,
        location_id=simulator.location_id,
        username=simulator.username,
        password=simulator.password,
        client_id=simulator.client_id,
        client_secret=simulator.client_secret,
        enabled=True,
        sync_orders=True,
    )
    yield shop
    shop.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:kombu")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:redis")
def test_a_worker_syncs_the_menu_and_sends_an_order(shop: Shop, simulator: Simulator) -> None:
    from celery.contrib.testing.worker import start_worker

    celery_app: Any = create_celery(shop.app)
    product = simulator.ordinary_products(1)[0]

    with start_worker(celery_app, pool="solo", perform_ping_check=False):
        celery_app.send_task(CATALOGUE_TASK)
        _wait_until(lambda: bool(shop.products()))
        shop.place("o1", [(product, "A product", "1", "20.00")])
        # Doubled messages are harmless.
        celery_app.send_task(ORDERS_TASK)
        celery_app.send_task(ORDERS_TASK)
        _wait_until(lambda: bool(simulator.orders()))
        celery_app.send_task(ORDERS_TASK)
        time.sleep(0.3)

    (order,) = simulator.orders()
    assert order["external_order_id"] == "WEB-o1"
    assert order["received_puts"] == 1


def test_the_beat_nudges_both_kinds_of_work(shop: Shop) -> None:
    celery_app: Any = create_celery(shop.app)

    tasks = {entry["task"] for entry in celery_app.conf.beat_schedule.values()}

    assert tasks == {ORDERS_TASK, CATALOGUE_TASK}


def _wait_until(condition: Any, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
