"""A shop in which everything happens that may spill a secret or a shopper's data."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aiq_cova_plugin.simulator import Account, Simulator

from tests.support.connected import SECRET_KEY, ConnectedShop, settings_for

COMPANY_ID = 910_777
PASSWORD, CLIENT_SECRET = "canary-password-7Qx1", "canary-client-secret-8Rz2"
METRICS_TOKEN = "canary-metrics-token-5Tm"
PERSON: dict[str, Any] = {
    "first_name": "Zebedee",
    "last_name": "Quillfeather",
    "phone": "(303) 555-0187",
    "email": "zq.canary@example.com",
    "date_of_birth": "1987-11-23",
}
ADDRESS = {
    "line1": "4711 Canarywood Lane",
    "line2": "Suite 99C",
    "city": "Denver",
    "state": "CO",
    "postal_code": "80299",
    "country": "US",
}
SHARED_PHONE = "(303) 555-0166"
OLD_STREET = "815 Formerstreet"
TWIN = "Zenobia"
PERSONAL = (
    "Zebedee",
    "Quillfeather",
    "555-0187",
    "5550187",
    "555-0166",
    "5550166",
    "zq.canary",
    "1987-11-23",
    "Canarywood",
    "Suite 99C",
    "80299",
    "Formerstreet",
    TWIN,
)
ECHO = (
    f"Customer {PERSON['first_name']} {PERSON['last_name']}, phone {PERSON['phone']} "
    f"({PERSON['email']}), born {PERSON['date_of_birth']}, of {ADDRESS['line1']}, "
    f"{ADDRESS['line2']}, {ADDRESS['postal_code']} is not accepted"
)
"""What COVA answers: everything it was told, repeated."""


def new_simulator() -> Simulator:
    account = Account(
        company_id=COMPANY_ID,
        username="canary-api-user",
        password=PASSWORD,
        client_secret=CLIENT_SECRET,
    )
    return Simulator(products=60, account=account)


def config_for(sim: Simulator) -> dict[str, Any]:
    return settings_for(sim) | {"COVA_METRICS_TOKEN": METRICS_TOKEN}


def credentials_echo(sim: Simulator) -> str:
    said = f"User {sim.username} with {sim.password} and {sim.client_secret} is not known"
    return json.dumps({"error": "invalid_grant", "error_description": said})


class Browser:
    """A browser without JavaScript, signed in as staff."""

    def __init__(self, shop: ConnectedShop) -> None:
        self.client: FlaskClient = shop.shop.app.test_client()

    def get(self, path: str, **more: Any) -> str:
        return self.client.get(path, **more).text

    def send(self, path: str, fields: dict[str, Any]) -> TestResponse:
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.get("/cova/-/runs"))
        assert found is not None
        return self.client.post(path, data={**fields, "csrf_token": found.group(1)})

    def post(self, path: str, **fields: Any) -> str:
        answer = self.send(path, fields)
        if answer.status_code == 303:
            return answer.text + self.get(answer.headers["Location"])
        return answer.text


def live_through(shop: ConnectedShop) -> str:
    """The whole journey, failures included; every page that was answered on the way."""
    sim, seen, browser = shop.sim, [], Browser(shop)
    faults = sim.faults
    faults.add("token", action="status", status=400, body=credentials_echo(sim), times=2)
    typed = {"company_id": sim.company_id, "location_id": sim.location_id, "enabled": "on"}
    typed |= {"username": sim.username, "client_id": sim.client_id, "sync_orders": "on"}
    typed |= {"password": PASSWORD, "client_secret": CLIENT_SECRET}
    seen.append(browser.post("/cova/s1/settings", **typed))
    seen.append(browser.post("/cova/s1/settings/test", **typed))
    faults.clear()
    shop.sync()
    products = iter(shop.ordinary(12))

    def order(order_id: str, **more: Any) -> None:
        line = (next(products), "a line", "1", "9.00")
        shop.shop.place(order_id, [line], customer=PERSON, **more)

    # A customer who lived elsewhere: the old address is overwritten and kept.
    sim.register.add_customer(
        first_name=PERSON["first_name"],
        last_name=PERSON["last_name"],
        phones=[PERSON["phone"]],
        addresses=[
            {
                "type_id": 3,
                "street1": OLD_STREET,
                "locality": "Denver",
                "state_code": "CO",
                "country_code": "US",
                "postal_code": "80201",
            }
        ],
    )
    order("moved", address=ADDRESS)
    push(shop)
    refusal = json.dumps({"Message": ECHO})
    for number, (operation, status) in enumerate(
        [
            ("update_address", 422),
            ("search_customers", 500),
            ("submit_order", 400),
            ("create_customer", 400),
            ("submit_order", 500),
        ]
    ):
        fault = faults.add(operation, action="status", status=status, body=refusal, times=3)
        order(f"refused-{number}", address=ADDRESS | {"city": f"Town {number}"})
        push(shop)
        faults.remove(fault.id)
    fault = faults.add("submit_order", action="non_transient_failure", message=ECHO, times=1)
    order("failed")
    push(shop)
    faults.remove(fault.id)
    for name in (PERSON["first_name"], TWIN):
        sim.register.add_customer(
            first_name=name, last_name=PERSON["last_name"], phones=[SHARED_PHONE]
        )
    person = {"first_name": None, "last_name": None, "phone": SHARED_PHONE, "email": None}
    shop.shop.place("twins", [(next(products), "x", "1", "9.00")], customer=person)
    push(shop)
    stumble(shop)
    # And COVA loses its mind about the log-in in the middle of everything.
    faults.add("token", action="status", status=400, body=credentials_echo(sim), times=3)
    sim.state.revoke_tokens()
    shop.sync()
    push(shop)
    for page in ("retry", "customer", "cancel"):
        seen.append(browser.post(f"/cova/s1/orders/failed/{page}", customer_id=""))
    shop.shop.run("tick")
    return "\n".join(seen)


def push(shop: ConnectedShop) -> None:
    shop.clock.advance(20)
    shop.sim.clock.advance(20)
    shop.shop.run("orders", "push")


def stumble(shop: ConnectedShop) -> None:
    """The shop's own code raises, and its exception names the customer."""
    host, read = shop.shop.host, shop.shop.host.get_order

    def broken(store_id: str, order_id: str) -> Any:
        secret = shop.shop.services.vault.decrypt(shop.shop.services.vault.encrypt(PASSWORD))
        raise RuntimeError(f"{ECHO} {secret}")

    shop.shop.place("stumbled", [("x", "x", "1", "9.00")], customer=PERSON, send=[])
    host.get_order = broken  # type: ignore[method-assign]
    try:
        shop.shop.send("aiq.order-confirmed", "stumbled")
        shop.shop.run("orders", "sweep")
        shop.shop.run("orders", "push")
        shop.shop.run("orders", "poll")
    finally:
        host.get_order = read  # type: ignore[method-assign]


def issued_tokens(shop: ConnectedShop) -> list[str]:
    with shop.shop.app.app_context(), shop.shop.services.database.short() as connection:
        sealed = connection.exec_driver_sql("select token_encrypted from cova_token").scalars()
        vault = shop.shop.services.vault
        return [json.loads(vault.decrypt(each))["token"] for each in sealed]


def secrets_of(shop: ConnectedShop) -> list[str]:
    return [PASSWORD, CLIENT_SECRET, SECRET_KEY, METRICS_TOKEN, *issued_tokens(shop)]


class Everything(logging.Handler):
    """Every record of every logger, as a formatter that writes all of it would show it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = logging.Formatter("%(name)s %(message)s").format(record)
        fields = {name: value for name, value in vars(record).items() if name != "exc_info"}
        if record.name.startswith(("sqlalchemy", "werkzeug")):
            return  # the shop's own statements and the simulator's access log
        self.lines.append(f"{text} {fields!r}")


@contextmanager
def everything_logged(shop: ConnectedShop) -> Iterator[list[str]]:
    """Every log record at DEBUG, and every statement on the plugin's own tables."""
    handler, root = Everything(), logging.getLogger()
    level = root.level

    def statement(_c: Any, _cursor: Any, text: str, values: Any, _context: Any, _m: Any) -> None:
        if "cova_" in text and "shop_" not in text:
            handler.lines.append(f"{text} {values!r}")

    with shop.shop.app.app_context():
        engine = shop.shop.db.engine
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    sa.event.listen(engine, "before_cursor_execute", statement)
    try:
        yield handler.lines
    finally:
        sa.event.remove(engine, "before_cursor_execute", statement)
        root.removeHandler(handler)
        root.setLevel(level)
