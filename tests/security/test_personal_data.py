"""What is held about a customer can be handed out and erased; what is old goes by itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from aiq_cova_plugin.services.audit import entries_of, note
from aiq_cova_plugin.store import alerts, retention
from aiq_cova_plugin.store.models import (
    Alert,
    AuditEntry,
    CustomerLink,
    Lease,
    Push,
    PushEvent,
)

from tests.security.journey import push
from tests.support.connected import ConnectedShop
from tests.support.shop import ADA, MAPLE_STREET

BOB = ADA | {"first_name": "Bob", "phone": "(303) 555-0111", "email": "bob@example.com"}


@pytest.fixture
def served(shop: ConnectedShop) -> ConnectedShop:
    """Ada moved house and has one finished order; Bob has one, too."""
    shop.sync()
    shop.sim.register.add_customer(
        first_name="Ada",
        last_name="Example",
        phones=["3035550142"],
        addresses=[
            {
                "type_id": 3,
                "street1": "9 Former Road",
                "locality": "Denver",
                "state_code": "CO",
                "country_code": "US",
                "postal_code": "80201",
            }
        ],
    )
    first, second = shop.ordinary(2)
    shop.shop.place("ada", [(first, "x", "1", "12.50")], address=MAPLE_STREET)
    shop.shop.place("bob", [(second, "x", "1", "5.00")], customer=BOB)
    push(shop)
    return shop


def finish(shop: ConnectedShop, order_id: str) -> None:
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        now = shop.clock.now()
        connection.execute(
            sa.update(Push)
            .where(Push.order_id == order_id)
            .values(state="completed", finished_at=now)
        )


def run(
    shop: ConnectedShop, monkeypatch: pytest.MonkeyPatch, *arguments: str, phone: str = ADA["phone"]
) -> tuple[int, dict[str, Any]]:
    monkeypatch.setenv("COVA_CUSTOMER_PHONE", phone)
    result = shop.shop.run("personal-data", *arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


def stored(shop: ConnectedShop, model: Any) -> list[Any]:
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        # PostgreSQL hands changed rows over last.
        in_order = sa.select(model).order_by(*sa.inspect(model).primary_key)
        return list(connection.execute(in_order).all())


def test_export_hands_out_what_is_held_about_one_customer(
    served: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, document = run(served, monkeypatch, "export")

    assert code == 0
    (link,) = document["customers"]
    (order,) = document["orders"]
    assert order["order_id"] == "ada"
    assert order["cova_customer_id"] == link["cova_customer_id"]
    assert order["total"] == "12.50"
    (address,) = order["earlier_addresses"]
    assert address["address"]["street_address1"] == "9 Former Road"
    assert "bob" not in json.dumps(document)


@pytest.mark.parametrize("spelling", ["3035550142", "+1 303 555 0142", "(303) 555-0142"])
def test_the_customer_is_found_in_every_spelling(
    served: ConnectedShop, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    assert len(run(served, monkeypatch, "export", phone=spelling)[1]["orders"]) == 1


def test_a_customer_is_found_after_the_key_was_rotated(
    served: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = served.shop.services.vault
    vault.__init__([Fernet.generate_key().decode(), *vault._keys])

    code, document = run(served, monkeypatch, "export")

    assert (code, len(document["customers"]), len(document["orders"])) == (0, 1, 1)


def test_erase_forgets_the_customer_and_keeps_the_accounts(
    served: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(served, "ada")
    customer_id = run(served, monkeypatch, "export")[1]["customers"][0]["cova_customer_id"]

    code, done = run(served, monkeypatch, "erase", "--yes")

    assert code == 0
    assert (done["links"], done["orders"], done["open_orders"]) == (1, 1, 0)
    ada, bob = stored(served, Push)
    assert (ada.cova_customer_id, ada.candidates_encrypted) == (None, None)
    assert (ada.order_number, str(ada.host_total), ada.state) == ("WEB-ada", "12.5000", "completed")
    assert ada.cova_order_id
    assert bob.cova_customer_id
    events = [event for event in stored(served, PushEvent) if event.push_id == ada.id]
    assert events
    assert all(event.private_encrypted is None for event in events)
    assert all(customer_id not in event.detail for event in events)
    assert len(stored(served, CustomerLink)) == 1
    assert run(served, monkeypatch, "export")[1]["customers"] == []
    assert run(served, monkeypatch, "erase", "--yes")[1]["values"] == 0


def test_an_order_on_its_way_is_left_alone_and_said_so(
    served: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, done = run(served, monkeypatch, "erase", "--yes")

    assert (code, done["open_orders"], done["orders"], done["links"]) == (1, 1, 0, 0)
    assert all(row.cova_customer_id for row in stored(served, Push))


@pytest.mark.parametrize("phone", ["", "12", "not a phone", "3035550142; drop table"])
def test_what_is_no_phone_number_is_refused(
    served: ConnectedShop, monkeypatch: pytest.MonkeyPatch, phone: str
) -> None:
    code, document = run(served, monkeypatch, "erase", "--yes", phone=phone)

    assert code == 1
    assert document["error"]["field"] == "phone"
    assert document["error"]["fix"]
    assert len(stored(served, CustomerLink)) == 2


def test_the_phone_is_never_an_argument(served: ConnectedShop) -> None:
    result = served.shop.run("personal-data", "export", "--phone", ADA["phone"], "--json")

    assert result.exit_code == 2


def test_the_acts_are_on_record_without_the_number(
    served: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(served, "ada")
    run(served, monkeypatch, "export", "--store", "s1")
    run(served, monkeypatch, "erase", "--yes")

    entries = stored(served, AuditEntry)
    acts = [(entry.actor, entry.action) for entry in entries]
    assert ("the command line", "personal_data_exported") in acts
    assert ("the command line", "personal_data_erased") in acts
    assert not any(digits in str(entries) for digits in ("5550142", "555-0142"))


# --- retention ------------------------------------------------------------------------------------


def test_what_is_old_goes_in_small_steps(
    served: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STEP", 3)
    finish(served, "ada")
    with served.shop.app.app_context():
        services = served.shop.services
        for number in range(10):
            note(services, "s1", "tried", str(number), by="somebody")
            with services.leases.hold(f"customer:1:{number}", busy="busy"):
                pass
            with services.database.short() as connection:
                at = served.clock.now()
                alerts.raise_alert(
                    connection, "s1", "stale", str(number), message="", fix="", at=at
                )
        with services.database.short() as connection:
            for alert in alerts.open_alerts(connection)[1:]:
                alerts.resolve_alert(connection, alert.id, at=served.clock.now())
    served.clock.advance(timedelta(days=401).total_seconds())

    gone = json.loads(served.shop.run("prune", "--json").stdout)

    assert (gone["orders"], gone["customers"], gone["personal_values"]) == (1, 2, 1)
    assert gone["audit_entries"] >= 10
    assert gone["alerts"] == 9
    assert gone["leases"] >= 10
    assert [alert.subject for alert in stored(served, Alert)] == ["0"]
    assert [row.order_id for row in stored(served, Push)] == ["bob"]
    assert stored(served, Lease) == []
    assert set(json.loads(served.shop.run("prune", "--json").stdout).values()) == {0}


def test_nothing_goes_a_day_before_its_time(served: ConnectedShop) -> None:
    finish(served, "ada")
    served.clock.advance(timedelta(days=89).total_seconds())

    gone = json.loads(served.shop.run("prune", "--json").stdout)

    kept = ("orders", "customers", "personal_values", "runs", "audit_entries", "alerts")
    assert {name: gone[name] for name in kept} == dict.fromkeys(kept, 0)


def test_retention_is_configured(sqlite_url: str) -> None:
    from aiq_cova_plugin.config import load_config
    from aiq_cova_plugin.errors import ConfigurationError

    assert load_config({"COVA_KEEP_RUNS_DAYS": "7"}, {}).keep_runs_days == 7
    for wrong in (0, -1, "x", 100_000, True, 1.5):
        with pytest.raises(ConfigurationError) as caught:
            load_config({"COVA_KEEP_AUDIT_DAYS": wrong}, {})
        assert caught.value.field == "COVA_KEEP_AUDIT_DAYS"


# --- the audit trail ------------------------------------------------------------------------------


def acts(shop: ConnectedShop) -> list[tuple[str, str, str]]:
    with shop.shop.app.app_context():
        found = entries_of(shop.shop.services, "s1")
    return [(entry.actor, entry.action, entry.subject) for entry in reversed(found)]


def test_settings_are_on_record_with_old_and_new_but_no_secret(
    shop: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COVA_PASSWORD", "a-new-password-9K")
    result = shop.shop.run(
        "connect", "--store", "s1", "--username", "other", "--no-sync-orders", "--no-check"
    )

    assert result.exit_code == 0, result.output
    with shop.shop.app.app_context():
        newest = entries_of(shop.shop.services, "s1")[0]
    assert (newest.actor, newest.action) == ("the command line", "settings_saved")
    assert newest.detail["changed"] == {
        "username": {"old": shop.sim.username, "new": "other"},
        "sync_orders": {"old": True, "new": False},
        "password": "changed",
    }
    assert "a-new-password-9K" not in str(stored(shop, AuditEntry))


def test_every_rescue_by_hand_is_on_record(shop: ConnectedShop) -> None:
    shop.sync()
    shop.shop.place("o1", [(shop.ordinary()[0], "x", "1", "1.00")], customer=ADA | {"phone": None})
    push(shop)
    shop.shop.run("orders", "retry", "o1")
    shop.shop.run("orders", "cancel", "o1")
    shop.shop.run("rotate-secrets")
    shop.shop.run("sync", "--store", "s1", "--approve")

    found = acts(shop)
    assert ("the command line", "order_retried", "o1") in found
    assert ("the command line", "order_withdrawn", "o1") in found
    assert ("the command line", "secrets_rotated", "") in found
    assert ("the command line", "run_approved", shop.runs()[0].id) in found
