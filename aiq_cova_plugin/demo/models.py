"""The demo shop's tables: stores, categories, products, orders and staff."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from aiq_cova_plugin.clock import SystemClock
from aiq_cova_plugin.demo.columns import ExactDecimal, UtcDateTime, ValueList
from aiq_cova_plugin.host import LabValue, OrderStatus, PriceTier, TaxRate

PLACED = "placed"
STATUSES = (PLACED, *(status.value for status in OrderStatus))
CENT = Decimal("0.01")
FEW_LEFT = Decimal(5)
"""So many or fewer, and shoppers are told how many are left."""

db = SQLAlchemy()
utc_now = SystemClock().now

if TYPE_CHECKING:
    # Flask-SQLAlchemy makes its base class at run time, where type checkers cannot see it.
    class Model(DeclarativeBase):
        pass
else:
    Model = db.Model


def tune_sqlite(engine: Engine) -> None:
    """Let readers and one writer work side by side, and let a second writer wait its turn."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=20000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


class Store(Model):
    """One shop of the group, with the rules of its checkout."""

    __tablename__ = "shop_store"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(60), unique=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    street: Mapped[str] = mapped_column(sa.String(200))
    city: Mapped[str] = mapped_column(sa.String(120))
    phone: Mapped[str] = mapped_column(sa.String(40), default="")
    timezone: Mapped[str] = mapped_column(sa.String(60))
    country: Mapped[str] = mapped_column(sa.String(2))
    currency: Mapped[str] = mapped_column(sa.String(3))
    minimum_age: Mapped[int]
    delivery_fee: Mapped[Decimal] = mapped_column(ExactDecimal)
    requires_phone: Mapped[bool] = mapped_column(default=True)
    auto_confirms: Mapped[bool] = mapped_column(default=True)
    prices_include_tax: Mapped[bool] = mapped_column(default=False)
    was_connected_by_demo: Mapped[bool] = mapped_column(default=False)


class Category(Model):
    """A category of one store's menu; `position` orders the menu."""

    __tablename__ = "shop_category"
    __table_args__ = (sa.UniqueConstraint("store_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("shop_store.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    position: Mapped[int]


class Product(Model):
    """One product of one store. All but the last three columns belong to the POS by default."""

    __tablename__ = "shop_product"
    __table_args__ = (sa.UniqueConstraint("store_id", "cova_product_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("shop_store.id"))
    cova_product_id: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text, default="")
    brand: Mapped[str] = mapped_column(sa.Text, default="")
    category_id: Mapped[int | None] = mapped_column(sa.ForeignKey("shop_category.id"), index=True)
    subtype: Mapped[str] = mapped_column(sa.Text, default="")
    cannabis_type: Mapped[str] = mapped_column(sa.Text, default="")
    strain: Mapped[str] = mapped_column(sa.Text, default="")
    sku: Mapped[str] = mapped_column(sa.Text, default="")
    upc: Mapped[str | None] = mapped_column(sa.Text)
    price: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    sale_price: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    price_tiers: Mapped[list[PriceTier]] = mapped_column(ValueList(PriceTier), default=list)
    quantity: Mapped[Decimal] = mapped_column(ExactDecimal, default=Decimal(0))
    weight_value: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    weight_unit: Mapped[str] = mapped_column(sa.String(30), default="")
    labs: Mapped[list[LabValue]] = mapped_column(ValueList(LabValue), default=list)
    coa_url: Mapped[str | None] = mapped_column(sa.Text)
    image_urls: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    tags: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    tax_rates: Mapped[list[TaxRate]] = mapped_column(ValueList(TaxRate), default=list)
    enabled: Mapped[bool] = mapped_column(default=True)
    # The shop's own: no sync ever writes these.
    is_featured: Mapped[bool] = mapped_column(default=False)
    staff_note: Mapped[str] = mapped_column(sa.Text, default="")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)

    category: Mapped[Category | None] = relationship()

    @property
    def is_on_menu(self) -> bool:
        """May shoppers see it? What has no price yet cannot be sold."""
        return self.enabled and self.price is not None

    @property
    def unit_price(self) -> Decimal:
        """What one costs now; zero while there is no price."""
        return (self.sale_price if self.sale_price is not None else self.price) or Decimal(0)

    @property
    def is_sold_by_weight(self) -> bool:
        """Is the quantity grams, which may be broken, and not pieces?"""
        return any(tier.min_quantity % 1 != 0 for tier in self.price_tiers)

    def line_total(self, quantity: Decimal) -> Decimal:
        """The whole line: by the highest tier reached, else by the piece; rounded once, half up.

        A sale that is cheaper than the tier wins, since no shopper would take the dearer one.
        """
        amount = self.unit_price * quantity
        reached = [tier for tier in self.price_tiers if 0 < tier.min_quantity <= quantity]
        if reached:
            tier = max(reached, key=lambda each: each.min_quantity)
            by_tier = tier.total_price / tier.min_quantity * quantity
            amount = by_tier if self.sale_price is None else min(by_tier, amount)
        return amount.quantize(CENT, rounding=ROUND_HALF_UP)

    def lab(self, *names: str) -> LabValue | None:
        """The first lab value with one of these names, case ignored."""
        wanted = {name.casefold() for name in names}
        return next((value for value in self.labs if value.name.casefold() in wanted), None)


class Order(Model):
    """An order as the shopper placed it: names, prices and address are copies of that moment."""

    __tablename__ = "shop_order"
    __table_args__ = (
        sa.CheckConstraint(sa.column("status").in_(STATUSES), name="shop_order_status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("shop_store.id"), index=True)
    number: Mapped[str] = mapped_column(sa.String(20), unique=True)
    # The shopper's link; the number is short enough to be guessed.
    token: Mapped[str] = mapped_column(sa.String(40), unique=True)
    status: Mapped[str] = mapped_column(sa.String(30), default=PLACED)
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    first_name: Mapped[str] = mapped_column(sa.String(100))
    last_name: Mapped[str] = mapped_column(sa.String(100))
    phone: Mapped[str | None] = mapped_column(sa.String(40))
    email: Mapped[str | None] = mapped_column(sa.String(200))
    date_of_birth: Mapped[date | None]
    is_delivery: Mapped[bool] = mapped_column(default=False)
    line1: Mapped[str] = mapped_column(sa.String(200), default="")
    line2: Mapped[str] = mapped_column(sa.String(200), default="")
    city: Mapped[str] = mapped_column(sa.String(120), default="")
    state: Mapped[str] = mapped_column(sa.String(10), default="")
    postal_code: Mapped[str] = mapped_column(sa.String(20), default="")
    country: Mapped[str] = mapped_column(sa.String(2), default="")
    delivery_fee: Mapped[Decimal] = mapped_column(ExactDecimal, default=Decimal(0))
    estimated_tax: Mapped[Decimal] = mapped_column(ExactDecimal, default=Decimal(0))
    notes: Mapped[str] = mapped_column(sa.Text, default="")

    store: Mapped[Store] = relationship()
    lines: Mapped[list[OrderLine]] = relationship(
        order_by="OrderLine.id", cascade="all, delete-orphan"
    )
    events: Mapped[list[OrderEvent]] = relationship(
        order_by="OrderEvent.id", cascade="all, delete-orphan"
    )

    @property
    def is_open(self) -> bool:
        """Can anything still happen to it?"""
        return self.status not in (OrderStatus.COMPLETED, OrderStatus.CANCELLED)

    @property
    def subtotal(self) -> Decimal:
        """The lines, before delivery and tax."""
        return sum((line.line_total for line in self.lines), Decimal(0))

    @property
    def total(self) -> Decimal:
        """What the shopper is told to expect; the till has the last word on tax."""
        return self.subtotal + self.delivery_fee + self.estimated_tax

    def move_to(self, status: str, note: str | None = None) -> None:
        """Set the status and write it into the order's history; the same status is no news."""
        if self.status == status and self.events:
            return
        self.status = status
        self.events.append(OrderEvent(status=status, note=note or ""))


class OrderLine(Model):
    """One product of an order; `line_total` is the whole line, before tax unless included."""

    __tablename__ = "shop_order_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("shop_order.id"), index=True)
    cova_product_id: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(sa.String(300))
    quantity: Mapped[Decimal] = mapped_column(ExactDecimal)
    line_total: Mapped[Decimal] = mapped_column(ExactDecimal)


class OrderEvent(Model):
    """One step of an order: which status it took, when, and a word about why."""

    __tablename__ = "shop_order_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("shop_order.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    status: Mapped[str] = mapped_column(sa.String(30))
    note: Mapped[str] = mapped_column(sa.Text, default="")


class StaffUser(Model):
    """Someone who may sign in to the back office."""

    __tablename__ = "shop_staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(sa.String(60), unique=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    password_hash: Mapped[str] = mapped_column(sa.String(300))

    grants: Mapped[list[StaffGrant]] = relationship(cascade="all, delete-orphan")

    def may(self, action: str, store_id: int) -> bool:
        """Was this user given the action in that store?"""
        return any(each.action == action and each.store_id == store_id for each in self.grants)


class StaffGrant(Model):
    """One action (`view`, `sync`, `configure`, `orders`) a user may do in one store."""

    __tablename__ = "shop_staff_grant"

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("shop_staff.id"), primary_key=True)
    store_id: Mapped[int] = mapped_column(sa.ForeignKey("shop_store.id"), primary_key=True)
    action: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
