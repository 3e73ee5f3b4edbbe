"""Staff: they own fields, edit, lock, press Retry, Sync and Approve."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import sqlalchemy as sa

from aiq_cova_plugin.errors import CovaPluginError, LeaseHeld
from aiq_cova_plugin.services.catalogue.sync_catalog import sync_catalog
from aiq_cova_plugin.services.rescue.rescue_orders import find_push, retry_order
from aiq_cova_plugin.services.statuses.poll_statuses import poll_statuses

from tests.simulation.actors.register import name_of, one_of
from tests.simulation.ledger import StaffEdit
from tests.simulation.stage import STORE
from tests.simulation.world import World
from tests.support.shop import ShopProduct

EDITABLE = ("name", "description", "price", "brand")


def staff_own(world: World, fields: tuple[str, ...]) -> bool:
    """Make these fields, and no others, the staff's, as the page does."""
    with world.in_shop() as session:
        session.execute(
            sa.text(
                "update cova_connection set staff_fields = :fields, "
                "settings_version = settings_version + 1 where store_id = :store"
            ).bindparams(sa.bindparam("fields", type_=sa.JSON())),
            {"fields": list(fields), "store": STORE},
        )
    given_up = world.staff_fields - set(fields)
    for key in [key for key in world.edits if key[1] in given_up]:
        del world.edits[key]
        if key[0] in world.locked:
            world.loosened.add(key)
    world.staff_fields = set(fields)
    world.say(f"staff now own {', '.join(sorted(fields)) or 'nothing'}")
    return True


def staff_edit(world: World, product: int, field: int, number: int) -> bool:
    """Change a field that is the staff's: of any product, or of one that is locked."""
    each = one_of(world, product)
    name = EDITABLE[field % len(EDITABLE)]
    if name not in world.staff_fields and each not in world.locked:
        return False
    value = str(number) if name == "price" else f"By staff {number}"
    with world.in_shop() as session:
        row = session.get(ShopProduct, (STORE, each))
        if row is None:
            return False
        row.fields = {**row.fields, name: value}
    world.edits[each, name] = StaffEdit(each, name, value)
    if each in world.locked:
        world.loosened.add((each, name))
    world.say(f"staff write {value!r} into the {name} of {name_of(world, each)}")
    return True


def staff_lock(world: World, product: int) -> bool:
    """Lock a product, or unlock it."""
    each = one_of(world, product)
    locks = each not in world.locked
    with world.in_shop() as session:
        changed = session.execute(
            sa.text(
                "update cova_product set is_locked = :locks, is_dirty = :dirty "
                "where store_id = :store and cova_product_id = :id"
            ),
            {"locks": locks, "dirty": not locks, "store": STORE, "id": each},
        ).rowcount
    if not changed:
        return False
    if locks:
        world.locked.add(each)
    else:
        world.locked.discard(each)
        for key in [key for key in world.edits if key[0] == each]:
            if key[1] not in world.staff_fields:
                del world.edits[key]
    world.say(f"staff {'lock' if locks else 'unlock'} {name_of(world, each)}")
    return True


def staff_retry(world: World, worker: int = 0) -> bool:
    """Press Retry on every order that needs somebody."""
    with world.reading() as connection:
        waiting = connection.execute(
            sa.text("select order_id from cova_push where state = 'needs_attention' order by id")
        ).all()
    for row in waiting:
        world.say(f"staff press Retry on {row.order_id}")
        world.work(worker, partial(_retry, order_id=row.order_id))
    return bool(waiting)


def _retry(ctx: Any, *, order_id: str) -> None:
    # The order may be somebody's at this very moment, which staff are told on the page.
    with suppress(CovaPluginError):
        retry_order(ctx, find_push(ctx, order_id, STORE), by="staff")


def staff_sync(world: World, *, worker: int = 0, approves: bool = False, full: bool = True) -> Any:
    """Press Sync, or Approve; the report, None when the worker died or was busy."""

    def sync(ctx: Any) -> Any:
        try:
            return sync_catalog(ctx, STORE, full=full, approve=approves, trigger="button")
        except LeaseHeld:
            return None

    if approves:
        world.checks.approval_was_given()
    report = world.work(worker, sync)
    world.say(f"a sync by hand: {report.status if report is not None else 'none'}")
    return report


def staff_ask_statuses(world: World, worker: int = 0) -> None:
    """Ask about every open order now."""
    world.work(worker, lambda ctx: poll_statuses(ctx, STORE))
