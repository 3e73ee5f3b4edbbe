"""Every column of every table has a class, and each class the treatment it promises.

A new column fails here until somebody has decided what it may hold.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.sql import sqltypes

from aiq_cova_plugin.services.connection.rotate_secrets import rotate_secrets
from aiq_cova_plugin.services.upkeep.prune import prune
from aiq_cova_plugin.store import audit, personal
from aiq_cova_plugin.store.models import AuditEntry, Base, CustomerLink, Hold, Push, PushEvent

from tests.support.connected import ConnectedShop

SECRETS = {
    "cova_connection": "password_encrypted client_secret_encrypted",
    "cova_token": "token_encrypted",
}
"""What opens COVA: encrypted, never shown, encrypted anew or dropped with a new key."""

SEALED = {
    "cova_push": "candidates_encrypted phone_encrypted",
    "cova_push_event": "private_encrypted",
}
"""Somebody's name, phone or address: encrypted, erased on demand, gone by itself."""

OF_A_CUSTOMER = {
    "cova_customer_link": "phone_digest cova_customer_id",
    "cova_push": "cova_customer_id chosen_customer_id",
}
"""Whose an order is, by COVA's id or a keyed digest: erased on demand, gone with the order."""

OF_AN_ORDER = {
    "cova_push": "order_id order_number cova_order_id host_total sale_total payment_reference "
    "payment_last4",
    "cova_hold": "order_id",
    "cova_alert": "subject open_key",
    "cova_lease": "name",
    "cova_report": "document",
}
"""The accounting of an order, or what names one: kept as long as retention says, not erased."""

OF_STAFF = {"cova_audit": "actor action subject detail"}
"""Who did what, under the name the shop gives: kept as long as retention says."""

SENTENCES = {
    "cova_alert": "message fix",
    "cova_breaker": "reason",
    "cova_connection": "check_message",
    "cova_hold": "reason",
    "cova_product": "last_error",
    "cova_push": "reason fix warning",
    "cova_push_event": "detail",
    "cova_report": "progress message fix",
    "cova_run": "message fix",
    "cova_run_issue": "reason",
    "cova_schedule": "last_error",
    "cova_unreadable_product": "reason",
}
"""Our own sentences, and COVA's reasons, which are cleaned before they get here."""

OF_THE_MENU = {
    "cova_category_rule": "kind pattern category_id",
    "cova_hold": "cova_product_id quantity state",
    "cova_product": "cova_product_id name raw_hash snapshot presence stock host_state applied "
    "classification_path menu_category product_type category_source differing_fields",
    "cova_product_specifications": "cova_product_id specifications",
    "cova_read_page": "listing compressed",
    "cova_run": "id mode trigger status phase cursor_before cursor_after",
    "cova_run_change": "run_id cova_product_id action fields",
    "cova_run_issue": "run_id cova_product_id field",
    "cova_sync_state": "cursor specification_key",
    "cova_unreadable_product": "cova_product_id raw_hash field",
}
"""Products as COVA sells them: nobody's data."""

OF_THE_SHOP = {
    "cova_alert": "kind",
    "cova_breaker": "service",
    "cova_call_budget": "service recent",
    "cova_connection": "username client_id integrator_id delivery_fee_product check_field "
    "tax_pricing staff_fields fallback_category_id address_policy status_map erasable_fields "
    "specification_names customer_search fee_products",
    "cova_lease": "owner",
    "cova_push": "state kind lease_owner cova_status host_status payment_state tax_pricing",
    "cova_push_event": "event",
    "cova_report": "kind status",
    "cova_schedule": "job owner interval_seconds",
    "cova_token": "key",
}
"""Settings, states and the names of workers."""

CLASSES = {
    "secret": SECRETS,
    "personal, sealed": SEALED,
    "of a customer": OF_A_CUSTOMER,
    "of an order": OF_AN_ORDER,
    "of staff": OF_STAFF,
    "sentence": SENTENCES,
    "of the menu": OF_THE_MENU,
    "of the shop": OF_THE_SHOP,
}
HARMLESS_TYPES = (sqltypes.Integer, sqltypes.Boolean, sqltypes.DateTime)
"""A number of ours, a yes or a time holds nobody's data; all else is decided above."""


TABLES = Base.metadata.sorted_tables


def named(by_table: dict[str, str]) -> set[str]:
    return {f"{table}.{name}" for table, names in by_table.items() for name in names.split()}


def columns() -> dict[str, sa.Column[Any]]:
    """dict: table.column → column, of whatever can hold a text or an amount."""
    return {
        f"{table.name}.{column.name}": column
        for table in TABLES
        for column in table.columns
        if not isinstance(_kind(column), HARMLESS_TYPES) and column.name != "store_id"
    }


def _kind(column: sa.Column[Any]) -> Any:
    kind = column.type
    return kind.impl if isinstance(kind, sa.types.TypeDecorator) else kind


def test_every_column_has_a_class() -> None:
    decided = [each for by_table in CLASSES.values() for each in named(by_table)]

    assert sorted(columns().keys() - set(decided)) == [], "what may it hold? Decide above"
    there = {f"{table.name}.{each.name}" for table in TABLES for each in table.columns}
    assert sorted(set(decided) - there) == [], "no such column"
    assert sorted({each for each in decided if decided.count(each) > 1}) == []


def test_what_is_sealed_says_so_in_its_name() -> None:
    sealed = {each for each in columns() if each.endswith(("_encrypted", "_digest"))}

    assert sealed == named(SECRETS) | named(SEALED) | {"cova_customer_link.phone_digest"}


@pytest.fixture
def held(shop: ConnectedShop) -> ConnectedShop:
    """Every sealed column of a finished order is filled."""
    ctx = shop.shop.services
    shop.shop.place("o1", [("x", "x", "1", "1.00")])
    with shop.shop.app.app_context(), ctx.database.short() as connection:
        push_id = connection.execute(sa.select(Push.id)).scalar_one()
        for model, key in ((Push, Push.id), (PushEvent, PushEvent.push_id)):
            names = SEALED[model.__tablename__].split()
            values = {name: ctx.vault.encrypt('"somebody"') for name in names}
            connection.execute(sa.update(model).where(key == push_id).values(values))
        connection.execute(
            sa.update(Push).values(
                state="completed",
                finished_at=ctx.clock.now(),
                cova_customer_id="c-1",
                chosen_customer_id="c-1",
            )
        )
        connection.execute(sa.update(Hold).values(state="released", released_at=ctx.clock.now()))
        audit.add_entry(
            connection, "s1", actor="somebody", action="customer_chosen", subject="o1",
            detail={"customer": "c-1"}, at=ctx.clock.now(),
        )  # fmt: skip
        connection.execute(
            sa.insert(CustomerLink).values(
                company_id=1,
                phone_digest="d",
                cova_customer_id="c-1",
                verified_at=ctx.clock.now(),
            )
        )
    return shop


def filled(shop: ConnectedShop, by_table: dict[str, str]) -> set[str]:
    """The columns of a class that hold something."""
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        return {
            each
            for each in named(by_table)
            if connection.execute(
                sa.select(sa.func.count()).where(columns()[each].is_not(None))
            ).scalar()
        }


def test_a_new_key_reaches_every_sealed_column(held: ConnectedShop) -> None:
    with held.shop.app.app_context():
        done = rotate_secrets(held.shop.services, by="a test")
        with held.shop.services.database.short() as connection:
            events = connection.execute(
                sa.select(sa.func.count()).where(PushEvent.private_encrypted.is_not(None))
            ).scalar_one()

    assert done["secrets"] == len(SECRETS["cova_connection"].split())
    assert done["personal_values"] == len(SEALED["cova_push"].split()) + events


def test_erasing_reaches_every_column_that_is_of_a_customer(held: ConnectedShop) -> None:
    assert filled(held, SEALED) == named(SEALED)
    with held.shop.app.app_context(), held.shop.services.database.short() as connection:
        push_id = connection.execute(sa.select(Push.id)).scalar_one()
        personal.erase_in_order(connection, push_id, {"c-1"})
        personal.erase_links(connection, 1, ["d"])
        audit.forget(connection, "s1", "o1", {"c-1"})
        (on_record,) = connection.execute(
            sa.select(AuditEntry.detail).where(AuditEntry.subject == "o1")
        ).scalars()

    assert filled(held, SEALED) == set()
    assert filled(held, OF_A_CUSTOMER) == set()
    assert on_record == {"customer": "[erased]"}
    assert filled(held, {"cova_push": "order_number cova_order_id"}) != set()


def test_what_is_sealed_goes_by_itself(held: ConnectedShop) -> None:
    held.clock.advance(timedelta(days=91).total_seconds())
    with held.shop.app.app_context():
        prune(held.shop.services)

    assert filled(held, SEALED) == set()


def test_everything_that_grows_goes_by_itself(held: ConnectedShop) -> None:
    """Whatever the tables hold but settings and products: after the longest time it is gone."""
    stays = {"cova_connection", "cova_product", "cova_product_specifications", "cova_schedule",
             "cova_sync_state", "cova_category_rule"}  # fmt: skip
    held.sync()
    held.clock.advance(timedelta(days=500).total_seconds())
    with held.shop.app.app_context():
        prune(held.shop.services)
        with held.shop.services.database.short() as connection:
            left = {
                table.name: connection.execute(
                    sa.select(sa.func.count()).select_from(table)
                ).scalar_one()
                for table in TABLES
                if table.name not in stays
            }

    # A handful of rows per company, each overwritten.
    left.pop("cova_call_budget")
    assert {name: rows for name, rows in left.items() if rows} == {}
