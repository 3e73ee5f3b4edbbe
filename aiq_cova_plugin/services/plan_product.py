"""Decides what one product asks of the host: create, update, hide, restore, or nothing.

Pure: everything it needs is handed in. The same decision serves a sync, a preview, the
mass-change guard and the page that shows where the shop differs from COVA.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.catalogue import Presence, ProductSnapshot
from aiq_cova_plugin.domain.field_values import encode_fields
from aiq_cova_plugin.domain.product_fields import fields_of
from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.host import ProductChange

ABSENT, SHOWN, HIDDEN = "absent", "shown", "hidden"

# COVA saying "none" means something for these; for every other field an empty value from
# COVA never erases what is there.
_MAY_BECOME_EMPTY = frozenset({"sale_price", "quantity", "enabled", "price_tiers"})


@dataclass(frozen=True)
class HostSide:
    """What the host was last told of a product."""

    state: str = ABSENT
    applied: Mapping[str, Any] = field(default_factory=dict)
    stock: Decimal | None = None
    is_locked: bool = False
    is_excluded: bool = False


@dataclass(frozen=True)
class ProductPlan:
    """What to tell the host, if anything, and what is known once it has agreed.

    `old` and `new` hold the fields that differ, in their JSON form.
    """

    change: ProductChange | None
    state_after: str
    applied_after: dict[str, Any]
    old: dict[str, Any]
    new: dict[str, Any]

    @property
    def is_destructive(self) -> bool:
        """Would it take a product that can be bought off the menu, or its stock to zero?"""
        if self.change is None:
            return False
        if self.change.action == "hide":
            return True
        return self.new.get("quantity") == "0" and self.old.get("quantity") not in (None, "0")


def plan_product(
    snapshot: ProductSnapshot,
    *,
    host: HostSide,
    owned: frozenset[str],
    category_id: str | None,
    held: Decimal,
    is_vanished: bool,
    now: datetime,
    is_retold: bool = False,
    erasable: frozenset[str] = frozenset(),
) -> ProductPlan:
    """The plan for one product.

    `owned` are the field names the POS owns at this store; no other is ever mentioned.
    `erasable` are the fields that an empty value from COVA may erase, by staff's choice.
    `held` is the sum of the product's open holds. `is_retold` asks for an update even of a
    product that has not changed.
    """
    applied = {name: value for name, value in host.applied.items() if name in owned}
    nothing = ProductPlan(None, host.state, applied, {}, {})
    belongs_on_menu = snapshot.presence is Presence.ACTIVE and not is_vanished
    if host.is_excluded:
        # Staff said so, whoever owns the menu: what is no longer synced must not stay for sale.
        is_on_menu = host.state == SHOWN
        hide = _plan(snapshot, "hide", {"enabled": False}, applied, HIDDEN)
        return hide if is_on_menu else nothing
    if host.state == ABSENT and not belongs_on_menu:
        return nothing
    if not belongs_on_menu:
        if host.state == HIDDEN or "enabled" not in owned:
            return nothing
        return _plan(snapshot, "hide", {"enabled": False}, applied, HIDDEN)
    stock = snapshot.stock if snapshot.stock is not None else host.stock
    values = fields_of(
        snapshot, category_id=category_id, sellable=sellable_quantity(stock, held), now=now
    )
    values = {name: value for name, value in values.items() if name in owned}
    if host.is_locked and host.state != ABSENT:
        values = {name: values[name] for name in ("quantity",) if name in values}
    if host.state == ABSENT:
        if _has_no_price(snapshot, owned):
            return nothing
        return _plan(snapshot, "create", values, applied, SHOWN)
    values = _without_erasures(values, _MAY_BECOME_EMPTY | erasable)
    if host.state == HIDDEN and "enabled" in owned:
        return _plan(snapshot, "restore", values | {"enabled": True}, applied, SHOWN)
    if not is_retold and not _changed(encode_fields(values), applied):
        # Once staff decide what is on the menu, a product we hid is theirs to show again.
        return replace(nothing, state_after=SHOWN)
    # All that COVA owns goes along with what changed, so that an edit made in the shop
    # meanwhile is overwritten too.
    return _plan(snapshot, "update", values, applied, SHOWN)


def _has_no_price(snapshot: ProductSnapshot, owned: frozenset[str]) -> bool:
    return "price" in owned and snapshot.regular_price is None and not snapshot.price_tiers


def _without_erasures(
    values: Mapping[str, Any], may_become_empty: frozenset[str]
) -> dict[str, Any]:
    """The values without those by which COVA says nothing: staff may have said something."""
    return {
        name: value
        for name, value in values.items()
        if name in may_become_empty or not _is_empty(value)
    }


def _changed(encoded: Mapping[str, Any], applied: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in encoded.items()
        if name not in applied or value != applied[name]
    }


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [])


def _plan(
    snapshot: ProductSnapshot,
    action: str,
    values: Mapping[str, Any],
    applied: dict[str, Any],
    state_after: str,
) -> ProductPlan:
    told = encode_fields(values)
    new = _changed(told, applied)
    return ProductPlan(
        change=ProductChange(snapshot.cova_product_id, action, dict(values)),
        state_after=state_after,
        applied_after=applied | told,
        old={name: applied.get(name) for name in new},
        new=new,
    )
