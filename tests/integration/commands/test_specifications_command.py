"""`flask cova specifications`: what COVA says of one product, and what was made of it."""

from __future__ import annotations

from typing import Any

from tests.support.connected import ConnectedShop


def _odd_product(shop: ConnectedShop) -> str:
    specifications = {"THC": "24,5 %", "Colour": "red", "Net Weight": "large"}
    return shop.sim.register.add_product(name="Odd", specifications=specifications)


def test_each_specification_is_a_row_of_the_document(shop: ConnectedShop, run: Any) -> None:
    product_id = _odd_product(shop)
    run("sync", "--store", "s1")

    code, document = run("specifications", "--store", "s1", "--product", product_id)

    assert code == 0
    assert document["cova_product_id"] == product_id
    assert document["name"] == "Odd"
    assert document["read_at"]
    rows = {row["name"]: row for row in document["specifications"]}
    assert rows["THC"]["value"] == "24,5 %"
    assert (rows["THC"]["field"], rows["THC"]["shop_gets"]) == ("labs", "THC 24.5 %")
    assert rows["THC"]["used"] is True
    assert rows["Colour"]["used"] is False
    assert "not one the plugin knows" in rows["Colour"]["reason"]
    assert "not a number" in rows["Net Weight"]["reason"]


def test_cova_can_be_asked_now(shop: ConnectedShop, run: Any) -> None:
    product_id = _odd_product(shop)
    run("sync", "--store", "s1")
    shop.sim.register.set_specification(product_id, "THC", "9 %")

    code, document = run("specifications", "--store", "s1", "--product", product_id, "--ask")

    assert code == 0
    [thc] = [row for row in document["specifications"] if row["name"] == "THC"]
    assert thc["shop_gets"] == "THC 9 %"


def test_an_unknown_product_is_an_error_that_says_what_to_do(run: Any) -> None:
    code, document = run("specifications", "--store", "s1", "--product", "nowhere")

    assert code == 1
    assert document["error"]["field"] == "product"
    assert document["error"]["fix"]


def test_the_text_is_a_table(shop: ConnectedShop, run: Any) -> None:
    product_id = _odd_product(shop)
    run("sync", "--store", "s1")

    result = shop.shop.run("specifications", "--store", "s1", "--product", product_id)

    assert result.exit_code == 0
    assert "labs: THC 24.5 %" in result.stdout
    assert "nothing: The name is not one the plugin knows." in result.stdout
