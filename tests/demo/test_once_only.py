"""A checkout sent twice is one order; an impossible number in an address is "nothing here"."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.demo.kit import CHECKOUT, FORM, all_orders, put_in_basket, stock_menu

HUGE = "9" * 25


def test_the_same_checkout_sent_twice_is_one_order(app: Flask, client: FlaskClient) -> None:
    stock_menu(app, "one")
    put_in_basket(app, client, "one", "1")
    page = client.get(CHECKOUT).text
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found is not None
    form = {**FORM, "once": found[1]}

    first = client.post(CHECKOUT, data=form)
    put_in_basket(app, client, "one", "1")
    again = client.post(CHECKOUT, data=form)

    assert first.status_code == again.status_code == 303
    assert first.location == again.location
    assert len(all_orders(app)) == 1


@pytest.mark.parametrize(
    "address", [f"/shop/pier-street/products/{HUGE}", f"/shop/pier-street/?category={HUGE}"]
)
def test_a_number_no_database_knows_is_nothing_here(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404
