"""Section 9: orders, their status, payment, completion and reading back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from aiq_cova_plugin.simulator import OrderStatus, PaymentStatus, Simulator

from .conftest import Caller

READY = OrderStatus.ReadyForPayment.value
FAILED = OrderStatus.NonTransientProcessingFailure.value
BACK = "/covaorderintake/v1/companies/{c}/entities/{l}/integrators/any"


def _pay(caller: Caller, order: dict[str, Any], amount: float, **changes: Any) -> Any:
    body = {
        "SaleID": order["Id"],
        "CompanyId": caller.sim.company_id,
        "TrackingNumber": "N/A",
        "Payments": [
            {
                "PreAuthorizationToken": "N/A",
                "Amount": amount,
                "TimeTakenUtc": "2026-01-01T00:00:00Z",
                "Last4Digits": "0000",
            }
        ],
        **changes,
    }
    return caller.call("POST", "/covaorderintake/v1/CovaOrderPayment", body)


def test_a_synchronous_order_is_ready_at_once(sim: Simulator, caller: Caller) -> None:
    product = sim.ordinary_products(1)[0]
    sim.state.products[product].tax_rate_ids = [rate.id for rate in sim.state.tax_rates]
    fee = sim.delivery_fee_product_id
    order = caller.order((product, 2, 60.0), (fee, 1, 5.0), IsDelivery=True)

    assert caller.submit(order).status_code == 200

    status = caller.status(order).json()
    assert list(status) == [
        "CompanyId",
        "OrderId",
        "OrderStatus",
        "OrderMessage",
        "PaymentStatus",
        "PaymentMessage",
        "SaleTotal",
        "OrderFulfillmentMethod",
        "OrderFulfillmentStatus",
    ]
    assert status["OrderStatus"] == READY
    assert status["PaymentStatus"] == PaymentStatus.ReadyForPayment.value
    assert status["SaleTotal"] == 74.0
    assert status["OrderFulfillmentMethod"] == "Delivery"
    assert status["OrderFulfillmentStatus"] == "OrderPlaced"
    (kept,) = sim.orders()
    assert kept["id"] == order["Id"]
    assert kept["external_order_id"] == "WEB-1"
    assert kept["order_reference"] == "Ada Example"
    assert kept["status"] == "ReadyForPayment"
    assert [line["product_id"] for line in kept["lines"]] == [product, fee]


def test_an_inclusive_order_totals_its_lines(sim: Simulator, caller: Caller) -> None:
    sim.switches.tax_pricing = "Inclusive"
    order = caller.order((sim.ordinary_products(1)[0], 1, 12.5))

    caller.submit(order, "TIP")

    assert caller.status(order).json()["SaleTotal"] == 12.5


@pytest.mark.parametrize(
    ("rounding", "expected"), [("line", 0.30 + 2 * 0.02), ("order", 0.30 + 0.03)]
)
def test_tax_is_rounded_per_line_or_per_order(
    sim: Simulator, caller: Caller, rounding: Any, expected: float
) -> None:
    sim.switches.tax_rounding = rounding
    first, second = sim.ordinary_products(2)
    for product in (first, second):
        sim.state.products[product].tax_rate_ids = [sim.state.tax_rates[1].id]
    order = caller.order((first, 1, 0.15), (second, 1, 0.15))

    caller.submit(order)

    assert caller.status(order).json()["SaleTotal"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("main", "style", "state"),
    [
        ("Exclusive", "TEP", READY),
        ("Exclusive", "TIP", FAILED),
        ("Inclusive", "TIP", READY),
        ("Inclusive", "TEP", FAILED),
        ("absent", "TEP", READY),
        ("absent", "TIP", FAILED),
    ],
)
def test_the_call_must_fit_the_location_s_tax_style(
    sim: Simulator, caller: Caller, main: Any, style: str, state: int
) -> None:
    sim.switches.tax_pricing = main
    order = caller.order((sim.ordinary_products(1)[0], 1, 5.0))

    assert caller.submit(order, style).ok

    assert caller.status(order).json()["OrderStatus"] == state


def test_enums_are_numbers_or_names(sim: Simulator, caller: Caller) -> None:
    order = caller.placed()
    assert caller.status(order).json()["OrderStatus"] == 4

    sim.switches.enum_style = "name"

    assert caller.status(order).json()["OrderStatus"] == "ReadyForPayment"
    assert caller.status(order).json()["PaymentStatus"] == "ReadyForPayment"
    v1 = f"/covaorderintake/v1/Companies({{c}})/CovaOrder({order['Id']})/Status"
    assert caller.get(v1).json()["OrderStatus"] == "ReadyForPayment"


def test_an_unknown_order_is_a_404_with_the_known_text(caller: Caller) -> None:
    answer = caller.status({"Id": str(uuid.uuid4())})

    assert answer.status_code == 404
    assert answer.json() == {"Message": "Resource cannot be found"}


@pytest.mark.parametrize("switch", ["status", "error_400"])
@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda o: o["Lines"][0].update(Quantity=10_000), "out of stock"),
        (lambda o: o["Lines"][0].update(CatalogItemId=str(uuid.uuid4())), "not known"),
        (lambda o: o["Lines"][0].update(Quantity=0), "above zero"),
        (lambda o: o["Lines"][0].update(LineDollarAmount=-1), "negative"),
        (lambda o: o.update(Lines=[]), "no lines"),
        (lambda o: o.update(EntityId=5), "Location 5"),
    ],
)
def test_a_bad_order_fails_in_its_status_or_at_once(
    sim: Simulator, caller: Caller, switch: Any, spoil: Any, word: str
) -> None:
    sim.switches.invalid_order = switch
    order = caller.order((sim.ordinary_products(1)[0], 1, 5.0))
    spoil(order)

    answer = caller.submit(order)

    if switch == "status":
        assert answer.ok
        status = caller.status(order).json()
        assert status["OrderStatus"] == FAILED
        assert word in status["OrderMessage"]
        assert status["PaymentStatus"] == PaymentStatus.NotReadyForPayment.value
    else:
        assert answer.status_code == 400
        assert word in answer.json()["Message"]
        assert caller.status(order).status_code == 404


def test_two_lines_of_one_product_are_checked_together(sim: Simulator, caller: Caller) -> None:
    product = sim.ordinary_products(1)[0]
    sim.register.set_stock(product, 3)
    order = caller.order((product, 2, 5.0), (product, 2, 5.0))

    caller.submit(order)
    assert caller.status(order).json()["OrderStatus"] == FAILED

    sim.switches.check_stock = False
    caller.submit(order)
    assert caller.status(order).json()["OrderStatus"] == READY


def test_a_failed_order_is_repaired_under_its_own_id(sim: Simulator, caller: Caller) -> None:
    product = sim.ordinary_products(1)[0]
    sim.register.set_stock(product, 0)
    order = caller.order((product, 1, 5.0))
    caller.submit(order)
    assert caller.status(order).json()["OrderStatus"] == FAILED

    sim.register.set_stock(product, 1)
    caller.submit(order)

    assert caller.status(order).json()["OrderStatus"] == READY
    assert sim.orders()[0]["received_puts"] == 2


@pytest.mark.parametrize("reading", ["error_400", "status"])
def test_a_wrong_integrator_id_has_the_documented_text(
    sim: Simulator, caller: Caller, reading: Any
) -> None:
    sim.switches.invalid_integrator = reading
    order = caller.order(
        (sim.ordinary_products(1)[0], 1, 5.0), IntegratorId="00000000-0000-4000-8000-000000000000"
    )

    answer = caller.submit(order)

    text = "The integrator id is not valid, please provide a valid one."
    if reading == "error_400":
        assert answer.status_code == 400
        assert answer.json()["Message"] == text
        assert sim.orders() == []
    else:
        assert caller.status(order).json()["OrderMessage"] == text


@pytest.mark.parametrize(
    "changes",
    [
        {"Id": str(uuid.uuid4())},
        {"Id": None},
        {"Id": "no guid"},
        {"Lines": "none"},
        {"Lines": [{"Name": "No id"}]},
        {"CompanyId": 5},
    ],
)
def test_a_malformed_order_never_gets_in(
    sim: Simulator, caller: Caller, changes: dict[str, Any]
) -> None:
    order = caller.order((sim.ordinary_products(1)[0], 1, 5.0))
    address = f"/covaorderintake/v1/TEPCovaOrder({order['Id']})"

    answer = caller.call("PUT", address, {**order, **changes})

    assert answer.status_code in (400, 403)
    assert sim.orders() == []


def test_body_keys_and_guids_are_read_in_any_case(sim: Simulator, caller: Caller) -> None:
    order = caller.order((sim.ordinary_products(1)[0].upper(), 1, 5.0))
    body = {key[0].lower() + key[1:]: value for key, value in order.items()}

    answer = caller.call("PUT", f"/covaorderintake/v1/tepcovaorder({order['Id'].upper()})", body)

    assert answer.status_code == 200
    assert caller.status(order).json()["OrderStatus"] == READY


def test_an_asynchronous_order_advances_with_time(sim: Simulator, caller: Caller) -> None:
    sim.switches.order_mode = "asynchronous"
    sim.switches.order_step_seconds = 100
    order = caller.order((sim.ordinary_products(1)[0], 1, 5.0))

    assert caller.submit(order).status_code == 202

    seen = []
    for _ in range(3):
        seen.append(caller.status(order).json()["OrderStatus"])
        sim.clock.advance(100)
    assert seen == [0, 3, 4]


def test_an_asynchronous_order_advances_with_reads(sim: Simulator, caller: Caller) -> None:
    sim.switches.order_mode = "asynchronous"
    sim.switches.order_step_seconds = 0
    sim.switches.order_step_reads = 2
    order = caller.placed()

    assert [caller.status(order).json()["OrderStatus"] for _ in range(5)] == [0, 3, 3, 4, 4]


def test_an_asynchronous_failure_shows_later(sim: Simulator, caller: Caller) -> None:
    sim.switches.order_mode = "asynchronous"
    sim.switches.order_step_seconds = 100
    order = caller.order((str(uuid.uuid4()), 1, 5.0))
    caller.submit(order)

    assert caller.status(order).json()["OrderStatus"] == 0
    assert caller.status(order).json()["OrderMessage"] == ""
    sim.clock.advance(100)

    assert caller.status(order).json()["OrderStatus"] == FAILED


def test_a_new_order_may_be_unknown_for_some_reads(sim: Simulator, caller: Caller) -> None:
    sim.switches.status_unknown_reads = 2
    order = caller.placed()

    assert [caller.status(order).status_code for _ in range(3)] == [404, 404, 200]


def test_a_repeated_put_is_the_same_order(sim: Simulator, caller: Caller) -> None:
    order = caller.placed(1, 10.0)

    assert caller.submit({**order, "ExternalOrderId": "changed"}).status_code == 200

    (kept,) = sim.orders()
    assert kept["received_puts"] == 2
    assert kept["external_order_id"] == "WEB-1"


def test_a_repeated_put_may_edit_an_unpaid_order(sim: Simulator, caller: Caller) -> None:
    sim.switches.repeated_put_edits = True
    order = caller.placed(1, 10.0)
    order["Lines"][0]["LineDollarAmount"] = 20.0

    caller.submit(order)

    assert str(sim.orders()[0]["lines"][0]["amount"]) == "20.0"


def test_a_repeated_put_may_duplicate(sim: Simulator, caller: Caller) -> None:
    sim.switches.repeated_put = "duplicate"
    order = caller.placed()

    assert caller.submit(order).status_code == 200

    first, second = sim.orders()
    assert second["duplicate_of"] == first["id"] == order["Id"]
    assert first["received_puts"] == 2


def test_a_repeated_put_may_be_an_error(sim: Simulator, caller: Caller) -> None:
    sim.switches.repeated_put = "error"
    order = caller.placed()

    assert caller.submit(order).status_code == 409

    assert len(sim.orders()) == 1


def test_payment_must_be_exact_and_blocks_cancelling(sim: Simulator, caller: Caller) -> None:
    order = caller.placed(1, 10.0)
    total = caller.status(order).json()["SaleTotal"]

    wrong = _pay(caller, order, total + 1)
    assert wrong.status_code == 400
    assert str(total) in wrong.json()["Message"]

    paid = _pay(caller, order, total)
    assert paid.status_code == 200
    assert paid.json()["SaleID"] == order["Id"]
    assert caller.status(order).json()["PaymentStatus"] == PaymentStatus.PaymentApplied.value
    sale = f"/pointofsale/Companies({{c}})/Sales({order['Id']})"
    assert caller.call("DELETE", sale).status_code == 400
    assert caller.status(order).json()["OrderStatus"] == READY


@pytest.mark.parametrize(("reading", "status"), [("error", 400), ("accept", 200)])
def test_a_repeated_payment(sim: Simulator, caller: Caller, reading: Any, status: int) -> None:
    sim.switches.repeated_payment = reading
    order = caller.placed()
    total = caller.status(order).json()["SaleTotal"]
    assert _pay(caller, order, total).ok

    assert _pay(caller, order, total).status_code == status


def test_payment_is_refused_when_not_due_or_malformed(sim: Simulator, caller: Caller) -> None:
    sim.switches.order_mode = "asynchronous"
    sim.switches.order_step_seconds = 100
    order = caller.placed()

    assert _pay(caller, order, 1.0).status_code == 400
    assert _pay(caller, order, 1.0, TrackingNumber=None).status_code == 400
    assert _pay(caller, order, 1.0, Payments=[{"Amount": 1.0}]).status_code == 400
    digits = {"PreAuthorizationToken": "x", "Amount": 1, "Last4Digits": "12"}
    assert _pay(caller, order, 1.0, Payments=[digits]).status_code == 400
    assert _pay(caller, {"Id": str(uuid.uuid4())}, 1.0).status_code == 404
    assert _pay(caller, order, 1.0, CompanyId=5).status_code == 403


def test_cancelling(sim: Simulator, caller: Caller) -> None:
    order = caller.placed()
    sale = f"/pointofsale/Companies({{c}})/Sales({order['Id']})"

    assert caller.call("DELETE", sale).status_code == 200
    assert caller.status(order).json()["OrderStatus"] == OrderStatus.Cancelled.value
    assert caller.call("DELETE", sale).status_code == 200
    sim.switches.cancel_again_status = 404
    assert caller.call("DELETE", sale).status_code == 404
    unknown = f"/pointofsale/Companies({{c}})/Sales({uuid.uuid4()})"
    assert caller.call("DELETE", unknown).status_code == 404


def test_completing_takes_the_stock_and_writes_an_invoice(sim: Simulator, caller: Caller) -> None:
    product = sim.ordinary_products(1)[0]
    sim.register.set_stock(product, 5)
    order = caller.placed(2, 20.0)
    assert sim.state.products[product].quantity(sim.location_id) == 5

    sale = f"/pointofsale/Companies({{c}})/Sales({order['Id']})"
    answer = caller.call("POST", sale + "/Complete")

    assert answer.status_code == 200
    assert sim.state.products[product].quantity(sim.location_id) == 3
    assert caller.status(order).json()["OrderStatus"] == OrderStatus.Completed.value
    invoice = caller.get(f"/invoice/v1/Companies({{c}})/Invoices({answer.json()['Id']})").json()
    assert invoice["LocationId"] == sim.location_id
    assert invoice["Orders"][0]["Items"][0]["Quantity"] == 2
    assert caller.call("POST", sale + "/Complete").status_code == 400
    assert caller.call("DELETE", sale).status_code == 400
    missing = caller.get(f"/invoice/v1/Companies({{c}})/Invoices({uuid.uuid4()})")
    assert missing.status_code == 404


def test_an_open_order_may_reserve_its_stock(sim: Simulator, caller: Caller) -> None:
    sim.switches.reserve_on_order = True
    product = sim.ordinary_products(1)[0]
    sim.register.set_stock(product, 5)
    stock = sim.state.products[product]

    first, second = caller.placed(2, 20.0), caller.placed(1, 10.0)
    assert stock.quantity(sim.location_id) == 2

    sim.register.cancel(first["Id"])
    assert stock.quantity(sim.location_id) == 4
    sim.register.complete(second["Id"])
    assert stock.quantity(sim.location_id) == 4


def test_fulfilment_status(caller: Caller) -> None:
    order = caller.placed()
    path = f"/pointofsale/Companies({{c}})/OrderStatus({order['Id']})"

    answer = caller.call("PUT", path, {"Status": "ReadyForPickup"})

    assert answer.json() == {"Id": order["Id"], "Status": "ReadyForPickup"}
    assert caller.status(order).json()["OrderFulfillmentStatus"] == "ReadyForPickup"
    assert caller.call("PUT", path, {"Status": "Lost"}).status_code == 400


def test_reading_orders_back(sim: Simulator, caller: Caller) -> None:
    order, still_open = caller.placed(), caller.placed()
    since = (sim.clock.now() - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    invoice = sim.register.complete(order["Id"])

    one = caller.get(f"{BACK}/Orders/{order['Id']}").json()
    done = caller.get(f"{BACK}/CompletedOrders?DateSince={since}").json()

    assert one["InvoiceId"] == invoice
    assert one["Status"] == "Completed"
    assert one["Products"][0]["ProductId"] == order["Lines"][0]["CatalogItemId"]
    assert [item["OrderId"] for item in done] == [order["Id"]]
    assert done[0]["FulfillmentMethod"] == "Pickup"
    assert caller.get(f"{BACK}/Orders/{still_open['Id']}").json()["InvoiceId"] is None
    source = f"{BACK}/CompletedOrders?DateSince={since}&OrderSource=Elsewhere"
    assert caller.get(source).json() == []
    assert caller.get(f"{BACK}/CompletedOrders").status_code == 400
    elsewhere = BACK.replace("{l}", str(sim.second_location_id))
    assert caller.get(f"{elsewhere}/Orders/{order['Id']}").status_code == 404


def test_completed_orders_reach_thirty_days_back(sim: Simulator, caller: Caller) -> None:
    order = caller.placed()
    sim.register.complete(order["Id"])

    sim.clock.advance(31 * 86400)
    caller.log_in()

    assert caller.get(f"{BACK}/CompletedOrders?DateSince=2020-01-01T00:00:00Z").json() == []
