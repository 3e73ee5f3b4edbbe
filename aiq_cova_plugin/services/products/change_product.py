"""What a person can do with one product: lock, exclude, give it a category, take COVA's values.

Lock, exclude and category are the store's own choices about a product. The next sync applies
them, and is asked for at once. Taking COVA's values writes to the shop right away, in one
transaction with our record of it. Every act is in the audit trail.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.snapshot_codec import snapshot_from_json
from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.host import PRODUCT_FIELDS, ProductChange
from aiq_cova_plugin.services import audit
from aiq_cova_plugin.services.catalogue.apply_changes import host_side_of
from aiq_cova_plugin.services.catalogue.plan_product import (
    ABSENT,
    HIDDEN,
    SHOWN,
    ProductPlan,
    plan_product,
    plan_taking,
)
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.jobs.plan_jobs import CATALOG
from aiq_cova_plugin.services.products.compare_products import StoreSide, store_side
from aiq_cova_plugin.services.products.show_products import PRODUCT_RULE
from aiq_cova_plugin.services.stores import has_credentials, load_connection, require_store
from aiq_cova_plugin.store.categories import set_rule
from aiq_cova_plugin.store.connections import connection_of, save_connection
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.holds import held_by_product
from aiq_cova_plugin.store.models import Product
from aiq_cova_plugin.store.products import change_product, lock_products, product_of

_NOTHING = Decimal(0)


class UnknownProduct(NeedsOperator):
    """COVA never sent the store a product with this id."""


@dataclass(frozen=True)
class Choice:
    """What came of a choice: was it news, and is a sync coming soon to apply it?

    `is_awaited`: the product was included again, and COVA does not offer it now; it is shown
    as soon as COVA does.
    """

    is_news: bool
    sync_is_planned: bool
    is_awaited: bool = False


def lock_product(ctx: ServiceContext, store_id: str, product_id: str, *, by: str) -> Choice:
    """From now on only the quantity of the product follows COVA. Raises `UnknownProduct`."""
    return _mark(ctx, store_id, product_id, "product_locked", {"is_locked": True}, by=by)


def unlock_product(ctx: ServiceContext, store_id: str, product_id: str, *, by: str) -> Choice:
    """Let every field COVA owns follow COVA again. Raises `UnknownProduct`."""
    return _mark(ctx, store_id, product_id, "product_unlocked", {"is_locked": False}, by=by)


def exclude_product(ctx: ServiceContext, store_id: str, product_id: str, *, by: str) -> Choice:
    """Take the product off the menu and leave it alone. Raises `UnknownProduct`."""
    return _mark(ctx, store_id, product_id, "product_excluded", {"is_excluded": True}, by=by)


def include_product(ctx: ServiceContext, store_id: str, product_id: str, *, by: str) -> Choice:
    """Sync the product again, and show it if COVA does.

    Where staff own what is on the menu, no sync would undo that excluding hid it, so the shop
    is told at once, or as soon as COVA offers it. Raises `UnknownProduct`, and `NeedsOperator`
    when the shop refuses.
    """
    state = _undo_hiding(ctx, store_id, product_id.lower())
    if state is not None:
        audit.note(ctx, store_id, "product_included", product_id.lower(), by=by)
        is_planned = _ask_for_sync(ctx, store_id)
        return Choice(is_news=True, sync_is_planned=is_planned, is_awaited=state == HIDDEN)
    return _mark(ctx, store_id, product_id, "product_included", {"is_excluded": False}, by=by)


def _undo_hiding(ctx: ServiceContext, store_id: str, product_id: str) -> str | None:
    """Include the product and undo that excluding hid it, where `enabled` is the staff's.

    The state it has now: shown, or still hidden when COVA does not offer it, and then it is
    noted that a sync is to show it. None when there is nothing to undo, and nothing was done.
    """
    side = store_side(ctx, store_id)
    if "enabled" in side.owned:
        return None
    with ctx.database.job_transaction() as connection:
        lock_products(connection, store_id, [product_id])
        product = _known(connection, store_id, product_id)
        snapshot = snapshot_from_json(product.snapshot)
        if not product.is_excluded or product.host_state != HIDDEN:
            return None
        plan = plan_product(
            snapshot,
            host=replace(host_side_of(product), is_excluded=False),
            owned=side.owned | {"enabled"},
            category_id=side.category_of(snapshot).category_id,
            held=held_by_product(connection, store_id, [product_id]).get(product_id, _NOTHING),
            is_vanished=product.vanished_at is not None,
            now=ctx.clock.now(),
            erasable=side.erasable,
        )
        is_shown = plan.change is not None and plan.state_after == SHOWN
        values: dict[str, Any] = {
            "is_excluded": False,
            "is_awaited": not is_shown,
            "is_dirty": True,
            "differing_fields": "",
        }
        if plan.change is not None and is_shown:
            _tell(ctx, store_id, product, plan.change)
            applied = {name: v for name, v in plan.applied_after.items() if name in side.owned}
            now = ctx.clock.now()
            values |= {"host_state": SHOWN, "applied": applied, "updated_at": now}
        change_product(connection, store_id, product_id, values)
    return SHOWN if is_shown else HIDDEN


def _mark(
    ctx: ServiceContext,
    store_id: str,
    product_id: str,
    action: str,
    mark: dict[str, bool],
    *,
    by: str,
) -> Choice:
    require_store(ctx, store_id)
    ctx.database.end_reading()
    product_id = product_id.lower()
    ((column, wanted),) = mark.items()
    with ctx.database.short() as connection:
        # A sync that is writing this product right now is waited for: it writes back the mark
        # it read, and would undo ours. One that comes later reads ours.
        lock_products(connection, store_id, [product_id])
        product = _known(connection, store_id, product_id)
        is_news = getattr(product, column) is not wanted
        if is_news:
            values: dict[str, Any] = {**mark, "is_dirty": True}
            if column == "is_excluded":
                values |= {"differing_fields": "", "is_awaited": False}
            change_product(connection, store_id, product_id, values)
    if is_news:
        audit.note(ctx, store_id, action, product_id, by=by)
    return Choice(is_news, _ask_for_sync(ctx, store_id))


def set_category(
    ctx: ServiceContext, store_id: str, product_id: str, category_id: str | None, *, by: str
) -> Choice:
    """Put this very product in a category, whatever the other rules say; None takes that back.

    Raises `UnknownProduct`, and `NeedsOperator` with the field `category_id` for a category
    the store does not have.
    """
    require_store(ctx, store_id)
    known = {category.id for category in ctx.host.categories(store_id)}
    ctx.database.end_reading()
    if category_id is not None and category_id not in known:
        raise NeedsOperator(
            "The store has no such category.",
            field="category_id",
            fix="Choose one from the list.",
        )
    product_id = product_id.lower()
    lease = f"catalog:{store_id}"
    sync_may_have_begun = ctx.leases.is_held(lease, ctx.clock.now())
    with ctx.database.short() as connection:
        lock_products(connection, store_id, [product_id])
        _known(connection, store_id, product_id)
        is_news = set_rule(connection, store_id, PRODUCT_RULE, product_id, category_id)
        change_product(connection, store_id, product_id, {"is_dirty": True})
    if is_news:
        if sync_may_have_begun or ctx.leases.is_held(lease, ctx.clock.now()):
            _count_up_version(ctx, store_id)
        audit.note(
            ctx, store_id, "product_category_set", product_id, by=by, category_id=category_id
        )
    return Choice(is_news, _ask_for_sync(ctx, store_id))


def _count_up_version(ctx: ServiceContext, store_id: str) -> None:
    """Make the next sync look at every product again.

    A sync reads the rules when it begins. One that is under way would sort the product by the
    old rules and take the mark on it away; the version is what it cannot take away.
    """
    with ctx.database.short() as connection:
        row = connection_of(connection, store_id)
        if row is not None:
            version = {"settings_version": row.settings_version + 1}
            save_connection(connection, store_id, version, now=ctx.clock.now())


def take_cova_values(
    ctx: ServiceContext,
    store_id: str,
    product_id: str,
    fields: Collection[str] | None,
    *,
    by: str,
) -> tuple[str, ...]:
    """Write COVA's values of these fields (None: of all) into the shop, once; the names written.

    Also fields that staff own, and of a locked product: a person asked for it. Ownership and
    lock stay as they are. Raises `UnknownProduct`, and `NeedsOperator` when the shop does not
    have the product, when COVA says nothing about the fields, or when the shop refuses.
    """
    side = store_side(ctx, store_id)
    product_id = product_id.lower()
    unknown = sorted(set(fields or ()) - set(PRODUCT_FIELDS))
    if unknown:
        raise NeedsOperator(
            f"There is no product field “{unknown[0]}”.", field="field", fix="Reload the page."
        )
    asked = None if fields is None else frozenset(fields)
    with ctx.database.job_transaction() as connection:
        lock_products(connection, store_id, [product_id])
        product = _known(connection, store_id, product_id)
        plan = _plan_for(ctx, connection, product, side, asked)
        change = _change_of(plan, product, asked)
        _tell(ctx, store_id, product, change)
        told = tuple(name for name in PRODUCT_FIELDS if name in change.fields)
        values: dict[str, Any] = {
            "host_state": plan.state_after,
            "applied": plan.applied_after,
            "updated_at": ctx.clock.now(),
            "differing_fields": ",".join(
                name for name in product.differing_fields.split(",") if name and name not in told
            ),
        }
        if asked is None:
            values["last_error"] = ""
        change_product(connection, store_id, product_id, values)
    audit.note(ctx, store_id, "product_restored", product_id, by=by, fields=list(told))
    return told


def _plan_for(
    ctx: ServiceContext,
    connection: DatabaseConnection,
    product: Product,
    side: StoreSide,
    asked: frozenset[str] | None,
) -> ProductPlan:
    product_id, snapshot = product.cova_product_id, snapshot_from_json(product.snapshot)
    held = held_by_product(connection, product.store_id, [product_id])
    return plan_taking(
        snapshot,
        asked,
        host=host_side_of(product),
        owned=side.owned,
        category_id=side.category_of(snapshot).category_id,
        held=held.get(product_id, _NOTHING),
        is_vanished=product.vanished_at is not None,
        now=ctx.clock.now(),
        erasable=side.erasable,
    )


def _change_of(plan: ProductPlan, product: Product, asked: frozenset[str] | None) -> ProductChange:
    if plan.change is not None:
        return plan.change
    name = product.name or product.cova_product_id
    if product.host_state == ABSENT:
        raise NeedsOperator(
            f"The shop does not have {name}, so there is nothing to write COVA's values to.",
            fix="A sync creates it once it is active and has a price in COVA.",
        )
    if asked == frozenset({"enabled"}):
        raise NeedsOperator(
            f"{name} is excluded from the sync, so COVA does not decide whether it is shown.",
            fix="Press “Include again” first.",
        )
    raise NeedsOperator(
        f"COVA says nothing about that field of {name}, so the shop's value stays.",
        fix="Fill it in in COVA, then sync.",
    )


def _tell(ctx: ServiceContext, store_id: str, product: Product, change: ProductChange) -> None:
    """Let the shop write the change. Raises `NeedsOperator` with the shop's own reason."""
    name = product.name or product.cova_product_id
    answers = {
        answer.cova_product_id: answer for answer in ctx.host.apply_products(store_id, [change])
    }
    answer = answers.get(change.cova_product_id)
    if answer is None or not answer.ok:
        reason = (answer.reason if answer is not None else None) or "It gave no reason."
        raise NeedsOperator(
            f"The shop could not save COVA's values of {name}: {reason}",
            fix="Put that right in COVA or in the shop, then try again.",
        )


def _known(connection: DatabaseConnection, store_id: str, product_id: str) -> Product:
    found = product_of(connection, store_id, product_id)
    if found is None:
        raise UnknownProduct(
            f"COVA has not sent this store a product {product_id!r}.",
            field="product",
            fix="Look it up in the product list; if it is new in COVA, sync first.",
        )
    return found


def _ask_for_sync(ctx: ServiceContext, store_id: str) -> bool:
    """Make a sync due now; False when the store is off, and nothing will happen by itself."""
    row = load_connection(ctx, store_id)
    if row is None or not row.enabled or not has_credentials(row):
        return False
    ctx.schedule.plan(
        store_id,
        CATALOG,
        interval_seconds=ctx.config.catalog_interval_seconds,
        due_at=ctx.clock.now(),
    )
    return True
