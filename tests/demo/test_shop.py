"""What shoppers can do, and what they are told when something is in the way."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from aiq_cova_plugin.demo.models import Order, Product, db
from aiq_cova_plugin.host import LabValue, PriceTier, TaxRate

from tests.demo.kit import (
    CHECKOUT,
    FORM,
    FakePlugin,
    all_orders,
    change_store,
    heard,
    product_number,
    put_in_basket,
    stock_menu,
)

ADDRESS = {
    "fulfilment": "delivery",
    "line1": "1 Bay Road",
    "city": "Denver",
    "state": "CO",
    "postal_code": "80202",
}


def test_empty_menu_says_what_will_happen(client: FlaskClient) -> None:
    assert "menu is being prepared" in client.get("/shop/pier-street/").text


def test_menu_shows_price_sale_and_what_is_left(app: Flask, client: FlaskClient) -> None:
    labs = [LabValue("THC", Decimal("24.5"), None, "%", "24.5")]
    stock_menu(app, "few", quantity=Decimal(3), sale_price=Decimal(15), labs=labs)
    stock_menu(app, "none", quantity=Decimal(0))
    page = client.get("/shop/pier-street/").text
    assert "<del>$20.00</del>" in page
    assert "<ins>$15.00</ins>" in page
    assert "Only 3 left" in page
    assert "THC 24.5\u00a0%" in page
    assert "Sold out" in page


def test_hidden_and_unpriced_products_are_not_on_the_menu(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "hidden", enabled=False)
    stock_menu(app, "unpriced", price=None)
    page = client.get("/shop/pier-street/").text
    assert "Product hidden" not in page
    assert "Product unpriced" not in page
    hidden = product_number(app, "hidden")
    assert client.get(f"/shop/pier-street/products/{hidden}").status_code == 404


def test_product_of_another_store_is_not_sold_here(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "there", store_id="2")
    number = product_number(app, "there")
    assert client.get(f"/shop/pier-street/products/{number}").status_code == 404
    posted = {"product_id": number, "quantity": "1"}
    assert client.post("/shop/pier-street/basket", data=posted).status_code == 404


def test_search_takes_wildcards_literally(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "plain")
    assert "Product plain" in client.get("/shop/pier-street/?q=plain").text
    assert "Nothing matches" in client.get("/shop/pier-street/?q=%25").text


@pytest.mark.parametrize(
    ("quantity", "total"), [("1", "12.00"), ("3.5", "35.00"), ("7", "63.00"), ("10.5", "94.50")]
)
def test_tiers_price_the_whole_line(quantity: str, total: str) -> None:
    tiers = [
        PriceTier(Decimal(1), Decimal(12)),
        PriceTier(Decimal("3.5"), Decimal(35)),
        PriceTier(Decimal(7), Decimal(63)),
    ]
    product = Product(name="Bulk", price=Decimal(12), price_tiers=tiers)
    assert product.line_total(Decimal(quantity)) == Decimal(total)


def test_three_for_ten_is_ten_and_not_three_times_a_third() -> None:
    product = Product(price=Decimal(4), price_tiers=[PriceTier(Decimal(3), Decimal(10))])
    assert product.line_total(Decimal(3)) == Decimal("10.00")
    assert product.line_total(Decimal(2)) == Decimal("8.00")


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "x", "NaN", "Infinity", ""])
def test_basket_refuses_what_is_no_quantity(app: Flask, client: FlaskClient, quantity: str) -> None:
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", quantity)
    assert "Nothing in it yet" in client.get("/shop/pier-street/basket").text


@pytest.mark.parametrize("do", ["add", "set"])
def test_a_wrong_quantity_is_said_beside_its_field(
    app: Flask, client: FlaskClient, do: str
) -> None:
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "2")
    number = product_number(app, "p-1")
    typed = {"product_id": number, "quantity": "a few", "do": do}
    answer = client.post("/shop/pier-street/basket", data=typed)
    assert answer.status_code == 422
    assert 'value="a few"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "Please write a whole number" in answer.text
    assert 'value="2"' in client.get("/shop/pier-street/basket").text


def test_a_long_category_shows_its_beginning_and_the_way_to_the_rest(
    app: Flask, client: FlaskClient
) -> None:
    stock_menu(app, *(f"p-{number:02}" for number in range(14)))
    whole = client.get("/shop/pier-street/").text
    assert whole.count('class="gh-card shop-card"') == 12
    assert "All 14 in Flower" in whole
    address = re.search(r'href="([^"]+)">All 14', whole)
    assert address is not None
    category = client.get(address[1].replace("&amp;", "&")).text
    assert category.count('class="gh-card shop-card"') == 14


def test_menu_filters_by_type_and_by_what_is_there(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "calm", cannabis_type="indica")
    stock_menu(app, "cheap", cannabis_type="sativa", sale_price=Decimal(5))
    stock_menu(app, "gone", cannabis_type="sativa", quantity=Decimal(0))

    def shown(query: str) -> set[str]:
        page = client.get(f"/shop/pier-street/?{query}").text
        return {name for name in ("calm", "cheap", "gone") if f"Product {name}</a>" in page}

    assert shown("kind=sativa") == {"cheap", "gone"}
    assert shown("kind=sativa&only=there") == {"cheap"}
    assert shown("only=sale") == {"cheap"}
    assert shown("kind=unheard-of") == set()


def test_basket_holds_no_more_than_there_is(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1", quantity=Decimal(3))
    put_in_basket(app, client, "p-1", "2")
    put_in_basket(app, client, "p-1", "2")
    page = client.get("/shop/pier-street/basket").text
    assert "is only 3 left" in page
    assert 'value="3"' in page


def test_placing_an_order_confirms_and_tells_the_plugin(
    app: Flask, client: FlaskClient, plugin: FakePlugin
) -> None:
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "2")
    with heard(app) as messages:
        answer = client.post(CHECKOUT, data=FORM)
    assert answer.status_code == 303
    (order,) = all_orders(app)
    identity = ("1", str(order.id))
    assert plugin.reserved == [identity]
    assert messages == [("placed", *identity), ("confirmed", *identity)]
    assert order.status == "confirmed"
    assert order.phone == "+13035550142"
    assert order.lines[0].line_total == Decimal("40.00")
    page = client.get(answer.location)
    assert order.number in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "Nothing in it yet" in client.get("/shop/pier-street/basket").text


def test_without_auto_confirm_an_order_waits(app: Flask, client: FlaskClient) -> None:
    change_store(app, auto_confirms=False)
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    with heard(app) as messages:
        client.post(CHECKOUT, data=FORM)
    (order,) = all_orders(app)
    assert (order.status, order.confirmed_at) == ("placed", None)
    assert [name for name, *_ in messages] == ["placed"]


def test_delivery_keeps_the_address_and_the_fee(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    assert client.post(CHECKOUT, data=FORM | ADDRESS).status_code == 303
    (order,) = all_orders(app)
    assert (order.line1, order.state, order.country) == ("1 Bay Road", "CO", "US")
    assert order.delivery_fee == Decimal("5.00")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"phone": ""}, "Please give a phone number"),
        ({"phone": "12"}, "does not look like a phone number"),
        ({"phone": "000-000-0000"}, "does not look like a phone number"),
        ({"first_name": " "}, "your first name"),
        ({"email": "ada@"}, "does not look like an e-mail address"),
        ({"date_of_birth": ""}, "your date of birth"),
        ({"date_of_birth": "2020-01-01"}, "You must be 21 or older"),
        ({"date_of_birth": "yesterday"}, "year-month-day"),
        ({"fulfilment": "drone"}, "choose pickup or delivery"),
        (ADDRESS | {"line1": ""}, "the street and house number"),
        (ADDRESS | {"state": "ON"}, "choose one from the list"),
        (ADDRESS | {"postal_code": "M5V 2T6"}, "write it like 80202"),
        ({"notes": "x" * 501}, "shorten this to 500"),
        ({"first_name": "x" * 1000}, "shorten this to 100 characters; it has 1,000"),
        (ADDRESS | {"line1": "x" * 1000}, "shorten this to 200 characters; it has 1,000"),
        ({"last_name": "Keel\x00"}, "a character that cannot be saved"),
    ],
)
def test_wrong_field_is_named_and_nothing_typed_is_lost(
    app: Flask, client: FlaskClient, typed: dict[str, str], message: str
) -> None:
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    answer = client.post(CHECKOUT, data=FORM | typed)
    assert answer.status_code == 422
    assert message in answer.text
    assert "Keel" in answer.text
    assert "Nothing was ordered" in answer.text
    (summary,) = re.findall(r'<div [^>]*role="alert"[^>]* autofocus>.*?</div>', answer.text, re.S)
    targets = re.findall(r'href="#([^"]+)"', summary)
    assert targets
    assert message in summary
    assert all(f'id="{each}"' in answer.text for each in targets)
    assert all_orders(app) == []


def test_an_address_nobody_asked_for_is_in_nobodys_way(app: Flask, client: FlaskClient) -> None:
    """The fields are not shown for a pickup, so an error beside them would be seen by nobody."""
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    assert client.post(CHECKOUT, data=FORM | {"line1": "x" * 1000}).status_code == 303


def test_phone_may_be_left_out_where_the_store_says_so(app: Flask, client: FlaskClient) -> None:
    change_store(app, requires_phone=False)
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    assert client.post(CHECKOUT, data=FORM | {"phone": ""}).status_code == 303
    assert all_orders(app)[0].phone is None


def test_oversell_is_told_line_by_line_and_leaves_no_order(
    app: Flask, client: FlaskClient, plugin: FakePlugin
) -> None:
    stock_menu(app, "p-1", "p-2", "p-3")
    plugin.stock = {"p-1": Decimal(1), "p-2": Decimal(0)}
    for each in ("p-1", "p-2", "p-3"):
        put_in_basket(app, client, each, "2")
    with heard(app) as messages:
        answer = client.post(CHECKOUT, data=FORM)
    assert answer.status_code == 422
    assert "Only 1 left; you wanted 2." in answer.text
    assert "None left." in answer.text
    assert "Ring twice" in answer.text
    assert all_orders(app) == []
    assert messages == []


def test_order_page_follows_the_order_until_it_is_over(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1")
    put_in_basket(app, client, "p-1", "1")
    address = client.post(CHECKOUT, data=FORM).location
    part = client.get(address, headers={"HX-Request": "true"})
    assert 'hx-trigger="every 5s"' in part.text
    assert "<html" not in part.text
    with app.app_context():
        db.session.scalars(sa.select(Order)).one().move_to("completed")
        db.session.commit()
    part = client.get(address, headers={"HX-Request": "true"})
    assert "hx-trigger" not in part.text


def test_tax_is_estimated_from_the_product(app: Flask, client: FlaskClient) -> None:
    rates = [TaxRate("State", Decimal("0.05")), TaxRate("Excise", Decimal("0.1"))]
    stock_menu(app, "p-1", tax_rates=rates)
    put_in_basket(app, client, "p-1", "1")
    client.post(CHECKOUT, data=FORM)
    assert all_orders(app)[0].estimated_tax == Decimal("3.00")


def test_every_page_has_the_strict_policy(client: FlaskClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_forms_without_a_token_are_refused(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "p-1")
    app.config["WTF_CSRF_ENABLED"] = True
    posted = {"product_id": product_number(app, "p-1"), "quantity": "1"}
    answer = client.post("/shop/pier-street/basket", data=posted)
    assert answer.status_code == 400
    assert "Please try again" in answer.text
