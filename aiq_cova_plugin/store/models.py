"""The plugin's tables, all named `cova_…`, on a metadata of their own.

The host's `create_all` and its migrations never see them. Each class says in its first
line what one row is.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from aiq_cova_plugin.store.types import Scaled, UtcDateTime

TABLE_PREFIX = "cova_"
VERSION_TABLE = "cova_alembic_version"

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables of the plugin."""

    metadata = sa.MetaData(naming_convention=_NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own way to declare it
        datetime: UtcDateTime(),
        Decimal: Scaled(),
        str: sa.Text(),
        dict[str, Any]: sa.JSON(),
        list[Any]: sa.JSON(),
    }


def _id(length: int = 64) -> Any:
    return mapped_column(sa.String(length), primary_key=True)


class Connection(Base):
    """One store's COVA settings: who it is there, what syncs, how the last check went."""

    __tablename__ = "cova_connection"

    store_id: Mapped[str] = _id()
    enabled: Mapped[bool] = mapped_column(default=False)
    was_enabled: Mapped[bool] = mapped_column(default=False)
    sync_orders: Mapped[bool] = mapped_column(default=False)
    orders_since: Mapped[datetime | None]
    company_id: Mapped[int | None]
    location_id: Mapped[int | None]
    username: Mapped[str] = mapped_column(default="")
    password_encrypted: Mapped[str | None]
    client_id: Mapped[str] = mapped_column(default="")
    client_secret_encrypted: Mapped[str | None]
    integrator_id: Mapped[str | None]
    delivery_fee_product: Mapped[str | None]
    checked_at: Mapped[datetime | None]
    check_ok: Mapped[bool | None]
    check_message: Mapped[str] = mapped_column(default="")
    check_field: Mapped[str | None]
    tax_pricing: Mapped[str | None]
    tax_pricing_read_at: Mapped[datetime | None]
    staff_fields: Mapped[list[Any]] = mapped_column(sa.JSON, default=list)
    fallback_category_id: Mapped[str | None]
    address_policy: Mapped[str] = mapped_column(sa.String(16), default="overwrite")
    status_map: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    erasable_fields: Mapped[list[Any]] = mapped_column(sa.JSON, default=list)
    specification_names: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    guard_percent: Mapped[int] = mapped_column(default=30)
    guard_at_least: Mapped[int] = mapped_column(default=20)
    customer_search: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    fee_products: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    settings_version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SyncState(Base):
    """How far one store's catalogue has been read, in COVA's own time."""

    __tablename__ = "cova_sync_state"

    store_id: Mapped[str] = _id()
    cursor: Mapped[datetime | None]
    last_good_at: Mapped[datetime | None]
    last_full_at: Mapped[datetime | None]
    last_outage_at: Mapped[datetime | None]
    specification_key: Mapped[str] = mapped_column(sa.String(64), default="")


class Token(Base):
    """A COVA access token shared by all workers, encrypted."""

    __tablename__ = "cova_token"

    key: Mapped[str] = _id(128)
    token_encrypted: Mapped[str]
    expires_at: Mapped[datetime]


class Lease(Base):
    """A claim on one named piece of work by one worker, until it runs out."""

    __tablename__ = "cova_lease"

    name: Mapped[str] = _id(200)
    owner: Mapped[str | None] = mapped_column(sa.String(80))
    expires_at: Mapped[datetime]
    fence: Mapped[int] = mapped_column(default=0)


class ScheduledJob(Base):
    """When one job of one store is due next, and who is doing it."""

    __tablename__ = "cova_schedule"

    store_id: Mapped[str] = _id()
    job: Mapped[str] = _id(32)
    due_at: Mapped[datetime]
    interval_seconds: Mapped[float]
    owner: Mapped[str | None] = mapped_column(sa.String(80))
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    last_started_at: Mapped[datetime | None]
    last_finished_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(default="")

    __table_args__ = (sa.Index(None, "due_at"),)


class Product(Base):
    """One COVA product at one store: what COVA says, and what the host was last told.

    `differing_fields` is as of `compared_at`. `is_awaited`: staff included it again while COVA
    did not offer it, so it is shown as soon as COVA does, whoever owns the menu.
    """

    __tablename__ = "cova_product"

    store_id: Mapped[str] = _id()
    cova_product_id: Mapped[str] = _id()
    name: Mapped[str] = mapped_column(default="")
    raw_hash: Mapped[str] = mapped_column(sa.String(64), default="")
    snapshot: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    presence: Mapped[str] = mapped_column(sa.String(16))
    stock: Mapped[Decimal | None]
    stock_read_at: Mapped[datetime | None]
    host_state: Mapped[str] = mapped_column(sa.String(16), default="absent")
    applied: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    applied_version: Mapped[int] = mapped_column(default=0)
    is_dirty: Mapped[bool] = mapped_column(default=False)
    next_price_change_at: Mapped[datetime | None]
    classification_path: Mapped[str] = mapped_column(default="")
    menu_category: Mapped[str] = mapped_column(default="")
    product_type: Mapped[str] = mapped_column(default="")
    category_source: Mapped[str] = mapped_column(sa.String(32), default="")
    is_locked: Mapped[bool] = mapped_column(default=False)
    is_excluded: Mapped[bool] = mapped_column(default=False)
    last_error: Mapped[str] = mapped_column(default="")
    differing_fields: Mapped[str] = mapped_column(default="")
    compared_at: Mapped[datetime | None]
    is_awaited: Mapped[bool] = mapped_column(default=False)
    vanished_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]

    __table_args__ = (
        sa.CheckConstraint("host_state in ('absent', 'shown', 'hidden')", name="host_state"),
        sa.Index(None, "store_id", "classification_path"),
    )


class ProductSpecifications(Base):
    """One product's specifications as COVA last sent them, for showing raw text beside result."""

    __tablename__ = "cova_product_specifications"

    store_id: Mapped[str] = _id()
    cova_product_id: Mapped[str] = _id()
    specifications: Mapped[list[Any]]
    read_at: Mapped[datetime]


class UnreadableProduct(Base):
    """A product of which COVA's answer made no sense; asked for by id until it does."""

    __tablename__ = "cova_unreadable_product"

    store_id: Mapped[str] = _id()
    cova_product_id: Mapped[str] = _id()
    raw_hash: Mapped[str] = mapped_column(sa.String(64))
    field: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class ReadPage(Base):
    """One page of a listing that was read before its run broke off; the next run goes on behind it."""

    __tablename__ = "cova_read_page"

    store_id: Mapped[str] = _id()
    listing: Mapped[str] = _id(64)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    next_skip: Mapped[int]
    top: Mapped[int]
    compressed: Mapped[bytes] = mapped_column(sa.LargeBinary)
    read_began_at: Mapped[datetime]
    cova_time: Mapped[datetime | None]


class CategoryRule(Base):
    """A staff rule: what COVA calls it → which of the store's categories it lands in."""

    __tablename__ = "cova_category_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(32))
    pattern: Mapped[str]
    category_id: Mapped[str]

    __table_args__ = (sa.UniqueConstraint("store_id", "kind", "pattern"),)


class Run(Base):
    """One catalogue sync of one store: how it went and what it did."""

    __tablename__ = "cova_run"

    id: Mapped[str] = _id(36)
    store_id: Mapped[str] = mapped_column(sa.String(64))
    mode: Mapped[str] = mapped_column(sa.String(16))
    trigger: Mapped[str] = mapped_column(sa.String(16))
    status: Mapped[str] = mapped_column(sa.String(16))
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    phase: Mapped[str] = mapped_column(sa.String(32), default="")
    pages: Mapped[int] = mapped_column(default=0)
    to_apply: Mapped[int] = mapped_column(default=0)
    applied: Mapped[int] = mapped_column(default=0)
    fetched: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    api_calls: Mapped[int] = mapped_column(default=0)
    cursor_before: Mapped[datetime | None]
    cursor_after: Mapped[datetime | None]
    message: Mapped[str] = mapped_column(default="")
    fix: Mapped[str] = mapped_column(default="")

    __table_args__ = (sa.Index(None, "store_id", "started_at"),)


class RunIssue(Base):
    """One thing about one product that a run could not use, or about the many not listed one by one."""

    __tablename__ = "cova_run_issue"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(sa.String(36), index=True)
    cova_product_id: Mapped[str] = mapped_column(sa.String(64))
    field: Mapped[str]
    reason: Mapped[str]
    number_of_products: Mapped[int] = mapped_column(default=1)


class RunChange(Base):
    """What one run changed about one product of the shop; a long run keeps the first of them.

    `fields` is dict: field → [value before, value after], in JSON form and cut short.
    """

    __tablename__ = "cova_run_change"

    # A thousand stores write millions of these a day; SQLite counts in 64 bits by itself.
    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    run_id: Mapped[str] = mapped_column(sa.String(36), index=True)
    cova_product_id: Mapped[str] = mapped_column(sa.String(64), index=True)
    action: Mapped[str] = mapped_column(sa.String(16))
    fields: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)


class Report(Base):
    """The last preview or reconciliation of a store, made in the background, and how far it is."""

    __tablename__ = "cova_report"

    store_id: Mapped[str] = _id()
    kind: Mapped[str] = _id(32)
    status: Mapped[str] = mapped_column(sa.String(16))
    progress: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    document: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    message: Mapped[str] = mapped_column(default="")
    fix: Mapped[str] = mapped_column(default="")


class Hold(Base):
    """So much of one product is promised to one order.

    `active` until COVA completes the order, then `settling` until a stock reading that began
    afterwards, then `released`; a cancel releases at once.
    """

    __tablename__ = "cova_hold"

    store_id: Mapped[str] = _id()
    order_id: Mapped[str] = _id()
    cova_product_id: Mapped[str] = _id()
    quantity: Mapped[Decimal]
    state: Mapped[str] = mapped_column(sa.String(16))
    since: Mapped[datetime]
    settling_since: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        sa.CheckConstraint("state in ('active', 'settling', 'released')", name="state"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.Index(None, "store_id", "cova_product_id", "state"),
        sa.Index(None, "state"),
    )


class Push(Base):
    """One confirmed order on its way to COVA: the outbox, and where the order stands.

    `cova_order_id` is chosen when the row is written, before any call, and never changes.
    `submitted_at` is written before the submission leaves, so that whoever takes a dead
    worker's claim over knows to ask COVA first. `company_id` and `location_id` say where it was
    sent to, `phone_encrypted` is a number staff typed for an order without a usable one.
    """

    __tablename__ = "cova_push"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[str] = mapped_column(sa.String(64))
    order_id: Mapped[str] = mapped_column(sa.String(64))
    order_number: Mapped[str] = mapped_column(default="")
    cova_order_id: Mapped[str] = mapped_column(sa.String(36), unique=True)
    state: Mapped[str] = mapped_column(sa.String(20))
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
    fix: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(sa.String(40), default="")
    lease_owner: Mapped[str | None] = mapped_column(sa.String(80))
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    submitted_at: Mapped[datetime | None]
    company_id: Mapped[int | None]
    location_id: Mapped[int | None]
    refusals: Mapped[int] = mapped_column(default=0)
    cova_customer_id: Mapped[str | None] = mapped_column(sa.String(64))
    chosen_customer_id: Mapped[str | None] = mapped_column(sa.String(64))
    candidates_encrypted: Mapped[str | None]
    phone_encrypted: Mapped[str | None]
    is_delivery: Mapped[bool] = mapped_column(default=False)
    host_total: Mapped[Decimal | None]
    sale_total: Mapped[Decimal | None]
    cova_status: Mapped[str] = mapped_column(default="")
    host_status: Mapped[str | None] = mapped_column(sa.String(24))
    warning: Mapped[str] = mapped_column(default="")
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    payment_state: Mapped[str] = mapped_column(sa.String(16), default="")
    payment_reference: Mapped[str] = mapped_column(default="")
    payment_last4: Mapped[str | None] = mapped_column(sa.String(4))
    tax_pricing: Mapped[str | None] = mapped_column(sa.String(16))
    queued_at: Mapped[datetime]
    in_pos_at: Mapped[datetime | None]
    polled_at: Mapped[datetime | None]
    poll_due_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("store_id", "order_id"),
        sa.Index(None, "state", "next_attempt_at"),
        sa.Index(None, "state", "poll_due_at"),
        sa.Index(None, "finished_at"),
    )


class PushEvent(Base):
    """One step in the life of an order push, in plain words; never changed afterwards.

    `private_encrypted` keeps what must not be lost but not be shown either, such as the
    address that was overwritten.
    """

    __tablename__ = "cova_push_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    push_id: Mapped[int] = mapped_column(index=True)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(sa.String(48))
    detail: Mapped[str] = mapped_column(default="")
    private_encrypted: Mapped[str | None]


class CustomerLink(Base):
    """Which COVA customer a phone number (as a keyed digest) belongs to, per company."""

    __tablename__ = "cova_customer_link"

    company_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    phone_digest: Mapped[str] = _id(64)
    cova_customer_id: Mapped[str] = mapped_column(sa.String(64))
    verified_at: Mapped[datetime]


class AuditEntry(Base):
    """Somebody changed, approved or restored something: who, what, when. Never changed."""

    __tablename__ = "cova_audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(sa.String(120))
    action: Mapped[str] = mapped_column(sa.String(48))
    subject: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)

    __table_args__ = (sa.Index(None, "store_id", "at"),)


class Alert(Base):
    """Something the operator was told about once, and is told once more when it is over.

    `open_key` names what it is about while it lasts and is null afterwards, so that the
    database itself allows one open alert for each thing. The two `…_told_at` say when the host
    heard of it; a worker that dies before leaves them empty, and the next one tells it.
    """

    __tablename__ = "cova_alert"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[str] = mapped_column(sa.String(32))
    subject: Mapped[str] = mapped_column(default="")
    open_key: Mapped[str | None] = mapped_column(sa.String(255), unique=True)
    message: Mapped[str] = mapped_column(default="")
    fix: Mapped[str] = mapped_column(default="")
    raised_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    raised_told_at: Mapped[datetime | None]
    resolved_told_at: Mapped[datetime | None]

    __table_args__ = (sa.Index(None, "store_id", "raised_at"),)


class CallBudget(Base):
    """What one company has used of COVA's quota for one service, counted by all workers together.

    `recent` is a list of [slot of five seconds, calls given out in it]. `calls` is how many were
    ever given out; it moves with every write of `recent` and so guards it.
    """

    __tablename__ = "cova_call_budget"

    company_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    service: Mapped[str] = _id(48)
    recent: Mapped[list[Any]]
    calls: Mapped[int] = mapped_column(default=0)
    per_minute: Mapped[int]
    closed_until: Mapped[datetime | None]
    catalogue_closed_until: Mapped[datetime | None]


class Breaker(Base):
    """A service of COVA that failed again and again at one company: not called until `open_until`."""

    __tablename__ = "cova_breaker"

    company_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    service: Mapped[str] = _id(48)
    failures: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[datetime | None]
    open_until: Mapped[datetime | None]
    trial_until: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
