"""Plays the people behind the counter of the simulated COVA, over its control routes.

Demo only: COVA itself has none of this, and no shop needs it.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import quote

Weather = Literal["fine", "slow", "down"]
SLOW_SECONDS = 4
_TIMEOUT_SECONDS = 5


class RegisterRefused(Exception):
    """The simulated register would not do it, or does not answer; its text is for people."""


@dataclass(frozen=True)
class SimulatorControl:
    """The control routes of the simulator at that address. Each call is one HTTP request."""

    url: str

    def order_of(self, number: str) -> dict[str, Any] | None:
        """The order the shop knows by that number, as it is at the register; None if not there."""
        found = [each for each in self.orders() if each["external_order_id"] == number]
        return found[-1] if found else None

    def orders(self) -> list[dict[str, Any]]:
        """All orders at the register, oldest first."""
        answer: list[dict[str, Any]] = self._call("GET", "orders")["orders"]
        return answer

    def complete(self, cova_order_id: str) -> None:
        """Hand the order over; the register's stock goes down."""
        self._call("POST", f"orders/{quote(cova_order_id)}/complete", {})

    def cancel(self, cova_order_id: str) -> None:
        """Cancel the order at the register."""
        self._call("POST", f"orders/{quote(cova_order_id)}/cancel", {})

    def prepare(self, cova_order_id: str, fulfilment: str) -> None:
        """Say how far it is: `InProgress` or `ReadyForPickup`."""
        self._call("POST", f"orders/{quote(cova_order_id)}/fulfilment", {"status": fulfilment})

    def sell_one(self, cova_product_id: str) -> Decimal:
        """Sell one to somebody at the counter; how many are left at the first location."""
        path = f"products/{quote(cova_product_id)}"
        left = Decimal(self._call("GET", path)["sellable"]) - 1
        if left < 0:
            raise RegisterRefused("The register has none left to sell.")
        self._call("POST", path, {"stock": float(left)})
        return left

    def products(self, words: str) -> list[dict[str, Any]]:
        """Products whose name or classification holds the words, at most a hundred."""
        answer = self._call("GET", f"products?search={quote(words)}")
        found: list[dict[str, Any]] = answer["products"]
        return found

    def add_product(self, **product: Any) -> str:
        """Put a new product into COVA; its id."""
        answer: str = self._call("POST", "products", product)["id"]
        return answer

    def change_product(self, cova_product_id: str, **changes: Any) -> None:
        """Change stock, price, sale or specifications, as the control route takes them."""
        self._call("POST", f"products/{quote(cova_product_id)}", changes)

    def weather(self) -> Weather:
        """Does COVA answer at once, late or not at all? Judged by the faults in force."""
        actions = {each["action"] for each in self._call("GET", "faults")["faults"]}
        if "unavailable" in actions:
            return "down"
        return "slow" if "delay" in actions else "fine"

    def set_weather(self, weather: Weather) -> None:
        """Make every call of COVA answer at once, after some seconds, or with 503."""
        self._call("DELETE", "faults")
        if weather == "down":
            self._call("POST", "faults", {"action": "unavailable", "times": None})
        elif weather == "slow":
            fault = {"action": "delay", "seconds": SLOW_SECONDS, "times": None}
            self._call("POST", "faults", fault)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - our own simulator on the loopback
            f"{self.url}/_simulator/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
                return found
        except HTTPError as exc:
            with exc:
                raise RegisterRefused(_reason(exc.read())) from exc
        except (OSError, ValueError) as exc:
            raise RegisterRefused(
                "The simulated COVA does not answer. Stop the demo and start it again."
            ) from exc


def _reason(body: bytes) -> str:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    text = said.get("Message") or said.get("message") if isinstance(said, dict) else None
    return str(text or "The simulated register refused.")
