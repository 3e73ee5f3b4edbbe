"""An order of two of one product, for tests of what goes out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from aiq_cova_plugin.domain.orders import Address, Customer, Order, OrderLine

PRODUCT = "0b6f0c52-1111-4a5e-9c1e-5a0e3c7d0001"
ADDRESS = Address("1 Main St", "", "Denver", "CO", "80202", "US")
LINE = OrderLine(PRODUCT, "Haze 3.5g", Decimal(2), Decimal("60.00"))
ORDER = Order(
    id="o1",
    store_id="s1",
    number="WEB-10045",
    confirmed_at=datetime(2026, 1, 15, tzinfo=UTC),
    customer=Customer("Ada", "Example", "6045550100"),
    lines=(LINE,),
)
