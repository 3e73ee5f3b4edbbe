"""Keys are rotated, old rows go, help gets a bundle; no secret ever leaves the database."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet

from aiq_cova_plugin.simulator import Account, Simulator
from aiq_cova_plugin.store import holds, runs

from tests.support.connected import (
    SECRET_KEY,
    ConnectedShop,
    connected_shop,
    connection_of,
    settings_for,
)
from tests.support.databases import ON_POSTGRES, dump_of
from tests.support.shop import ADA, MAPLE_STREET, Shop

CANARIES = {"password": "canary-password-7Q", "client_secret": "canary-secret-8R"}
PERSONAL = ("Zebedee", "Quillfeather", "303) 555-0187", "13035550187", "zq@example.com", "Maple")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(products=40, account=Account(company_id=990_001, **CANARIES)) as simulator:
        yield simulator


@pytest.fixture
def tried(sqlite_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    """A shop that has seen a lot: a sync, an order in COVA, one that failed, a refused log-in."""
    with connected_shop(sqlite_url, sim, sync_orders=True) as shop:
        shop.sync()
        (product_id,) = shop.ordinary()
        person = ADA | {
            "first_name": "Zebedee",
            "last_name": "Quillfeather",
            "phone": "(303) 555-0187",
            "email": "zq@example.com",
        }
        shop.shop.place(
            "o1", [(product_id, "x", "1", "9.00")], customer=person, address=MAPLE_STREET
        )
        shop.shop.place(
            "o2", [("11111111-2222-4333-8444-555555555555", "x", "1", "9.00")], customer=person
        )
        shop.shop.run("orders", "push")
        shop.sim.faults.add("token", action="status", status=400, body=_echo(sim), times=1)
        shop.sim.state.revoke_tokens()
        shop.sync()
        yield shop


def _echo(sim: Simulator) -> str:
    """An error of COVA that repeats what it was sent."""
    return json.dumps(
        {
            "error": "invalid_grant",
            "error_description": f"User {sim.username} with {sim.password} and "
            f"{sim.client_secret} is not known",
        }
    )


def _secrets(shop: ConnectedShop) -> list[str]:
    with shop.shop.app.app_context():
        parts = shop.shop.services.database
        with parts.short() as connection:
            tokens = connection.exec_driver_sql("select token_encrypted from cova_token").scalars()
            vault = shop.shop.services.vault
            issued = [json.loads(vault.decrypt(each))["token"] for each in tokens]
    return [*CANARIES.values(), SECRET_KEY, *issued]


@pytest.mark.parametrize(
    "command",
    [
        ["sync", "--store", "s1"],
        ["sync", "--store", "s1", "--full"],
        ["doctor"],
        ["holds"],
        ["reconcile", "--store", "s1"],
        ["orders", "push"],
        ["orders", "poll"],
        ["orders", "list"],
        ["orders", "show", "o1"],
        ["orders", "show", "o2"],
        ["rotate-secrets"],
        ["prune"],
        ["support-bundle"],
        ["tick"],
    ],
    ids=" ".join,
)
def test_no_command_shows_a_secret_and_none_logs_one(
    tried: ConnectedShop,
    command: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    tried.sim.faults.add("token", action="status", status=400, body=_echo(tried.sim), times=1)
    secrets = _secrets(tried)

    shown = tried.shop.run(*command).output + tried.shop.run(*command, "--json").output

    logged = "\n".join(
        [caplog.text, *[str(record.__dict__) for record in caplog.records if _is_ours(record)]]
    )
    for secret in secrets:
        assert secret not in shown
        assert secret not in logged


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.startswith("aiq_cova_plugin")


def test_no_secret_lies_readable_in_the_database(tried: ConnectedShop, sqlite_url: str) -> None:
    secrets = _secrets(tried)

    stored = dump_of(sqlite_url, prefix="")

    assert "cova_connection" in stored
    for secret in secrets:
        assert secret not in stored


def test_the_support_bundle_names_no_customer(tried: ConnectedShop) -> None:
    result = tried.shop.run("support-bundle", "--json")

    assert result.exit_code == 0
    for personal in PERSONAL:
        assert personal not in result.output
    document = json.loads(result.stdout)
    assert document["configuration"]["secret_keys"] == 1
    assert document["database"] == ("postgresql" if ON_POSTGRES else "sqlite")
    assert document["revision"]
    assert document["stores"][0]["has_credentials"] is True
    assert document["stores"][0]["runs"][0]["status"] == "failed"
    assert tried.sim.client_id not in result.output


def test_a_run_that_failed_by_an_echoing_cova_keeps_no_secret(tried: ConnectedShop) -> None:
    newest = tried.runs()[0]

    assert newest.status == "failed"
    for secret in CANARIES.values():
        assert secret not in newest.message + newest.fix


# --- rotate-secrets -------------------------------------------------------------------------------


def _with_keys(sqlite_url: str, sim: Simulator, *keys: str) -> Shop:
    return Shop(sqlite_url, **settings_for(sim) | {"COVA_SECRET_KEYS": ",".join(keys)})


def test_secrets_are_rotated_to_a_new_key_and_the_old_one_may_go(
    sqlite_url: str, sim: Simulator
) -> None:
    new = Fernet.generate_key().decode()
    with connected_shop(sqlite_url, sim) as first:
        first.sync()

    both = _with_keys(sqlite_url, sim, new, SECRET_KEY)
    result = both.run("rotate-secrets", "--json")
    both.close()
    assert result.exit_code == 0
    assert json.loads(result.stdout)["secrets"] == 2

    alone = _with_keys(sqlite_url, sim, new)
    synced = alone.run("sync", "--store", "s1", "--json")
    alone.close()
    assert synced.exit_code == 0, synced.output

    old = _with_keys(sqlite_url, sim, SECRET_KEY)
    refused = old.run("sync", "--store", "s1", "--json")
    old.close()
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"]["field"] == "COVA_SECRET_KEYS"


def test_a_rotation_that_cannot_read_everything_changes_nothing(
    sqlite_url: str, sim: Simulator
) -> None:
    with connected_shop(sqlite_url, sim):
        pass
    stranger = _with_keys(sqlite_url, sim, Fernet.generate_key().decode())
    result = stranger.run("rotate-secrets", "--json")
    doctor = stranger.run("doctor", "--json")
    stranger.close()

    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["field"] == "COVA_SECRET_KEYS"
    assert doctor.exit_code == 1
    assert {c["name"] for c in json.loads(doctor.stdout)["checks"] if not c["ok"]} == {
        "credentials"
    }
    again = _with_keys(sqlite_url, sim, SECRET_KEY)
    assert again.run("sync", "--store", "s1").exit_code == 0
    again.close()


def test_a_lost_key_is_repaired_by_typing_the_secrets_again(
    sqlite_url: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected_shop(sqlite_url, sim):
        pass
    shop = _with_keys(sqlite_url, sim, Fernet.generate_key().decode())
    assert shop.run("sync", "--store", "s1").exit_code == 1
    monkeypatch.setenv("COVA_PASSWORD", sim.password)
    monkeypatch.setenv("COVA_CLIENT_SECRET", sim.client_secret)

    result = shop.run("connect", "--store", "s1", "--json")

    assert (result.exit_code, json.loads(result.stdout)["state"]) == (0, "ready")
    assert shop.run("sync", "--store", "s1").exit_code == 0
    shop.close()


# --- prune ----------------------------------------------------------------------------------------


def test_prune_takes_what_is_old_and_finished_and_leaves_the_rest(
    shop: ConnectedShop, run: Any
) -> None:
    shop.sync()
    first, second = shop.ordinary(2)
    shop.shop.place("gone", [(first, "x", "1", "1.00")], send=["aiq.order-placed"])
    shop.shop.send("aiq.order-cancelled", "gone")
    shop.shop.place("open", [(second, "x", "1", "1.00")], send=["aiq.order-placed"])
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        runs.change_run(connection, shop.runs()[0].id, {"started_at": _days_ago(shop, 91)})
    shop.clock.advance(timedelta(days=91).total_seconds())
    shop.sync()

    code, document = run("prune")

    assert code == 0
    assert document["runs"] == 1
    assert document["holds"] == 1
    assert len(shop.runs()) == 1
    assert [hold.order_id for hold in shop.holds()] == ["open"]
    assert shop.all_holds("gone") == []
    assert run("prune")[1] == dict.fromkeys(document, 0)


def _days_ago(shop: ConnectedShop, days: int) -> Any:
    return shop.clock.now() - timedelta(days=days)


def test_prune_never_takes_a_run_that_is_running_or_a_hold_that_counts(
    shop: ConnectedShop, run: Any
) -> None:
    shop.sync()
    (product_id,) = shop.ordinary()
    shop.shop.place("o1", [(product_id, "x", "1", "1.00")], send=["aiq.order-placed"])
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        runs.change_run(connection, shop.runs()[0].id, {"status": "running"})
        assert holds.start_settling(connection, "s1", "o1", now=shop.clock.now())
    shop.clock.advance(timedelta(days=500).total_seconds())

    _, document = run("prune")

    assert (document["runs"], document["holds"]) == (0, 0)
    assert connection_of(shop.sim)
