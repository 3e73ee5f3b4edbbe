"""Orders out, statuses in."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.domain.orders import Customer, Delivery, Order, OrderLine
from aiq_cova_plugin.domain.values import OrderStatus
from aiq_cova_plugin.errors import NeedsOperator, UnmappedProduct
from aiq_cova_plugin.mapping.order_status_from_cova import Phase, StatusReading, reading_from_cova
from aiq_cova_plugin.mapping.order_to_cova import order_reference, order_to_cova
from aiq_cova_plugin.schemas.records import SalesOrder, SalesOrderLine, SalesOrderStatus

from tests.unit.mapping.orders import ADDRESS, LINE, ORDER, PRODUCT

D = Decimal

FEE = "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0099"
PUSH = "3f0d7c1e-5555-4a1f-8b70-000000000001"


def sent(order: Order, fee_product: str | None = FEE) -> SalesOrder:
    return order_to_cova(
        order,
        push_id=PUSH,
        company_id=1000,
        location_id=1001,
        integrator_id="11111111-2222-4333-8444-555555555555",
        customer_id="8d1b2c3a-6666-4f10-9a20-000000000001",
        delivery_fee_product=fee_product,
    )


def test_a_pickup_order_is_sent_as_it_is():
    assert sent(ORDER, None) == SalesOrder(
        id=PUSH,
        company_id=1000,
        entity_id=1001,
        order_reference="Ada Example",
        customer_id="8d1b2c3a-6666-4f10-9a20-000000000001",
        integrator_id="11111111-2222-4333-8444-555555555555",
        is_delivery=False,
        external_order_id="WEB-10045",
        lines=(SalesOrderLine("Haze 3.5g", PRODUCT, D(2), D("60.00")),),
    )


def test_a_delivery_fee_is_a_line_of_its_product():
    order = sent(replace(ORDER, delivery=Delivery(ADDRESS, D("5"))))

    assert order.is_delivery
    assert order.lines[1:] == (SalesOrderLine("Delivery fee", FEE, D(1), D("5.00")),)


@pytest.mark.parametrize("fee_product", [None, "", FEE])
def test_a_free_delivery_has_no_fee_line(fee_product):
    order = sent(replace(ORDER, delivery=Delivery(ADDRESS, D(0))), fee_product)

    assert order.is_delivery
    assert len(order.lines) == 1


@pytest.mark.parametrize("fee_product", [None, "", "  "])
def test_a_fee_without_a_product_waits_for_a_person(fee_product):
    with pytest.raises(UnmappedProduct) as caught:
        sent(replace(ORDER, delivery=Delivery(ADDRESS, D("5"))), fee_product)

    assert caught.value.field == "delivery_fee_product"
    assert "WEB-10045" in caught.value.message
    assert caught.value.fix


@pytest.mark.parametrize("product_id", [None, "", "  "])
def test_a_line_without_a_product_is_named(product_id):
    with pytest.raises(UnmappedProduct, match="Mystery Box") as caught:
        sent(replace(ORDER, lines=(LINE, OrderLine(product_id, "Mystery Box", D(1), D(1)))))

    assert caught.value.fix


@pytest.mark.parametrize(
    ("quantity", "total"),
    [
        ("0", "1"),
        ("-1", "1"),
        ("NaN", "1"),
        ("1", "-1"),
        ("1", "Infinity"),
        ("1E+20", "1"),
        ("1", "1E+20"),
    ],
)
def test_an_impossible_line_waits_for_a_person(quantity, total):
    with pytest.raises(NeedsOperator, match="Haze"):
        sent(replace(ORDER, lines=(replace(LINE, quantity=D(quantity), line_total=D(total)),)))


@pytest.mark.parametrize("fee", ["-1", "NaN", "Infinity"])
def test_an_impossible_fee_waits_for_a_person(fee):
    with pytest.raises(NeedsOperator, match="Delivery fee"):
        sent(replace(ORDER, delivery=Delivery(ADDRESS, D(fee))))


def test_an_order_without_lines_waits_for_a_person():
    with pytest.raises(NeedsOperator, match="no lines"):
        sent(replace(ORDER, lines=()))


@pytest.mark.parametrize(
    ("quantity", "total", "sent_total"),
    [("3", "10.00", "10.00"), ("3.5", "35.005", "35.01"), ("1", "0", "0.00"), ("1", "9", "9.00")],
)
def test_quantity_and_total_are_kept_to_the_cent(quantity, total, sent_total):
    line = replace(LINE, quantity=D(quantity), line_total=D(total))

    (out,) = sent(replace(ORDER, lines=(line,))).lines

    assert out.quantity == D(quantity)
    assert str(out.line_dollar_amount) == sent_total


@given(
    st.lists(
        st.tuples(st.decimals("0.001", "1000", places=3), st.decimals("0", "10000", places=2)),
        min_size=1,
        max_size=6,
    )
)
def test_the_sum_cova_gets_is_the_sum_of_the_shop(pairs):
    lines = tuple(OrderLine(PRODUCT.upper(), "x", quantity, total) for quantity, total in pairs)

    out = sent(replace(ORDER, lines=lines)).lines

    assert sum(each.line_dollar_amount for each in out) == sum(total for _, total in pairs)
    assert [each.quantity for each in out] == [quantity for quantity, _ in pairs]
    assert {each.catalog_item_id for each in out} == {PRODUCT}


@pytest.mark.parametrize(
    ("customer", "reference"),
    [
        (Customer("Ada", "Example"), "Ada Example"),
        (Customer(" Ada ", None), "Ada"),
        (Customer(None, "Example"), "Example"),
        (Customer(None, None), "Order 7"),
        (Customer("", "  "), "Order 7"),
    ],
)
def test_the_register_shows_a_name_or_the_number(customer, reference):
    assert order_reference(customer, "7") == reference


def status(order_status: str, fulfilment: str = "", method: str = "", **values: object):
    return SalesOrderStatus(
        order_id=PUSH,
        order_status=order_status,
        fulfillment_status=fulfilment,
        fulfillment_method=method,
        **values,  # type: ignore[arg-type]
    )


S = OrderStatus


@pytest.mark.parametrize(
    ("cova", "phase", "host_status"),
    [
        (status("SubmittedForProcessing"), Phase.ACCEPTED, None),
        (status("SubmittedForFinalProcessing"), Phase.PROCESSING, None),
        (status("TransientProcessingFailure"), Phase.TRANSIENT_FAILURE, None),
        (status("NonTransientProcessingFailure"), Phase.REFUSED, None),
        (status("ReadyForPayment"), Phase.IN_POS, None),
        (status("readyforpayment", "OrderPlaced"), Phase.IN_POS, S.CONFIRMED),
        (status("ReadyForPayment", "InProgress"), Phase.IN_POS, S.IN_PROGRESS),
        (status("ReadyForPayment", "In Progress"), Phase.IN_POS, S.IN_PROGRESS),
        (status("ReadyForPayment", "ReadyForPickup"), Phase.IN_POS, S.READY_FOR_PICKUP),
        (status("ReadyForPayment", "ReadyForPickup", "Pickup"), Phase.IN_POS, S.READY_FOR_PICKUP),
        (status("ReadyForPayment", "ReadyForPickup", "Delivery"), Phase.IN_POS, S.IN_PROGRESS),
        (status("ReadyForPayment", "OrderPlaced", "Delivery"), Phase.IN_POS, S.CONFIRMED),
        (status("PaymentApplied", "ReadyForPickup"), Phase.IN_POS, S.READY_FOR_PICKUP),
        (status("Completed", "InProgress"), Phase.COMPLETED, S.COMPLETED),
        (status("Cancelled", "ReadyForPickup"), Phase.CANCELLED, S.CANCELLED),
        (status("SubmittedForProcessing", "ReadyForPickup"), Phase.ACCEPTED, None),
    ],
)
def test_a_status_is_read_by_covas_document(cova, phase, host_status):
    reading = reading_from_cova(cova)

    assert (reading.phase, reading.host_status) == (phase, host_status)
    assert reading.unknown_values == ()


@pytest.mark.parametrize("text", ["", "17", "OnHold", "Complete", "Canceled?"])
def test_an_unknown_order_status_is_reported_and_never_guessed(text):
    reading = reading_from_cova(status(text, "ReadyForPickup"))

    said = "ReadyForPickup" if text == "" else f"{text}, ReadyForPickup"
    assert reading == StatusReading(Phase.UNKNOWN, None, "", None, (text,), said)


def test_an_unknown_fulfilment_leaves_the_order_in_the_pos():
    reading = reading_from_cova(status("ReadyForPayment", "OnTheRoof"))

    assert (reading.phase, reading.host_status) == (Phase.IN_POS, None)
    assert reading.unknown_values == ("OnTheRoof",)


@pytest.mark.parametrize(
    ("is_delivery", "method", "host_status"),
    [
        (True, "Pickup", S.IN_PROGRESS),
        (True, "", S.IN_PROGRESS),
        (False, "Delivery", S.READY_FOR_PICKUP),
        (None, "Delivery", S.IN_PROGRESS),
        (None, "", S.READY_FOR_PICKUP),
    ],
)
def test_the_shop_knows_better_than_cova_whether_it_delivers(is_delivery, method, host_status):
    cova = status("ReadyForPayment", "ReadyForPickup", method)

    assert reading_from_cova(cova, is_delivery=is_delivery).host_status is host_status


def test_reason_and_total_are_passed_on():
    reading = reading_from_cova(
        status("NonTransientProcessingFailure", order_message=" Sold out. ", sale_total=D("0"))
    )

    assert (reading.message, reading.sale_total) == ("Sold out.", D(0))
    paid = reading_from_cova(status("ReadyForPayment", payment_message="Wrong sum."))
    assert (paid.message, paid.sale_total) == ("Wrong sum.", None)


@pytest.mark.parametrize(
    ("cova", "raw"),
    [
        (status("ReadyForPayment"), "ReadyForPayment"),
        (status(" ReadyForPayment ", " InProgress "), "ReadyForPayment, InProgress"),
        (status("x" * 200), "x" * 100),
        (status(""), ""),
    ],
)
def test_covas_own_words_are_kept(cova, raw):
    assert reading_from_cova(cova).raw_status == raw
