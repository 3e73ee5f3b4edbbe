"""What a store says COVA's statuses mean: the most exact word wins, nonsense is ignored."""

from __future__ import annotations

import pytest

from aiq_cova_plugin.host import OrderStatus
from aiq_cova_plugin.mapping.order_status_from_cova import Phase, reading_from_cova
from aiq_cova_plugin.schemas.records import SalesOrderStatus

IN_PROGRESS, READY = OrderStatus.IN_PROGRESS, OrderStatus.READY_FOR_PICKUP
OUT = OrderStatus.OUT_FOR_DELIVERY


def read(order_status, fulfilment, words, *, is_delivery=False):
    status = SalesOrderStatus(
        order_id="1", order_status=order_status, fulfillment_status=fulfilment
    )
    return reading_from_cova(status, is_delivery=is_delivery, store_words=words)


@pytest.mark.parametrize(
    ("fulfilment", "words", "is_delivery", "expected"),
    [
        ("ReadyForPickup", {}, False, READY),
        ("ReadyForPickup", {}, True, IN_PROGRESS),
        ("ReadyForPickup", {"readyforpickup": "out_for_delivery"}, False, OUT),
        ("ReadyForPickup", {"ReadyForPickup (delivery)": "out_for_delivery"}, True, OUT),
        ("ReadyForPickup", {"ReadyForPickup (delivery)": "out_for_delivery"}, False, READY),
        ("InProgress", {"InProgress": ""}, False, None),
        ("InProgress", {"ReadyForPayment, InProgress": "confirmed", "InProgress": ""}, False,
         OrderStatus.CONFIRMED),
        ("InProgress", {"InProgress": "eaten"}, False, IN_PROGRESS),
        ("AtTheDoor", {"AtTheDoor": "out_for_delivery"}, True, OUT),
        ("", {"": "completed"}, False, None),
    ],
)  # fmt: skip
def test_the_store_s_word_wins(fulfilment, words, is_delivery, expected):
    reading = read("ReadyForPayment", fulfilment, words, is_delivery=is_delivery)

    assert reading.host_status is expected
    assert reading.unknown_values == ()


def test_a_word_nobody_knows_is_reported():
    reading = read("ReadyForPayment", "AtTheDoor", {})

    assert (reading.host_status, reading.unknown_values) == (None, ("AtTheDoor",))


def test_an_order_status_nobody_knows_can_be_given_a_meaning():
    plain = read("OnHold", "", {})
    mapped = read("OnHold", "", {"onhold": "in_progress"})

    assert (plain.phase, plain.unknown_values) == (Phase.UNKNOWN, ("OnHold",))
    assert (mapped.phase, mapped.host_status) == (Phase.UNKNOWN, IN_PROGRESS)
    assert mapped.unknown_values == ()


@pytest.mark.parametrize("end", ["Completed", "Cancelled"])
def test_the_end_of_a_sale_is_not_to_be_renamed(end):
    reading = read(end, "", {end: "in_progress"})

    assert reading.host_status == end.lower()
