"""A tiny host that can also say what it has and who is asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiq_cova_plugin.host import ApplyResult, ProductChange

from tests.unit.web.kit import TinyHost

HAZE = "11111111-2222-4333-8444-55555555aaaa"
SNAPSHOT = {
    "cova_product_id": HAZE,
    "presence": "active",
    "name": "Blue Harbour 3.5 g",
    "brand": "Example Farms",
    "sku": "BH0035",
    "regular_price": "32.00",
    "price_tiers": [{"min_quantity": "3", "total_price": "80.00"}],
    "classification_path": "Flower > Sativa",
}


class ReadingHost(TinyHost):
    """A host that says what it has, names its users, and refuses what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.has: dict[str, dict[str, Any]] = {}
        self.refuses = ""

    def current_user(self) -> str:
        return "Robin Quay"

    def current_products(
        self, store_id: str, cova_product_ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        return {each: self.has[each] for each in cova_product_ids if each in self.has}

    def apply_products(
        self, store_id: str, changes: Sequence[ProductChange]
    ) -> Sequence[ApplyResult]:
        if self.refuses:
            return [ApplyResult(each.cova_product_id, False, self.refuses) for each in changes]
        for change in changes:
            self.has.setdefault(change.cova_product_id, {}).update(change.fields)
        return super().apply_products(store_id, changes)
