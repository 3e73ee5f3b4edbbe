"""Which products of a reading are looked at again, and whether that would wipe the menu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, cast

from aiq_cova_plugin.domain.catalogue import ProductSnapshot
from aiq_cova_plugin.domain.categories import CategoryChooser, CategoryRule, RuleKind
from aiq_cova_plugin.domain.snapshot_codec import snapshot_from_json
from aiq_cova_plugin.host import Category
from aiq_cova_plugin.services.catalogue.apply_changes import Candidate
from aiq_cova_plugin.services.catalogue.plan_product import ProductPlan
from aiq_cova_plugin.services.catalogue.understand_products import Reading
from aiq_cova_plugin.store.categories import rules_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Connection, Product
from aiq_cova_plugin.store.products import ProductMark, products_by_id

HOW_TO_APPROVE = (
    "Look at what it would do with a preview. If that is right, press Approve, or run "
    "flask cova sync --store … --approve."
)
_HOW_TO_GET_PRODUCTS = (
    "Look at the location and the API user's rights in COVA. Approving does not help here: an "
    "empty list is never taken for the menu."
)


class HeldBack(NamedTuple):
    """Why a run waits for a person, what to do, and how many products it would take away."""

    number: int
    message: str
    fix: str


class ChangeDecider:
    """Decides for one run, from what is known of the store's products when it begins."""

    def __init__(
        self,
        connection: DatabaseConnection,
        settings: Connection,
        *,
        marks: Mapping[str, ProductMark],
        categories: Sequence[Category],
        is_full: bool,
        retells: bool,
        started_at: datetime,
    ) -> None:
        self._settings = settings
        self._marks = marks
        self._is_full = is_full
        self._retells = retells
        self._started_at = started_at
        self._categories = CategoryChooser(
            rules=[
                CategoryRule(cast(RuleKind, rule.kind), rule.pattern, rule.category_id)
                for rule in rules_of(connection, settings.store_id)
            ],
            categories=categories,
            fallback=settings.fallback_category_id,
        )

    def doubtful(self, reading: Reading) -> set[str]:
        """Products that a listing alone must not decide about: COVA is to be asked by id.

        Those missing from a whole listing (pages shift while data changes), and those whose
        stock list became empty.
        """
        doubtful = set()
        for product_id, product in reading.products.items():
            mark = self._marks.get(product_id)
            if mark is None or product.snapshot is None or not mark.stock:
                continue
            if product.snapshot.stock == 0:
                doubtful.add(product_id)
        if self._is_full:
            doubtful |= {
                product_id
                for product_id, mark in self._marks.items()
                if product_id not in reading.products and not mark.is_vanished
            }
        return doubtful

    def candidates(
        self, connection: DatabaseConnection, reading: Reading, *, settling: set[str]
    ) -> list[Candidate]:
        """Every product to be planned: those that changed, and those that need another look."""
        read = reading.products
        changed = {each: p for each, p in read.items() if p.snapshot is not None}
        stored_ids = {
            each
            for each, mark in self._marks.items()
            if each not in changed
            and self._needs_another_look(each, mark, reading, is_settling=each in settling)
        }
        stored = products_by_id(connection, self._settings.store_id, stored_ids)
        fresh = [
            self._candidate(
                product.snapshot,
                product.raw_hash,
                product.read_began_at,
                specifications=product.specifications,
            )
            for product in changed.values()
            if product.snapshot is not None
        ]
        return fresh + [
            self._stored_candidate(
                row,
                read[row.cova_product_id].read_began_at if row.cova_product_id in read else None,
                is_vanished=self._has_vanished(row, reading),
            )
            for row in stored.values()
        ]

    def due_by_price(self) -> set[str]:
        """Products whose sale began or ended since the shop was last told."""
        return {product_id for product_id, mark in self._marks.items() if self._is_price_due(mark)}

    def held_back(
        self,
        plans: Sequence[ProductPlan],
        reading: Reading,
        *,
        is_approved: bool = False,
        number_approved: int | None = None,
    ) -> HeldBack | None:
        """Why the run must wait for a person, or None when it may go on.

        An approval covers `number_approved`, what the held run showed, and as many more as no
        run is held for; None means that no run was held, and all that this one finds is
        covered. That COVA has no products at all is covered by no approval.
        """
        lost = sum(plan.is_destructive and plan.counts_for_guard for plan in plans)
        shown = sum(mark.host_state == "shown" for mark in self._marks.values())
        if lost and self._is_full and not reading.products:
            return HeldBack(
                lost,
                f"COVA says that it has no products at all, and the shop shows {shown}. The run "
                "was held back and nothing was changed.",
                _HOW_TO_GET_PRODUCTS,
            )
        many, share = self._settings.guard_at_least, self._settings.guard_percent
        if lost < many or lost * 100 <= share * shown:
            return None
        if not is_approved:
            return HeldBack(
                lost,
                f"This run would hide or set to zero {lost} of the {shown} products on "
                "the menu, so it was held back and nothing was changed.",
                HOW_TO_APPROVE,
            )
        if number_approved is None or lost <= number_approved + many:
            return None
        return HeldBack(
            lost,
            f"{number_approved} products were to be hidden or set to zero when this was approved; "
            f"now it would be {lost} of the {shown} on the menu. The run was held back again "
            "and nothing was changed.",
            HOW_TO_APPROVE,
        )

    def _needs_another_look(
        self, product_id: str, mark: ProductMark, reading: Reading, *, is_settling: bool
    ) -> bool:
        was_read = product_id in reading.products
        return (
            mark.is_dirty
            or self._retells
            or self._is_price_due(mark)
            or mark.applied_version != self._settings.settings_version
            or (mark.is_vanished and was_read)
            or (is_settling and was_read)
            or (self._is_full and not was_read and not mark.is_vanished)
        )

    def _is_price_due(self, mark: ProductMark) -> bool:
        """Has a sale begun or ended since the host was last told?"""
        moment = mark.next_price_change_at
        return moment is not None and moment <= self._started_at

    def _has_vanished(self, row: Product, reading: Reading) -> bool:
        product_id = row.cova_product_id
        if product_id in reading.products:
            return False
        if product_id in reading.unreadable or product_id in reading.unclear:
            return row.vanished_at is not None
        return self._is_full or row.vanished_at is not None

    def _stored_candidate(
        self, row: Product, read_began_at: datetime | None, *, is_vanished: bool
    ) -> Candidate:
        snapshot, raw_hash = snapshot_from_json(row.snapshot), row.raw_hash
        if is_vanished and "enabled" in self._settings.staff_fields:
            # It may stay on the menu: there is nothing left to sell of it. Without the hash it
            # is read anew, with its stock, when COVA lists it again.
            snapshot, raw_hash = replace(snapshot, stock=Decimal(0)), ""
        return self._candidate(snapshot, raw_hash, read_began_at, is_vanished=is_vanished)

    def _candidate(
        self,
        snapshot: ProductSnapshot,
        raw_hash: str,
        read_began_at: datetime | None,
        *,
        is_vanished: bool = False,
        specifications: list[dict[str, object]] | None = None,
    ) -> Candidate:
        return Candidate(
            snapshot=snapshot,
            raw_hash=raw_hash,
            read_began_at=read_began_at,
            category=self._categories.choose(snapshot),
            is_retold=self._retells,
            is_vanished=is_vanished,
            specifications=specifications,
        )
