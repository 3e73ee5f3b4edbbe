"""The demo shop proves its `Host` with the kit that every host developer is given."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from aiq_cova_plugin.demo.host import DemoHost
from aiq_cova_plugin.demo.models import Order, OrderLine, db, utc_now
from aiq_cova_plugin.testing import HostConformance


class TestDemoHost(HostConformance):
    """Every test of the kit, against `DemoHost`."""

    @pytest.fixture
    def app(self, app: Flask) -> Flask:
        return app

    @pytest.fixture
    def db(self) -> Any:
        return db

    @pytest.fixture
    def host(self) -> DemoHost:
        return DemoHost()

    @pytest.fixture
    def store_id(self) -> str:
        return "1"

    def confirmed_order(self, store_id: str) -> str:
        order = Order(
            store_id=int(store_id),
            number="GH-TEST22",
            token="token",
            status="confirmed",
            confirmed_at=utc_now(),
            first_name="Ada",
            last_name="Keel",
            phone="+13035550142",
            lines=[
                OrderLine(
                    cova_product_id="11111111-2222-4333-8444-555555555555",
                    name="Pier Haze",
                    quantity=Decimal(2),
                    line_total=Decimal("25.00"),
                )
            ],
        )
        db.session.add(order)
        db.session.commit()
        return str(order.id)
