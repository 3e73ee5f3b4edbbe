"""The doctor looks at the machine, too: keys, tokens, web, database, clocks, schedule, alerts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from blinker import signal
from cryptography.fernet import Fernet

from aiq_cova_plugin.services.connection.doctor import examine
from aiq_cova_plugin.services.connection.doctor_site import SiteFacts, _judged
from aiq_cova_plugin.services.watch.alerts import watch
from aiq_cova_plugin.store.database_facts import DatabaseFacts
from aiq_cova_plugin.store.models import Breaker, CallBudget
from aiq_cova_plugin.vault import Vault

from tests.support.connected import SECRET_KEY, ConnectedShop

WELL = SiteFacts(is_debug=False, has_secure_cookie=True, has_secret_key=True)


def findings(shop: ConnectedShop, facts: SiteFacts | None = WELL, **changed: Any) -> dict[str, Any]:
    """dict: name → check, of store s1; `changed` are members of the services."""
    with shop.shop.app.app_context():
        ctx = replace(shop.shop.services, **changed)
        return {each["name"]: each for each in examine(ctx, "s1", facts=facts)["checks"]}


def wrong(found: dict[str, Any]) -> set[str]:
    assert all(each["fix"] for each in found.values() if not each["ok"]), "says what to do"
    return {name for name, each in found.items() if not each["ok"]}


def configured(shop: ConnectedShop, **values: Any) -> dict[str, Any]:
    return {"config": replace(shop.shop.services.config, **values)}


def test_everything_new_is_looked_at_and_well(shop: ConnectedShop) -> None:
    found = findings(shop)

    assert wrong(found) == set()
    assert found.keys() >= {
        "secret_keys", "key_rotation", "metrics_token", "cova_address", "form_key", "debug_mode",
        "secure_cookie", "database", "tables", "scheduler", "alerts", "clock", "cova_services",
        "quota",
    }  # fmt: skip
    assert "own address" in found["cova_address"]["message"]


@pytest.mark.parametrize(
    ("token", "is_well"),
    [(None, True), ("change-me", False), ("a" * 40, False), ("Zq3-vR8_tL0xWm5bKd7P", True)],
)
def test_a_token_that_can_be_guessed(shop: ConnectedShop, token: str | None, is_well: bool) -> None:
    found = findings(shop, **configured(shop, metrics_token=token))

    assert found["metrics_token"]["ok"] is is_well
    assert token is None or token not in str(found)


def test_a_rotation_that_was_not_finished(shop: ConnectedShop) -> None:
    new = Fernet.generate_key().decode()
    half_way = Vault([new, SECRET_KEY])
    assert wrong(findings(shop, vault=half_way)) == {"key_rotation"}
    assert "rotate-secrets" in findings(shop, vault=half_way)["key_rotation"]["fix"]

    done = Vault([SECRET_KEY, new])
    assert "may go" in findings(shop, vault=done)["key_rotation"]["message"]
    assert "secret_keys" in wrong(findings(shop, vault=Vault([])))


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (replace(WELL, is_debug=True), "debug_mode"),
        (replace(WELL, has_secure_cookie=False), "secure_cookie"),
        (replace(WELL, has_secret_key=False), "form_key"),
    ],
)
def test_a_shop_in_production_is_looked_at_more_strictly(
    shop: ConnectedShop, facts: SiteFacts, name: str
) -> None:
    real = configured(shop, api_url="https://api.covasoft.net")

    assert name in wrong(findings(shop, facts, **real))
    # A trial on one machine may be in debug mode; its forms need a key all the same.
    assert wrong(findings(shop, facts)) == ({name} if name == "form_key" else set())


@pytest.mark.parametrize(("minutes", "way"), [(4, "ahead of"), (-3, "behind")])
def test_a_clock_that_is_wrong(shop: ConnectedShop, minutes: int, way: str) -> None:
    shop.clock.advance(minutes * 60.0)
    found = findings(shop)

    assert "clock" in wrong(found)
    assert f"{abs(minutes)} minutes {way} COVA's" in found["clock"]["message"]


@pytest.mark.parametrize("scheduler", ["apscheduler", "celery", "none"])
def test_nobody_ticks(shop: ConnectedShop, scheduler: str) -> None:
    shop.clock.advance(timedelta(minutes=30).total_seconds())
    found = findings(shop, **configured(shop, scheduler=scheduler))

    assert "scheduler" in wrong(found)
    assert "30 minutes" in found["scheduler"]["message"]
    assert scheduler in found["scheduler"]["fix"]


def test_alerts_that_nobody_heard(shop: ConnectedShop) -> None:
    def fails(_sender: Any, **_told: Any) -> None:
        raise RuntimeError("the mail server is away")

    shop.sync()
    shop.clock.advance(timedelta(minutes=31).total_seconds())
    with shop.shop.app.app_context(), signal("cova.alert-raised").connected_to(fails):
        watch(shop.shop.services)
        shop.clock.advance(timedelta(minutes=6).total_seconds())
        found = findings(shop)

    assert "alerts" in wrong(found)
    assert "1 of the alerts" in found["alerts"]["message"]


def test_a_service_of_cova_that_is_not_called_and_a_quota_that_is_used_up(
    shop: ConnectedShop,
) -> None:
    shop.sync()
    ctx = shop.shop.services
    now, company = ctx.clock.now(), shop.sim.company_id
    with shop.shop.app.app_context(), ctx.database.short() as connection:
        connection.execute(
            sa.insert(Breaker).values(
                company_id=company, service="orders", failures=5, opened_at=now, open_until=now,
                reason="It is away.",
            )
        )  # fmt: skip
        connection.execute(sa.update(CallBudget).values(closed_until=now + timedelta(minutes=5)))
    found = findings(shop)

    assert {"cova_services", "quota"} <= wrong(found)
    assert "orders. It is away." in found["cova_services"]["message"]
    assert "cova_services" not in wrong(findings_of_other(shop, company + 1))


def findings_of_other(shop: ConnectedShop, company_id: int) -> dict[str, Any]:
    with as_company(shop, company_id):
        return findings(shop)


@contextmanager
def as_company(shop: ConnectedShop, company_id: int) -> Iterator[None]:
    shop.change_settings(company_id=company_id)
    yield
    shop.change_settings(company_id=shop.sim.company_id)


POSTGRES = DatabaseFacts("postgresql", (16, 2), "UTF8", "read committed")
SQLITE = DatabaseFacts("sqlite", (3, 45, 1), "UTF-8", "serializable", "wal")


@pytest.mark.parametrize(
    ("facts", "is_well", "says"),
    [
        (POSTGRES, True, "PostgreSQL 16.2"),
        (SQLITE, True, "SQLite 3.45.1"),
        (replace(SQLITE, journal="delete"), True, "WAL"),
        (replace(POSTGRES, version=(9, 6)), False, "does not support"),
        (replace(SQLITE, version=(3, 34)), False, "does not support"),
        (DatabaseFacts("mysql", (8, 0), "utf8mb4", "repeatable read"), False, "does not support"),
        (replace(POSTGRES, encoding="SQL_ASCII"), False, "SQL_ASCII"),
        (replace(POSTGRES, isolation="serializable"), False, "serializable"),
    ],
)
def test_the_database(facts: DatabaseFacts, is_well: bool, says: str) -> None:
    found = _judged(facts)

    assert found.ok is is_well
    assert says in found.message


def test_the_quota_that_is_left(shop: ConnectedShop) -> None:
    shop.sync()

    assert "% of COVA's quota is left" in findings(shop)["quota"]["message"]
