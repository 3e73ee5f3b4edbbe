"""Why an order waits for a person: what staff read, word for word, and the field it is about."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from aiq_cova_plugin.domain.orders import Customer, Delivery, Fee, Order, OrderLine
from aiq_cova_plugin.errors import NeedsOperator, UnmappedProduct
from aiq_cova_plugin.mapping.address_to_cova import plan_address
from aiq_cova_plugin.mapping.order_to_cova import fee_key, order_to_cova
from aiq_cova_plugin.schemas.records import SalesOrder, SalesOrderLine

from tests.unit.mapping.orders import ADDRESS, LINE, ORDER, PRODUCT

D = Decimal

BAG_PRODUCT = "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0098"
DELIVERED = replace(ORDER, delivery=Delivery(ADDRESS, D(5)))
CORRECT_IT = "Correct the order in the shop, then press Retry."


def sent(
    order: Order, *, fee_product: str | None = None, fees: dict[str, object] | None = None
) -> SalesOrder:
    return order_to_cova(
        order,
        push_id="3f0d7c1e-5555-4a1f-8b70-000000000001",
        company_id=1000,
        location_id=1001,
        integrator_id="11111111-2222-4333-8444-555555555555",
        customer_id=None,
        delivery_fee_product=fee_product,
        fee_products=fees,
    )


@pytest.mark.parametrize(
    ("order", "kind", "message", "fix", "field"),
    [
        (
            replace(ORDER, lines=()),
            NeedsOperator,
            "Order WEB-10045 has no lines, so there is nothing to send to COVA.",
            "Cancel the order in the shop, or add its lines and press Retry.",
            "lines",
        ),
        (
            replace(ORDER, lines=(OrderLine("", " Mystery Box ", D(1), D(1)),)),
            UnmappedProduct,
            'Order WEB-10045: the line "Mystery Box" has no COVA product.',
            "Sync the menu or link the product to COVA, then press Retry.",
            "Mystery Box",
        ),
        (
            replace(ORDER, lines=(replace(LINE, quantity=D(0)),)),
            NeedsOperator,
            'Order WEB-10045: the line "Haze 3.5g" has the quantity 0, which COVA cannot take.',
            CORRECT_IT,
            "Haze 3.5g",
        ),
        (
            replace(ORDER, lines=(replace(LINE, line_total=D(-1)),)),
            NeedsOperator,
            'Order WEB-10045: the line "Haze 3.5g" has the amount -1, which COVA cannot take.',
            CORRECT_IT,
            "Haze 3.5g",
        ),
        (
            DELIVERED,
            UnmappedProduct,
            (
                "Order WEB-10045 has a delivery fee of 5.00, "
                "but the store has no COVA product for the delivery fee."
            ),
            "Choose the delivery-fee product in Store > Integrations > COVA, then press Retry.",
            "delivery_fee_product",
        ),
        (
            replace(DELIVERED, delivery=Delivery(ADDRESS, D(-5))),
            NeedsOperator,
            'Order WEB-10045: the line "Delivery fee" has the amount -5, which COVA cannot take.',
            CORRECT_IT,
            "Delivery fee",
        ),
        (
            replace(ORDER, fees=(Fee("  Bag \t fee ", D("0.25")),)),
            UnmappedProduct,
            (
                "Order WEB-10045 has the fee “Bag fee” of 0.25, "
                "but the store has no COVA product for it."
            ),
            "Choose a product for “Bag fee” under Order settings, then press Retry.",
            "fee_products",
        ),
        (
            replace(ORDER, fees=(Fee("Bag  fee", D("-0.25")),)),
            NeedsOperator,
            'Order WEB-10045: the line "Bag fee" has the amount -0.25, which COVA cannot take.',
            CORRECT_IT,
            "Bag fee",
        ),
    ],
)
def test_an_order_that_cannot_be_sent_says_why(order, kind, message, fix, field):
    with pytest.raises(NeedsOperator) as caught:
        sent(order)

    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.fix, caught.value.field) == (message, fix, field)


def test_a_delivery_to_nowhere_says_why():
    with pytest.raises(NeedsOperator) as caught:
        plan_address([], replace(ADDRESS, line1=" "))

    assert caught.value.message == (
        "The order is for delivery, but its address has no street or no town."
    )
    assert caught.value.fix == ("Complete the address of the order in the shop, then press Retry.")
    assert caught.value.field == "delivery address"


@pytest.mark.parametrize(
    ("known_name", "product"),
    [("Bag fee", BAG_PRODUCT), (" BAG  FEE ", f" {BAG_PRODUCT.upper()} ")],
)
def test_a_fee_is_a_line_of_its_product_whatever_its_case_and_blanks(known_name, product):
    order = replace(ORDER, fees=(Fee(" Bag  fee", D("0.255")), Fee("Tip", D(0))))

    (_haze, fee) = sent(order, fees={known_name: product}).lines

    assert fee == SalesOrderLine("Bag fee", BAG_PRODUCT, D(1), D("0.26"))


def test_a_fee_without_a_name_is_called_by_its_product():
    (_haze, fee) = sent(replace(ORDER, fees=(Fee(" ", D(1)),)), fees={"": BAG_PRODUCT}).lines

    assert fee.name == BAG_PRODUCT


@pytest.mark.parametrize("product", [None, "", " ", 12])
def test_a_fee_whose_product_is_no_text_waits_for_a_person(product):
    with pytest.raises(UnmappedProduct):
        sent(replace(ORDER, fees=(Fee("Bag fee", D(1)),)), fees={"Bag fee": product})


def test_fees_come_after_the_delivery_fee_each_with_its_own_product():
    order = replace(DELIVERED, fees=(Fee("Bag fee", D(1)), Fee("Ice", D(2))))

    lines = sent(order, fee_product="DELIVERY", fees={"ice": "ICE", "bag fee": "BAG"}).lines

    assert [(line.catalog_item_id, line.line_dollar_amount) for line in lines[1:]] == [
        ("delivery", D("5.00")),
        ("bag", D("1.00")),
        ("ice", D("2.00")),
    ]


def test_names_of_fees_are_compared_without_case_and_surplus_blanks():
    assert fee_key("  Straße \n fee ") == "strasse fee"


def test_the_largest_amount_and_quantity_are_taken_and_no_more():
    largest = D(10) ** 9
    order = replace(ORDER, lines=(replace(LINE, quantity=largest, line_total=largest),))

    (line,) = sent(order).lines

    assert (line.quantity, line.line_dollar_amount) == (largest, largest)
    with pytest.raises(NeedsOperator):
        sent(replace(ORDER, lines=(replace(LINE, quantity=largest + D("0.01")),)))
    with pytest.raises(NeedsOperator):
        sent(replace(ORDER, lines=(replace(LINE, line_total=largest + D("0.01")),)))


def test_a_line_without_a_name_is_called_by_its_product_and_ids_go_in_small_letters():
    (line,) = sent(
        replace(ORDER, lines=(replace(LINE, name=" ", cova_product_id=f" {PRODUCT.upper()} "),))
    ).lines

    assert (line.name, line.catalog_item_id) == (PRODUCT, PRODUCT)


def test_an_order_without_a_name_is_called_by_its_number_at_the_register():
    assert sent(replace(ORDER, customer=Customer())).order_reference == "Order WEB-10045"
