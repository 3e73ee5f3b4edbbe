"""What is not the same on both sides because staff want it so: no difference, but worth knowing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from aiq_cova_plugin.domain.catalogue import Presence, ProductSnapshot
from aiq_cova_plugin.domain.differences import FieldComparison, Verdict, compare_fields
from aiq_cova_plugin.domain.product_fields import fields_of
from aiq_cova_plugin.domain.push_states import PushState
from aiq_cova_plugin.domain.sellable import sellable_quantity
from aiq_cova_plugin.services.catalogue.plan_product import FOLLOWS_WHEN_LOCKED
from aiq_cova_plugin.services.catalogue.read_catalogue import Reading
from aiq_cova_plugin.services.choices.field_owners import FIELD_LABELS
from aiq_cova_plugin.services.compare.difference import Difference, value_text
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.products.compare_products import StoreSide, read_back
from aiq_cova_plugin.store.models import Push
from aiq_cova_plugin.store.reports import ProductRecord

_AT_A_TIME = 200
_NOTHING = Decimal(0)


def products_on_purpose(
    ctx: ServiceContext,
    side: StoreSide,
    reading: Reading,
    rows: Mapping[str, ProductRecord],
    held: Mapping[str, Decimal],
    *,
    store_id: str,
    now: datetime,
) -> Iterator[Difference]:
    """Products that staff excluded, and values that differ because staff own or locked them.

    A host that cannot tell what it has is taken to have what it was last told. Raises
    `ShopCannotSay`.
    """
    on_offer = [
        (row, snapshot) for row in rows.values() if (snapshot := _offered(reading, row)) is not None
    ]
    for row, _snapshot in on_offer:
        if row.is_excluded:
            cause = "Staff excluded it from the menu."
            fix = "Press Include again on its page when it is to be sold."
            yield _of_product(row, "kept_off_menu", ("excluded", "active"), cause, fix)
    theirs = [
        (row, snapshot)
        for row, snapshot in on_offer
        if row.host_state == "shown" and not row.is_excluded and _is_theirs(row, side)
    ]
    for start in range(0, len(theirs), _AT_A_TIME):
        batch = theirs[start : start + _AT_A_TIME]
        in_shop = read_back(ctx, store_id, [row.cova_product_id for row, _snapshot in batch])
        for row, snapshot in batch:
            found = row.applied if in_shop is None else in_shop.get(row.cova_product_id, {})
            said = fields_of(
                snapshot,
                category_id=side.category_of(snapshot).category_id,
                sellable=sellable_quantity(row.stock, held.get(row.cova_product_id, _NOTHING)),
                now=now,
            )
            compared = compare_fields(
                said, found, following=_following(row, side), erasable=side.erasable
            )
            yield from _kept_values(row, compared)


def orders_on_purpose(
    pushes: Iterable[Push], confirmed: set[str], events: Mapping[int, Sequence[str]]
) -> Iterator[Difference]:
    """Orders entered at the register by hand: no status of theirs ever reaches the shop.

    `events` is dict: id of a push → the names in its timeline.
    """
    for push in pushes:
        by_hand = "entered_by_hand" in events.get(push.id, ())
        if push.order_id in confirmed and push.state == PushState.COMPLETED and by_hand:
            yield Difference(
                "entered_by_hand",
                push.order_id,
                push.host_status,
                push.state,
                None,
                "Complete it in the shop, if it is not completed there yet.",
                cause="It was entered at the register by hand, so the shop is not told how it "
                "goes on.",
                name=push.order_number or push.order_id,
                order_id=push.order_id,
            )


def _offered(reading: Reading, row: ProductRecord) -> ProductSnapshot | None:
    read = reading.products.get(row.cova_product_id)
    snapshot = None if read is None else read.snapshot
    return snapshot if snapshot is not None and snapshot.presence is Presence.ACTIVE else None


def _is_theirs(row: ProductRecord, side: StoreSide) -> bool:
    return row.is_locked or len(side.owned) < len(FIELD_LABELS)


def _following(row: ProductRecord, side: StoreSide) -> frozenset[str]:
    return side.owned & FOLLOWS_WHEN_LOCKED if row.is_locked else side.owned


def _kept_values(row: ProductRecord, compared: Iterable[FieldComparison]) -> Iterator[Difference]:
    kept = [each for each in compared if each.verdict is Verdict.DIFFERS and not each.follows_cova]
    if not kept:
        return
    yield _of_product(
        row,
        "kept_by_staff",
        (
            _values((each.name, each.shop) for each in kept),
            _values((each.name, each.cova) for each in kept),
        ),
        "Staff locked it." if row.is_locked else "Staff own these fields.",
        "Press Take COVA's value on its page if it is not meant to differ any more.",
    )


def _values(values: Iterable[tuple[str, object]]) -> str:
    return "; ".join(
        f"{FIELD_LABELS.get(name, name)}: {value_text(value) or 'none'}" for name, value in values
    )


def _of_product(
    row: ProductRecord, kind: str, sides: tuple[str, str], cause: str, fix: str
) -> Difference:
    """`sides` are shop and COVA."""
    host, cova = sides
    return Difference(
        kind,
        f"{row.name} ({row.cova_product_id})",
        host,
        None,
        cova,
        fix,
        cause=cause,
        name=row.name or row.cova_product_id,
        cova_product_id=row.cova_product_id,
    )
