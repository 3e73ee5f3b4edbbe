"""What a visitor finds without doing anything, and the register they can play."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from aiq_cova_plugin.demo import samples
from aiq_cova_plugin.demo.models import Order, Product, Store, db
from aiq_cova_plugin.demo.seed import BUDTENDER, MANAGER
from aiq_cova_plugin.simulator import Simulator

from tests.demo.kit import CHECKOUT, FORM, sign_in
from tests.demo.played import a_played_shop


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Simulator]]:
    """One shop for the whole file; each test plays on where it needs to."""
    with pytest.MonkeyPatch.context() as patch:
        for key in ("COVA_API_URL", "COVA_SECRET_KEYS", "DEMO_DATABASE_URL", "DEMO_SAMPLES"):
            patch.delenv(key, raising=False)
        with a_played_shop(tmp_path_factory.mktemp("played")) as both:
            yield both


@pytest.fixture
def simulator(played: tuple[Flask, Simulator]) -> Iterator[Simulator]:
    yield played[1]
    played[1].faults.clear()


@pytest.fixture
def client(played: tuple[Flask, Simulator]) -> FlaskClient:
    client = played[0].test_client()
    sign_in(client, MANAGER)
    return client


@pytest.fixture
def shop(played: tuple[Flask, Simulator]) -> Iterator[Flask]:
    with played[0].app_context():
        yield played[0]


def product(name: str) -> Product:
    return db.session.scalars(sa.select(Product).where(Product.name == name)).one()


def order_of(first_name: str) -> Order:
    return db.session.scalars(sa.select(Order).where(Order.first_name == first_name)).one()


def cova(app: Flask, *arguments: str) -> Any:
    result = app.test_cli_runner().invoke(args=["cova", *arguments, "--json"])
    return json.loads(result.stdout)


def test_products_of_every_interesting_kind_came_through_the_sync(shop: Flask) -> None:
    bare = product(samples.NO_THC)

    assert product(samples.UNMAPPED).category_id is None
    assert bare.lab("THC") is None
    unread = bare.lab("CBD")
    assert unread is not None
    assert (unread.value, unread.text) == (None, "see the label")
    assert db.session.scalar(
        sa.select(sa.func.count(Product.id)).where(Product.sale_price.is_not(None))
    )
    assert db.session.scalar(
        sa.select(sa.func.count(Product.id)).where(Product.quantity == samples.LAST)
    )


def test_orders_of_every_interesting_kind_went_through_the_plugin(
    shop: Flask, simulator: Simulator
) -> None:
    states = {each["order_id"]: each["state"] for each in cova(shop, "orders", "list")["orders"]}

    assert order_of("Ada").status == "completed"
    assert states[str(order_of("Ada").id)] == "completed"
    assert states[str(order_of("Marina").id)] == "in_pos"
    assert states[str(order_of("Finn").id)] == "needs_attention"
    numbers = {each["external_order_id"] for each in simulator.orders()}
    assert numbers >= {order_of("Ada").number, order_of("Marina").number}
    assert order_of("Finn").number not in numbers


def test_the_samples_are_placed_once(shop: Flask) -> None:
    cova(shop, "sync", "--store", "1")
    db.session.expire_all()

    finns = sa.select(sa.func.count(Order.id)).where(Order.first_name == "Finn")
    assert db.session.scalar(finns) == 1


def test_stores_are_the_simulated_locations(shop: Flask, simulator: Simulator) -> None:
    stores = db.session.scalars(sa.select(Store).order_by(Store.id)).all()

    for store, location in zip(stores, simulator.account.locations, strict=True):
        assert store.name == location.name
        assert store.street == location.street
        assert store.city == f"{location.city}, {location.state_code}"
        assert store.timezone == "America/Denver"
        digits = [each for each in location.phone if each.isdigit()]
        assert [each for each in store.phone if each.isdigit()] == digits


def test_the_dashboard_says_what_needs_a_person(client: FlaskClient, shop: Flask) -> None:
    page = client.get("/staff/1/").text

    assert "needs you" in page
    assert "Choose the customer" in page
    assert "Choose a category" in page
    assert "2 left" in page


def test_the_menu_names_the_plugin_once_and_says_where_one_is(client: FlaskClient) -> None:
    at_orders = client.get("/cova/1/orders").text
    menu = at_orders.split('aria-label="Back office"')[1].split("</nav>")[0]

    assert menu.count('href="/cova/1/') == 1
    assert '<a href="/cova/1/" aria-current="true">COVA</a>' in menu


def test_the_product_without_thc_is_led_to_and_says_what_is_missing(client: FlaskClient) -> None:
    tour = client.get("/staff/1/try").text
    address = tour.split('">A product without THC')[0].rpartition('href="')[2]

    page = client.get(address).text

    assert samples.NO_THC in page
    assert "COVA has no THC for it" in page


def test_a_sale_at_the_counter_comes_with_the_next_sync(
    client: FlaskClient, shop: Flask, simulator: Simulator
) -> None:
    chosen = product(samples.NO_THC)
    before = chosen.quantity

    answer = client.post("/staff/1/try/sell", data={"product_id": chosen.id})
    said = client.get(answer.location).text
    cova(shop, "sync", "--store", "1")
    db.session.expire_all()

    assert "was sold at the register" in said
    assert product(samples.NO_THC).quantity == before - 1


def test_handing_over_at_the_register_completes_the_shops_order(
    client: FlaskClient, shop: Flask
) -> None:
    basket = {"product_id": product(samples.UNMAPPED).id, "quantity": "1"}
    client.post("/shop/pier-street/basket", data=basket)
    client.post(CHECKOUT, data=FORM | {"first_name": "Pearl"})
    cova(shop, "orders", "push")
    order = order_of("Pearl")
    there = client.get("/staff/1/try").text
    back = f"/staff/1/orders/{order.id}"

    answer = client.post(f"/staff/1/try/orders/{order.id}", data={"do": "complete", "back": back})
    cova(shop, "orders", "poll")
    db.session.expire_all()

    assert order.number in there
    assert answer.location == back
    assert order_of("Pearl").status == "completed"


def test_an_order_that_is_not_at_the_register_cannot_be_handed_over(
    client: FlaskClient, shop: Flask
) -> None:
    order = order_of("Finn")

    answer = client.post(f"/staff/1/try/orders/{order.id}", data={"do": "complete"})

    assert "is not at the register" in client.get(answer.location).text


@pytest.mark.parametrize(
    ("weather", "said"), [("down", "does not answer"), ("slow", "answers slowly")]
)
def test_cova_goes_down_and_comes_back(
    client: FlaskClient, simulator: Simulator, weather: str, said: str
) -> None:
    client.post("/staff/1/try/weather", data={"weather": weather})
    bad = client.get("/staff/1/try").text
    rules = [rule.action for rule in simulator.faults.rules()]
    client.post("/staff/1/try/weather", data={"weather": "fine"})

    assert said in bad
    assert len(rules) == 1
    assert simulator.faults.rules() == []


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "/cova/1/"])
def test_a_button_leads_back_to_the_back_office_only(
    client: FlaskClient, shop: Flask, address: str
) -> None:
    chosen = product(samples.UNMAPPED)

    answer = client.post("/staff/1/try/sell", data={"product_id": chosen.id, "back": address})

    assert answer.location == "/staff/1/try"


def test_only_staff_of_the_store_play(played: tuple[Flask, Simulator]) -> None:
    stranger, budtender = played[0].test_client(), played[0].test_client()
    sign_in(budtender, BUDTENDER)

    assert stranger.post("/staff/1/try/weather", data={"weather": "down"}).status_code == 403
    assert budtender.get("/staff/1/try").status_code == 200
    assert budtender.get("/staff/2/try").status_code == 403
    assert budtender.post("/staff/1/try/weather", data={"weather": "hail"}).status_code == 400


def test_a_simulator_that_is_gone_is_said(played: tuple[Flask, Simulator]) -> None:
    app = played[0]
    client = app.test_client()
    sign_in(client, MANAGER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(app.config, "DEMO_SIMULATOR_URL", "http://127.0.0.1:9")
        page = client.get("/staff/1/try").text

    assert "The simulated COVA does not answer." in page
