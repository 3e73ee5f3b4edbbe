"""The whole way with the real plugin and a simulated COVA: menu, order, till, status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from aiq_cova_plugin import demo
from aiq_cova_plugin.demo.models import Order, Product, db
from aiq_cova_plugin.demo.seed import MANAGER
from aiq_cova_plugin.simulator import Simulator

from tests.demo.kit import CHECKOUT, FORM, put_in_basket, sign_in


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(products=60) as running:
        yield running
        assert running.broken == []


@pytest.fixture
def shop(simulator: Simulator, tmp_path: Path, empty_sqlite_url: str) -> Iterator[Flask]:
    app = demo.create_app(
        {
            "TESTING": True,
            "WTF_CSRF_ENABLED": False,
            "DEMO_INSTANCE_PATH": str(tmp_path),
            "DEMO_DATABASE_URL": empty_sqlite_url,
            "COVA_SCHEDULER": "none",
        },
        simulator=simulator,
    )
    cova(app, "sync", "--store", "1")
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def cova(app: Flask, *arguments: str) -> Any:
    """Run `flask cova …` and return the document it prints."""
    result = app.test_cli_runner().invoke(args=["cova", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def product(app: Flask, cova_product_id: str) -> Product:
    with app.app_context():
        return db.session.scalars(
            sa.select(Product).where(
                Product.store_id == 1, Product.cova_product_id == cova_product_id
            )
        ).one()


def only_order(app: Flask) -> Order:
    with app.app_context():
        return db.session.scalars(sa.select(Order)).one()


def test_menu_comes_from_cova(shop: Flask, simulator: Simulator) -> None:
    chosen = simulator.ordinary_products(1)[0]
    page = shop.test_client().get("/shop/pier-street/?q=" + product(shop, chosen).name).text
    assert product(shop, chosen).name in page.replace("&amp;", "&").replace("&#39;", "'")
    assert "Delivery fee" not in page


def test_an_order_reaches_the_till_and_its_status_comes_back(
    shop: Flask, simulator: Simulator
) -> None:
    client = shop.test_client()
    put_in_basket(shop, client, simulator.ordinary_products(1)[0], "2")
    address = client.post(CHECKOUT, data=FORM).location
    cova(shop, "orders", "push")

    (at_the_till,) = simulator.orders()
    assert only_order(shop).number in json.dumps(at_the_till, default=str)

    simulator.register.complete(cova(shop, "orders", "list")["orders"][0]["cova_order_id"])
    cova(shop, "orders", "poll")
    assert only_order(shop).status == "completed"
    assert "hx-trigger" not in client.get(address, headers={"HX-Request": "true"}).text


def test_two_shoppers_never_both_get_the_last_ones(shop: Flask, simulator: Simulator) -> None:
    chosen = simulator.ordinary_products(1)[0]
    everything = str(int(product(shop, chosen).quantity))
    first, second = shop.test_client(), shop.test_client()
    put_in_basket(shop, second, chosen, "1")
    put_in_basket(shop, first, chosen, everything)

    assert first.post(CHECKOUT, data=FORM).status_code == 303
    refused = second.post(CHECKOUT, data=FORM)

    assert refused.status_code == 422
    assert "None left." in refused.text
    assert Decimal(everything) > 0


def test_cancelling_in_the_shop_gives_the_stock_back(shop: Flask, simulator: Simulator) -> None:
    chosen = simulator.ordinary_products(1)[0]
    everything = str(int(product(shop, chosen).quantity))
    client = shop.test_client()
    put_in_basket(shop, client, chosen, everything)
    client.post(CHECKOUT, data=FORM)
    sign_in(client, MANAGER)

    client.post(f"/staff/1/orders/{only_order(shop).id}/cancel", data={"confirmed": "1"})

    assert cova(shop, "holds", "--store", "1")["holds"] == []


@pytest.mark.parametrize(
    "page", ["", "settings", "pos-settings", "runs", "orders"], ids=lambda page: page or "overview"
)
def test_plugin_pages_stand_in_the_frame_of_the_back_office(shop: Flask, page: str) -> None:
    client = shop.test_client()
    assert client.get(f"/cova/1/{page}").status_code == 403
    sign_in(client, MANAGER)
    answer = client.get(f"/cova/1/{page}")
    assert answer.status_code == 200
    assert "Sign out" in answer.text
    assert answer.text.count("htmx-2.0.11.min.js") == 1


def test_back_office_shows_the_parts_of_the_plugin(shop: Flask, simulator: Simulator) -> None:
    client = shop.test_client()
    put_in_basket(shop, client, simulator.ordinary_products(1)[0], "1")
    client.post(CHECKOUT, data=FORM)
    sign_in(client, MANAGER)
    assert "Sync" in client.get("/staff/1/products").text
    assert client.get("/staff/1/orders").status_code == 200
