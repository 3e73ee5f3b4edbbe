"""Once a day COVA's fields overwrite what was edited in the shop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet

from aiq_cova_plugin.clock import FixedClock, SystemClock
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.simulator import Simulator

from tests.support.shop import Shop, ShopProduct


@pytest.fixture
def shop(sqlite_url: str) -> Iterator[Shop]:
    with Simulator(products=20, seed=1) as simulator:
        shop = Shop(
            sqlite_url,
            COVA_API_URL=simulator.url,
            COVA_TOKEN_URL=simulator.token_url,
            COVA_SECRET_KEYS=Fernet.generate_key().decode(),
            COVA_SCHEDULER="none",
        )
        names = (
            "company_id",
            "location_id",
            "username",
            "password",
            "client_id",
            "client_secret",
        )
        settings = {name: getattr(simulator, name) for name in names}
        shop.cova.connect_store(shop.app, "s1", **settings, enabled=True)
        yield shop
        shop.close()


def run(shop: Shop, *, at: FixedClock, trigger: str) -> Any:
    with shop.app.app_context():
        return sync_catalog(replace(shop.services, clock=at), "s1", trigger=trigger)


def test_an_edit_in_the_shop_is_overwritten_by_the_next_daily_pass(shop: Shop) -> None:
    clock = FixedClock(SystemClock().now())
    run(shop, at=clock, trigger="schedule")
    product_id, before = next(iter(shop.products().items()))
    with shop.app.app_context():
        row = shop.db.session.get_one(ShopProduct, ("s1", product_id))
        row.fields = {**row.fields, "name": "Typed by staff"}
        shop.db.session.commit()

    clock.advance(timedelta(hours=25).total_seconds())
    report = run(shop, at=clock, trigger="schedule")

    assert report.mode == "full"
    assert report.status == "succeeded"
    assert shop.products()[product_id]["name"] == before["name"]
