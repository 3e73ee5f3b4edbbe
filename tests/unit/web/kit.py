"""A tiny shop around the staff pages, and records for them to show."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from werkzeug.test import TestResponse

from aiq_cova_plugin import CovaPlugin
from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.host import (
    ApplyResult,
    Category,
    Order,
    OrderNotFound,
    OrderStatus,
    ProductChange,
    Store,
)
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store import connections, holds, outbox, products, runs
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.wiring import services_of

from tests.support.databases import sqlite_with_tables

NORTH = "north"
SOUTH = "south"
ALL_ACTIONS = frozenset({"view", "sync", "configure", "orders"})
PASSWORD = "battery-staple-71"
CLIENT_SECRET = "correct-horse-92"
CANDIDATES = [
    {
        "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "name": "Robin Tide",
        "email": "robin@example.com",
        "date_of_birth": "1988-05-04",
    },
    {
        "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "name": "Robyn <Tide>",
        "email": "",
        "date_of_birth": "",
    },
]


class TinyHost:
    """A host whose permissions a test sets; it keeps orders and products in dicts."""

    def __init__(self) -> None:
        self.allowed: dict[str, frozenset[str]] = {NORTH: ALL_ACTIONS, SOUTH: ALL_ACTIONS}
        self.may_everywhere = False
        self.requires_phone = True
        self.orders: dict[str, Order] = {}
        self.told: list[ProductChange] = []

    def stores(self) -> Sequence[Store]:
        return [
            Store(NORTH, "North Street", "America/Denver", "US", "USD"),
            Store(SOUTH, "South Quay", "America/Toronto", "CA", "CAD"),
        ]

    def can(self, action: str, store_id: str) -> bool:
        return self.may_everywhere or action in self.allowed.get(store_id, frozenset())

    def categories(self, store_id: str) -> Sequence[Category]:
        return [
            Category("1", "Flower"),
            Category("2", "Edibles"),
            Category("3", "Vaporizers"),
            Category("4", "Miscellaneous"),
        ]

    def apply_products(
        self, store_id: str, changes: Sequence[ProductChange]
    ) -> Sequence[ApplyResult]:
        self.told += changes
        return [ApplyResult(change.cova_product_id, ok=True) for change in changes]

    def get_order(self, store_id: str, order_id: str) -> Order:
        if order_id not in self.orders:
            raise OrderNotFound(store_id, order_id)
        return self.orders[order_id]

    def confirmed_orders(self, store_id: str, since: datetime) -> Sequence[str]:
        return []

    def set_order_status(
        self, store_id: str, order_id: str, status: OrderStatus, note: str | None = None
    ) -> None:
        pass

    def checkout_requires_phone(self, store_id: str) -> bool:
        return self.requires_phone


def tiny_shop(
    folder: Path,
    host: TinyHost,
    *,
    database_url: str | None = None,
    **config: Any,
) -> Flask:
    """A shop with the plugin on that database, or on a SQLite file of its own with all tables."""
    if database_url is None:
        database_url = sqlite_with_tables(folder / "shop.sqlite")
    app = Flask("tiny_shop", template_folder=str(folder), root_path=str(folder))
    app.config.update(
        {
            "TESTING": True,
            "SECRET_KEY": "a key of the test",
            "SQLALCHEMY_DATABASE_URI": database_url,
            "COVA_SECRET_KEYS": Fernet.generate_key().decode(),
            "COVA_SCHEDULER": "none",
            # Nothing listens there; a test that needs a COVA says where its simulator is.
            "COVA_API_URL": "http://127.0.0.1:9",
            "COVA_TOKEN_URL": "http://127.0.0.1:9/token",
        }
        | config
    )
    CovaPlugin().init_app(app, db=SQLAlchemy(app), host=host)
    return app


def close(app: Flask) -> None:
    """Let go of the database, so that no connection is left for the collector to find."""
    with app.app_context():
        services_of(app).database.end_reading()
        services_of(app).database.engine.dispose()


class Browser:
    """A browser without JavaScript: it keeps cookies and fills in the hidden token."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(
        self, path: str, data: dict[str, Any] | None = None, *, htmx: str | None = None
    ) -> TestResponse:
        """Send a form with the token; `htmx` is the target's id when htmx sends it."""
        headers = {} if htmx is None else {"HX-Request": "true", "HX-Target": htmx}
        return self.client.post(
            path, data={"csrf_token": self.token(), **(data or {})}, headers=headers
        )

    def token(self) -> str:
        """The token of this browser's session, taken from a page, as a browser has it."""
        # A page about nothing still has the token in its head.
        markup = self.get("/cova/-/runs").text
        found = re.search(r'name="csrf-token" content="([^"]+)"', markup)
        assert found, "the page carries no token"
        return found.group(1)


# --- records --------------------------------------------------------------------------------------


class Records:
    """Writes what services would have written."""

    def __init__(self, app: Flask, *, now: datetime | None = None) -> None:
        self.app = app
        self.now = now or datetime.now(UTC).replace(microsecond=0)

    @property
    def ctx(self) -> ServiceContext:
        return services_of(self.app)

    def connect(self, store_id: str = NORTH, **values: Any) -> None:
        """The store's settings, complete and checked."""
        with self.app.app_context(), self.ctx.database.short() as connection:
            row = {
                "enabled": True,
                "was_enabled": True,
                "sync_orders": True,
                "company_id": 12345,
                "location_id": 67890,
                "username": "north-api",
                "password_encrypted": self.ctx.vault.encrypt(PASSWORD),
                "client_id": "NORTH.AIQ",
                "client_secret_encrypted": self.ctx.vault.encrypt(CLIENT_SECRET),
                "integrator_id": "11111111-2222-4333-8444-555555555555",
                "check_ok": True,
                "checked_at": self.now - timedelta(minutes=4),
            } | values
            connections.save_connection(connection, store_id, row, now=self.now)

    def synced(self, store_id: str = NORTH, *, minutes_ago: float = 3) -> None:
        """The last wholly good sync was then, and the next one is planned."""
        at = self.now - timedelta(minutes=minutes_ago)
        with self.app.app_context():
            with self.ctx.database.short() as connection:
                connections.save_sync_state(
                    connection, store_id, {"last_good_at": at, "last_full_at": at, "cursor": at}
                )
            self.ctx.schedule.plan(
                store_id,
                "catalog",
                interval_seconds=600,
                due_at=at + timedelta(minutes=10),
            )

    def run(self, store_id: str = NORTH, **values: Any) -> str:
        """A run; finished well three minutes ago unless `values` say otherwise."""
        started = values.pop("started_at", self.now - timedelta(minutes=3))
        issues: list[FieldIssue] = values.pop("issues", [])
        row = {
            "id": str(uuid4()),
            "store_id": store_id,
            "mode": "incremental",
            "trigger": "schedule",
            "status": "succeeded",
            "started_at": started,
            "heartbeat_at": started + timedelta(seconds=4),
            "finished_at": started + timedelta(seconds=4),
            "phase": "",
            "message": "",
            "fix": "",
            **dict.fromkeys(
                (
                    "pages", "to_apply", "applied", "fetched", "created", "updated", "hidden",
                    "unchanged", "failed", "api_calls",
                ),
                0,
            ),
        } | values  # fmt: skip
        with self.app.app_context(), self.ctx.database.short() as connection:
            runs.start_run(connection, row)
            runs.record_issues(connection, str(row["id"]), issues)
        return str(row["id"])

    def product(self, product_id: str, name: str, path: str = "Flower", **values: Any) -> str:
        row = {
            "store_id": NORTH,
            "cova_product_id": product_id,
            "name": name,
            "raw_hash": "",
            "snapshot": {"cova_product_id": product_id, "presence": "active"},
            "presence": "active",
            "stock": Decimal(12),
            "stock_read_at": self.now - timedelta(minutes=3),
            "host_state": "shown",
            "applied": {"quantity": "12"},
            "applied_version": 1,
            "is_dirty": False,
            "next_price_change_at": None,
            "classification_path": path,
            "category_source": "builtin",
            "is_locked": False,
            "is_excluded": False,
            "last_error": "",
            "vanished_at": None,
            "updated_at": self.now,
        } | values
        with self.app.app_context(), self.ctx.database.short() as connection:
            products.save_products(connection, [row])
        return product_id

    def order(self, order_id: str, state: str = "queued", **values: Any) -> Push:
        events: list[tuple[str, str]] = values.pop("events", [("queued", "")])
        store_id = values.pop("store_id", NORTH)
        row = {
            "store_id": store_id,
            "order_id": order_id,
            "order_number": f"W-{order_id}",
            "cova_order_id": str(uuid4()),
            "state": state,
            "attempts": 0,
            "next_attempt_at": self.now if state in ("queued", "sending", "checking") else None,
            "reason": "",
            "fix": "",
            "kind": "",
            "fence": 0,
            "refusals": 0,
            "host_total": Decimal("84.50"),
            "cova_status": "",
            "host_status": "confirmed",
            "warning": "",
            "cancel_requested": False,
            "queued_at": self.now - timedelta(minutes=9),
        } | values
        with self.app.app_context(), self.ctx.database.short() as connection:
            outbox.add_push(connection, row)
            push = outbox.push_of_order(connection, store_id, order_id)
            assert push is not None
            for position, (event, detail) in enumerate(events):
                at = self.now - timedelta(minutes=9) + timedelta(seconds=20 * position)
                outbox.add_event(connection, push.id, event, detail, at=at)
        return push

    def hold(
        self, order_id: str, quantities: dict[str, Decimal], *, settling: bool = False
    ) -> None:
        since = self.now - timedelta(minutes=9)
        with self.app.app_context(), self.ctx.database.short() as connection:
            holds.take_holds(connection, NORTH, order_id, quantities, now=since)
            if settling:
                holds.start_settling(connection, NORTH, order_id, now=since)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A table as it stands, for looking at what a page did."""
        with self.app.app_context(), self.ctx.database.short() as connection:
            found = connection.execute(sa.text(f"select * from {table}"))  # noqa: S608 - our own names
            return [
                {name: _as_stored(value) for name, value in row._mapping.items()} for row in found
            ]


def _as_stored(value: Any) -> Any:
    """PostgreSQL's driver hands JSON over as read; SQLite has it as text."""
    return json.dumps(value) if isinstance(value, dict | list) else value


def busy_day(records: Records) -> dict[str, str]:
    """A store in which a bit of everything is going on; the ids worth opening."""
    records.connect()
    records.synced()
    gummies = records.product(
        "p-gummies", "Sour Cherry Gummies 10 × 10 mg", "Edibles > Gummies", stock=Decimal(3)
    )
    flower = records.product(
        "p-flower", "Blue Harbour 3.5 g", "Flower > Sativa", applied={"quantity": "9"}
    )
    records.product(
        "p-kit", "Pocket Vape Kit", "Vape Kits", category_source="unmapped",
        last_error="The picture is larger than the shop allows.",
    )  # fmt: skip
    records.product("p-kit-2", "Travel Vape Kit", "Vape Kits", category_source="fallback")
    records.product("p-tray", "Rolling Tray", "", category_source="unmapped")
    records.product("p-old", "Winter Blend", "Flower", host_state="hidden")
    records.run(
        started_at=records.now - timedelta(hours=26), mode="full", fetched=908, created=902,
        unchanged=0, failed=6, status="partial", api_calls=11, trigger="button",
        message="6 products could not be synced; the reasons are listed below.",
        issues=[FieldIssue("p-kit", "category", "No category is known for “Vape Kits”.")] * 2
        + [FieldIssue("p-tray", "THC", "“around 20” is not a number, so it is shown as text.")],
    )  # fmt: skip
    records.run(
        started_at=records.now - timedelta(minutes=13), status="failed",
        message="COVA could not be reached.", fix="The next run tries again.",
    )  # fmt: skip
    latest = records.run(
        fetched=14, updated=3, unchanged=10, failed=1, status="partial", api_calls=2,
        message="1 product could not be synced; the reasons are listed below.",
        issues=[
            FieldIssue("p-kit", "product", "The picture is larger than the shop allows."),
            FieldIssue("p-gummies", "THCa", "“<0.1” is not a number, so it is shown as text."),
            FieldIssue("p-flower", "THCa", "“<0.1” is not a number, so it is shown as text."),
        ],
    )  # fmt: skip
    records.order(
        "1042", "needs_attention", kind="Rejected", attempts=1,
        reason="COVA refused order W-1042: the product “Blue Harbour 3.5 g” is not sold here.",
        fix="Repair what COVA names, then press Retry.",
        submitted_at=records.now - timedelta(minutes=8),
        events=[
            ("queued", ""),
            ("sending", "A worker has begun to send the order."),
            ("customer", "COVA customer 5f0c: found by phone number."),
            ("submitting", "Sent to COVA as order 6a1e."),
            ("needs_attention", "COVA refused order W-1042. Repair what COVA names."),
        ],
    )  # fmt: skip
    records.order(
        "1043", "needs_attention", kind="AmbiguousCustomer", attempts=1,
        candidates_encrypted=records.ctx.vault.encrypt(json.dumps(CANDIDATES)),
        reason="2 customers in COVA have the phone number of order W-1043, and nothing tells "
        "which one it is.",
        fix="Choose the right one on the order's page. If they are the same person, merge them in "
        "COVA and press Retry.",
    )  # fmt: skip
    records.order(
        "1044", "queued", attempts=3, reason="COVA could not be reached.", kind="CovaUnavailable",
        next_attempt_at=records.now + timedelta(seconds=70),
    )  # fmt: skip
    records.order(
        "1040", "in_pos", in_pos_at=records.now - timedelta(minutes=6), cova_status="Processed",
        sale_total=Decimal("84.50"), polled_at=records.now - timedelta(minutes=1),
        warning="The delivery address could not be put on the customer in COVA (too long). Tell "
        "the driver the address from the shop's order.",
        events=[
            ("queued", ""),
            ("sending", "A worker has begun to send the order."),
            ("submitted", "COVA has taken the order in."),
            ("in_pos", "COVA has the order and shows it at the register."),
            ("host_told", "The shop's order is now in progress."),
        ],
    )  # fmt: skip
    records.order("1039", "completed", finished_at=records.now, cova_status="Completed")
    records.hold("1042", {flower: Decimal(2)})
    records.hold("1040", {gummies: Decimal(4), flower: Decimal("1.5")})
    records.hold("1039", {flower: Decimal(1)}, settling=True)
    return {
        "run": latest,
        "order": "1040",
        "ambiguous": "1043",
        "refused": "1042",
        "product": gummies,
    }
