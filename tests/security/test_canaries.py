"""Canaries are planted wherever a secret or a shopper's data enters; they must come out nowhere."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.domain.customer_matching import Candidate, Wanted
from aiq_cova_plugin.domain.secret_text import SecretText
from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.host import Address, Customer
from aiq_cova_plugin.safe_logging import told_safely
from aiq_cova_plugin.simulator import Simulator

from tests.security.journey import (
    ADDRESS,
    CLIENT_SECRET,
    ECHO,
    METRICS_TOKEN,
    PASSWORD,
    PERSON,
    PERSONAL,
    Browser,
    config_for,
    everything_logged,
    live_through,
    new_simulator,
    secrets_of,
)
from tests.support.connected import ConnectedShop, connected_shop, settings_for
from tests.support.databases import ON_POSTGRES, dump_of

MAY_NAME_THE_CUSTOMER = ("/orders/twins", "/orders/moved")
"""Where staff choose among customers, or see the address that was overwritten."""


@dataclass
class Past:
    """A shop that has lived through everything, and what it wrote meanwhile."""

    shop: ConnectedShop
    pages: str
    logged: list[str]
    secrets: list[str]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with new_simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def past(sim: Simulator, module_database_url: str) -> Iterator[Past]:
    with (
        connected_shop(module_database_url, sim, sync_orders=True, **config_for(sim)) as shop,
        everything_logged(shop) as logged,
    ):
        tokens = secrets_of(shop)
        pages = live_through(shop)
        yield Past(shop, pages, logged, [*tokens, *secrets_of(shop)])


def found_in(text: str, words: list[str] | tuple[str, ...]) -> list[str]:
    return [word for word in words if word in text]


def test_the_journey_saw_every_kind_of_failure(past: Past) -> None:
    """Without this, a journey that does nothing would pass every test below."""
    logged = "\n".join(past.logged)
    with past.shop.shop.app.app_context(), past.shop.shop.services.database.short() as connection:
        pushes = connection.exec_driver_sql("select order_id, state, kind from cova_push").all()
        sealed = connection.exec_driver_sql(
            "select count(*) from cova_push_event where private_encrypted is not null"
        ).scalar()
    kinds = {kind for _order, _state, kind in pushes}
    events = ["cova_call_answered", "signal_not_handled", "catalog_sync_failed", "audited"]

    assert found_in(logged, events) == events
    assert {"Rejected", "AmbiguousCustomer"} <= kinds
    assert sealed
    assert "COVA" in past.pages


def test_no_log_record_and_no_statement_holds_a_canary(past: Past) -> None:
    spilled = {
        word: [line[:400] for line in past.logged if word in line][:2]
        for word in [*past.secrets, *PERSONAL]
    }

    assert {word: lines for word, lines in spilled.items() if lines} == {}


def test_the_database_holds_canaries_encrypted_only(past: Past) -> None:
    stored = dump_of(past.shop.shop.app.config["SQLALCHEMY_DATABASE_URI"])

    assert "cova_push_event" in stored
    assert found_in(stored, [*past.secrets, *PERSONAL]) == []


def test_no_page_shows_a_secret_and_few_name_a_customer(past: Past) -> None:
    browser, shop = Browser(past.shop), past.shop.shop
    order_ids = ["moved", "failed", "twins", "refused-0", "refused-2", "stumbled"]
    run_ids = [run.id for run in past.shop.runs()]
    values = {"order_id": order_ids, "run_id": run_ids, "product_id": past.shop.ordinary(2)}
    opened = 0
    for rule in shop.app.url_map.iter_rules():
        if not rule.endpoint.startswith("cova.") or "GET" not in (rule.methods or ()):
            continue
        names = rule.arguments - {"store_id"}
        for number in range(max([len(values.get(name, "x")) for name in names] or [1])):
            chosen = {name: values.get(name, ["x"])[number] for name in names}
            if "filename" in chosen:
                continue
            with shop.app.test_request_context():
                path = rule.build(chosen | {"store_id": "s1"})[1]  # type: ignore[index]
            page = browser.get(path, headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
            opened += 1
            assert found_in(page, past.secrets) == [], path
            if not path.endswith(MAY_NAME_THE_CUSTOMER):
                assert found_in(page, PERSONAL) == [], path
    assert opened > 15
    assert found_in(past.pages, [*past.secrets, *PERSONAL]) == []


COMMANDS = [
    ["doctor"],
    ["sync", "--store", "s1", "--preview"],
    ["holds"],
    ["reconcile", "--store", "s1"],
    ["orders", "list"],
    ["orders", "show", "moved"],
    ["orders", "show", "failed"],
    ["orders", "show", "twins"],
    ["orders", "show", "refused-1"],
    ["orders", "retry", "failed"],
    ["orders", "push"],
    ["orders", "poll"],
    ["orders", "sweep"],
    ["support-bundle"],
    ["rotate-secrets"],
    ["prune"],
    ["tick"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_prints_a_canary(past: Past, command: list[str]) -> None:
    printed = past.shop.shop.run(*command).output + past.shop.shop.run(*command, "--json").output

    assert printed.strip()
    assert found_in(printed, [*past.secrets, *PERSONAL]) == []


@pytest.mark.skipif(ON_POSTGRES, reason="[cannot run here] PostgreSQL keeps its files itself")
def test_nothing_else_was_written_to_disk(past: Past) -> None:
    path = Path(past.shop.shop.app.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///"))

    assert {each.name for each in path.parent.iterdir()} <= {
        "test.sqlite",
        "test.sqlite-wal",
        "test.sqlite-shm",
    }


# --- what a debugger or an error tracker would show -----------------------------------------------


def test_no_repr_of_ours_shows_a_canary(past: Past) -> None:
    ctx = past.shop.shop.services
    credentials = CovaCredentials(1, 2, "canary-api-user", PASSWORD, "client", CLIENT_SECRET)
    things: list[Any] = [
        ctx,
        ctx.config,
        ctx.vault,
        credentials,
        credentials.secrets,
        Customer(**{**PERSON, "date_of_birth": None}),
        Address(**ADDRESS),
        Wanted(phone="+13035550187", country="US", last_name="Quillfeather"),
        Candidate("id", phones=("5550187",), last_name="Quillfeather"),
        {"password": SecretText(PASSWORD)},
    ]

    for thing in things:
        assert found_in(repr(thing), [*past.secrets, *PERSONAL]) == []


def test_a_traceback_with_locals_shows_no_secret(past: Past, sim: Simulator) -> None:
    """As error trackers render it: every variable of every frame of ours."""
    shop, rendered = past.shop.shop, ""
    faults = [("token", 400), ("product_data", 403), ("product_data", 500), ("locations", 404)]
    with shop.app.app_context():
        credentials = CovaCredentials(
            sim.company_id, sim.location_id, sim.username, PASSWORD, sim.client_id, CLIENT_SECRET
        )
        for operation, status in faults:
            sim.faults.add(operation, action="status", status=status, body=ECHO, times=5)
            with shop.services.open_client(credentials, is_trial=True) as client:
                try:
                    client.location() if operation == "locations" else client.product_page(
                        skip=0, top=5
                    )
                except CovaPluginError as exc:
                    told = traceback.TracebackException.from_exception(exc, capture_locals=True)
                    rendered += "".join(told.format())
            sim.faults.clear()
    ours = [each for each in rendered.splitlines() if "tests/security" not in each]

    assert rendered.count("Traceback") >= len(faults)
    assert found_in("\n".join(ours), past.secrets) == []


def test_an_exception_of_the_shop_is_logged_without_its_text() -> None:
    try:
        raise RuntimeError(ECHO)
    except RuntimeError as exc:
        text = "".join(traceback.format_exception(told_safely(exc)))

    assert "RuntimeError" in text
    assert "test_canaries.py" in text
    # The line of code is shown as it stands in the file; the text of the exception is not.
    assert found_in(text, PERSONAL) == []


def test_an_exception_of_ours_keeps_its_sentence() -> None:
    cause = CovaPluginError("COVA cannot be reached (reading products).")

    assert str(told_safely(cause)) == "COVA cannot be reached (reading products)."


def test_the_search_of_a_phone_is_not_in_urllib3s_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3.connectionpool").debug(
        "%s %s", "GET", "/Companies(1)/Customers?$filter=Criteria%20eq%20'5550187'"
    )

    assert "5550187" not in caplog.text
    assert "Customers?[hidden]" in caplog.text


def test_a_secret_text_is_a_text_everywhere_but_in_its_repr() -> None:
    secret = SecretText("abc")

    assert (f"{secret}", secret + "d", secret == "abc", secret.encode()) == (
        "abc",
        "abcd",
        True,
        b"abc",
    )
    assert (repr(secret), f"{secret!r}", str({"k": secret})) == (
        "[hidden]",
        "[hidden]",
        "{'k': [hidden]}",
    )


def test_settings_typed_wrong_are_not_repeated_with_their_secrets(past: Past) -> None:
    page = Browser(past.shop).post(
        "/cova/s1/settings", company_id="x", password=PASSWORD, client_secret=CLIENT_SECRET
    )

    assert "whole number" in page
    assert found_in(page, past.secrets) == []


def test_bad_configuration_names_the_key_and_not_its_value(sqlite_url: str) -> None:
    from aiq_cova_plugin.config import load_config
    from aiq_cova_plugin.errors import ConfigurationError

    with pytest.raises(ConfigurationError) as caught:
        load_config({"COVA_SECRET_KEYS": f"{Fernet.generate_key().decode()},{PASSWORD}"}, {})

    assert PASSWORD not in str(caught.value)
    assert caught.value.field == "COVA_SECRET_KEYS"
    assert settings_for
