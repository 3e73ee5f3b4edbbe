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
from aiq_cova_plugin.domain.differences import MAY_BECOME_EMPTY, compare_fields, differing_names
from aiq_cova_plugin.domain.field_values import encode_fields
from aiq_cova_plugin.domain.product_fields import fields_of
from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.host import ProductChange

ABSENT, SHOWN, HIDDEN = "absent", "shown", "hidden"
FOLLOWS_WHEN_LOCKED = frozenset({"quantity"})
"""The one field of a locked product that still follows COVA: nothing may be oversold."""


@dataclass(frozen=True)
class HostSide:
    """What the host was last told of a product.

    `is_awaited`: staff included it again while COVA did not offer it; it is shown as soon as
    COVA does, though staff own what is on the menu.
    """

    state: str = ABSENT
    applied: Mapping[str, Any] = field(default_factory=dict)
    stock: Decimal | None = None
    is_locked: bool = False
    is_excluded: bool = False
    is_awaited: bool = False

    def is_shown_by_us(self, owned: frozenset[str]) -> bool:
        """Is it hidden, and ours to show again?"""
        return self.state == HIDDEN and ("enabled" in owned or self.is_awaited)


@dataclass(frozen=True)
class ProductPlan:
    """What to tell the host, if anything, and what is known once it has agreed.

    `old` and `new` hold the fields that differ, in their JSON form. `differing` names the
    fields COVA owns in which the shop will still differ from COVA: those a lock keeps.
    `counts_for_guard` is False for what staff themselves chose, and for what is not on the menu.
    `why_gone` says why a product may not be sold: a `Presence`, `vanished` or `excluded`.
    """

    change: ProductChange | None
    state_after: str
    applied_after: dict[str, Any]
    old: dict[str, Any]
    new: dict[str, Any]
    differing: tuple[str, ...] = ()
    counts_for_guard: bool = True
    why_gone: str = ""

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
    why_gone = "vanished" if is_vanished else snapshot.presence.value
    if host.is_excluded:
        # Staff said so, whoever owns the menu: what is no longer synced must not stay for sale.
        is_on_menu = host.state == SHOWN
        hide = _plan(snapshot, "hide", {"enabled": False}, applied, HIDDEN)
        gone = replace(hide, counts_for_guard=False, why_gone="excluded")
        return gone if is_on_menu else nothing
    if host.state == ABSENT and not belongs_on_menu:
        return nothing
    said = cova_values(snapshot, host=host, category_id=category_id, held=held, now=now)
    if not belongs_on_menu and "enabled" in owned:
        if host.state == HIDDEN:
            return nothing
        hide = _plan(snapshot, "hide", {"enabled": False}, applied, HIDDEN)
        return replace(hide, why_gone=why_gone)
    if not belongs_on_menu:
        # Staff may keep it on the menu, or show it again: nothing that is gone may be sold.
        quantity = Decimal(0) if is_vanished else said.get("quantity")
        told = {"quantity": quantity} if quantity is not None and "quantity" in owned else {}
        if not told or not (is_retold or _changed(encode_fields(told), applied)):
            return nothing
        plan = _plan(snapshot, "update", told, applied, host.state)
        return replace(plan, counts_for_guard=host.state == SHOWN, why_gone=why_gone)
    values = {name: value for name, value in said.items() if name in owned}
    if host.state == ABSENT:
        if _has_no_price(snapshot, owned):
            return nothing
        # Of a new product there is nothing to empty.
        told = {name: each for name, each in values.items() if name not in snapshot.said_empty}
        return _plan(snapshot, "create", told, applied, SHOWN)
    if host.is_locked:
        return _plan_locked(
            snapshot,
            values,
            applied,
            is_shown_again=host.is_shown_by_us(owned),
            is_retold=is_retold,
            erasable=erasable,
        )
    values = _without_erasures(values, MAY_BECOME_EMPTY | erasable)
    if host.is_shown_by_us(owned):
        return _plan(snapshot, "restore", values | {"enabled": True}, applied, SHOWN)
    if not is_retold and not _changed(encode_fields(values), applied):
        # Once staff decide what is on the menu, a product we hid is theirs to show again.
        return replace(nothing, state_after=SHOWN)
    # All that COVA owns goes along with what changed, so that an edit made in the shop
    # meanwhile is overwritten too.
    return _plan(snapshot, "update", values, applied, SHOWN)


def cova_values(
    snapshot: ProductSnapshot,
    *,
    host: HostSide,
    category_id: str | None,
    held: Decimal,
    now: datetime,
    is_vanished: bool = False,
) -> dict[str, Any]:
    """dict: field → the value COVA gives it right now, whoever owns it.

    As `fields_of`, with what the snapshot alone does not know: the stock where COVA's last
    word did not mention it, the holds, and that COVA does not list the product any more.
    """
    stock = snapshot.stock if snapshot.stock is not None else host.stock
    values = fields_of(
        snapshot, category_id=category_id, sellable=sellable_quantity(stock, held), now=now
    )
    return values | {"enabled": False} if is_vanished else values


def plan_taking(
    snapshot: ProductSnapshot,
    asked: frozenset[str] | None,
    *,
    host: HostSide,
    owned: frozenset[str],
    category_id: str | None,
    held: Decimal,
    is_vanished: bool,
    now: datetime,
    erasable: frozenset[str] = frozenset(),
) -> ProductPlan:
    """What gives a product COVA's values because a person asks for it, once.

    `asked` names the fields, whoever owns them and whether or not the product is locked; None
    means all of them. A field asked for by name becomes empty when it is empty in COVA; with
    all of them, empty erases no more than in a sync. An excluded product stays off the menu.
    """
    applied = {name: value for name, value in host.applied.items() if name in owned}
    said = cova_values(
        snapshot,
        host=host,
        category_id=category_id,
        held=held,
        now=now,
        is_vanished=is_vanished,
    )
    if host.is_excluded:
        said.pop("enabled", None)
    if asked is None:
        values = _without_erasures(said, MAY_BECOME_EMPTY | erasable)
    else:
        values = {name: value for name, value in said.items() if name in asked}
    if not values or host.state == ABSENT:
        return ProductPlan(None, host.state, applied, {}, {})
    action, state_after = _taking_moves(values.get("enabled"), host.state)
    plan = _plan(snapshot, action, values, applied, state_after)
    remembered = {name: each for name, each in plan.applied_after.items() if name in owned}
    return replace(plan, applied_after=remembered)


def _taking_moves(enabled: bool | None, state: str) -> tuple[str, str]:
    """The action, and the state after it, when `enabled` is told along (None: it is not)."""
    if enabled is True and state == HIDDEN:
        return "restore", SHOWN
    if enabled is False and state == SHOWN:
        return "hide", HIDDEN
    return "update", state


def _plan_locked(
    snapshot: ProductSnapshot,
    values: Mapping[str, Any],
    applied: dict[str, Any],
    *,
    is_shown_again: bool,
    is_retold: bool,
    erasable: frozenset[str],
) -> ProductPlan:
    """Only the quantity of a locked product follows; in what it differs from COVA is noted."""
    told = {name: each for name, each in values.items() if name in FOLLOWS_WHEN_LOCKED}
    plan = ProductPlan(None, SHOWN, applied, {}, {})
    if is_shown_again:
        plan = _plan(snapshot, "restore", told | {"enabled": True}, applied, SHOWN)
    elif is_retold or _changed(encode_fields(told), applied):
        plan = _plan(snapshot, "update", told, applied, SHOWN)
    compared = compare_fields(values, plan.applied_after, following=(), erasable=erasable)
    return replace(plan, differing=differing_names(compared))


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
