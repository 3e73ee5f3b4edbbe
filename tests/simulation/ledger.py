"""What really happened, written down by the world itself and by nothing of the plugin."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.simulation.people import Person


@dataclass
class WebOrder:
    """One order of the shop, from the shopper's side."""

    id: str
    person: Person
    lines: dict[str, Decimal]
    is_delivery: bool
    placed_at: datetime
    number: str
    confirmed_at: datetime | None = None
    cancelled_at: datetime | None = None
    """When the shopper or the shop cancelled it."""
    completed_at: datetime | None = None
    """When the register handed it over."""
    cancelled_at_register: datetime | None = None
    paid_at: datetime | None = None
    """When the shop heard that the shopper paid in advance."""
    told: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.cancelled_at is None and self.cancelled_at_register is None


@dataclass
class StockHistory:
    """What the register had of one product, and from when on; newest last."""

    rows: list[tuple[datetime, Decimal]]

    def note(self, moment: datetime, quantity: Decimal) -> None:
        if self.rows[-1][1] != quantity:
            self.rows.append((moment, quantity))

    def between(self, begin: datetime, end: datetime) -> list[tuple[datetime, Decimal]]:
        """Every quantity the register had in that time, with the moment it was last changed."""
        found = [row for row in self.rows if begin <= row[0] <= end]
        before = [row for row in self.rows if row[0] < begin]
        return before[-1:] + found


@dataclass
class StaffEdit:
    """What staff wrote into a field of a product that is theirs."""

    product_id: str
    field: str
    value: object
