"""`flask cova products …`: documents, exit codes, and that staff's choices hold."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.connected import ConnectedShop

ROW_KEYS = {
    "cova_product_id", "name", "sku", "standing", "host_state", "is_locked", "is_excluded",
    "is_dirty", "stock", "told_quantity", "category_source", "differing", "last_error",
}  # fmt: skip


def test_list_counts_filters_and_pages(shop: ConnectedShop, run: Any) -> None:
    shop.sync()
    (locked,) = shop.ordinary()
    run("products", "lock", locked, "--store", "s1")

    code, everything = run("products", "list", "--store", "s1", "--per-page", "5")
    _code, only_locked = run("products", "list", "--store", "s1", "--filter", "locked")
    _code, second = run("products", "list", "--store", "s1", "--per-page", "5", "--page", "2")

    assert code == 0
    assert len(everything["products"]) == 5
    assert set(everything["products"][0]) == ROW_KEYS
    assert everything["number_found"] == everything["counts"]["all"] == len(shop.known())
    assert everything["pages"] == -(-len(shop.known()) // 5)
    assert [each["cova_product_id"] for each in only_locked["products"]] == [locked]
    assert only_locked["products"][0]["standing"] == "locked"
    assert everything["products"] != second["products"]


def test_show_tells_both_sides_field_by_field(shop: ConnectedShop, run: Any) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()

    code, document = run("products", "show", product_id.upper(), "--store", "s1")

    assert code == 0
    assert document["cova_product_id"] == product_id
    assert document["shop_side"] == "last_told"
    assert document["differing"] == []
    fields = {each["name"]: each for each in document["fields"]}
    assert len(fields) == 20
    assert fields["name"]["cova"] == fields["name"]["shop"]
    assert fields["name"]["verdict"] == "same"
    assert fields["name"]["follows_cova"] is True


def test_lock_differs_restore_unlock(shop: ConnectedShop, run: Any) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()

    code, locked = run("products", "lock", product_id, "--store", "s1")
    shop.sim.register.set_price(product_id, 77)
    shop.sync()
    _code, shown = run("products", "show", product_id, "--store", "s1")
    restored_code, restored = run(
        "products", "restore", product_id, "--store", "s1", "--field", "price"
    )
    _code, unlocked = run("products", "unlock", product_id, "--store", "s1")
    _code, again = run("products", "unlock", product_id, "--store", "s1")

    assert code == restored_code == 0
    assert (locked["is_locked"], locked["changed"], locked["sync_planned"]) == (True, True, True)
    assert shown["differing"] == ["price"]
    assert restored["fields"] == ["price"]
    assert shop.in_shop(product_id)["price"] == "77"
    assert (unlocked["is_locked"], unlocked["changed"]) == (False, True)
    assert again["changed"] is False


def test_exclude_and_include(shop: ConnectedShop, run: Any) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()

    code, excluded = run("products", "exclude", product_id, "--store", "s1")
    shop.sync()
    assert (code, excluded["is_excluded"]) == (0, True)
    assert shop.in_shop(product_id)["enabled"] is False

    _code, included = run("products", "include", product_id, "--store", "s1")
    shop.sync()
    assert included["is_excluded"] is False
    assert shop.in_shop(product_id)["enabled"] is True


def test_compare_tells_how_many_differ(shop: ConnectedShop, run: Any) -> None:
    shop.sync()

    code, document = run("products", "compare", "--store", "s1")

    shown = sum(each.host_state != "absent" for each in shop.known().values())
    assert code == 0
    assert document == {
        "store_id": "s1", "compared": shown, "differing": 0, "read_back": False,
    }  # fmt: skip


@pytest.mark.parametrize("act", ["show", "lock", "unlock", "exclude", "include", "restore"])
def test_an_unknown_product_is_one_clear_sentence(shop: ConnectedShop, run: Any, act: str) -> None:
    code, document = run("products", act, "p-none", "--store", "s1")

    assert code == 1
    assert "p-none" in document["error"]["message"]
    assert document["error"]["field"] == "product"
    assert document["error"]["fix"]


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        (("list", "--store", "nowhere"), 1, "store"),
        (("list",), 2, "store"),
        (("list", "--store", "s1", "--filter", "odd"), 2, "filter"),
        (("restore", "p", "--store", "s1", "--field", "colour"), 1, "field"),
    ],
)
def test_wrong_calls_name_the_field(
    shop: ConnectedShop, run: Any, arguments: tuple[str, ...], code: int, field: str
) -> None:
    found, document = run("products", *arguments)

    assert (found, document["error"]["field"]) == (code, field)


def test_without_json_a_person_reads_a_table(shop: ConnectedShop) -> None:
    (product_id,) = shop.ordinary()
    shop.sync()

    listed = shop.shop.run("products", "list", "--store", "s1", "--search", product_id)
    shown = shop.shop.run("products", "show", product_id, "--store", "s1")
    nothing = shop.shop.run("products", "list", "--store", "s1", "--filter", "excluded")

    assert product_id in listed.output
    assert "in_step" in listed.output
    assert "last told" in shown.output
    assert "There are no such products." in nothing.output
