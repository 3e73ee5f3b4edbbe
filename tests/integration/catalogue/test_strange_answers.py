"""Answers that are wrong in every way COVA could be wrong: no change, held, or one product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator

from tests.support.connected import BY_ID, CHANGES, FEED, ConnectedShop, connected_shop


def _raw(shop: ConnectedShop, product_id: str, **more: Any) -> dict[str, Any]:
    return {
        "ProductId": product_id,
        "Name": "A product",
        "LifeCycle": "Active",
        "IsArchived": False,
        "IsNonStock": False,
        "MeasurementType": "SingleUnit",
        "Prices": [{"LocationId": shop.sim.location_id, "Price": 5}],
        "Availability": [
            {
                "LocationId": shop.sim.location_id,
                "IsSellingRoom": True,
                "InStockQuantity": 3,
            }
        ],
        "ApplicableTaxRates": [],
    } | more


def _answer(shop: ConnectedShop, products: list[Any] | str, operation: str = FEED) -> None:
    """What COVA answers to this call from now on, every time."""
    listed = products if isinstance(products, str) else json.dumps(products)
    body = f'{{"Products": {listed}, "TaxRates": []}}'
    shop.sim.faults.add(operation, action="garbage", body=body, times=None)


@pytest.mark.parametrize("odd", [None, 7, "a text", True, [], [[{}]]], ids=repr)
def test_an_element_that_is_no_product_fails_alone_and_is_named_by_its_place(
    shop: ConnectedShop, odd: Any
) -> None:
    good, other = shop.ordinary(2)
    _answer(shop, [_raw(shop, good), odd, _raw(shop, other)])

    report = shop.sync()

    assert (report.status, report.failed) == ("partial", 1)
    assert {good, other} <= set(shop.shop.products())
    reasons = {i.cova_product_id: i.reason for i in report.issues if i.field == "product"}
    assert "not an object" in reasons["position 2"]


def test_an_element_that_is_no_product_is_waited_for_once(shop: ConnectedShop) -> None:
    (good,) = shop.ordinary()
    _answer(shop, [_raw(shop, good), None])
    shop.sync()
    assert shop.state().cursor is None
    shop.sync()
    assert shop.state().cursor is not None


def test_places_are_counted_over_all_pages(sqlite_url: str, sim: Simulator) -> None:
    with connected_shop(sqlite_url, sim, COVA_PAGE_SIZE=5) as shop:
        ids = shop.ordinary(12)
        pages = [[_raw(shop, each) for each in ids[:5]], [_raw(shop, ids[5]), None]]
        for page in pages:
            body = json.dumps({"Products": page, "TaxRates": []})
            sim.faults.add(FEED, action="garbage", body=body)
        sim.faults.add(FEED, action="empty_page", times=None)
        _answer(shop, [], CHANGES)

        report = shop.sync()

        assert [i.cova_product_id for i in report.issues if i.field == "product"] == ["position 7"]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e99999999999999999999"])
def test_a_number_that_is_none_spoils_its_own_product_alone(
    shop: ConnectedShop, literal: str
) -> None:
    bad, good = shop.ordinary(2)
    priced = json.dumps(_raw(shop, good))
    odd = json.dumps(_raw(shop, bad)).replace('"Price": 5', f'"Price": {literal}')
    _answer(shop, f"[{odd}, {priced}]")

    report = shop.sync()

    assert shop.in_shop(good)["price"] == "5"
    assert bad not in shop.shop.products(), "without a price it is not for sale"
    assert {issue.cova_product_id for issue in report.issues} == {bad}
    assert any("Prices.Price is not a number" in issue.reason for issue in report.issues)


def test_a_life_cycle_that_is_no_number_fails_its_product(shop: ConnectedShop) -> None:
    bad, good = shop.ordinary(2)
    odd = json.dumps(_raw(shop, bad)).replace('"Active"', "NaN")
    _answer(shop, f"[{odd}, {json.dumps(_raw(shop, good))}]")

    report = shop.sync()

    assert (report.status, report.failed) == ("partial", 1)
    assert good in shop.shop.products()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LongDescription", '"' + "x" * 3_000_000 + '"'),
        ("Extra", "[" * 400 + "]" * 400),
        ("Extra", '{"a":' * 900 + "1" + "}" * 900),
    ],
    ids=["large", "deep", "deeper"],
)
def test_a_product_beyond_all_measure_fails_alone_or_is_read(
    shop: ConnectedShop, key: str, value: str
) -> None:
    bad, good = shop.ordinary(2)
    odd = json.dumps(_raw(shop, bad) | {key: "HERE"}).replace('"HERE"', value)
    _answer(shop, f"[{odd}, {json.dumps(_raw(shop, good))}]")

    report = shop.sync()

    assert report.status in ("partial", "succeeded")
    assert report.failed <= 1
    assert good in shop.shop.products()


def test_an_answer_nested_without_end_fails_the_run_and_changes_nothing(
    shop: ConnectedShop,
) -> None:
    shop.sync()
    before = shop.shop.products()
    shop.sim.faults.add(FEED, action="garbage", body='{"Products": ' + "[" * 200_000, times=None)

    report = shop.sync(full=True)

    assert report.status == "failed"
    assert shop.shop.products() == before


# --- never wipe -----------------------------------------------------------------------------------


@pytest.fixture
def small(sqlite_url: str, sim: Simulator) -> Iterator[ConnectedShop]:
    """A menu too small for the guard against mass changes to look at."""
    with connected_shop(sqlite_url, sim) as shop:
        keep = shop.ordinary(8)
        with sim.state.lock:
            for each in list(sim.state.products):
                if each not in keep:
                    del sim.state.products[each]
        shop.sync()
        assert len(shop.shop.products()) == 8
        yield shop


def test_an_empty_list_of_products_wipes_not_even_a_small_menu(small: ConnectedShop) -> None:
    before = small.shop.products()
    for operation in (FEED, CHANGES, BY_ID):
        _answer(small, [], operation)

    report = small.sync(full=True)

    assert report.status == "held"
    assert "no products at all" in report.message
    assert small.shop.products() == before


def test_an_empty_listing_alone_changes_nothing(small: ConnectedShop) -> None:
    before = small.shop.products()
    _answer(small, [], FEED)

    report = small.sync(full=True)

    assert (report.status, report.hidden) == ("succeeded", 0)
    assert small.shop.products() == before


def test_one_empty_answer_by_id_is_asked_again(small: ConnectedShop) -> None:
    _answer(small, [], FEED)
    small.sim.faults.add(BY_ID, action="empty_page")

    report = small.sync(full=True)

    assert (report.status, report.hidden) == ("succeeded", 0)


def test_half_of_the_products_missing_changes_nothing(small: ConnectedShop) -> None:
    before = small.shop.products()
    half = list(before)[:4]
    _answer(small, [_raw(small, each) for each in half], FEED)
    _answer(small, [], CHANGES)

    report = small.sync(full=True)

    assert report.hidden == 0
    after = small.shop.products()
    assert {each: after[each]["enabled"] for each in after} == dict.fromkeys(before, True)


def test_null_in_place_of_a_product_hides_nothing_even_by_id(small: ConnectedShop) -> None:
    before = small.shop.products()
    ids = list(before)
    listed: list[Any] = [_raw(small, each) for each in ids[1:]]
    _answer(small, [None, *listed], FEED)
    _answer(small, [], CHANGES)
    _answer(small, [None], BY_ID)

    for _ in range(2):
        report = small.sync(full=True)
        assert (report.status, report.hidden) == ("partial", 0)
        assert small.in_shop(ids[0]) == before[ids[0]]


@pytest.mark.parametrize("operations", [(FEED, CHANGES, BY_ID), (CHANGES, BY_ID)])
def test_an_answer_for_another_location_changes_nothing(
    small: ConnectedShop, operations: tuple[str, ...]
) -> None:
    before = small.shop.products()
    elsewhere = [
        _raw(
            small,
            each,
            Prices=[{"LocationId": 4711, "Price": 1}],
            Availability=[{"LocationId": 4711, "IsSellingRoom": True, "InStockQuantity": 9}],
        )
        for each in before
    ]
    for operation in operations:
        _answer(small, elsewhere, operation)

    report = small.sync(full=FEED in operations)

    assert report.status == "failed"
    assert "another location" in report.message
    assert report.fix
    assert small.shop.products() == before
    small.sim.faults.clear()
    assert small.sync().status == "succeeded"


def test_a_product_that_is_sold_elsewhere_only_is_no_wrong_answer(small: ConnectedShop) -> None:
    """COVA may send all locations' rows whatever it was asked for."""
    ids = list(small.shop.products())
    _answer(small, [_raw(small, ids[0], Prices=[{"LocationId": 4711, "Price": 1}])], CHANGES)

    assert small.sync().status == "succeeded"


def test_truncated_json_in_the_middle_changes_nothing(small: ConnectedShop) -> None:
    before = small.shop.products()
    small.sim.faults.add(FEED, action="truncated", times=None)
    assert small.sync(full=True).status == "failed"
    assert small.shop.products() == before


def test_an_empty_stock_list_is_asked_again_by_id(small: ConnectedShop) -> None:
    (product_id, *_) = before = small.shop.products()
    stock = small.quantity(product_id)
    assert stock > 0
    _answer(small, [_raw(small, product_id, Availability=[])], CHANGES)

    small.sync()

    assert small.quantity(product_id) == stock
    assert set(small.shop.products()) == set(before)
    small.sim.register.set_stock(product_id, 0)
    small.sync()
    assert small.quantity(product_id) == Decimal(0), "COVA said so for this product"


# --- the guard of one store -----------------------------------------------------------------------


def test_the_guard_goes_by_the_store_s_own_numbers(small: ConnectedShop) -> None:
    doomed = list(small.shop.products())[:3]
    for each in doomed:
        small.sim.register.archive(each)
    small.change_settings(guard_percent=25, guard_at_least=2)

    held = small.sync()
    assert held.status == "held"
    assert "3 of the 8 products" in held.message

    small.change_settings(guard_percent=50)
    assert small.sync().hidden == 3


def test_a_guard_of_a_hundred_percent_never_holds(small: ConnectedShop) -> None:
    small.change_settings(guard_percent=100, guard_at_least=1)
    for each in small.shop.products():
        small.sim.register.archive(each)
    assert small.sync().status == "succeeded"
