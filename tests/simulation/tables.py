"""What the shop's and the plugin's tables say, and COVA's list of customers, for judging them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from aiq_cova_plugin.simulator.customers import Customer


def shop_fields(connection: sa.Connection, store_id: str) -> dict[str, dict[str, Any]]:
    """dict: product id → what the shop has stored of it."""
    rows = connection.execute(SHOP, {"store": store_id}).all()
    return {row.cova_product_id: row.fields for row in rows}


def phone_numbers(customer: Customer) -> set[str]:
    """The customer's phone numbers, ten digits each; a text with words is none."""
    found = set()
    for each in customer.contacts:
        if each.category_id == 1 and re.fullmatch(r"[\d\s().+\-/]+", each.value):
            digits = re.sub(r"\D", "", each.value)
            found.add(digits[-10:])
    return found


def numbers_of(customers: Iterable[Customer]) -> Counter[str]:
    """How many usable customers have each number."""
    return Counter(
        number for each in customers if not each.is_disabled for number in phone_numbers(each)
    )


SELLABLE = sa.text(
    """
    select p.cova_product_id as id, p.stock, p.stock_read_at, p.is_dirty,
           s.fields ->> 'quantity' as quantity,
           coalesce((select sum(h.quantity) from cova_hold h where h.store_id = p.store_id
             and h.cova_product_id = p.cova_product_id
             and h.state in ('active', 'settling')), 0) as held
    from cova_product p join shop_product s
      on s.store_id = p.store_id and s.cova_product_id = p.cova_product_id
    where p.store_id = :store and p.host_state = 'shown'
    """
)
STOCKS = sa.text(
    "select cova_product_id as id, stock, stock_read_at from cova_product where store_id = :store"
)
HOLDS = sa.text(
    "select order_id, cova_product_id, quantity, state from cova_hold "
    "where store_id = :store and state in ('active', 'settling')"
)
SHOP = sa.text("select cova_product_id, fields from shop_product where store_id = :store").columns(
    fields=sa.JSON()
)
