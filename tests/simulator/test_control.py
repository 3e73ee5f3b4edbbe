"""The control interface, the cashier's pages and the life of the server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from aiq_cova_plugin.simulator import Refusal, Simulator, Switches

from .conftest import Caller


def _control(sim: Simulator, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, f"{sim.url}/_simulator/{path}", json=body, timeout=5)


def test_state_counts(sim: Simulator, caller: Caller) -> None:
    caller.placed()

    state = _control(sim, "GET", "state").json()

    assert state["products"] == 80
    assert state["orders"] == 1
    assert state["broken"] == []
    assert state["integrator_id"] == sim.integrator_id


def test_orders_and_customers_in_another_process(sim: Simulator, caller: Caller) -> None:
    order = caller.placed(2, 19.98)

    (shown,) = _control(sim, "GET", "orders").json()["orders"]

    assert shown["id"] == order["Id"]
    assert shown["lines"][0]["amount"] == "19.98"
    assert len(_control(sim, "GET", "customers").json()["customers"]) == len(sim.customers())
    moved = _control(sim, "POST", f"orders/{order['Id']}/fulfilment", {"status": "InProgress"})
    assert moved.status_code == 200
    assert sim.orders()[0]["fulfilment"] == "InProgress"
    done = _control(sim, "POST", f"orders/{order['Id']}/complete")
    assert done.json()["status"] == "Completed"
    assert _control(sim, "POST", f"orders/{order['Id']}/cancel").status_code == 409
    assert _control(sim, "POST", "orders/unknown/cancel").status_code == 404


def test_products_are_changed_over_the_control_interface(sim: Simulator) -> None:
    product = sim.ordinary_products(1)[0]

    answer = _control(
        sim,
        "POST",
        f"products/{product}",
        {
            "stock": 3,
            "price": 4.5,
            "sale": {"price": 2, "start": "2026-01-01T00:00:00Z", "end": None},
            "specifications": [{"display_name": "CBG", "value": "1", "type": "Float"}],
            "lifecycle": "Inactive",
            "name": "Renamed",
        },
    ).json()

    assert (answer["sellable"], answer["price"], answer["on_sale"]) == ("3", "4.5", True)
    assert answer["specifications"]["CBG"] == "1"
    assert (answer["name"], answer["lifecycle"]) == ("Renamed", "Inactive")
    assert _control(sim, "GET", f"products/{product}").json() == answer
    _control(sim, "POST", f"products/{product}", {"sale": None, "archived": True})
    changed = _control(sim, "GET", f"products/{product}").json()
    assert changed["is_archived"]
    assert not changed["on_sale"]
    found = _control(sim, "GET", "products?search=renamed").json()
    assert (found["total"], found["products"][0]["id"]) == (1, product)
    assert _control(sim, "POST", "products/unknown", {"stock": 1}).status_code == 404
    added = _control(sim, "POST", "products", {"name": "Fresh", "stock": 2})
    assert added.status_code == 201
    assert _control(sim, "POST", "products", {"nonsense": 1}).status_code == 400
    assert _control(sim, "POST", "customers", {"phones": ["1"]}).status_code == 201


def test_switches_are_set_whole_or_not_at_all(sim: Simulator) -> None:
    good = _control(sim, "POST", "switches", {"rate_limit": 5, "search_operations": ["eq"]})
    bad = _control(sim, "POST", "switches", {"rate_limit": 9, "enum_style": "roman"})

    assert good.json()["rate_limit"] == 5
    assert sim.switches.search_operations == ("eq",)
    assert bad.status_code == 400
    assert "enum_style" in bad.json()["Message"]
    assert sim.switches.rate_limit == 5
    assert _control(sim, "POST", "switches", {"nonsense": 1}).status_code == 400


def test_every_switch_takes_its_own_value_back() -> None:
    switches = Switches()
    before = switches.to_dict()

    switches.update(before)
    switches.update(
        {name: str(value).strip("[]").replace("'", "") for name, value in before.items()}
    )

    assert switches.to_dict() == before


def test_every_switch_says_which_section_leaves_it_open() -> None:
    source = Path(sys.modules[Switches.__module__].__file__ or "").read_text(encoding="utf-8")

    for name in Switches().to_dict():
        after = source.partition(f"    {name}: ")[2].partition("\n")[2].lstrip()
        assert after.startswith('"""Section '), name


def test_faults_over_the_control_interface(sim: Simulator, caller: Caller) -> None:
    made = _control(sim, "POST", "faults", {"operation": "customers", "action": "server_error"})
    assert made.status_code == 201
    assert _control(sim, "GET", "faults").json()["faults"][0]["action"] == "server_error"
    assert caller.get("/crm/v1/Companies({c})/Customers").status_code == 500
    assert _control(sim, "POST", "faults", {"action": "explode"}).status_code == 400
    assert _control(sim, "POST", "faults", {}).status_code == 400
    one = _control(sim, "POST", "faults", {"action": "forbidden", "times": None}).json()["id"]
    assert _control(sim, "DELETE", f"faults/{one}").status_code == 200
    assert _control(sim, "DELETE", f"faults/{one}").status_code == 404
    assert _control(sim, "DELETE", "faults").status_code == 200


def test_requests_are_recorded_without_secrets(sim: Simulator, caller: Caller) -> None:
    caller.get("/crm/v1/Companies({c})/Customers")

    text = _control(sim, "GET", "requests").text

    assert '"operation":"customers"' in text
    assert '"operation":"token"' in text
    assert caller.token not in text
    assert sim.password not in text


def test_the_clock_and_reset_over_the_control_interface(sim: Simulator, caller: Caller) -> None:
    caller.placed()
    _control(sim, "POST", "clock", {"seconds": 43200})
    assert caller.get("/crm/v1/Companies({c})/Customers").status_code == 401
    assert _control(sim, "POST", "clock", {}).status_code == 400

    _control(sim, "POST", "reset")

    assert sim.orders() == []
    assert sim.requests() == []
    assert sim.clock.offset.total_seconds() == 0
    assert caller.log_in().status_code == 200


def test_forms_from_another_site_are_refused(sim: Simulator, caller: Caller) -> None:
    order = caller.placed()
    for path in (f"_register/orders/{order['Id']}", f"_simulator/orders/{order['Id']}/cancel"):
        address = f"{sim.url}/{path}"
        headers = {"Origin": "https://elsewhere.example"}
        answer = requests.post(address, data={"do": "cancel"}, headers=headers, timeout=5)
        assert answer.status_code == 403
    assert sim.orders()[0]["status"] == "ReadyForPayment"


def test_the_cashier_s_orders_page(sim: Simulator, caller: Caller) -> None:
    customer = sim.register.add_customer(
        first_name="<b>Eve</b>",
        last_name="Escape",
        phones=["3035550190"],
        addresses=[{"street1": "9 Invented Way", "locality": "Denver"}],
    )
    order = caller.placed(CustomerId=customer, IsDelivery=True)

    page = requests.get(sim.url + "/", timeout=5).text

    assert "&lt;b&gt;Eve&lt;/b&gt; Escape" in page
    assert "3035550190" in page
    assert "9 Invented Way, Denver" in page
    assert "Delivery" in page
    address = f"{sim.url}/_register/orders/{order['Id']}"
    for deed in ("InProgress", "ReadyForPickup", "complete", "cancel", "nonsense"):
        answer = requests.post(address, data={"do": deed}, timeout=5)
        assert answer.status_code == 200
    assert sim.orders()[0]["status"] == "Completed"


def test_the_cashier_s_products_page(sim: Simulator) -> None:
    product = sim.ordinary_products(1)[0]
    room = sim.account.rooms[0]
    address = f"{sim.url}/_register/products/{product}"

    def do(**form: Any) -> str:
        return requests.post(address, data=form, timeout=5).text

    assert "counted" in do(do="stock", room_id=room.id, quantity="6.5")
    assert "new price" in do(do="price", price="3.25")
    assert "on sale" in do(do="sale", price="2", days="3")
    assert "one sold" in do(do="sell")
    assert "the sale is over" in do(do="end_sale")
    assert "archived" in do(do="archive")
    assert "back again" in do(do="restore")
    assert "must be a number" in do(do="price", price="cheap")
    assert "no such" in do(do="stock", room_id="1", quantity="1")
    assert "does not know" in do(do="dance")
    kept = sim.state.products[product]
    assert str(kept.regular_price(sim.location_id)) == "3.25"
    page = requests.get(f"{sim.url}/_register/products?skip=25", timeout=5).text
    assert "80 found; 25 shown" in " ".join(page.split())


def test_the_cashier_s_switches_page(sim: Simulator) -> None:
    base = f"{sim.url}/_register"

    page = requests.get(base + "/switches", timeout=5).text
    assert all(name in page for name in sim.switches.to_dict())
    assert "submit_order" in page
    requests.post(base + "/switches", data={"enum_style": "name"}, timeout=5)
    assert sim.switches.enum_style == "name"
    requests.post(base + "/switches", data={"reserve_on_order": "True"}, timeout=5)
    assert sim.switches.reserve_on_order is True
    bad = requests.post(base + "/switches", data={"enum_style": "roman"}, timeout=5)
    assert "must be one of" in bad.text
    form = {"do": "add", "operation": "token", "action": "delay", "times": "", "seconds": "0.1"}
    requests.post(base + "/faults", data=form, timeout=5)
    (rule,) = sim.faults.rules()
    assert (rule.operation, rule.times, rule.seconds) == ("token", None, 0.1)
    assert "for ever" in requests.get(base + "/switches", timeout=5).text
    requests.post(base + "/faults", data={"do": "clear"}, timeout=5)
    assert sim.faults.rules() == []
    requests.post(base + "/clock", data={"seconds": "60"}, timeout=5)
    assert sim.clock.offset.total_seconds() == 60


def test_pages_load_nothing_from_elsewhere(sim: Simulator) -> None:
    for path in ("/", "/_register/products", "/_register/switches", "/_register/style.css"):
        text = requests.get(sim.url + path, timeout=5).text
        assert "http://" not in text
        assert "https://" not in text


def test_the_register_refuses_and_names_what_is_missing(sim: Simulator, caller: Caller) -> None:
    order = caller.placed()
    sim.register.complete(order["Id"])

    with pytest.raises(Refusal, match="completed"):
        sim.register.cancel(order["Id"])
    for act in (sim.register.complete, sim.register.archive):
        with pytest.raises(KeyError):
            act("unknown")


def test_connection_has_the_keys_of_the_contract(sim: Simulator) -> None:
    assert list(sim.connection()) == [
        "url",
        "token_url",
        "company_id",
        "location_id",
        "username",
        "password",
        "client_id",
        "client_secret",
        "integrator_id",
    ]


def test_a_stopped_simulator_can_start_again_on_its_port() -> None:
    sim = Simulator(products=3)
    sim.start()
    port = sim.url
    with pytest.raises(RuntimeError):
        sim.start()
    sim.stop()
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(port, timeout=1)

    with sim:
        assert sim.url == port
        assert Caller(sim).log_in().status_code == 200


def test_a_taken_port_is_an_os_error(sim: Simulator) -> None:
    taken = int(sim.url.rpartition(":")[2])

    with pytest.raises(OSError, match=r"."):
        Simulator(taken, products=1).start()


def test_an_idle_connection_does_not_hold_up_a_stop() -> None:
    sim = Simulator(products=1).start()
    host, _, port = sim.url.removeprefix("http://").partition(":")

    with socket.create_connection((host, int(port))):
        sim.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_simulator_serves_until_a_signal(number: signal.Signals) -> None:
    script = (
        "import json\n"
        "from aiq_cova_plugin.simulator import run_simulator\n"
        "run_simulator(0, 3, 1, lambda said: print(json.dumps(said), flush=True))\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
    assert '"integrator_id"' in line


def test_the_simulator_imports_nothing_of_ours() -> None:
    folder = Path(sys.modules[Simulator.__module__].__file__ or "").parent
    lines = [
        line
        for path in folder.glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("import ", "from "))
    ]

    assert lines
    allowed = {"flask", "werkzeug", "jinja2"} | set(sys.stdlib_module_names)
    for line in lines:
        module = line.split()[1]
        is_sibling = module.startswith(".") and not module.startswith("..")
        assert is_sibling or module.partition(".")[0] in allowed, line
