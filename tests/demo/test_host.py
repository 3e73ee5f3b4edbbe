"""What the plugin may rely on in the shop's `Host`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, session

from aiq_cova_plugin.demo.host import DemoHost
from aiq_cova_plugin.demo.models import Order, OrderLine, Product, StaffUser, Store, db
from aiq_cova_plugin.demo.seed import BUDTENDER, MANAGER
from aiq_cova_plugin.host import (
    PRODUCT_FIELDS,
    Host,
    LabValue,
    OrderNotFound,
    OrderStatus,
    PriceTier,
    ProductChange,
    TaxRate,
    Weight,
)

from tests.demo.kit import category_id

LABS = [
    LabValue("Limonene", Decimal("0.51"), None, "%", "0.51"),
    LabValue("THC", Decimal(18), Decimal(22), "%", ""),
    LabValue("CBN", None, None, "", "traces"),
]


def full_fields() -> dict[str, Any]:
    return {
        "name": "Pier Haze",
        "description": "<p>From the pier.</p>",
        "brand": "Jetty",
        "category_id": category_id(),
        "subtype": "Whole bud",
        "cannabis_type": "SATIVA",
        "strain": "Haze",
        "sku": "SKU-1",
        "upc": "00012345678905",
        "price": Decimal("12.50"),
        "sale_price": Decimal("9.99"),
        "price_tiers": [PriceTier(Decimal("3.5"), Decimal(35))],
        "quantity": Decimal("120.75"),
        "weight": Weight(Decimal("3.5"), "g"),
        "labs": LABS,
        "coa_url": "https://labs.example/1.pdf",
        "image_urls": ["https://img.example/1.jpg"],
        "tags": ["new"],
        "enabled": True,
        "tax_rates": [TaxRate("State", Decimal("0.05"))],
    }


def only_product() -> Product:
    return db.session.scalars(sa.select(Product)).one()


def new_order(store_id: int = 1, **values: Any) -> Order:
    number = db.session.scalar(sa.select(sa.func.count(Order.id))) or 0
    order = Order(
        store_id=store_id,
        number=f"GH-{number}",
        token=f"token-{number}",
        first_name="Ada",
        last_name="",
        lines=[
            OrderLine(
                cova_product_id="p-1",
                name="Pier Haze",
                quantity=Decimal("3.5"),
                line_total=Decimal("35.00"),
            )
        ],
        **values,
    )
    db.session.add(order)
    db.session.flush()
    return order


def test_demo_host_satisfies_the_protocol(host: DemoHost) -> None:
    assert isinstance(host, Host)


def test_stores_are_told_with_zone_country_and_currency(host: DemoHost) -> None:
    first, second = host.stores()
    assert (first.id, first.timezone, first.country, first.currency) == (
        "1",
        "America/Denver",
        "US",
        "USD",
    )
    assert (second.timezone, second.country, second.currency) == ("America/Denver", "US", "USD")


def test_categories_belong_to_one_store(host: DemoHost) -> None:
    ids = {category.id for category in host.categories("1")}
    assert len(ids) == 12
    assert ids.isdisjoint(category.id for category in host.categories("2"))


def test_every_field_of_the_contract_is_kept_exactly(host: DemoHost) -> None:
    fields = full_fields()
    assert set(fields) == set(PRODUCT_FIELDS)
    results = host.apply_products("1", [ProductChange("p-1", "create", fields)])
    assert [(result.cova_product_id, result.ok) for result in results] == [("p-1", True)]
    db.session.commit()
    db.session.expire_all()
    product = only_product()
    for name in set(fields) - {"category_id", "weight"}:
        assert getattr(product, name) == fields[name], name
    assert str(product.category_id) == fields["category_id"]
    assert (product.weight_value, product.weight_unit) == (Decimal("3.5"), "g")


def test_same_batch_again_changes_nothing(host: DemoHost) -> None:
    change = ProductChange("p-1", "create", full_fields())
    host.apply_products("1", [change])
    db.session.commit()
    written_at = only_product().updated_at
    host.apply_products("1", [change, change])
    db.session.commit()
    assert only_product().updated_at == written_at


def test_apply_never_commits(host: DemoHost) -> None:
    host.apply_products("1", [ProductChange("p-1", "create", full_fields())])
    db.session.rollback()
    assert db.session.scalars(sa.select(Product)).all() == []


def test_a_value_equal_to_an_old_reading_is_written(app: Flask, host: DemoHost) -> None:
    """Read 120.75 here, sold down to 1 elsewhere, then told 120.75: it must not stay 1."""
    host.apply_products("1", [ProductChange("p-1", "create", full_fields())])
    db.session.commit()
    product = only_product()
    before = product.quantity
    with app.app_context():
        only_product().quantity = Decimal(1)
        db.session.commit()
    host.apply_products("1", [ProductChange("p-1", "update", {"quantity": before})])
    db.session.commit()
    assert product.quantity == before


def test_update_touches_only_the_fields_it_carries(host: DemoHost) -> None:
    host.apply_products("1", [ProductChange("p-1", "create", full_fields())])
    only_product().staff_note = "Window shelf"
    host.apply_products("1", [ProductChange("p-1", "update", {"price": Decimal(13)})])
    product = only_product()
    assert product.price == Decimal(13)
    assert (product.name, product.staff_note) == ("Pier Haze", "Window shelf")


def test_a_cleared_sale_price_is_cleared_and_zero_stays_zero(host: DemoHost) -> None:
    host.apply_products("1", [ProductChange("p-1", "create", full_fields())])
    cleared = {"sale_price": None, "quantity": Decimal(0)}
    host.apply_products("1", [ProductChange("p-1", "update", cleared)])
    assert only_product().sale_price is None
    assert only_product().quantity == 0


def test_hide_and_restore_turn_the_product_off_and_on(host: DemoHost) -> None:
    host.apply_products("1", [ProductChange("p-1", "create", full_fields())])
    host.apply_products("1", [ProductChange("p-1", "hide", {"enabled": False})])
    assert not only_product().enabled
    host.apply_products("1", [ProductChange("p-1", "restore")])
    assert only_product().enabled


def test_hiding_what_is_not_here_is_done_already(host: DemoHost) -> None:
    (result,) = host.apply_products("1", [ProductChange("gone", "hide", {"enabled": False})])
    assert result.ok
    assert db.session.scalars(sa.select(Product)).all() == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": " "}, "name"),
        ({"category_id": "999"}, "no category 999"),
        ({"price": Decimal("-1")}, "price"),
        ({"price": 12.5}, "price: expected Decimal, got float"),
        ({"quantity": Decimal("NaN")}, "quantity"),
        ({"labs": ["THC"]}, "labs"),
        ({"enabled": "yes"}, "enabled"),
        ({"brand": "broken \ud800"}, "brand"),
        ({"description": "a\x00b"}, "zero byte"),
    ],
)
def test_a_bad_product_fails_alone_and_says_why(
    host: DemoHost, fields: dict[str, Any], reason: str
) -> None:
    good = ProductChange("good", "create", full_fields())
    bad = ProductChange("bad", "create", full_fields() | fields)
    results = {each.cova_product_id: each for each in host.apply_products("1", [bad, good])}
    assert results["good"].ok
    assert not results["bad"].ok
    assert reason in (results["bad"].reason or "")
    assert only_product().cova_product_id == "good"


def test_a_bad_update_leaves_the_product_as_it_was(host: DemoHost) -> None:
    host.apply_products("1", [ProductChange("p-1", "create", full_fields())])
    wrong = {"name": "New name", "price": Decimal(-1)}
    (result,) = host.apply_products("1", [ProductChange("p-1", "update", wrong)])
    assert not result.ok
    assert only_product().name == "Pier Haze"


def test_an_update_of_an_unknown_product_without_a_name_is_refused(host: DemoHost) -> None:
    (result,) = host.apply_products("1", [ProductChange("p-9", "update", {"price": Decimal(1)})])
    assert not result.ok


def test_a_store_nobody_knows_gets_no_products(host: DemoHost) -> None:
    (result,) = host.apply_products("7", [ProductChange("p-1", "create", full_fields())])
    assert result.reason == "The shop has no store 7."


def test_products_of_two_stores_do_not_meet(host: DemoHost) -> None:
    first = full_fields()
    second = first | {"category_id": category_id(store_id=2)}
    host.apply_products("1", [ProductChange("p-1", "create", first)])
    (result,) = host.apply_products("2", [ProductChange("p-1", "create", second)])
    assert result.ok
    assert len(db.session.scalars(sa.select(Product)).all()) == 2


def test_order_is_told_as_it_was_confirmed(host: DemoHost) -> None:
    confirmed_at = datetime(2026, 3, 1, 17, 30, tzinfo=UTC)
    order = new_order(
        confirmed_at=confirmed_at,
        phone="+13035550142",
        date_of_birth=date(1990, 2, 3),
        is_delivery=True,
        line1="1 Bay Road",
        city="Denver",
        state="CO",
        postal_code="80202",
        country="US",
        delivery_fee=Decimal(5),
    )
    told = host.get_order("1", str(order.id))
    assert told.confirmed_at == confirmed_at
    assert (told.customer.phone, told.customer.last_name) == ("+13035550142", None)
    assert told.lines[0].quantity == Decimal("3.5")
    assert told.delivery is not None
    assert told.delivery.address.line2 == ""
    assert told.delivery.fee == Decimal(5)
    assert told.notes == ""


def test_pickup_has_no_delivery(host: DemoHost) -> None:
    assert host.get_order("1", str(new_order().id)).delivery is None


@pytest.mark.parametrize("order_id", ["999", "none", "", "-1", "1" * 40])
def test_unknown_order_is_not_found(host: DemoHost, order_id: str) -> None:
    with pytest.raises(OrderNotFound):
        host.get_order("1", order_id)


def test_order_of_another_store_is_not_found(host: DemoHost) -> None:
    order = new_order(store_id=2)
    with pytest.raises(OrderNotFound):
        host.get_order("1", str(order.id))


def test_confirmed_orders_are_those_since_then_and_not_cancelled(host: DemoHost) -> None:
    since = datetime(2026, 3, 1, tzinfo=UTC)
    exactly = new_order(confirmed_at=since, status="confirmed")
    later = new_order(confirmed_at=since + timedelta(days=1), status="completed")
    new_order(confirmed_at=since - timedelta(microseconds=1), status="confirmed")
    new_order(confirmed_at=since, status="cancelled")
    new_order()
    new_order(store_id=2, confirmed_at=since, status="confirmed")
    assert host.confirmed_orders("1", since) == [str(exactly.id), str(later.id)]


def test_same_status_again_leaves_one_event(host: DemoHost) -> None:
    order = new_order()
    for _ in range(2):
        host.set_order_status("1", str(order.id), OrderStatus.IN_PROGRESS, "Being packed")
    assert order.status == "in_progress"
    assert [(event.status, event.note) for event in order.events] == [
        ("in_progress", "Being packed")
    ]


def test_checkout_requires_phone_follows_the_store(host: DemoHost) -> None:
    assert host.checkout_requires_phone("1")
    store = db.session.get(Store, 1)
    assert store is not None
    store.requires_phone = False
    assert not host.checkout_requires_phone("1")
    assert not host.checkout_requires_phone("none")


def test_nobody_may_do_anything_outside_a_request(host: DemoHost) -> None:
    assert not host.can("view", "1")


@pytest.mark.parametrize(
    ("username", "allowed"),
    [
        (None, set()),
        (
            MANAGER.username,
            {(a, s) for a in ("view", "sync", "configure", "orders") for s in ("1", "2")},
        ),
        (BUDTENDER.username, {("view", "1"), ("orders", "1")}),
    ],
)
def test_permissions(app: Flask, username: str | None, allowed: set[tuple[str, str]]) -> None:
    with app.test_request_context():
        if username is not None:
            user = db.session.scalars(
                sa.select(StaffUser).where(StaffUser.username == username)
            ).one()
            session["staff_id"] = user.id
        asked = [
            (action, store)
            for action in ("view", "sync", "configure", "orders", "erase", "")
            for store in ("1", "2", "3", "x", "")
        ]
        assert {each for each in asked if DemoHost().can(*each)} == allowed
