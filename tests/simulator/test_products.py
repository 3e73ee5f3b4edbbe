"""Section 4: the product feed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator

from .conftest import ALL, Caller

RECORDING = (
    Path(__file__).parents[2].parent / "shared" / "recordings" / "detailed_product_data.json"
)
FEED = "/dataplatform/v1/companies/{c}/DetailedProductData"
ROOTS = ["Products", "Packages", "TaxRates", "Classifications"]


def _stamp(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def _shapes(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every (path, JSON type) in a document; numbers without a point count as float too."""
    if isinstance(value, dict):
        yield path, "object"
        for key, item in value.items():
            yield from _shapes(f"{path}.{key}", item)
    elif isinstance(value, list):
        yield path, "array"
        for item in value:
            yield from _shapes(f"{path}[]", item)
    else:
        yield path, type(value).__name__


def test_an_answer_has_the_keys_order_and_types_of_the_recorded_one(caller: Caller) -> None:
    if not RECORDING.exists():
        pytest.skip(f"[no recordings] the recorded answer is not at {RECORDING}")
    recorded = json.loads(RECORDING.read_text(encoding="utf-8"))
    ours = caller.products()

    assert list(ours) == list(recorded) == ROOTS
    like = recorded["Products"][0]
    for product in ours["Products"]:
        assert list(product) == list(like)
        for key in ("ProductSpecifications", "Prices", "Upcs", "SupplierSkus"):
            for item in product[key]:
                assert list(item) == list(like[key][0])
    assert list(ours["TaxRates"][0]) == list(recorded["TaxRates"][0])
    assert list(ours["Classifications"][0]) == list(recorded["Classifications"][0])
    our_shapes = set(_shapes("", ours))
    assert set(_shapes("", recorded)) <= our_shapes, "a recorded shape never appears"


def test_omitted_flags_are_false_and_lists_empty_but_all_roots_there(caller: Caller) -> None:
    answer = caller.call("POST", FEED, {"Top": 5}).json()

    assert list(answer) == ROOTS
    assert answer["Packages"] == answer["TaxRates"] == answer["Classifications"] == []
    for product in answer["Products"]:
        for key, value in product.items():
            if isinstance(value, list):
                assert value == [], key
        assert product["CompanyLevelRegularPrice"] is None
        assert product["Name"]


def test_an_empty_body_gets_the_default_page_of_active_products(
    sim: Simulator, caller: Caller
) -> None:
    sim.switches.default_top = 7

    products = caller.call("POST", FEED).json()["Products"]

    assert len(products) == 7
    assert {product["LifeCycle"] for product in products} == {"Active"}


@pytest.mark.parametrize(
    ("flag", "keys"),
    [
        ("IncludeProductSkusAndUpcs", ["SupplierSkus", "Upcs"]),
        ("IncludeProductSpecifications", ["ProductSpecifications"]),
        ("IncludeProductAssets", ["Assets"]),
        ("IncludeAvailability", ["Availability"]),
        ("IncludePricing", ["Prices"]),
        ("IncludeTaxes", ["ApplicableTaxRates"]),
    ],
)
def test_each_flag_fills_its_own_lists(caller: Caller, flag: str, keys: list[str]) -> None:
    products = caller.call("POST", FEED, {flag: True, "Top": 80}).json()["Products"]

    filled = {key for product in products for key, value in product.items() if value}
    lists = {key for key, value in products[0].items() if isinstance(value, list)}
    assert filled & lists - {"ManufacturerSkus"} == set(keys)


def test_paging_is_by_skip_and_top_and_complete(caller: Caller) -> None:
    ids: list[str] = []
    while page := caller.products(Skip=len(ids), Top=30)["Products"]:
        ids += [product["ProductId"] for product in page]

    assert len(ids) == len(set(ids)) == 80
    assert ids != sorted(ids)


@pytest.mark.parametrize(
    ("reading", "status", "count"),
    [("error_400", 400, None), ("error_500", 500, None), ("clamp", 200, 20)],
)
def test_a_top_above_the_cap(
    sim: Simulator, caller: Caller, reading: Any, status: int, count: int | None
) -> None:
    sim.switches.max_top = 20
    sim.switches.top_above_max = reading

    answer = caller.call("POST", FEED, {"Top": 21})

    assert answer.status_code == status
    if count is not None:
        assert len(answer.json()["Products"]) == count


@pytest.mark.parametrize("body", [{"Top": "many"}, {"Skip": -1}, {"LocationId": "here"}])
def test_nonsense_in_the_body_is_a_400(caller: Caller, body: dict[str, Any]) -> None:
    answer = caller.call("POST", FEED, body)

    assert answer.status_code == 400
    assert answer.json()["Message"]


def test_location_may_be_number_text_or_null(sim: Simulator, caller: Caller) -> None:
    def locations(value: Any) -> set[int]:
        products = caller.products(LocationId=value)["Products"]
        return {row["LocationId"] for product in products for row in product["Availability"]} | {
            row["LocationId"] for product in products for row in product["Prices"]
        }

    assert locations(sim.location_id) == {sim.location_id}
    assert locations(str(sim.second_location_id)) == {sim.second_location_id}
    assert locations(None) == {sim.location_id, sim.second_location_id}


def test_taxes_follow_the_location(sim: Simulator, caller: Caller) -> None:
    answer = caller.products(LocationId=sim.location_id)

    known = {rate["Id"] for rate in answer["TaxRates"]}
    assert all(sim.location_id in rate["Locations"] for rate in answer["TaxRates"])
    assert all(set(product["ApplicableTaxRates"]) <= known for product in answer["Products"])
    assert len(caller.products()["TaxRates"]) == 3


def test_a_foreign_location_is_an_error(sim: Simulator, caller: Caller) -> None:
    assert caller.call("POST", FEED, {"LocationId": 5}).status_code == 500
    sim.switches.unknown_location_status = 400
    assert caller.call("POST", FEED, {"LocationId": 5}).status_code == 400


def test_lifecycles_and_archived_products(sim: Simulator, caller: Caller) -> None:
    active = caller.products(IncludeAllLifecycles=False)["Products"]
    everything = caller.products()["Products"]

    assert {item["LifeCycle"] for item in active} == {"Active"}
    assert not any(item["IsArchived"] for item in active)
    assert {item["LifeCycle"] for item in everything} == {
        "Active",
        "Coming Soon",
        "Inactive",
        "Discontinued",
        "Archived",
    }
    sim.switches.all_lifecycles_includes_archived = False
    assert not any(item["IsArchived"] for item in caller.products()["Products"])


def test_in_stock_only_on_both_readings(sim: Simulator, caller: Caller) -> None:
    gone, there = sim.ordinary_products(2)
    sim.register.set_stock(gone, 0)
    for room in sim.account.rooms:
        sim.register.set_stock(gone, 0, room_id=room.id)

    ids = [item["ProductId"] for item in caller.products(InStockOnly=True)["Products"]]
    assert there in ids
    assert gone not in ids

    sim.switches.in_stock_only_limits = "availability"
    products = {item["ProductId"]: item for item in caller.products(InStockOnly=True)["Products"]}
    assert products[gone]["Availability"] == []
    assert all(
        row["InStockQuantity"] > 0 for item in products.values() for row in item["Availability"]
    )


def test_selling_room_only_on_both_readings(sim: Simulator, caller: Caller) -> None:
    def kinds() -> set[bool]:
        products = caller.products(SellingRoomOnly=True)["Products"]
        return {row["IsSellingRoom"] for item in products for row in item["Availability"]}

    assert kinds() == {True}
    sim.switches.selling_room_only_works = False
    assert kinds() == {True, False}


def test_products_by_id_ignore_unknown_ids_and_letter_case(sim: Simulator, caller: Caller) -> None:
    first, second = sim.ordinary_products(2)
    unknown = "00000000-0000-4000-8000-000000000000"

    answer = caller.call(
        "POST", FEED + "/ByProductIdList", {**ALL, "ProductIds": [first.upper(), second, unknown]}
    )

    assert [item["ProductId"] for item in answer.json()["Products"]] == [first, second]
    assert caller.call("POST", FEED + "/ByProductIdList", {}).status_code == 400
    assert caller.call("POST", FEED + "/ByProductIdList", {"ProductIds": ["x"]}).status_code == 400


@pytest.mark.parametrize(
    "text",
    ["2020-01-31T08:00:00.000Z", "2020-01-31T08%3A00%3A00.1234567Z", "2020-01-31T08:00:00Z"],
)
def test_updated_as_of_reads_the_usual_spellings(caller: Caller, text: str) -> None:
    assert len(caller.updated(text)) == 80


def test_updated_as_of_refuses_what_is_no_date(caller: Caller) -> None:
    assert caller.call("POST", FEED + "/UpdatedAsOf/yesterday", {}).status_code == 400


def test_nothing_is_updated_after_now(sim: Simulator, caller: Caller) -> None:
    assert caller.updated(_stamp(sim.clock.now())) == []


@pytest.mark.parametrize(
    ("switch", "change"),
    [
        ("updated_by_stock", lambda sim, key: sim.register.set_stock(key, 3)),
        ("updated_by_stock", lambda sim, key: sim.register.sell(key)),
        ("updated_by_price", lambda sim, key: sim.register.set_price(key, "4.50")),
        ("updated_by_price", lambda sim, key: sim.register.put_on_sale(key, "1.00")),
        (
            "updated_by_specification",
            lambda sim, key: sim.register.set_specification(key, "THC Max", "20", "Float", "%"),
        ),
    ],
)
def test_what_counts_as_updated_is_a_switch(
    sim: Simulator, caller: Caller, switch: str, change: Any
) -> None:
    product = sim.ordinary_products(1)[0]
    since = _stamp(sim.clock.now())

    change(sim, product)

    assert caller.updated(since) == [product]
    setattr(sim.switches, switch, False)
    assert caller.updated(since) == []


def test_a_sale_that_starts_by_time_is_an_update_only_when_told(
    sim: Simulator, caller: Caller
) -> None:
    product = sim.ordinary_products(1)[0]
    start = sim.clock.now() + timedelta(minutes=30)
    sim.register.put_on_sale(product, "1.00", start, start + timedelta(days=1))
    sim.clock.advance(10)
    since = _stamp(sim.clock.now())

    sim.clock.advance(3000)

    assert product not in caller.updated(since)
    sim.switches.updated_by_sale_window = True
    assert product in caller.updated(since)


def test_an_archived_product_is_reported_or_not(sim: Simulator, caller: Caller) -> None:
    product = sim.ordinary_products(1)[0]
    since = _stamp(sim.clock.now())

    sim.register.archive(product)

    assert caller.updated(since) == [product]
    assert caller.updated(since, IncludeAllLifecycles=False) == []
    sim.switches.updates_report_archived = False
    assert caller.updated(since) == []


def test_pages_shift_when_a_product_changes_if_told(sim: Simulator, caller: Caller) -> None:
    def order() -> list[str]:
        return [item["ProductId"] for item in caller.products()["Products"]]

    product = order()[0]
    sim.register.set_price(product, 3)
    assert order()[0] == product

    sim.switches.order_of_products = "on_change"
    sim.register.set_price(product, 4)
    assert order()[-1] == product

    sim.switches.order_of_products = "every_call"
    assert order() != order()


@pytest.mark.parametrize(
    ("spelling", "keys"),
    [
        ("portal", {"SalePrice", "StartDateUtc", "EndDateUtc"}),
        ("platform", {"SalePrice", "StartDateUTC", "StopDateUTC", "IsDefault"}),
        ("plain", {"Price", "StartDate", "EndDate"}),
        ("amount", {"Amount", "StartDateUtc", "StopDateUtc"}),
    ],
)
def test_sale_prices_are_spelled_as_the_switch_says(
    sim: Simulator, caller: Caller, spelling: Any, keys: set[str]
) -> None:
    sim.switches.sale_price_keys = spelling

    sales = [
        sale
        for product in caller.products()["Products"]
        for price in product["Prices"]
        for sale in price["SalePrices"]
    ]

    assert sales
    assert all(keys <= set(sale) for sale in sales)
    assert any("DaysOfWeek" in sale for sale in sales)


def test_sellable_stock_can_be_read_from_the_rows(sim: Simulator, caller: Caller) -> None:
    product = sim.ordinary_products(1)[0]
    back_room = next(room for room in sim.account.rooms if not room.is_selling)
    sim.register.set_stock(product, "7")
    sim.register.set_stock(product, 100, room_id=back_room.id)
    sim.register.set_stock(product, 4, location_id=sim.second_location_id)

    item = next(p for p in caller.products()["Products"] if p["ProductId"] == product)
    rows = [row for row in item["Availability"] if row["IsSellingRoom"]]

    def at(location: int) -> float:
        return sum(row["InStockQuantity"] for row in rows if row["LocationId"] == location)

    assert at(sim.location_id) == 7
    assert at(sim.second_location_id) == 4
    assert sim.state.products[product].quantity(sim.location_id) == Decimal(7)
