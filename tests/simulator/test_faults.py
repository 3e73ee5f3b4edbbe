"""Section 12.1, item 7: faults on purpose; section 10.1: rate limits."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from aiq_cova_plugin.simulator import FAULT_ACTIONS, Simulator

from .conftest import ALL, Caller

TREE = "/entitymanager/v1/Companies({c})/Tree"
FEED = "/dataplatform/v1/companies/{c}/DetailedProductData"


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("rate_limited", 429, "application/json"),
        ("server_error", 500, "application/json"),
        ("bad_gateway", 502, "text/html"),
        ("unavailable", 503, "application/json"),
        ("forbidden", 403, "application/json"),
        ("unauthorized", 401, "application/json"),
    ],
)
def test_refusals(sim: Simulator, caller: Caller, action: str, status: int, kind: str) -> None:
    sim.faults.add("company_tree", action=action)

    answer = caller.get(TREE)

    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(kind)
    assert caller.get(TREE).status_code == 200
    assert [item["fault"] for item in sim.requests("company_tree")] == [action, None]


def test_a_refusal_may_have_status_body_and_retry_after(sim: Simulator, caller: Caller) -> None:
    sim.faults.add("company_tree", action="status", status=418, body="tea")
    sim.faults.add("company_tree", action="rate_limited", retry_after=7)

    tea, limited = caller.get(TREE), caller.get(TREE)

    assert (tea.status_code, tea.text) == (418, "tea")
    assert limited.headers["Retry-After"] == "7"
    assert limited.headers["COVA-APIM-RateLimit-Remaining"] == "0"


def test_times_skip_and_for_ever(sim: Simulator, caller: Caller) -> None:
    sim.faults.add("company_tree", action="server_error", times=2, skip=1)
    assert [caller.get(TREE).status_code for _ in range(4)] == [200, 500, 500, 200]

    rule = sim.faults.add(action="server_error", times=None)
    assert [caller.get(TREE).status_code for _ in range(3)] == [500, 500, 500]
    assert rule.hits == 3
    assert sim.faults.remove(rule.id)
    assert caller.get(TREE).status_code == 200


def test_a_rule_may_name_method_path_or_user(sim: Simulator, caller: Caller) -> None:
    sim.faults.add(method="POST", action="server_error", times=None)
    sim.faults.add(path=r"/crm/.*/customers$", action="unavailable", times=None)
    sim.faults.add(username=sim.username, operation="locations", action="forbidden", times=None)

    assert caller.get(TREE).status_code == 200
    assert caller.call("POST", FEED, {}).status_code == 500
    assert caller.get("/CRM/v1/Companies({c})/Customers").status_code == 503
    assert caller.get("/entitymanager/v1/Companies({c})/Locations").status_code == 403


@pytest.mark.parametrize(
    "arguments",
    [
        {"action": "explode"},
        {"action": "delay", "colour": "red"},
        {"action": "delay", "operation": "submit_ordr"},
        {"action": "delay", "path": "("},
    ],
)
def test_a_rule_that_makes_no_sense_is_a_value_error(
    sim: Simulator, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        sim.faults.add(**arguments)


def test_delay(sim: Simulator, caller: Caller) -> None:
    sim.faults.add("company_tree", action="delay_seconds", seconds=0.3)

    started = time.perf_counter()

    assert caller.get(TREE).status_code == 200
    assert time.perf_counter() - started >= 0.3


def test_timeout_before_effect_leaves_no_order(sim: Simulator, caller: Caller) -> None:
    caller.timeout = 0.3
    sim.faults.add("submit_order", action="timeout_before_effect")
    order = caller.order((sim.ordinary_products(1)[0], 1, 5.0))

    with pytest.raises(requests.exceptions.ReadTimeout):
        caller.submit(order)

    assert caller.status(order).status_code == 404


def test_timeout_after_effect_leaves_the_order(sim: Simulator, caller: Caller) -> None:
    caller.timeout = 0.3
    sim.faults.add("submit_order", action="timeout_after_effect")
    order = caller.order((sim.ordinary_products(1)[0], 1, 5.0))

    with pytest.raises(requests.exceptions.ReadTimeout):
        caller.submit(order)

    assert caller.status(order).json()["OrderStatus"] == 4
    assert len(sim.orders()) == 1


@pytest.mark.parametrize(("action", "orders"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_answers_nothing(sim: Simulator, caller: Caller, action: str, orders: int) -> None:
    sim.faults.add("submit_order", action=action)
    order = caller.order((sim.ordinary_products(1)[0], 1, 5.0))

    with pytest.raises(requests.exceptions.ConnectionError):
        caller.submit(order)

    assert len(sim.orders()) == orders
    assert sim.requests("submit_order")[0]["status"] == 0


@pytest.mark.parametrize("action", ["garbage", "truncated"])
def test_an_answer_that_is_no_json(sim: Simulator, caller: Caller, action: str) -> None:
    sim.faults.add("product_data", action=action)

    answer = caller.call("POST", FEED, {"Top": 3})

    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_an_empty_page(sim: Simulator, caller: Caller) -> None:
    sim.faults.add("product_data", action="empty_page")

    answer = caller.call("POST", FEED, {**ALL, "Top": 3}).json()

    assert answer == {"Products": [], "Packages": [], "TaxRates": [], "Classifications": []}


def test_extra_keys_and_nulls(sim: Simulator, caller: Caller) -> None:
    sim.faults.add("product_data", action="extra_keys")
    sim.faults.add("product_data", action="nulls", keys=["Upcs", "Price"])
    sim.faults.add("product_data", action="nulls")

    extra, some, many = (caller.products(Top=3)["Products"][1] for _ in range(3))

    assert "AddedLater" in extra
    assert "AddedLater" in extra["Prices"][0]
    assert some["Upcs"] is None
    assert some["Prices"][0]["Price"] is None
    assert some["SupplierSkus"] is not None
    assert many["ProductSpecifications"] is None


def test_a_transient_failure_is_mended_by_sending_again(sim: Simulator, caller: Caller) -> None:
    sim.faults.add("submit_order", action="transient_failure")
    order = caller.order((sim.ordinary_products(1)[0], 1, 5.0))

    caller.submit(order)
    assert caller.status(order).json()["OrderStatus"] == 1
    caller.submit(order)

    assert caller.status(order).json()["OrderStatus"] == 4


def test_a_failure_with_a_message(sim: Simulator, caller: Caller) -> None:
    sim.faults.add("submit_order", action="non_transient_failure", message="Tax mismatch.")
    order = caller.placed()

    status = caller.status(order).json()

    assert (status["OrderStatus"], status["OrderMessage"]) == (2, "Tax mismatch.")


@pytest.mark.parametrize(
    ("word", "status"), [("broken", 500), ("forbidden", 403), ("limited", 429), ("gateway", 502)]
)
def test_a_username_chooses_a_scenario(sim: Simulator, word: str, status: int) -> None:
    caller = Caller(sim)

    assert caller.log_in(username=f"{sim.username}+{word}").status_code == 200

    assert caller.get(TREE).status_code == status
    plain = Caller(sim)
    plain.log_in()
    assert plain.get(TREE).status_code == 200
    assert Caller(sim).log_in(username=f"{sim.username}+nothing").status_code == 400


def test_the_token_call_can_fail_too(sim: Simulator) -> None:
    sim.faults.add("token", action="unavailable")

    assert Caller(sim).log_in().status_code == 503
    assert Caller(sim).log_in().status_code == 200


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("search_customers", "POST", "/crm/v1/Companies({c})/Search"),
        ("create_customer", "POST", "/crm/v1/Companies({c})/CustomerFull"),
        ("product_data", "POST", FEED),
        ("product_data_updated", "POST", FEED + "/UpdatedAsOf/2026-01-01T00:00:00Z"),
        ("product_data_by_ids", "POST", FEED + "/ByProductIdList"),
        ("tax_configuration", "GET", "/taxes/v1/Companies({c})/TaxPricingConfiguration"),
        ("add_address", "POST", "/crm/v1/Companies({c})/Customers(1)/Addresses"),
        ("update_address", "PUT", "/crm/v1/Companies({c})/Customers(1)/Addresses(2)"),
        ("cancel_order", "DELETE", "/pointofsale/Companies({c})/Sales(1)"),
        ("complete_order", "POST", "/pointofsale/Companies({c})/Sales(1)/Complete"),
        ("order_status", "GET", "/covaorderintake/v2/Companies({c})/CovaOrder(1)/Status"),
        ("pay_order", "POST", "/covaorderintake/v1/CovaOrderPayment"),
        ("submit_order", "PUT", "/covaorderintake/v1/TIPCovaOrder(1)"),
    ],
)
def test_operations_have_these_names(
    sim: Simulator, caller: Caller, operation: str, method: str, path: str
) -> None:
    sim.faults.add(operation, action="status", status=418)

    assert caller.call(method, path, {}).status_code == 418


def test_all_actions_are_listed() -> None:
    assert {"timeout_after_effect", "reset_after", "garbage", "nulls"} <= set(FAULT_ACTIONS)


def test_clearing_wakes_what_hangs(sim: Simulator, caller: Caller) -> None:
    sim.faults.add("company_tree", action="timeout_before_effect")
    outcome: list[str] = []

    def call() -> None:
        try:
            caller.get(TREE)
        except requests.exceptions.ConnectionError:
            outcome.append("dropped")

    thread = threading.Thread(target=call)
    thread.start()
    _until(lambda: not sim.faults.rules())
    time.sleep(0.05)

    sim.faults.clear()
    thread.join(timeout=5)

    assert outcome == ["dropped"]


def test_stopping_ends_what_hangs_and_leaves_no_thread() -> None:
    before = threading.active_count()
    sim = Simulator(products=5).start()
    caller = Caller(sim, timeout=30)
    caller.log_in()
    sim.faults.add("company_tree", action="timeout_after_effect")

    def call() -> None:
        with pytest.raises(requests.exceptions.ConnectionError):
            caller.get(TREE)

    thread = threading.Thread(target=call)
    thread.start()
    _until(lambda: not sim.faults.rules())

    started = time.perf_counter()
    sim.stop()
    sim.stop()
    thread.join(timeout=5)

    assert time.perf_counter() - started < 3
    assert threading.active_count() == before


def test_the_rate_limit_is_per_service_with_headers(sim: Simulator, caller: Caller) -> None:
    sim.switches.rate_limit = 2

    headers = caller.get(TREE).headers
    assert headers["COVA-APIM-RateLimit-Limit"] == "2"
    assert headers["COVA-APIM-RateLimit-Remaining"] == "1"
    assert headers["COVA-APIM-RateLimit-Reset"].endswith("Z")
    assert 0 < int(headers["COVA-APIM-RateLimit-ResetSeconds"]) <= 60
    assert caller.get(TREE).status_code == 200
    limited = caller.get(TREE)
    assert limited.status_code == 429
    assert limited.headers["Content-Type"].startswith("application/json")
    assert "Retry-After" not in limited.headers
    assert caller.get("/crm/v1/Companies({c})/Customers").status_code == 200

    sim.clock.advance(61)

    assert caller.get(TREE).status_code == 200


def test_rate_limit_switches(sim: Simulator, caller: Caller) -> None:
    sim.switches.rate_limit = 1
    sim.switches.rate_limit_headers = False
    sim.switches.rate_limit_retry_after = True
    sim.switches.rate_limit_text = True
    assert not [name for name in caller.get(TREE).headers if "RateLimit" in name]

    limited = caller.get(TREE)
    assert limited.status_code == 429
    assert limited.headers["Content-Type"].startswith("text/plain")
    assert int(limited.headers["Retry-After"]) > 0

    sim.switches.rate_limit_enforced = False
    assert caller.get(TREE).status_code == 200


def _until(is_done: Any) -> None:
    end = time.monotonic() + 5
    while not is_done() and time.monotonic() < end:
        time.sleep(0.01)
    assert is_done()
