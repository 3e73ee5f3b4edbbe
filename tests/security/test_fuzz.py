"""Whatever is sent: no crash, and nothing is written that the check would have refused.

`HYPOTHESIS_PROFILE=nightly` looks for much longer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from blinker import signal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiq_cova_plugin.errors import ContractBroken, CovaPluginError
from aiq_cova_plugin.redaction import safe_reason
from aiq_cova_plugin.schemas import company, customers, orders, products, tokens
from aiq_cova_plugin.schemas.json_text import parse_json
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.web.pages import runs

from tests.security.journey import Browser
from tests.support.connected import ConnectedShop, connected_shop, new_simulator

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
    "token": tokens.load_token,
}


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS.keys())
@given(body=BODIES)
def test_every_schema_reads_or_refuses(loader: Any, body: Any) -> None:
    if loader is products.load_product and not isinstance(body, dict):
        return  # the listing has looked before
    with suppress(ContractBroken):
        loader(body)


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
def shop(sim: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectedShop]:
    path = tmp_path_factory.mktemp("fuzz") / "shop.sqlite"
    with connected_shop(f"sqlite:///{path}", sim, enabled=False) as connected:
        yield connected


@pytest.fixture(autouse=True)
def _no_sync_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "start_sync", lambda *_args, **_options: "a-run")


FIELDS = st.sampled_from(
    ["enabled", "sync_orders", "company_id", "location_id", "username", "password", "client_id",
     "client_secret", "integrator_id", "delivery_fee_product", "pattern", "category",
     "rule_pattern", "rule_category", "fallback_category_id", "field", "cova_fields", "customer",
     "customer_id", "guard_percent", "guard_at_least", "page", "state", "q", "confirm"]
)  # fmt: skip
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


COMMANDS = st.sampled_from(
    [["holds"], ["orders", "list"], ["orders", "show"], ["orders", "retry"], ["orders", "cancel"],
     ["sync"], ["connect"], ["reconcile"], ["doctor"], ["orders", "push"], ["personal-data", "export"]]
)  # fmt: skip
ARGUMENTS = st.lists(
    st.sampled_from(
        ["--store", "s1", "nowhere", "--state", "--company-id", "--all", "--full", "--approve",
         "--no-check", "--username", "--location-id", "--integrator-id", "--disable", "--", "-x"]
    )
    | TEXTS.filter(lambda text: "\x00" not in text),
    max_size=5,
)  # fmt: skip


@FEW
@given(command=COMMANDS, arguments=ARGUMENTS)
def test_every_argument_is_taken_or_refused(
    shop: ConnectedShop, command: list[str], arguments: list[str]
) -> None:
    result = shop.shop.run(*command, *arguments, "--json")

    assert result.exception is None or isinstance(result.exception, SystemExit), (
        command,
        arguments,
        result.exception,
    )
    assert "Traceback" not in result.output


IDS = TEXTS | st.none() | st.integers() | st.lists(st.integers(), max_size=2)


@FEW
@given(
    name=st.sampled_from(["aiq.order-placed", "aiq.order-confirmed", "aiq.order-cancelled"]),
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


def test_the_error_of_a_service_is_never_a_bare_exception() -> None:
    assert issubclass(ContractBroken, CovaPluginError)
