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
from tests.simulation.place import Place
from tests.support.shop import ShopProduct

EDITABLE = ("name", "description", "price", "brand")


def staff_own(place: Place, fields: tuple[str, ...]) -> bool:
    """Make these fields, and no others, the staff's, as the page does."""
    given_up = place.staff_fields - set(fields)
    unnoticed = {key for key in place.edits if key[1] in given_up and _is_told(place, *key)}
    with place.in_shop() as session:
        session.execute(
            sa.text(
                "update cova_connection set staff_fields = :fields, "
                "settings_version = settings_version + 1 where store_id = :store"
            ).bindparams(sa.bindparam("fields", type_=sa.JSON())),
            {"fields": list(fields), "store": place.store_id},
        )
    for key in [key for key in place.edits if key[1] in given_up]:
        del place.edits[key]
        # What staff owned, edited and gave back between two syncs waits for the nightly pass
        # (docs/limits.md).
        if key[0] in place.locked or key in unnoticed:
            place.loosened.add(key)
    place.staff_fields = set(fields)
    place.say(f"staff now own {', '.join(sorted(fields)) or 'nothing'}")
    return True


def _is_told(place: Place, product_id: str, field: str) -> bool:
    """Does the plugin's record say that the shop was told this field by COVA?"""
    with place.in_shop() as session:
        applied = session.execute(
            sa.text(
                "select applied from cova_product where store_id = :store and cova_product_id = :id"
            ).columns(applied=sa.JSON()),
            {"store": place.store_id, "id": product_id},
        ).scalar_one_or_none()
    return field in (applied or {})


def staff_edit(place: Place, product: int, field: int, number: int) -> bool:
    """Change a field that is the staff's: of any product, or of one that is locked."""
    each = one_of(place, product)
    name = EDITABLE[field % len(EDITABLE)]
    if name not in place.staff_fields and each not in place.locked:
        return False
    value = str(number) if name == "price" else f"By staff {number}"
    with place.in_shop() as session:
        row = session.get(ShopProduct, (place.store_id, each))
        if row is None:
            return False
        row.fields = {**row.fields, name: value}
    place.edits[each, name] = StaffEdit(each, name, value)
    if each in place.locked:
        place.loosened.add((each, name))
    place.say(f"staff write {value!r} into the {name} of {name_of(place, each)}")
    return True


def staff_lock(place: Place, product: int) -> bool:
    """Lock a product, or unlock it."""
    each = one_of(place, product)
    locks = each not in place.locked
    with place.in_shop() as session:
        changed = session.execute(
            sa.text(
                "update cova_product set is_locked = :locks, is_dirty = :dirty "
                "where store_id = :store and cova_product_id = :id"
            ),
            {"locks": locks, "dirty": not locks, "store": place.store_id, "id": each},
        ).rowcount
    if not changed:
        return False
    if locks:
        place.locked.add(each)
    else:
        place.locked.discard(each)
        for key in [key for key in place.edits if key[0] == each]:
            if key[1] not in place.staff_fields:
                del place.edits[key]
    place.say(f"staff {'lock' if locks else 'unlock'} {name_of(place, each)}")
    return True


def staff_retry(place: Place, worker: int = 0) -> bool:
    """Press Retry on every order that needs somebody."""
    with place.world.reading() as connection:
        waiting = connection.execute(
            sa.text(
                "select order_id from cova_push where state = 'needs_attention' "
                "and store_id = :store order by id"
            ),
            {"store": place.store_id},
        ).all()
    for row in waiting:
        place.say(f"staff press Retry on {row.order_id}")
        place.world.work(worker, partial(_retry, store_id=place.store_id, order_id=row.order_id))
    return bool(waiting)


def _retry(ctx: Any, *, store_id: str, order_id: str) -> None:
    # The order may be somebody's at this very moment, which staff are told on the page.
    with suppress(CovaPluginError):
        retry_order(ctx, find_push(ctx, order_id, store_id), by="staff")


def staff_sync(place: Place, *, worker: int = 0, approves: bool = False, full: bool = True) -> Any:
    """Press Sync, or Approve; the report, None when the worker died or was busy."""

    def sync(ctx: Any) -> Any:
        try:
            return sync_catalog(ctx, place.store_id, full=full, approve=approves, trigger="button")
        except LeaseHeld:
            return None

    if approves:
        place.world.checks.approval_was_given(place)
    report = place.world.work(worker, sync)
    place.say(f"a sync by hand: {report.status if report is not None else 'none'}")
    return report


def staff_ask_statuses(place: Place, worker: int = 0) -> None:
    """Ask about every open order now."""
    place.world.work(worker, lambda ctx: poll_statuses(ctx, place.store_id))
