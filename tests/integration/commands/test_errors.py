"""Whatever goes wrong is one sentence in one document, and a non-zero exit; never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.store import schema

from tests.support.connected import ConnectedShop, connected_shop, connection_of
from tests.support.ports import free_port

EVERY_COMMAND = [
    ["sync", "--all"],
    ["holds"],
    ["connect", "--store", "s1", "--disable"],
    ["reconcile", "--store", "s1"],
    ["orders", "push"],
    ["orders", "poll"],
    ["orders", "sweep"],
    ["orders", "list"],
    ["orders", "show", "o1"],
    ["orders", "retry", "o1"],
    ["orders", "cancel", "o1"],
    ["rotate-secrets"],
    ["prune"],
    ["support-bundle"],
]


@pytest.fixture(autouse=True)
def _no_traceback(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err


def _check_error(code: int, document: dict[str, Any]) -> dict[str, Any]:
    assert code != 0
    assert set(document) == {"error"}
    error: dict[str, Any] = document["error"]
    assert set(error) >= {"message", "field", "fix"}
    assert error["message"].strip()
    assert error["fix"].strip(), error
    return error


@pytest.mark.parametrize(
    "command",
    [
        ["sync", "--store", "nowhere"],
        ["doctor", "--store", "nowhere"],
        ["holds", "--store", "nowhere"],
        ["reconcile", "--store", "nowhere"],
        ["connect", "--store", "nowhere", "--disable"],
        ["orders", "push", "--store", "nowhere"],
        ["orders", "poll", "--store", "nowhere"],
        ["orders", "sweep", "--store", "nowhere"],
        ["orders", "list", "--store", "nowhere"],
    ],
    ids=" ".join,
)
def test_an_unknown_store_is_named_with_those_there_are(run: Any, command: list[str]) -> None:
    error = _check_error(*run(*command))

    assert "nowhere" in error["message"]
    assert error["field"] == "store"
    assert "s1" in error["fix"]
    assert "Harbour Street" in error["fix"]


@pytest.mark.parametrize(
    "command", [["sync", "--store", "s2"], ["reconcile", "--store", "s2"]], ids=" ".join
)
def test_a_store_that_is_not_connected_says_so(run: Any, command: list[str]) -> None:
    error = _check_error(*run(*command))

    assert "not connected" in error["message"]


def test_a_store_that_is_switched_off_says_so(shop: ConnectedShop, run: Any) -> None:
    shop.change_settings(enabled=False)

    error = _check_error(*run("sync", "--store", "s1"))

    assert "switched off" in error["message"]


def test_a_sync_beside_another_one_says_so(shop: ConnectedShop, run: Any) -> None:
    with shop.shop.app.app_context():
        assert shop.shop.services.leases.take("catalog:s1") is not None

    code, document = run("sync", "--store", "s1")

    assert code != 0
    assert "already running" in document["error"]["message"]


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=" ".join)
def test_before_init_db_every_command_says_to_run_it(
    shop: ConnectedShop, run: Any, command: list[str]
) -> None:
    with shop.shop.app.app_context():
        schema.downgrade(shop.shop.db.engine)

    error = _check_error(*run(*command))

    assert "init-db" in error["fix"]


def test_before_init_db_doctor_says_to_run_it(shop: ConnectedShop, run: Any) -> None:
    with shop.shop.app.app_context():
        schema.downgrade(shop.shop.db.engine)

    code, document = run("doctor")

    assert (code, document["ok"]) == (1, False)
    assert [(c["name"], c["fix"]) for c in document["checks"] if not c["ok"]] == [
        ("tables", "Run: flask cova init-db")
    ]


@pytest.mark.parametrize(
    "command",
    [
        ["sync"],
        ["sync", "--store", "s1", "--all"],
        ["sync", "--bogus"],
        ["connect"],
        ["reconcile"],
        ["orders", "show"],
        ["orders", "list", "--state", "lost"],
        ["simulate", "--port", "99999999"],
        ["simulate", "--products", "none"],
        ["holds", "extra"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_an_error_document_too(run: Any, command: list[str]) -> None:
    _check_error(*run(*command))


def test_an_unknown_order_is_named(run: Any) -> None:
    error = _check_error(*run("orders", "show", "no-such-order"))

    assert "no-such-order" in error["message"]


def test_without_json_the_sentence_goes_to_stderr(shop: ConnectedShop) -> None:
    result = shop.shop.run("sync", "--store", "nowhere")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: There is no store 'nowhere'")


def test_logs_go_to_stderr_alone(shop: ConnectedShop) -> None:
    """Warnings of a run, the host's refusals among them, must not spoil the document."""
    shop.shop.host.broken_products.add(shop.ordinary()[0])

    result = shop.shop.run("sync", "--store", "s1", "--json")

    assert json.loads(result.stdout)["stores"][0]["status"] == "partial"
    assert result.stdout.count("\n") == 1


# --- connect --------------------------------------------------------------------------------------


@pytest.fixture
def blank(sqlite_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    """A shop whose second store was never connected."""
    with connected_shop(sqlite_url, sim) as shop:
        yield shop


def _arguments(told: dict[str, Any]) -> list[str]:
    return [
        "connect", "--store", "s2", "--company-id", str(told["company_id"]),
        "--location-id", str(told["location_id"]), "--username", told["username"],
        "--client-id", told["client_id"], "--enable",
    ]  # fmt: skip


def _connect(
    shop: ConnectedShop, monkeypatch: pytest.MonkeyPatch, *more: str, **changed: Any
) -> tuple[int, dict[str, Any]]:
    told = connection_of(shop.sim) | changed
    monkeypatch.setenv("COVA_PASSWORD", told["password"])
    monkeypatch.setenv("COVA_CLIENT_SECRET", told["client_secret"])
    result = shop.shop.run(*_arguments(told), *more, "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    for secret in (told["password"], told["client_secret"]):
        assert secret not in result.output
    return result.exit_code, document


def test_connect_saves_and_says_the_state(
    blank: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, document = _connect(blank, monkeypatch)

    assert (code, document) == (0, {"store_id": "s2", "state": "ready"})
    assert blank.shop.run("sync", "--store", "s2").exit_code == 0
    off = json.loads(blank.shop.run("connect", "--store", "s2", "--disable", "--json").stdout)
    assert off == {"store_id": "s2", "state": "frozen"}


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"password": "canary-password"}, {"password"}),
        ({"username": "nobody"}, {"username", "password"}),
        ({"client_id": "Nobody.Here"}, {"client_id", "client_secret"}),
        ({"client_secret": "canary-secret"}, {"client_secret", "client_id"}),
        ({"company_id": 1}, {"company_id"}),
        ({"location_id": 1}, {"location_id"}),
        ({"company_id": "abc"}, {"company_id"}),
        ({"company_id": "-4"}, {"company_id"}),
        ({"location_id": "99999999999999999999"}, {"location_id"}),
        ({"username": ""}, {"username"}),
    ],
    ids=lambda value: " ".join(map(str, value.items())) if isinstance(value, dict) else "",
)
def test_connect_names_the_field_that_is_wrong_and_saves_nothing(
    blank: ConnectedShop,
    monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, Any],
    fields: set[str],
) -> None:
    code, document = _connect(blank, monkeypatch, **wrong)

    assert code == 1
    error = document["error"]
    assert error["field"] in fields, error
    assert error["message"]
    assert _stored(blank) == []


def _stored(shop: ConnectedShop) -> list[str]:
    from aiq_cova_plugin.store.connections import all_connections

    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        return [row.store_id for row in all_connections(connection) if row.store_id == "s2"]


def test_connect_without_check_saves_what_it_is_told(
    blank: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, document = _connect(blank, monkeypatch, "--no-check", password="not-it")

    assert (code, document["state"]) == (0, "not_ready")


def test_connect_needs_the_password_from_the_environment(
    blank: ConnectedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = blank.shop.run(*_arguments(connection_of(blank.sim)), "--json")

    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["field"] == "password"
    assert "COVA_PASSWORD" in error["fix"]


@pytest.mark.parametrize("option", ["--integrator-id", "--delivery-fee-product"])
def test_connect_refuses_what_is_no_guid(
    blank: ConnectedShop, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    code, document = _connect(blank, monkeypatch, option, "not-a-guid")

    assert code == 1
    assert document["error"]["field"] == option.strip("-").replace("-", "_")


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "garbage"},
        {"action": "server_error"},
        {"action": "reset_before"},
        {"action": "status", "status": 404, "body": "not found"},
        {"action": "rate_limited", "retry_after": 60},
    ],
    ids=lambda fault: str(fault["action"]),
)
def test_connect_says_when_cova_itself_is_the_trouble(
    blank: ConnectedShop, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    blank.sim.faults.add("token", times=None, **fault)

    code, document = _connect(blank, monkeypatch)

    assert code == 1
    assert document["error"]["message"]
    assert _stored(blank) == []


def test_an_unreachable_cova_is_said_and_nothing_is_saved(
    sqlite_url: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with connected_shop(sqlite_url, sim, COVA_API_URL=nobody, COVA_TOKEN_URL=nobody) as shop:
        code, document = _connect(shop, monkeypatch)

        assert code == 1
        assert "cannot be reached" in document["error"]["message"]
        assert _stored(shop) == []
        result = shop.shop.run("sync", "--store", "s1", "--json")
        assert result.exit_code == 1
        assert "cannot be reached" in json.loads(result.stdout)["stores"][0]["message"]
        result = shop.shop.run("sync", "--store", "s1", "--preview", "--json")
        assert result.exit_code == 1
        _check_error(1, json.loads(result.stdout))


def test_without_secret_keys_nothing_is_stored(
    sqlite_url: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.shop import Shop

    shop = Shop(sqlite_url, COVA_API_URL=sim.url, COVA_TOKEN_URL=sim.token_url)
    told = connection_of(sim)
    monkeypatch.setenv("COVA_PASSWORD", told["password"])
    monkeypatch.setenv("COVA_CLIENT_SECRET", told["client_secret"])

    result = shop.run(*_arguments(told), "--json")
    doctor = shop.run("doctor", "--json")
    shop.close()

    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["field"] == "COVA_SECRET_KEYS"
    assert "COVA_SECRET_KEYS" in error["message"] + error["fix"]
    checks = json.loads(doctor.stdout)["checks"]
    assert next(c["name"] for c in checks if not c["ok"]) == "secret_keys"
