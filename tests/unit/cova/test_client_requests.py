"""What each method sends, and what it makes of the agreed answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from aiq_cova_plugin.cova.client import build_client
from aiq_cova_plugin.cova.endpoints import CovaEndpoints
from aiq_cova_plugin.errors import ContractBroken, MissingSetting, OutcomeUnknown
from aiq_cova_plugin.schemas.json_text import parse_json
from aiq_cova_plugin.schemas.products import load_product
from aiq_cova_plugin.schemas.records import (
    ContactMethod,
    CustomerAddress,
    Location,
    NewCustomer,
    ProductPage,
    SalesOrder,
    SalesOrderLine,
    SalesOrderPayment,
)

API = "https://api.covasoft.net"
ORDER_ID = "3f0d7c1e-5555-4a1f-8b70-000000000001"
CUSTOMER_ID = "8d1b2c3a-6666-4f10-9a20-000000000001"
INTEGRATOR_ID = "11111111-2222-4333-8444-555555555555"
PRODUCTS = f"{API}/dataplatform/v1/companies/1000/DetailedProductData"
ALL_OF_THE_LOCATION = {
    "LocationId": 1001,
    "IncludeProductSkusAndUpcs": True,
    "IncludeProductSpecifications": True,
    "IncludeClassifications": True,
    "IncludeProductAssets": True,
    "IncludeAvailability": True,
    "IncludePackageDetails": False,
    "IncludePricing": True,
    "IncludeTaxes": True,
    "InStockOnly": False,
    "IncludeAllLifecycles": True,
    "SellingRoomOnly": False,
}


def order() -> SalesOrder:
    return SalesOrder(
        id=ORDER_ID,
        company_id=1000,
        entity_id=1001,
        order_reference="Ada Example",
        customer_id=CUSTOMER_ID,
        integrator_id=INTEGRATOR_ID,
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
                "Delivery fee",
                "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0099",
                Decimal(1),
                Decimal("5.10"),
            ),
        ),
    )


def address(**changes) -> CustomerAddress:
    return replace(
        CustomerAddress(
            id=None,
            address_type_id=3,
            street_address1="12 Example Road",
            street_address2="",
            locality="Testville",
            state_code="CO",
            country_code="US",
            postal_code="80000",
            is_default=True,
        ),
        **changes,
    )


def last_request(cova):
    return cova.calls[-1].request


def sent_json(cova):
    return parse_json(last_request(cova).body)


def test_every_call_carries_the_token_and_asks_for_json(client, cova):
    cova.get(f"{API}/entitymanager/v1/Companies(1000)/Locations", json=[])
    assert client.locations() == ()
    log_in, call = (each.request for each in cova.calls)
    assert parse_qs(log_in.body) == {
        "grant_type": ["password"],
        "username": ["AIQ.COVA.APIUser.Example"],
        "password": ["correct-horse"],
        "client_id": ["Example.AIQ"],
        "client_secret": ["battery-staple"],
    }
    assert log_in.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in log_in.headers
    assert call.headers["Authorization"] == "Bearer token-1"
    assert call.headers["Accept"] == "application/json"
    assert client.calls == 2


def test_product_page(client, cova, payload_text):
    cova.post(
        PRODUCTS,
        body=payload_text("product_page"),
        headers={"Date": "Tue, 20 Jan 2026 12:00:05 GMT"},
    )
    page = client.product_page(skip=500, top=250)
    assert sent_json(cova) == ALL_OF_THE_LOCATION | {"Skip": 500, "Top": 250}
    assert last_request(cova).headers["Content-Type"] == "application/json"
    assert len(page.products) == 2
    assert page.tax_rates[0].rate == Decimal("0.07")
    assert page.server_time == datetime(2026, 1, 20, 12, 0, 5, tzinfo=UTC)
    product = load_product(page.products[0]).product
    assert str(product.prices[0].price) == "32.10"


def test_products_updated_as_of_have_the_time_in_the_path(client, cova, payload_text):
    cova.post(
        f"{PRODUCTS}/UpdatedAsOf/2026-01-31T08%3A00%3A00.123Z", body=payload_text("product_page")
    )
    since = datetime(2026, 1, 31, 3, 0, 0, 123456, tzinfo=UTC) + timedelta(hours=5)
    client.product_page_updated_as_of(updated_as_of=since, skip=0, top=500)
    assert last_request(cova).url.endswith("/UpdatedAsOf/2026-01-31T08%3A00%3A00.123Z")
    assert sent_json(cova) == ALL_OF_THE_LOCATION | {"Skip": 0, "Top": 500}


def test_products_by_id_without_paging_and_without_doubles(client, cova, payload_text):
    cova.post(f"{PRODUCTS}/ByProductIdList", body=payload_text("product_page"))
    client.products_by_id(["A-1", "b-2", "a-1"])
    assert sent_json(cova) == ALL_OF_THE_LOCATION | {"ProductIds": ["a-1", "b-2"]}


def test_no_ids_need_no_call(client, cova):
    assert client.products_by_id([]) == ProductPage(products=())
    assert client.calls == 0


@pytest.mark.parametrize("body", [[], {}, {"Items": []}, {"Products": None}, {"Products": {}}])
def test_a_page_without_a_list_of_products_is_no_page(client, cova, body):
    cova.post(PRODUCTS, json=body)
    with pytest.raises(ContractBroken) as caught:
        client.product_page(skip=0, top=1)
    assert caught.value.field == "Products"


def test_a_broken_tax_rate_does_not_cost_the_page(client, cova):
    rates = [{"Id": None}, {"Id": "a", "Rate": 0.05}, 5]
    cova.post(PRODUCTS, json={"Products": [], "TaxRates": rates})
    assert [rate.id for rate in client.product_page(skip=0, top=1).tax_rates] == ["a"]


def test_locations(client, cova, payload_text):
    cova.get(f"{API}/entitymanager/v1/Companies(1000)/Locations", body=payload_text("locations"))
    assert client.locations() == (
        Location(1001, "Testville", "Open"),
        Location(1002, "Old Town", "Closed"),
    )


def test_location(client, cova, payload):
    cova.get(
        f"{API}/entitymanager/v1/Companies(1000)/Locations(1001)",
        json={"Id": "1001", "Name": "Testville"},
    )
    assert client.location() == Location(1001, "Testville")


@pytest.mark.parametrize(("location_id", "expected"), [(1001, "Inclusive"), (7, "Exclusive")])
def test_tax_pricing(make_client, credentials, cova, location_id, expected):
    entry = {"LocationId": 1001, "TaxPricing": "Inclusive"}
    cova.get(
        f"{API}/taxes/v1/Companies(1000)/TaxPricingConfiguration",
        json=[{"Configurations": [entry]}],
    )
    client = make_client(credentials=replace(credentials, location_id=location_id))
    assert client.tax_pricing() == expected


def test_search_customers(client, cova, payload_text):
    cova.post(f"{API}/crm/v1/Companies(1000)/Search", body=payload_text("customer_search"))
    found = client.search_customers(field="Phone", value="5550100199", operation="Equals")
    assert sent_json(cova) == {
        "Criteria": [{"Criteria": "5550100199", "Field": "Phone", "Operation": "Equals"}]
    }
    assert [(each.primary_name, each.disabled) for each in found] == [("Ada", False), ("Bob", True)]
    assert found[1].merged_into_customer_id == CUSTOMER_ID


def test_search_by_text_quotes_as_odata_wants_it(client, cova, payload_text):
    cova.get(
        f"{API}/crm/v1/Companies(1000)/CustomerSearch", body=payload_text("customer_search_hal")
    )
    (found,) = client.search_customers_by_text("O'Neil & Co")
    assert found.primary_name == "Ada"
    query = urlsplit(last_request(cova).url).query
    assert query == "$filter=Criteria%20eq%20%27O%27%27Neil%20%26%20Co%27"
    assert unquote(query) == "$filter=Criteria eq 'O''Neil & Co'"


def test_one_unreadable_customer_does_not_hide_the_others(client, cova):
    results = [{"PrimaryName": "No id"}, {"Id": CUSTOMER_ID}]
    cova.post(f"{API}/crm/v1/Companies(1000)/Search", json={"Results": results})
    found = client.search_customers(field="Phone", value="1", operation="Equals")
    assert [each.id for each in found] == [CUSTOMER_ID]


def test_none_readable_is_not_the_same_as_none_found(client, cova):
    """Otherwise a double would be created in COVA."""
    url = f"{API}/crm/v1/Companies(1000)/Search"
    cova.post(url, json={"Results": [{"PrimaryName": "No id"}]})
    with pytest.raises(ContractBroken):
        client.search_customers(field="Phone", value="1", operation="Equals")
    cova.replace("POST", url, json={"Found": []})
    with pytest.raises(ContractBroken):
        client.search_customers(field="Phone", value="1", operation="Equals")


def test_customer(client, cova, payload_text):
    cova.get(
        f"{API}/crm/v1/Companies(1000)/CustomerFull({CUSTOMER_ID})", body=payload_text("customer")
    )
    assert client.customer(CUSTOMER_ID).date_of_birth == date(1990, 2, 3)


def test_create_customer(client, cova, payload, payload_text):
    cova.post(
        f"{API}/crm/v1/Companies(1000)/CustomerFull", body=payload_text("customer"), status=201
    )
    new = NewCustomer(
        primary_name="Ada",
        family_name="Example",
        date_of_birth=date(1990, 2, 3),
        contact_methods=(
            ContactMethod(None, 1, 3, "5550100199"),
            ContactMethod(None, 2, 9, "ada@example.test"),
        ),
        addresses=(address(),),
    )
    assert client.create_customer(new).id == CUSTOMER_ID
    assert sent_json(cova) == payload("new_customer_request")


@pytest.mark.parametrize("body", ["", "created", "[]", '{"PrimaryName": "Ada"}'])
def test_a_created_customer_that_cannot_be_read_is_looked_up(client, cova, body):
    cova.post(f"{API}/crm/v1/Companies(1000)/CustomerFull", body=body, status=201)
    new = NewCustomer("Ada", "Example", None, (ContactMethod(None, 1, 3, "5550100199"),))
    with pytest.raises(OutcomeUnknown):
        client.create_customer(new)


@pytest.mark.parametrize("body", [b"", b"[]", b"ok", b'{"StreetAddress1": {}, "Version": []}'])
def test_an_address_is_added_even_if_cova_does_not_echo_it(client, cova, body):
    cova.post(
        f"{API}/crm/v1/Companies(1000)/Customers({CUSTOMER_ID})/Addresses", body=body, status=201
    )
    added = client.add_address(CUSTOMER_ID, address(id="old", version=3))
    assert added is None or added.street_address1 == ""
    assert not {"Id", "Version"} & set(sent_json(cova))


def test_update_address(client, cova, payload, payload_text):
    address_id = "a0000000-7777-4f10-9a20-000000000001"
    body = payload("customer")["Addresses"][0]
    cova.put(
        f"{API}/crm/v1/Companies(1000)/Customers({CUSTOMER_ID})/Addresses({address_id})",
        json=body | {"Version": 5},
    )
    updated = client.update_address(CUSTOMER_ID, address(id=address_id, version=4))
    assert updated is not None
    assert updated.version == 5
    assert sent_json(cova) == payload("update_address_request")


@pytest.mark.parametrize("changes", [{"id": None, "version": 4}, {"id": "a", "version": None}])
def test_an_address_is_never_overwritten_blindly(client, changes):
    with pytest.raises(ValueError):
        client.update_address(CUSTOMER_ID, address(**changes))


@pytest.mark.parametrize("style", [("Inclusive", "TIP"), ("Exclusive", "TEP")])
@pytest.mark.parametrize("answer", [(200, b""), (202, b"<html>ok"), (201, b'{"id": 1}')])
def test_submit_order_trusts_the_status_not_the_body(client, cova, payload, style, answer):
    (tax_pricing, call), (status, body) = style, answer
    cova.put(f"{API}/covaorderintake/v1/{call}CovaOrder({ORDER_ID})", status=status, body=body)
    client.submit_order(order(), tax_pricing=tax_pricing)
    assert sent_json(cova) == payload("order_request")


def test_no_order_without_an_integrator_id(client, make_client, credentials):
    with pytest.raises(MissingSetting) as caught:
        client.submit_order(replace(order(), integrator_id=""), tax_pricing="Exclusive")
    assert caught.value.field == "integrator_id"
    bare = make_client(credentials=replace(credentials, integrator_id=None))
    with pytest.raises(MissingSetting):
        bare.read_order(ORDER_ID)
    with pytest.raises(MissingSetting):
        bare.completed_orders(since=datetime(2026, 1, 1, tzinfo=UTC))
    assert client.calls == 0


def test_order_status(client, cova, payload_text):
    cova.get(
        f"{API}/covaorderintake/v2/Companies(1000)/CovaOrder({ORDER_ID})/Status",
        body=payload_text("order_status_numbers"),
    )
    status = client.order_status(ORDER_ID)
    assert status.order_status == "ReadyForPayment"
    assert status.sale_total == Decimal("69.65")


def test_read_order(client, cova, payload_text):
    cova.get(
        f"{API}/covaorderintake/v1/companies/1000/entities/1001/integrators/{INTEGRATOR_ID}"
        f"/Orders/{ORDER_ID}",
        body=payload_text("placed_order"),
    )
    assert client.read_order(ORDER_ID).order_number == "10045"


@pytest.mark.parametrize(
    ("since", "asked"),
    [
        (datetime(2026, 1, 19, 6, 30, tzinfo=UTC), "2026-01-19T06:30:00.000Z"),
        # The clock says 2026-01-20T12:00Z, and COVA looks back 30 days.
        (datetime(2025, 1, 1, tzinfo=UTC), "2025-12-21T12:00:00.000Z"),
    ],
)
def test_completed_orders(client, cova, payload_text, since, asked):
    cova.get(
        f"{API}/covaorderintake/v1/companies/1000/entities/1001/integrators/{INTEGRATOR_ID}"
        "/CompletedOrders",
        body=payload_text("completed_orders"),
    )
    (completed,) = client.completed_orders(since=since)
    assert completed.order_id == ORDER_ID
    query = urlsplit(last_request(cova).url).query
    assert parse_qs(query) == {"DateSince": [asked]}
    assert ":" not in query


def test_cancel_order(client, cova):
    cova.delete(f"{API}/pointofsale/Companies(1000)/Sales({ORDER_ID})", body=b"HttpResponseMessage")
    client.cancel_order(ORDER_ID)
    assert last_request(cova).method == "DELETE"


def test_pay_order(client, cova, payload):
    cova.post(f"{API}/covaorderintake/v1/CovaOrderPayment", json={})
    payment = SalesOrderPayment(
        Decimal("69.65"), datetime(2026, 1, 20, 17, 3, 4, tzinfo=UTC), last4_digits="4242"
    )
    client.pay_order(order_id=ORDER_ID, payments=[payment])
    assert sent_json(cova) == payload("order_payment_request")


def test_log_in_asks_even_with_a_token_at_hand(client, cova):
    client.log_in()
    client.log_in()
    assert client.calls == 2


def test_values_cannot_leave_their_place_in_the_path(client, cova):
    cova.get(f"{API}/crm/v1/Companies(1000)/CustomerFull(..%2F..%3Fx%3D1)", json={"Id": "a"})
    assert client.customer("../..?x=1").id == "a"


def test_a_path_can_be_overridden(make_client, cova):
    cova.get(f"{API}/places/v9/1000", json=[])
    endpoints = CovaEndpoints(paths={"locations": "/places/v9/{company_id}"})
    assert make_client(endpoints=endpoints).locations() == ()


def test_the_factory_builds_a_working_client(credentials, cova):
    cova.get(f"{API}/entitymanager/v1/Companies(1000)/Locations", json=[])
    with build_client(endpoints=CovaEndpoints(), credentials=credentials) as client:
        assert client.locations() == ()


def test_credentials_do_not_show_themselves(credentials):
    assert repr(credentials) == "CovaCredentials(company_id=1000, location_id=1001)"
