"""Locations, tax settings, customers, orders, tokens: loaded and dumped."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from aiq_cova_plugin.errors import ContractBroken
from aiq_cova_plugin.schemas.company import load_location, load_tax_pricing
from aiq_cova_plugin.schemas.customers import (
    dump_address,
    dump_new_customer,
    load_address,
    load_customer,
)
from aiq_cova_plugin.schemas.json_text import dump_json, parse_json
from aiq_cova_plugin.schemas.orders import (
    dump_order_payment,
    dump_sales_order,
    load_completed_order,
    load_order_status,
    load_placed_order,
)
from aiq_cova_plugin.schemas.records import (
    ContactMethod,
    CustomerAddress,
    Location,
    NewCustomer,
    OrderPayment,
    PlacedOrder,
    SalesOrder,
    SalesOrderLine,
    SalesOrderPayment,
    SalesOrderStatus,
)
from aiq_cova_plugin.schemas.tokens import load_token

ORDER_ID = "3f0d7c1e-5555-4a1f-8b70-000000000001"
CUSTOMER_ID = "8d1b2c3a-6666-4f10-9a20-000000000001"


def test_location(payload):
    assert [load_location(raw) for raw in payload("locations")] == [
        Location(1001, "Testville", "Open"),
        Location(1002, "Old Town", "Closed"),
    ]


@pytest.mark.parametrize(
    ("location_id", "expected"), [(1001, "Inclusive"), (1002, "Exclusive"), (1003, "Exclusive")]
)
def test_tax_pricing_without_an_entry_is_exclusive(payload, location_id, expected):
    assert load_tax_pricing(payload("tax_pricing"), location_id=location_id) == expected


def test_tax_pricing_is_read_in_any_case():
    elements = [{"Configurations": [{"LocationId": "1", "TaxPricing": " inclusive "}]}]
    assert load_tax_pricing(elements, location_id=1) == "Inclusive"


@pytest.mark.parametrize(
    "elements",
    [
        [{"Configurations": [{"LocationId": 1, "TaxPricing": "Both"}]}],
        [{"Configurations": [{"LocationId": 1, "TaxPricing": None}]}],
        [{"Configurations": [{"TaxPricing": "Inclusive"}]}],
        [{"Configurations": "none"}],
        ["text"],
    ],
)
def test_tax_pricing_is_never_guessed(elements):
    with pytest.raises(ContractBroken):
        load_tax_pricing(elements, location_id=1)


def test_customer(payload):
    customer, problems = load_customer(payload("customer"))
    assert problems == ()
    assert customer.id == CUSTOMER_ID
    assert (customer.primary_name, customer.family_name) == ("Ada", "Example")
    assert customer.date_of_birth == date(1990, 2, 3)
    assert customer.version == 7
    assert not customer.disabled
    assert customer.contact_methods[0].value == "(555) 010-0199"
    assert customer.addresses == (
        CustomerAddress(
            id="a0000000-7777-4f10-9a20-000000000001",
            address_type_id=3,
            street_address1="12 Example Road",
            street_address2="Unit 4",
            locality="Testville",
            state_code="CO",
            country_code="US",
            postal_code="80000",
            is_default=True,
            version=4,
        ),
    )


def test_a_broken_contact_is_set_aside(payload):
    raw = payload("customer")
    raw["ContactMethods"][0]["Value"] = {}
    raw["DateOfBirth"] = "long ago"
    customer, problems = load_customer(raw)
    assert [contact.category_id for contact in customer.contact_methods] == [2]
    assert customer.date_of_birth is None
    assert {where for where, _ in problems} == {"ContactMethods[0].Value", "DateOfBirth"}


@pytest.mark.parametrize(
    ("key", "value"), [("Id", None), ("Disabled", "perhaps"), ("MergedIntoCustomerId", 5)]
)
def test_a_customer_who_cannot_be_told_is_refused(payload, key, value):
    with pytest.raises(ContractBroken) as caught:
        load_customer(payload("customer") | {key: value})
    assert caught.value.field == key
    assert "Ada" not in str(caught.value)


def test_new_customer_is_sent_as_documented(payload):
    new = NewCustomer(
        primary_name="Ada",
        family_name="Example",
        date_of_birth=date(1990, 2, 3),
        contact_methods=(
            ContactMethod(None, 1, 3, "5550100199"),
            ContactMethod(None, 2, 9, "ada@example.test"),
        ),
        addresses=(
            CustomerAddress(
                None, 3, "12 Example Road", "", "Testville", "CO", "US", "80000", is_default=True
            ),
        ),
    )
    assert dump_new_customer(new) == payload("new_customer_request")


def test_unknown_birthday_and_empty_codes_are_not_sent():
    new = NewCustomer("Ada", "Example", None, (ContactMethod(None, 1, 3, "5550100199"),))
    assert "DateOfBirth" not in dump_new_customer(new)
    address = dump_address(CustomerAddress(None, 3, "1 Road", "", "Town", "", "", "80000"))
    assert not {"StateCode", "CountryCode", "Id", "Version", "Default"} & set(address)
    assert address["StreetAddress2"] == ""


def test_address_survives_the_way_there_and_back(payload):
    raw = payload("customer")["Addresses"][0]
    assert load_address(dump_address(load_address(raw))) == load_address(raw)


def test_order_is_sent_as_documented(payload):
    order = SalesOrder(
        id=ORDER_ID,
        company_id=1000,
        entity_id=1001,
        order_reference="Ada Example",
        customer_id=CUSTOMER_ID,
        integrator_id="11111111-2222-4333-8444-555555555555",
        is_delivery=True,
        external_order_id="WEB-10045",
        lines=(
            SalesOrderLine(
                "Northern Test Haze 3.5g",
                "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0001",
                Decimal(2),
                Decimal(60),
            ),
            SalesOrderLine(
                "Delivery fee", "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0099", Decimal(1), Decimal("5.095")
            ),
        ),
    )
    document = dump_json(dump_sales_order(order))
    assert parse_json(document) == payload("order_request")
    assert b'"LineDollarAmount":60.00' in document
    assert b'"LineDollarAmount":5.10' in document


def test_payment_is_sent_as_documented(payload):
    payment = OrderPayment(
        order_id=ORDER_ID,
        company_id=1000,
        payments=(
            SalesOrderPayment(
                Decimal("69.65"),
                datetime(2026, 1, 20, 17, 3, 4, tzinfo=UTC),
                last4_digits="4242",
            ),
        ),
    )
    assert dump_order_payment(payment) == payload("order_payment_request")


def test_status_with_numbers(payload):
    status = load_order_status(payload("order_status_numbers"), order_id=ORDER_ID.upper())
    assert status == SalesOrderStatus(
        order_id=ORDER_ID,
        order_status="ReadyForPayment",
        payment_status="ReadyForPayment",
        sale_total=Decimal("69.65"),
        fulfillment_method="Delivery",
        fulfillment_status="OrderPlaced",
    )


def test_status_with_names_and_keys_in_any_case(payload):
    status = load_order_status(payload("order_status_names_any_case"), order_id=ORDER_ID)
    assert status.order_status == "NonTransientProcessingFailure"
    assert status.order_message == "Product out of stock."
    assert status.sale_total == 0


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (0, "SubmittedForProcessing"),
        (1, "TransientProcessingFailure"),
        (2, "NonTransientProcessingFailure"),
        (3, "SubmittedForFinalProcessing"),
        (4, "ReadyForPayment"),
        (5, "PaymentSubmittedForProcessing"),
        (6, "PaymentApplied"),
        (7, "Cancelled"),
        (8, "Completed"),
        ("8", "Completed"),
        ("completed", "Completed"),
        (9, "9"),
        ("OnTheMoon", "OnTheMoon"),
    ],
)
def test_every_order_status(told, expected):
    assert load_order_status({"OrderStatus": told}, order_id="A").order_status == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [(0, "NotReadyForPayment"), (4, "PaymentCannotBeApplied"), (6, "PaymentApplied"), (None, "")],
)
def test_payment_status(told, expected):
    raw = {"OrderStatus": 4, "PaymentStatus": told}
    assert load_order_status(raw, order_id="a").payment_status == expected


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"OrderStatus": None},
        {"OrderStatus": []},
        {"OrderStatus": 4, "SaleTotal": "lots"},
        {"OrderStatus": 4, "OrderId": "another"},
        [],
    ],
)
def test_a_status_that_says_nothing_is_refused(raw):
    with pytest.raises(ContractBroken):
        load_order_status(raw, order_id=ORDER_ID)


def test_placed_and_completed_orders(payload):
    assert load_placed_order(payload("placed_order")) == PlacedOrder(
        ORDER_ID, "10045", None, "Open", CUSTOMER_ID
    )
    completed = load_completed_order(payload("completed_orders")[0])
    assert (completed.order_id, completed.total) == (ORDER_ID, Decimal("69.65"))
    assert completed.fulfillment_method == "Delivery"
    assert completed.raw["OrderSource"] == "AIQ Online"


def test_token(payload):
    token = load_token(payload("token"))
    assert token.access_token == "0123456789abcdef0123456789abcdef"
    assert token.expires_in == 43199
    assert "0123456789abcdef" not in repr(token)


@pytest.mark.parametrize("text", [None, "", 5, "two words", "line\nbreak", "é", "x" * 9000])
def test_a_token_that_cannot_stand_in_a_header_is_refused(text):
    with pytest.raises(ContractBroken):
        load_token({"access_token": text, "expires_in": 5})
