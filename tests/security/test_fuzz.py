"""Whatever is sent: no crash, and nothing is written that the check would have refused.

`HYPOTHESIS_PROFILE=nightly` looks for much longer.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import click
import pytest
from blinker import NamedSignal, signal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiq_cova_plugin import schemas, signals
from aiq_cova_plugin.cli import cova
from aiq_cova_plugin.errors import ContractBroken, CovaPluginError
from aiq_cova_plugin.redaction import safe_reason
from aiq_cova_plugin.schemas import company, customers, orders, products, tokens
from aiq_cova_plugin.schemas.json_text import parse_json
from aiq_cova_plugin.services.connection.connection_settings import FIELD_LABELS
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.web.pages import runs

from tests.security.journey import Browser
from tests.support.connected import ConnectedShop, connected_shop, new_simulator
from tests.support.project_files import ROOT

TEXTS = st.text(max_size=60) | st.sampled_from(
    ["", " ", "\x00", "\r\n", "0", "-1", "1e309", "NaN", "on", "<script>", "'; --", "٣", "🌿" * 30]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["ProductId", "Name", "Prices", "Availability", "ProductSpecifications", "Id", "Addresses",
     "ContactMethods", "DateOfBirth", "Version", "OrderStatus", "PaymentStatus", "SaleTotal",
     "access_token", "expires_in", "LifeCycle", "IsArchived", "CatalogSku", "CategoryId", "Value",
     "StreetAddress1", "Lines", "Quantity", "TaxPricing", "LocationId", "Items", "Products"]
)  # fmt: skip
BODIES = st.dictionaries(KEYS, JSON, max_size=8) | JSON
LOADERS = {
    "product": products.load_product,
    "tax_rate": products.load_tax_rate,
    "customer": customers.load_customer,
    "address": customers.load_address,
    "location": company.load_location,
    "order_status": lambda raw: orders.load_order_status(
        raw, order_id="11111111-2222-4333-8444-555555555555"
    ),
    "placed_order": orders.load_placed_order,
    "completed_order": orders.load_completed_order,
    "tax_pricing": lambda raw: company.load_tax_pricing(
        raw if isinstance(raw, list) else [raw], location_id=1
    ),
    "token": tokens.load_token,
}


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS.keys())
@given(body=BODIES)
def test_every_schema_reads_or_refuses(loader: Any, body: Any) -> None:
    if loader is products.load_product and not isinstance(body, dict):
        return  # the listing has looked before
    with suppress(ContractBroken):
        loader(body)


def test_no_schema_is_forgotten() -> None:
    there = {
        name.removeprefix("load_")
        for module in pkgutil.iter_modules(schemas.__path__)
        for name in vars(importlib.import_module(f"{schemas.__name__}.{module.name}"))
        if name.startswith("load_")
    }

    assert there == LOADERS.keys()


@given(document=st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v, default=str).encode()))
def test_every_document_is_json_or_a_value_error(document: bytes) -> None:
    with suppress(ValueError):
        parse_json(document)


@given(text=st.text(max_size=500), secret=st.text(min_size=4, max_size=20))
def test_a_reason_is_one_short_line_without_the_secret(text: str, secret: str) -> None:
    reason = safe_reason(f"{text}{secret}{text}", secrets=[secret])

    assert len(reason) <= 300
    assert "\n" not in reason
    assert "\r" not in reason


# --- a shop behind it -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with new_simulator(products=12) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def shop(sim: Simulator, module_database_url: str) -> Iterator[ConnectedShop]:
    with connected_shop(module_database_url, sim, enabled=False) as connected:
        yield connected


@pytest.fixture(autouse=True)
def _no_sync_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "start_sync", lambda *_args, **_options: "a-run")


def field_names() -> set[str]:
    """Every name of a field or filter that the pages' code asks for, and that the pages have."""
    asked_for = {"get", "getlist", "pop", "checked", "text", "number", "choice"}
    found = set(re.findall(r'\bname="(\w+)"', "".join(
        path.read_text("utf-8") for path in (ROOT / "templates").rglob("*.html")
    )))  # fmt: skip
    for path in (ROOT / "aiq_cova_plugin" / "web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                first = node.args[0] if node.args else None
                if node.func.attr in asked_for and isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return {name for name in found if re.fullmatch(r"[a-z_]+", name)}


# What a template names through a variable is said here.
FIELDS = st.sampled_from(
    sorted(
        field_names()
        | FIELD_LABELS.keys()
        | {"customer_id", "category", "pattern", "rule_pattern", "rule_category", "confirm"}
    )
)
FORMS = st.dictionaries(FIELDS | TEXTS, TEXTS | st.lists(TEXTS, max_size=3), max_size=8)
FEW = settings(
    max_examples=max(12, settings.default.max_examples // 10),  # each opens many pages
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def settings_row(shop: ConnectedShop) -> dict[str, Any]:
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        row = connection.exec_driver_sql("select * from cova_connection where store_id = 's1'")
        return dict(row.mappings().one())


@FEW
@given(form=FORMS)
def test_every_form_saves_or_refuses(shop: ConnectedShop, form: dict[str, Any]) -> None:
    """Each page that takes a form, from the URL map."""
    app, browser = shop.shop.app, Browser(shop)
    # COVA is not to be called for every try: nothing listens to a blank password.
    form = {name: value for name, value in form.items() if name not in {"enabled", "csrf_token"}}
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("cova.") or "POST" not in (rule.methods or ()):
            continue
        if rule.endpoint in {"cova.test_connection", "cova.preview_start", "cova.reconcile_start"}:
            continue  # they only start what calls COVA
        with app.test_request_context():
            names = rule.arguments - {"store_id"}
            path = rule.build({"store_id": "s1"} | dict.fromkeys(names, "x"))[1]  # type: ignore[index]
        answer = browser.send(path, form)
        assert answer.status_code < 500 or answer.status_code in (502, 503), (path, form)
        if answer.status_code == 422:
            before = settings_row(shop)
            browser.send(path, form)
            assert settings_row(shop) == before, path
    row = settings_row(shop)
    assert row["password_encrypted"] is None or row["password_encrypted"].startswith("gAAAA")
    assert row["company_id"] is None or 1 <= row["company_id"] < 2**31


def commands(
    group: click.Group = cova, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """(words, command) of every command there is, but the one that serves until it is stopped."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        elif name != "simulate":
            yield (*path, name), found


ALL_COMMANDS = dict(commands())
COMMANDS = st.sampled_from(sorted(ALL_COMMANDS))
OPTIONS = sorted(
    {option for each in ALL_COMMANDS.values() for param in each.params for option in param.opts
     if option.startswith("-")} - {"--json"}
)  # fmt: skip
ARGUMENTS = st.lists(
    st.sampled_from([*OPTIONS, "s1", "nowhere", "--", "-x"])
    | TEXTS.filter(lambda text: "\x00" not in text),
    max_size=5,
)


@pytest.mark.parametrize("words", ALL_COMMANDS, ids=" ".join)
def test_every_option_of_every_command_is_taken_or_refused(
    shop: ConnectedShop, words: tuple[str, ...]
) -> None:
    """All of them at once, with something hostile in each."""
    hostile = iter(["'; drop table cova_push; --", "\u202e<script>", "-1", "🌿" * 90, "1e309"] * 9)
    given: list[str] = []
    for param in ALL_COMMANDS[words].params:
        if isinstance(param, click.Argument):
            given.append(next(hostile).lstrip("-"))
        elif param.name not in {"as_json", "help"}:
            assert isinstance(param, click.Option)
            given += [param.opts[0]] if param.is_flag else [f"{param.opts[0]}={next(hostile)}"]

    _run_and_look(shop, list(words), given)
    _run_and_look(shop, list(words), [])


@FEW
@given(command=COMMANDS, arguments=ARGUMENTS)
def test_every_argument_is_taken_or_refused(
    shop: ConnectedShop, command: tuple[str, ...], arguments: list[str]
) -> None:
    _run_and_look(shop, list(command), arguments)


def _run_and_look(shop: ConnectedShop, command: list[str], arguments: list[str]) -> None:
    result = shop.shop.run(*command, *arguments, "--json")

    assert result.exception is None or isinstance(result.exception, SystemExit), (
        command,
        arguments,
        result.exception,
    )
    assert "Traceback" not in result.output


HEARD = {
    each.name
    for each in vars(signals).values()
    if isinstance(each, NamedSignal) and not each.name.startswith("cova.")
}
"""The signals a host sends."""
IDS = TEXTS | st.none() | st.integers() | st.lists(st.integers(), max_size=2)


@FEW
@given(
    name=st.sampled_from(sorted(HEARD)),
    store_id=IDS | st.just("s1"),
    order_id=IDS,
    more=st.dictionaries(st.sampled_from(["note", "extra", "reason"]), JSON, max_size=2),
)
def test_no_signal_raises_into_checkout(
    shop: ConnectedShop, name: str, store_id: Any, order_id: Any, more: dict[str, Any]
) -> None:
    with shop.shop.app.app_context():
        signal(name).send(shop.shop.app, store_id=store_id, order_id=order_id, **more)
        shop.shop.db.session.commit()
        with shop.shop.services.database.short() as connection:
            for table in ("cova_push", "cova_hold"):
                count = connection.exec_driver_sql(f"select count(*) from {table}")  # noqa: S608
                assert count.scalar() == 0


def test_every_signal_of_a_host_is_heard(shop: ConnectedShop) -> None:
    assert len(HEARD) == 3
    assert [name for name in HEARD if not signal(name).has_receivers_for(shop.shop.app)] == []


def test_the_error_of_a_service_is_never_a_bare_exception() -> None:
    assert issubclass(ContractBroken, CovaPluginError)
