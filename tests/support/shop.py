"""A tiny real shop for tests: its own tables, its own session, and the `Host` on top.

Everything is stored in the database, so that transactions are real; nothing is mocked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from blinker import signal
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from aiq_cova_plugin import CovaPlugin
from aiq_cova_plugin.clock import Clock
from aiq_cova_plugin.domain.field_values import encode_fields
from aiq_cova_plugin.host import (
    Address,
    ApplyResult,
    Category,
    Customer,
    Delivery,
    Fee,
    Order,
    OrderLine,
    OrderNotFound,
    OrderStatus,
    ProductChange,
    Store,
)
from aiq_cova_plugin.receivers import Receivers
from aiq_cova_plugin.wiring import build_services

CATEGORIES = (
    "Flower",
    "Pre-Rolls",
    "Vaporizers",
    "Concentrates",
    "Edibles",
    "Beverages",
    "Tinctures",
    "Topicals",
    "Capsules",
    "Seeds",
    "Accessories",
    "Merchandise",
)


class Base(DeclarativeBase):
    pass


class ShopProduct(Base):
    """One product of the shop; `fields` in the JSON form of the contract's values."""

    __tablename__ = "shop_product"

    store_id: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    cova_product_id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    fields: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class ShopOrder(Base):
    """One order of the shop; `document` in JSON."""

    __tablename__ = "shop_order"

    store_id: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    order_id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    status: Mapped[str] = mapped_column(sa.String(30))
    confirmed_at: Mapped[str | None] = mapped_column(sa.String(40))
    document: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class ShopHost:
    """The host contract on the tables above; switches make it misbehave."""

    def __init__(self, db: SQLAlchemy) -> None:
        self.db = db
        self.allowed = {"view", "sync", "configure", "orders"}
        self.requires_phone = True
        self.refused_products: dict[str, str] = {}
        self.broken_products: set[str] = set()
        self.told: list[tuple[str, str, str]] = []
        self.applied: list[list[ProductChange]] = []
        self.store_list = [
            Store("s1", "Harbour Street", "America/Denver", "US", "USD"),
            Store("s2", "Lakeside", "America/Toronto", "CA", "CAD"),
        ]

    def stores(self) -> Sequence[Store]:
        return self.store_list

    def can(self, action: str, store_id: str) -> bool:
        return action in self.allowed

    def categories(self, store_id: str) -> Sequence[Category]:
        return [Category(str(number), name) for number, name in enumerate(CATEGORIES, start=1)]

    def apply_products(
        self, store_id: str, changes: Sequence[ProductChange]
    ) -> Sequence[ApplyResult]:
        self.applied.append(list(changes))
        return [self._apply(store_id, change) for change in changes]

    def _apply(self, store_id: str, change: ProductChange) -> ApplyResult:
        if change.cova_product_id in self.broken_products:
            raise RuntimeError("the shop stumbles over this product")
        if change.cova_product_id in self.refused_products:
            reason = self.refused_products[change.cova_product_id]
            return ApplyResult(change.cova_product_id, False, reason)
        found = self.db.session.get(ShopProduct, (store_id, change.cova_product_id))
        if found is None:
            found = ShopProduct(
                store_id=store_id, cova_product_id=change.cova_product_id, fields={}
            )
            self.db.session.add(found)
        found.fields = {**found.fields, **encode_fields(change.fields)}
        self.db.session.flush()
        return ApplyResult(change.cova_product_id, True)

    def get_order(self, store_id: str, order_id: str) -> Order:
        found = self.db.session.get(ShopOrder, (store_id, order_id))
        if found is None:
            raise OrderNotFound(store_id, order_id)
        return _order(found)

    def confirmed_orders(self, store_id: str, since: datetime) -> Sequence[str]:
        rows = self.db.session.execute(
            sa.select(ShopOrder.order_id).where(
                ShopOrder.store_id == store_id, ShopOrder.confirmed_at >= since.isoformat()
            )
        )
        return [row.order_id for row in rows]

    def set_order_status(
        self, store_id: str, order_id: str, status: OrderStatus, note: str | None = None
    ) -> None:
        found = self.db.session.get(ShopOrder, (store_id, order_id))
        if found is None:
            raise OrderNotFound(store_id, order_id)
        found.status = status.value
        self.told.append((store_id, order_id, status.value))

    def checkout_requires_phone(self, store_id: str) -> bool:
        return self.requires_phone


def _order(row: ShopOrder) -> Order:
    document = row.document
    delivery = document["delivery"]
    return Order(
        id=row.order_id,
        store_id=row.store_id,
        number=document["number"],
        confirmed_at=datetime.fromisoformat(row.confirmed_at) if row.confirmed_at else None,
        customer=Customer(
            **{
                **document["customer"],
                "date_of_birth": date.fromisoformat(document["customer"]["date_of_birth"])
                if document["customer"].get("date_of_birth")
                else None,
            }
        ),
        lines=[
            OrderLine(product, name, Decimal(quantity), Decimal(total))
            for product, name, quantity, total in document["lines"]
        ],
        delivery=None
        if delivery is None
        else Delivery(Address(**delivery["address"]), Decimal(delivery["fee"])),
        notes="",
        fees=[Fee(name, Decimal(amount)) for name, amount in document.get("fees", [])],
    )


ADA: dict[str, Any] = {
    "first_name": "Ada",
    "last_name": "Example",
    "phone": "(303) 555-0142",
    "email": "ada@example.com",
    "date_of_birth": "1990-04-01",
}
MAPLE_STREET = {
    "line1": "12 Maple Street",
    "line2": "Apt 4",
    "city": "Denver",
    "state": "CO",
    "postal_code": "80202",
    "country": "US",
}


class Shop:
    """The shop's app and what a test does with it."""

    def __init__(self, database_url: str, *, clock: Clock | None = None, **config: Any) -> None:
        self.db = SQLAlchemy(model_class=Base)
        self.app = Flask("tests.support.shop")
        self.app.config.update(
            {
                "TESTING": True,
                "SECRET_KEY": "only-for-tests",
                "SQLALCHEMY_DATABASE_URI": database_url,
                **config,
            }
        )
        self.db.init_app(self.app)
        self.host = ShopHost(self.db)
        self.cova = CovaPlugin()
        self.cova.init_app(self.app, db=self.db, host=self.host)
        if clock is not None:
            self._set_clock(clock)
        self._make_missing_tables()

    def _make_missing_tables(self) -> None:
        """The fixtures' databases have all tables; in others they are made now."""
        with self.app.app_context():
            if sa.inspect(self.db.engine).has_table(ShopOrder.__tablename__):
                return
            self.db.create_all()
        self.cova.upgrade_database(self.app)

    def _set_clock(self, clock: Clock) -> None:
        """Build the plugin's services anew around this clock; the old receivers go."""
        state = self.app.extensions["cova"]
        state.services = build_services(
            self.app, db=self.db, host=self.host, config=state.services.config, clock=clock
        )
        state.receivers = Receivers(self.app, state.services)
        state.receivers.connect()

    @property
    def services(self) -> Any:
        return self.app.extensions["cova"].services

    def close(self) -> None:
        with self.app.app_context():
            self.db.session.remove()
            self.db.engine.dispose()

    def place(
        self,
        order_id: str,
        lines: Sequence[tuple[str, str, str, str]],
        *,
        store_id: str = "s1",
        customer: dict[str, Any] | None = None,
        address: dict[str, str] | None = None,
        fee: str = "0",
        send: Sequence[str] = ("aiq.order-placed", "aiq.order-confirmed"),
    ) -> None:
        """Store a confirmed order and send its signals, all in one transaction."""
        delivery = None if address is None else {"address": address, "fee": fee}
        with self.app.app_context():
            self.db.session.add(
                ShopOrder(
                    store_id=store_id,
                    order_id=order_id,
                    status="confirmed",
                    confirmed_at=datetime.now(UTC).isoformat(),
                    document={
                        "number": f"WEB-{order_id}",
                        "customer": ADA if customer is None else customer,
                        "lines": [list(line) for line in lines],
                        "delivery": delivery,
                    },
                )
            )
            for name in send:
                signal(name).send(self.app, store_id=store_id, order_id=order_id)
            self.db.session.commit()

    def send(self, name: str, order_id: str, *, store_id: str = "s1") -> None:
        """Send one signal and commit."""
        with self.app.app_context():
            signal(name).send(self.app, store_id=store_id, order_id=order_id)
            self.db.session.commit()

    def status(self, order_id: str, *, store_id: str = "s1") -> str:
        with self.app.app_context():
            return str(self.db.session.get_one(ShopOrder, (store_id, order_id)).status)

    def products(self, store_id: str = "s1") -> dict[str, dict[str, Any]]:
        """dict: COVA product id → the fields the shop has stored."""
        with self.app.app_context():
            rows = self.db.session.execute(
                sa.select(ShopProduct).where(ShopProduct.store_id == store_id)
            ).scalars()
            return {row.cova_product_id: dict(row.fields) for row in rows}

    def run(self, *arguments: str) -> Any:
        """Run `flask cova …` and return click's result."""
        return self.app.test_cli_runner().invoke(args=["cova", *arguments])
