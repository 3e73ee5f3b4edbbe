"""The back office: who gets in, and what they can do there."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from aiq_cova_plugin.demo.models import Product, Store, db
from aiq_cova_plugin.demo.seed import BUDTENDER, MANAGER, Login

from tests.demo.kit import (
    CHECKOUT,
    FORM,
    FakePlugin,
    all_orders,
    change_store,
    heard,
    product_number,
    put_in_basket,
    sign_in,
    stock_menu,
)

PAGES = ["", "products", "orders", "integrations", "settings"]


def test_wrong_password_gets_nobody_in(client: FlaskClient) -> None:
    typed = {"username": MANAGER.username, "password": "guess"}
    answer = client.post("/staff/login", data=typed)
    assert answer.status_code == 422
    assert MANAGER.username in answer.text
    assert "guess" not in answer.text
    assert client.get("/staff/1/").status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_visitors_are_asked_to_sign_in(client: FlaskClient, page: str) -> None:
    answer = client.get(f"/staff/1/{page}")
    assert answer.status_code == 403
    assert f"/staff/login?next=/staff/1/{page}" in answer.text


@pytest.mark.parametrize(
    ("login", "store", "allowed"),
    [
        (MANAGER, 1, set(PAGES)),
        (MANAGER, 2, set(PAGES)),
        (BUDTENDER, 1, {"", "products", "orders", "integrations"}),
        (BUDTENDER, 2, set()),
        (MANAGER, 3, set()),
    ],
)
def test_pages_follow_permissions(
    client: FlaskClient, login: Login, store: int, allowed: set[str]
) -> None:
    sign_in(client, login)
    answers = {page: client.get(f"/staff/{store}/{page}").status_code for page in PAGES}
    assert answers == {page: 200 if page in allowed else 403 for page in PAGES}


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("/staff/2/orders", "/staff/2/orders"),
        ("https://evil.example/", "/staff/"),
        ("//evil.example/", "/staff/"),
        ("/\\evil.example/", "/staff/"),
    ],
)
def test_signing_in_leads_only_to_our_own_pages(client: FlaskClient, wanted: str, got: str) -> None:
    typed = {"username": MANAGER.username, "password": MANAGER.password}
    answer = client.post("/staff/login", query_string={"next": wanted}, data=typed)
    assert answer.location == got


def test_signing_out_ends_it(client: FlaskClient) -> None:
    sign_in(client, MANAGER)
    client.post("/staff/logout")
    assert client.get("/staff/1/").status_code == 403


def test_product_list_filters_and_shows_the_sync_button(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "here")
    stock_menu(app, "off", enabled=False)
    sign_in(client, MANAGER)
    page = client.get("/staff/1/products").text
    assert "Sync 1" in page
    assert "Product here" in page
    hidden = client.get("/staff/1/products?state=hidden").text
    assert "Product off" in hidden
    assert "Product here" not in hidden


def test_product_list_filters_by_how_products_stand_in_cova(
    app: Flask, client: FlaskClient, plugin: FakePlugin
) -> None:
    stock_menu(app, "free")
    stock_menu(app, "kept")
    plugin.standing["kept"] = "locked"
    sign_in(client, MANAGER)

    everything = client.get("/staff/1/products").text
    locked = client.get("/staff/1/products?cova=locked").text
    nonsense = client.get("/staff/1/products?cova=nonsense")

    assert "state free" in everything
    assert "state kept" in everything
    assert "Product kept" in locked
    assert "Product free" not in locked
    assert "Product free" in nonsense.text


def test_a_product_is_removed_by_excluding_it_in_cova(
    app: Flask, client: FlaskClient, plugin: FakePlugin
) -> None:
    """The plugin asks for confirmation, and keeps the product away through every sync."""
    stock_menu(app, "p-1")
    address = f"/staff/1/products/{product_number(app, 'p-1')}"
    sign_in(client, MANAGER)
    there = client.get(address).text
    plugin.standing["p-1"] = "excluded"
    removed = client.get(address).text

    assert 'action="/cova/1/products/p-1/exclude"' in there
    assert "Remove from the menu" in there
    assert "Remove from the menu" not in removed
    assert "Bring it back" in removed


def test_a_budtender_cannot_remove_a_product(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1")
    sign_in(client, BUDTENDER)

    page = client.get(f"/staff/1/products/{product_number(app, 'p-1')}").text

    assert "Remove from the menu" not in page


def test_budtender_sees_no_sync_button(app: Flask, client: FlaskClient) -> None:
    sign_in(client, BUDTENDER)
    assert "Sync 1" not in client.get("/staff/1/products").text


def test_staff_edit_keeps_harmless_html_only(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1")
    number = product_number(app, "p-1")
    sign_in(client, MANAGER)
    typed = {
        "name": "New name",
        "price": "12.50",
        "description": "<b>Good</b><script>alert(1)</script>",
        "is_featured": "yes",
    }
    assert client.post(f"/staff/1/products/{number}", data=typed).status_code == 303
    with app.app_context():
        product = db.session.scalars(sa.select(Product)).one()
        assert (product.name, str(product.price)) == ("New name", "12.50")
        assert product.description == "<b>Good</b>"
        assert product.is_featured


def test_wrong_edit_comes_back_as_typed(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1")
    number = product_number(app, "p-1")
    sign_in(client, MANAGER)
    typed = {"name": "", "price": "cheap", "brand": "Kept brand"}
    answer = client.post(f"/staff/1/products/{number}", data=typed)
    assert answer.status_code == 422
    assert "A product needs a name." in answer.text
    assert 'value="cheap"' in answer.text
    assert "Kept brand" in answer.text


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("name", "n" * 1000, "shorten this to 200 characters; it has 1,000"),
        ("brand", "b" * 1000, "shorten this to 100"),
        ("price", "9" * 30, "shorten this to 20"),
        ("price", "100001", "up to 100,000"),
        ("staff_note", "s" * 1001, "shorten this to 1,000"),
        ("description", "d" * 10_001, "shorten this to 10,000"),
        ("category_id", "nowhere", "choose a category"),
    ],
)
def test_an_edit_beyond_the_limits_says_so_beside_the_field(
    app: Flask, client: FlaskClient, field: str, typed: str, message: str
) -> None:
    stock_menu(app, "p-1")
    number = product_number(app, "p-1")
    sign_in(client, MANAGER)
    form = {"name": "Good", "price": "12.50", "staff_note": "Kept note"} | {field: typed}
    answer = client.post(f"/staff/1/products/{number}", data=form)
    assert answer.status_code == 422
    note = answer.text.split(f'id="{field}-note">')[1].split("</p>")[0]
    assert message in note
    assert f'aria-describedby="{field}-note"' in answer.text
    if field != "category_id":
        assert typed in answer.text
    with app.app_context():
        assert db.session.scalars(sa.select(Product)).one().name == "Product p-1"


def test_a_name_of_covas_may_be_longer_than_one_that_is_typed(
    app: Flask, client: FlaskClient
) -> None:
    stock_menu(app, "p-1", name="Long " * 60 + "end")
    number = product_number(app, "p-1")
    sign_in(client, MANAGER)
    form = {"name": "Long " * 60 + "end", "price": "9"}
    assert client.post(f"/staff/1/products/{number}", data=form).status_code == 303


def test_cancelling_asks_in_the_page_first(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    client.post(CHECKOUT, data=FORM)
    (order,) = all_orders(app)
    sign_in(client, MANAGER)
    asked = client.post(f"/staff/1/orders/{order.id}/cancel")
    assert f"Cancel {order.number}?" in asked.text
    assert "Leave it as it is" in asked.text
    assert all_orders(app)[0].status == "confirmed"
    client.post(f"/staff/1/orders/{order.id}/cancel", data={"confirmed": "1"})
    assert all_orders(app)[0].status == "cancelled"


def test_dashboard_counts_what_a_small_shop_wants_to_know(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "few", quantity=Decimal(2))
    stock_menu(app, "gone", quantity=Decimal(0))
    put_in_basket(app, client, "few", "1")
    client.post(CHECKOUT, data=FORM)
    sign_in(client, MANAGER)
    page = client.get("/staff/1/").text
    figures = dict(re.findall(r"<dt>([^<]+)</dt><dd>(?:<a [^>]+>)?([^<]+)<", page))
    assert figures["Orders"] == figures["Open orders"] == figures["Few left"] == "1"
    assert (figures["Ordered for"], figures["Sold out"]) == ("$20.00", "1")
    assert "health 1" in page
    assert "2 left" in page


def test_nothing_to_play_with_where_the_cova_is_real(app: Flask, client: FlaskClient) -> None:
    sign_in(client, MANAGER)
    assert "Demo only" not in client.get("/staff/1/").text
    assert client.get("/staff/1/try").status_code == 404
    assert client.post("/staff/1/try/weather", data={"weather": "down"}).status_code == 404


def test_budtender_may_look_but_not_edit(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1")
    number = product_number(app, "p-1")
    sign_in(client, BUDTENDER)
    assert client.get(f"/staff/1/products/{number}").status_code == 200
    assert client.post(f"/staff/1/products/{number}", data={"name": "x"}).status_code == 403


def test_staff_confirm_and_cancel(app: Flask, client: FlaskClient) -> None:
    change_store(app, auto_confirms=False)
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    client.post(CHECKOUT, data=FORM)
    (order,) = all_orders(app)
    sign_in(client, BUDTENDER)
    assert f"badge {order.id}" in client.get("/staff/1/orders").text
    with heard(app) as messages:
        for decision in ("confirm", "confirm", "cancel", "cancel", "confirm"):
            client.post(f"/staff/1/orders/{order.id}/{decision}", data={"confirmed": "1"})
    assert [name for name, *_ in messages] == ["confirmed", "cancelled"]
    page = client.get(f"/staff/1/orders/{order.id}").text
    assert "cannot be confirmed any more" in page
    assert f"By {BUDTENDER.name}." in page


def test_an_order_is_looked_up_in_cova_only_once_it_is_queued(
    app: Flask, client: FlaskClient, plugin: FakePlugin
) -> None:
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    client.post(CHECKOUT, data=FORM)
    (order,) = all_orders(app)
    sign_in(client, BUDTENDER)

    plugin.unqueued = {str(order.id)}
    before = client.get(f"/staff/1/orders/{order.id}").text
    plugin.unqueued = set()
    after = client.get(f"/staff/1/orders/{order.id}").text

    assert f"/cova/1/orders/{order.id}" not in before
    assert f"/cova/1/orders/{order.id}" in after


@pytest.mark.parametrize(
    ("standing", "followed", "said", "marked"),
    [
        ("in_step", {"name", "price"}, "returns to COVA", ["name", "price"]),
        ("in_step", set(), "No sync changes", []),
        ("locked", {"quantity"}, "Locked", []),
        ("excluded", set(), "Excluded", []),
    ],
)
def test_an_edit_is_told_what_becomes_of_it(
    app: Flask,
    client: FlaskClient,
    plugin: FakePlugin,
    *,
    standing: str,
    followed: set[str],
    said: str,
    marked: list[str],
) -> None:
    stock_menu(app, "p-1")
    plugin.standing["p-1"], plugin.followed["p-1"] = standing, followed
    sign_in(client, MANAGER)

    page = client.get(f"/staff/1/products/{product_number(app, 'p-1')}").text

    message = page.split('<p class="gh-message">')[1].split("</p>")[0]
    assert said in message
    assert (
        re.findall(r'<label for="([a-z_]+)">[^<]*<span class="gh-chip">from COVA', page) == marked
    )


def test_order_of_another_store_is_out_of_reach(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    client.post(CHECKOUT, data=FORM)
    (order,) = all_orders(app)
    sign_in(client, MANAGER)
    assert client.get(f"/staff/2/orders/{order.id}").status_code == 404
    assert client.post(f"/staff/2/orders/{order.id}/cancel").status_code == 404


def test_checkout_settings(app: Flask, client: FlaskClient) -> None:
    sign_in(client, MANAGER)
    for fee, age in (("much", "7"), ("9999", "25x"), ("9" * 99, "٢" * 9)):
        wrong = {"delivery_fee": fee, "minimum_age": age}
        answer = client.post("/staff/1/settings", data=wrong)
        assert answer.status_code == 422
        assert f'value="{fee}"' in answer.text
        assert 'id="delivery_fee-note"' in answer.text
        assert 'id="minimum_age-note"' in answer.text
    right = {"delivery_fee": "6", "minimum_age": "21", "requires_phone": "yes"}
    assert client.post("/staff/1/settings", data=right).status_code == 303
    with app.app_context():
        store = db.session.get_one(Store, 1)
        assert (str(store.delivery_fee), store.auto_confirms) == ("6.00", False)
