"""Section 8: customers."""

from __future__ import annotations

from typing import Any

import pytest

from aiq_cova_plugin.simulator import Simulator

from .conftest import Caller

CRM = "/crm/v1/Companies({c})"


def _search(caller: Caller, *criteria: tuple[str, str, str]) -> Any:
    body = {
        "Criteria": [
            {"Criteria": text, "Field": field, "Operation": operation}
            for text, field, operation in criteria
        ]
    }
    return caller.call("POST", CRM + "/Search", body)


def _id(sim: Simulator, first_name: str) -> str:
    return str(next(c["id"] for c in sim.customers() if c["first_name"] == first_name))


def test_search_compares_the_raw_phone(sim: Simulator, caller: Caller) -> None:
    exact = _search(caller, ("(303) 555-0111", "Phone", "Equals")).json()
    assert [item["PrimaryName"] for item in exact["Results"]] == ["Ada"]
    assert exact["Criteria"][0]["Field"] == "Phone"
    assert exact["Results"][0]["ContactMethods"][0]["Value"] == "(303) 555-0111"

    assert _search(caller, ("3035550111", "Phone", "Equals")).json()["Results"] == []
    assert len(_search(caller, ("555-0111", "Phone", "Contains")).json()["Results"]) == 1

    sim.switches.search_normalises_phone = True
    assert len(_search(caller, ("3035550111", "Phone", "Equals")).json()["Results"]) == 1


def test_all_criteria_must_match(caller: Caller) -> None:
    both = _search(
        caller, ("3035550112", "Phone", "Equals"), ("bram@example.com", "Contact", "Equals")
    )
    neither = _search(
        caller, ("3035550112", "Phone", "Equals"), ("ada@example.com", "Contact", "Equals")
    )

    assert len(both.json()["Results"]) == 1
    assert neither.json()["Results"] == []


def test_search_shows_duplicates_disabled_and_merged_customers(caller: Caller) -> None:
    twins = _search(caller, ("finn", "Contact", "Contains")).json()["Results"]
    merged = _search(caller, ("3035550118", "Phone", "Equals")).json()["Results"]

    assert len(twins) == 2
    old, new = merged
    assert old["Disabled"]
    assert old["MergedIntoCustomerId"] == new["Id"]
    assert new["MergedCustomers"] == [old["Id"]]


@pytest.mark.parametrize(
    ("operations", "token", "found"),
    [
        (("Equals", "Contains"), "Equals", True),
        (("Contains",), "Equals", False),
        (("Contains",), "Contains", True),
        (("StartsWith",), "StartsWith", True),
        (("eq",), "eq", True),
    ],
)
def test_accepted_operations_are_a_switch(
    sim: Simulator, caller: Caller, operations: tuple[str, ...], token: str, found: bool
) -> None:
    sim.switches.search_operations = operations

    answer = _search(caller, ("3035550112", "Phone", token))

    assert answer.status_code == (200 if found else 400)
    if found:
        assert len(answer.json()["Results"]) == 1


def test_an_unknown_token_may_find_nothing_instead(sim: Simulator, caller: Caller) -> None:
    sim.switches.unknown_search_token = "no_results"

    assert _search(caller, ("x", "Phone", "Nope")).json()["Results"] == []
    assert _search(caller, ("x", "Nope", "Equals")).json()["Results"] == []


def test_search_needs_criteria_and_may_be_missing(sim: Simulator, caller: Caller) -> None:
    assert _search(caller).status_code == 400
    sim.switches.search_available = False
    assert _search(caller, ("x", "Phone", "Equals")).status_code == 404


def test_customer_search_by_filter_is_hal_unless_json_is_asked_for(caller: Caller) -> None:
    path = CRM + "/CustomerSearch?$filter=Criteria%20eq%20'o''fixture'"

    plain = caller.get(path).json()
    hal = caller.get(path, headers={"Accept": "*/*"})

    assert [item["FamilyName"] for item in plain] == ["O'Fixture"]
    assert plain[0]["Criteria"] == "o'fixture"
    assert hal.headers["Content-Type"].startswith("application/hal+json")
    assert hal.json()["_embedded"]["self"] == plain
    assert hal.json()["_links"]["self"]["href"].startswith("/crm/v1/")
    assert caller.get(CRM + "/CustomerSearch?$filter=Name eq 1").status_code == 400


def test_customer_search_may_be_missing(sim: Simulator, caller: Caller) -> None:
    sim.switches.customer_search_available = False

    path = CRM + "/CustomerSearch?$filter=Criteria eq 'ada'"
    assert caller.get(path).status_code == 404


def test_one_customer_by_id_in_any_case(sim: Simulator, caller: Caller) -> None:
    ada = _id(sim, "Ada")

    full = caller.get(f"{CRM}/CustomerFull({ada.upper()})").json()

    assert full["Id"] == ada
    assert full["Addresses"][0]["State"] == "Colorado"
    assert full["CustomerType"] == "Person"
    unknown = caller.get(CRM + "/CustomerFull(00000000-0000-4000-8000-000000000000)")
    assert unknown.status_code == 404
    assert unknown.json() == {"Message": "Resource cannot be found"}


def test_customers_changed_since(sim: Simulator, caller: Caller) -> None:
    since = sim.clock.now().strftime("%Y-%m-%dT%H:%M:%Sz")
    sim.clock.advance(2)
    new = sim.register.add_customer(first_name="New")

    path = f"{CRM}/CustomerFull?$filter=LastModifiedDateUtc ge datetime'{since}'"
    assert [item["Id"] for item in caller.get(path).json()] == [new]
    assert caller.get(CRM + "/CustomerFull?$filter=nonsense").status_code == 400


def test_the_list_is_paged_50_by_default_100_at_most(sim: Simulator, caller: Caller) -> None:
    for number in range(110):
        sim.register.add_customer(first_name=f"Nr {number}")

    assert len(caller.get(CRM + "/Customers").json()) == 50
    assert len(caller.get(CRM + "/Customers?$top=500").json()) == 100
    assert len(caller.get(CRM + "/Customers?$skip=120&$top=5").json()) == 1
    hal = caller.get(CRM + "/Customers?$skip=50&$top=50", headers={"Accept": "*/*"}).json()
    assert hal["_links"]["next"]["href"].endswith("?$skip=100&$top=50")
    assert hal["_links"]["prev"]["href"].endswith("?$skip=0&$top=50")
    assert "Addresses" not in hal["_embedded"]["self"][0]
    named = caller.get(CRM + "/Customers?$filter=PrimaryName eq 'Ada'").json()
    assert len(named) == 1
    assert caller.get(CRM + "/Customers?$filter=PrimaryName eq 'ada'").json() == []


def test_create_a_customer(sim: Simulator, caller: Caller) -> None:
    body = {
        "CustomerTypeId": 2,
        "PrimaryName": "Nia",
        "FamilyName": "Newcomer",
        "DateOfBirth": "1990-04-02",
        "ContactMethods": [
            {"ContactMethodCategoryId": 1, "ContactMethodTypeId": 3, "Value": "3035550150"},
            {"ContactMethodCategoryId": 2, "ContactMethodTypeId": 9, "Value": "nia@example.com"},
        ],
        "Addresses": [
            {
                "AddressTypeId": 3,
                "StreetAddress1": "1 Invented Way",
                "Locality": "Denver",
                "StateCode": "CO",
                "CountryCode": "US",
                "PostalCode": "80000",
                "Default": True,
            }
        ],
    }

    answer = caller.call("POST", CRM + "/CustomerFull", body)

    assert answer.status_code == 201
    created = answer.json()
    assert created["DoNotContact"] is True
    assert created["Disabled"] is False
    assert created["Version"] == 1
    assert created["Addresses"][0]["AddressType"] == "Shipping"
    assert created["ContactMethods"][0]["ContactMethodType"] == "Mobile"
    kept = next(c for c in sim.customers() if c["id"] == created["Id"])
    assert kept["phones"] == ["3035550150"]
    assert kept["date_of_birth"] == "1990-04-02"
    sim.switches.create_customer_status = 200
    assert caller.call("POST", CRM + "/CustomerFull", body).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"PrimaryName": "No type"},
        {"CustomerTypeId": 9},
        {"CustomerTypeId": 2, "DateOfBirth": "soon"},
        {"CustomerTypeId": 2, "Addresses": [{"StreetAddress1": "No type"}]},
        {"CustomerTypeId": 2, "Addresses": [{"AddressTypeId": 3, "StateCode": "CO"}]},
        {
            "CustomerTypeId": 2,
            "Addresses": [{"AddressTypeId": 3, "StateCode": "US-CO", "CountryCode": "US"}],
        },
        {
            "CustomerTypeId": 2,
            "ContactMethods": [
                {"ContactMethodCategoryId": 1, "ContactMethodTypeId": 9, "Value": "1"}
            ],
        },
        {
            "CustomerTypeId": 2,
            "ContactMethods": [{"ContactMethodCategoryId": 1, "ContactMethodTypeId": 3}],
        },
    ],
)
def test_a_customer_that_is_not_valid_is_refused_whole(
    sim: Simulator, caller: Caller, body: dict[str, Any]
) -> None:
    before = len(sim.customers())

    answer = caller.call("POST", CRM + "/CustomerFull", body)

    assert answer.status_code == 400
    assert answer.json()["Message"]
    assert len(sim.customers()) == before


@pytest.mark.parametrize("status", [409, 412, 400])
def test_updates_need_the_current_version(sim: Simulator, caller: Caller, status: int) -> None:
    sim.switches.stale_version_status = status
    path = f"{CRM}/Customers({_id(sim, 'Ada')})"
    body = {"CustomerTypeId": 2, "PrimaryName": "Adah", "Version": 1}

    assert caller.call("PUT", path, body).json()["Version"] == 2
    assert caller.call("PUT", path, body).status_code == status
    assert caller.call("PUT", path, {"CustomerTypeId": 2}).status_code == 400
    assert caller.get(path).json()["PrimaryName"] == "Adah"


def test_deleting_a_customer_only_disables_it(sim: Simulator, caller: Caller) -> None:
    path = f"{CRM}/Customers({_id(sim, 'Ada')})"

    assert caller.call("DELETE", path).status_code == 204

    assert caller.get(path).json()["Disabled"] is True


def test_addresses_have_a_life_of_their_own(sim: Simulator, caller: Caller) -> None:
    bram = _id(sim, "Bram")
    path = f"{CRM}/Customers({bram})/Addresses"
    body = {"AddressTypeId": 3, "StreetAddress1": "2 Invented Way", "Default": True}

    added = caller.call("POST", path, body)
    assert added.status_code == 201
    one = f"{path}({added.json()['Id']})"
    changed = {**body, "CustomerId": bram, "Version": 1, "StreetAddress1": "3 Invented Way"}
    assert caller.call("PUT", one, changed).json()["Version"] == 2
    assert caller.call("PUT", one, changed).status_code == 409
    assert caller.call("PUT", one, {**body, "Version": 2}).status_code == 400

    assert caller.get(one).json()["StreetAddress1"] == "3 Invented Way"
    assert len(caller.get(path).json()) == 1
    assert "_embedded" in caller.get(path, headers={"Accept": "*/*"}).json()
    assert caller.call("DELETE", one).status_code == 204
    assert caller.get(one).status_code == 404


def test_only_one_address_is_the_default(sim: Simulator, caller: Caller) -> None:
    ada = _id(sim, "Ada")

    body = {"AddressTypeId": 3, "Default": True, "StreetAddress1": "New"}
    caller.call("POST", f"{CRM}/Customers({ada})/Addresses", body)

    addresses = caller.get(f"{CRM}/CustomerFull({ada})").json()["Addresses"]
    assert [item["StreetAddress1"] for item in addresses if item["Default"]] == ["New"]


def test_contact_methods_have_a_life_of_their_own(sim: Simulator, caller: Caller) -> None:
    path = f"{CRM}/Customers({_id(sim, 'Bram')})/ContactMethods"
    body = {"ContactMethodCategoryId": 1, "ContactMethodTypeId": 1, "Value": "3035550170"}

    added = caller.call("POST", path, body)
    assert added.status_code == 201
    one = f"{path}({added.json()['Id']})"
    assert caller.call("PUT", one, {**body, "Version": 1, "Value": "1"}).json()["Version"] == 2
    assert caller.call("PUT", one, {**body, "Version": 1}).status_code == 409
    assert caller.get(one).json()["Value"] == "1"
    assert len(caller.get(path).json()) == 3
    assert caller.call("DELETE", one).status_code == 204
    assert caller.get(one).status_code == 404


@pytest.mark.parametrize("status", [404, 405])
def test_sub_resources_may_be_missing(sim: Simulator, caller: Caller, status: int) -> None:
    sim.switches.address_resources_available = False
    sim.switches.missing_resource_status = status
    base = f"{CRM}/Customers({_id(sim, 'Ada')})"

    assert caller.get(base + "/Addresses").status_code == status
    assert caller.call("POST", base + "/Addresses", {"AddressTypeId": 3}).status_code == status
    assert caller.get(base + "/ContactMethods").status_code == status
    assert caller.get(base).status_code == 200
