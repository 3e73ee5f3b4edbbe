"""A running simulator per test, and a bare caller that knows nothing of the plugin's client."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from aiq_cova_plugin.simulator import Simulator

ALL = {
    "IncludeProductSkusAndUpcs": True,
    "IncludeProductSpecifications": True,
    "IncludeClassifications": True,
    "IncludeProductAssets": True,
    "IncludeAvailability": True,
    "IncludePackageDetails": True,
    "IncludePricing": True,
    "IncludeTaxes": True,
}


@dataclass
class Caller:
    """Calls the simulator as a client would; `token` may be replaced by a test."""

    sim: Simulator
    timeout: float = 10
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def log_in(self, **changes: str) -> requests.Response:
        """Ask for a token; form fields may be replaced."""
        form = {
            "grant_type": "password",
            "username": self.sim.username,
            "password": self.sim.password,
            "client_id": self.sim.client_id,
            "client_secret": self.sim.client_secret,
            **changes,
        }
        answer = requests.post(self.sim.token_url, data=form, timeout=self.timeout)
        if answer.ok:
            self.token = answer.json()["access_token"]
        return answer

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """One call; `{c}` in the path is the company, `{l}` the main location."""
        address = self.sim.url + path.format(c=self.sim.company_id, l=self.sim.location_id)
        headers = {"Accept": "application/json", **self.headers, **options.pop("headers", {})}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return requests.request(
            method, address, json=body, headers=headers, timeout=self.timeout, **options
        )

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def products(self, **body: Any) -> dict[str, Any]:
        """The feed with everything in it, all lifecycles, first 500."""
        answer = self.call(
            "POST",
            "/dataplatform/v1/companies/{c}/DetailedProductData",
            {**ALL, "IncludeAllLifecycles": True, "Top": 500, **body},
        )
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def updated(self, since: str, **body: Any) -> list[str]:
        """Ids of the products changed since then."""
        path = f"/dataplatform/v1/companies/{{c}}/DetailedProductData/UpdatedAsOf/{since}"
        answer = self.call("POST", path, {"IncludeAllLifecycles": True, "Top": 500, **body})
        assert answer.status_code == 200, answer.text
        return [item["ProductId"] for item in answer.json()["Products"]]

    def order(self, *lines: tuple[str, float, float], **changes: Any) -> dict[str, Any]:
        """The body of an order; lines are product, quantity and amount."""
        return {
            "Id": str(uuid.uuid4()),
            "CompanyId": self.sim.company_id,
            "EntityId": self.sim.location_id,
            "OrderReference": "Ada Example",
            "IntegratorId": self.sim.integrator_id,
            "IsDelivery": False,
            "ExternalOrderId": "WEB-1",
            "Lines": [
                {
                    "Name": "A line",
                    "CatalogItemId": product,
                    "Quantity": quantity,
                    "LineDollarAmount": amount,
                }
                for product, quantity, amount in lines
            ],
            **changes,
        }

    def submit(self, order: dict[str, Any], style: str = "TEP") -> requests.Response:
        """PUT the order under its own id."""
        return self.call("PUT", f"/covaorderintake/v1/{style}CovaOrder({order['Id']})", order)

    def status(self, order: dict[str, Any]) -> requests.Response:
        """The v2 status."""
        return self.get(f"/covaorderintake/v2/Companies({{c}})/CovaOrder({order['Id']})/Status")

    def placed(self, quantity: float = 1, amount: float = 10.0, **changes: Any) -> dict[str, Any]:
        """An order that was submitted, of the first ordinary product."""
        order = self.order((self.sim.ordinary_products(1)[0], quantity, amount), **changes)
        answer = self.submit(order)
        assert answer.ok, answer.text
        return order


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A running simulator with a small catalogue that has every oddity."""
    with Simulator(products=80, seed=1) as simulator:
        yield simulator
        assert simulator.broken == []


@pytest.fixture
def caller(sim: Simulator) -> Caller:
    """A caller that has logged in."""
    caller = Caller(sim)
    assert caller.log_in().status_code == 200
    return caller
