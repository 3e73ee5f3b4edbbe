"""Stock less holds."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aiq_cova_plugin.domain.sellable import sellable_quantity

D = Decimal


@pytest.mark.parametrize(
    ("stock", "held", "sellable"),
    [
        (None, D(0), None),
        (None, D(3), None),
        (D(0), D(0), D(0)),
        (D(10), D(0), D(10)),
        (D(10), D(3), D(7)),
        (D(3), D(3), D(0)),
        (D(3), D(5), D(0)),
        (D("3.5"), D("1.25"), D("2.25")),
        (D(-2), D(0), D(0)),
        (D(10), D(-4), D(10)),
    ],
)
def test_sellable_is_stock_less_holds_and_never_negative(stock, held, sellable):
    assert sellable_quantity(stock, held) == sellable
