"""The demo shop proves its `Host` with the kit that every host developer is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from aiq_cova_plugin.demo.host import DemoHost
from aiq_cova_plugin.demo.models import Order, OrderLine, StaffUser, db, utc_now
from aiq_cova_plugin.demo.staff_access import sign_in
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


class _Forgetful(DemoHost):
    """Reads products back without their prices' cents."""

    def current_products(
        self, store_id: str, cova_product_ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        found = super().current_products(store_id, cova_product_ids)
        return {each: {**fields, "price": Decimal(1)} for each, fields in found.items()}


class _Plain:
    """The host with no more than it must have."""

    def __init__(self) -> None:
        whole = DemoHost()
        for name in vars(DemoHost):
            if not name.startswith("_") and name not in {"current_products", "current_user"}:
                setattr(self, name, getattr(whole, name))


def test_the_kit_finds_a_host_that_reads_back_something_else(app: Flask) -> None:
    with pytest.raises(AssertionError, match="price"):
        HostConformance().test_what_was_written_is_read_back(app, db, _Forgetful(), "1")


def test_the_kit_skips_with_a_reason_what_a_host_does_not_offer(app: Flask) -> None:
    plain: Any = _Plain()

    for test, member in (
        (HostConformance().test_what_was_written_is_read_back, "current_products"),
        (HostConformance().test_reading_back_follows_the_last_change, "current_products"),
    ):
        with pytest.raises(pytest.skip.Exception, match=member):
            test(app, db, plain, "1")
    with pytest.raises(pytest.skip.Exception, match="current_user"):
        HostConformance().test_nobody_is_named_without_logging_in(app, plain)
    HostConformance().test_categories_have_text_ids(app, plain, "1")


def test_the_one_who_is_signed_in_is_named(app: Flask) -> None:
    with app.test_request_context("/"):
        sign_in(db.session.scalars(db.select(StaffUser)).first())

        assert DemoHost().current_user() == "Robin Quay"
