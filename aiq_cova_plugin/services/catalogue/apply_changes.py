"""Writes planned products to the host, in batches that commit with our record of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.domain.catalogue import FieldIssue, ProductSnapshot
from aiq_cova_plugin.domain.categories import CategoryChoice
from aiq_cova_plugin.domain.pricing import next_price_change
from aiq_cova_plugin.domain.snapshot_codec import snapshot_to_json
from aiq_cova_plugin.errors import LeaseHeld, NeedsOperator
from aiq_cova_plugin.host import ApplyResult
from aiq_cova_plugin.services.catalogue.plan_product import (
    HIDDEN,
    HostSide,
    ProductPlan,
    plan_product,
)
from aiq_cova_plugin.services.catalogue.run_changes import Change, RunChanges, change_of
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store.database import DatabaseConnection, is_database_trouble
from aiq_cova_plugin.store.holds import (
    held_by_product,
    open_holds,
    release_settled,
    settling_products,
)
from aiq_cova_plugin.store.leases import HeldLease
from aiq_cova_plugin.store.locations import is_connected_to
from aiq_cova_plugin.store.models import Product
from aiq_cova_plugin.store.products import lock_products, products_by_id, save_products
from aiq_cova_plugin.store.specifications import save_specifications

_BATCH = 100
_NOTHING = Decimal(0)


class StoreMoved(NeedsOperator):
    """The store was connected to another company or location while a run was under way."""

    def __init__(self) -> None:
        super().__init__(
            "The store was connected to another company or location in COVA while this sync ran, "
            "so it stopped: what it had read belongs to the old one.",
            fix="Nothing to do: the next sync reads the new location whole.",
        )


@dataclass(frozen=True)
class Candidate:
    """A product that may have to be told to the host, and what is known of it."""

    snapshot: ProductSnapshot
    raw_hash: str
    read_began_at: datetime | None
    category: CategoryChoice
    is_vanished: bool
    is_retold: bool = False
    specifications: list[dict[str, Any]] | None = None
    """As COVA sent them; None when they are those we have."""

    @property
    def stock_read_at(self) -> datetime | None:
        """When the reading of its stock began; None when COVA said nothing about stock."""
        return None if self.snapshot.stock is None else self.read_began_at


@dataclass
class Outcome:
    """What became of the products of a run."""

    created: int = 0
    updated: int = 0
    hidden: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    issues: list[FieldIssue] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    """Of the batch that is being written alone; a run's are in the database."""

    def count(self, action: str) -> None:
        if action == "create":
            self.created += 1
        elif action == "hide":
            self.hidden += 1
        else:
            self.updated += 1


class ProductWriter:
    """Tells one store's host about products, and remembers what it was told.

    `place` is the company and the location in COVA that the products were read from.
    """

    def __init__(
        self,
        ctx: ServiceContext,
        store_id: str,
        *,
        place: dict[str, int | None],
        owned: frozenset[str],
        settings_version: int,
        lease: HeldLease | None,
        on_batch: Callable[[int], None],
        changes: RunChanges,
        erasable: frozenset[str] = frozenset(),
    ) -> None:
        self._ctx = ctx
        self._store_id = store_id
        self._place = place
        self._owned = owned
        self._erasable = erasable
        self._settings_version = settings_version
        self._lease = lease
        self._on_batch = on_batch
        self._changes = changes
        self.outcome = Outcome()

    def plan(
        self, connection: DatabaseConnection, candidates: Sequence[Candidate]
    ) -> list[ProductPlan]:
        """The plan for each candidate as things stand on the connection."""
        ids = [each.snapshot.cova_product_id for each in candidates]
        rows = products_by_id(connection, self._store_id, ids)
        held = self._held_after_the_reading(connection, candidates)
        now = self._ctx.clock.now()
        return [self._plan_one(each, rows, held, now) for each in candidates]

    def _held_after_the_reading(
        self, connection: DatabaseConnection, candidates: Sequence[Candidate]
    ) -> dict[str, Decimal]:
        """What stays held once the settling holds are released that the stock counts."""
        held = held_by_product(connection, self._store_id)
        counted_at = {each.snapshot.cova_product_id: each.stock_read_at for each in candidates}
        for hold in open_holds(connection, self._store_id):
            moment = counted_at.get(hold.cova_product_id)
            if moment is not None and hold.settling_since and hold.settling_since < moment:
                held[hold.cova_product_id] -= hold.quantity
        return held

    def write(self, candidates: Sequence[Candidate]) -> None:
        """Tell the host about every candidate; one bad product fails alone.

        Raises `LeaseHeld` when another worker has taken the run over, and `StoreMoved` when the
        store is connected to another place by now.
        """
        for start in range(0, len(candidates), _BATCH):
            batch = candidates[start : start + _BATCH]
            try:
                self._write_batch(batch)
            except (LeaseHeld, StoreMoved):
                raise
            except Exception as exc:
                if is_database_trouble(exc):
                    raise
                log.warning(
                    "product_batch_failed",
                    extra={"store_id": self._store_id, "products": len(batch)},
                    exc_info=True,
                )
                self._write_one_by_one(batch)
            self._on_batch(start + len(batch))

    def _write_one_by_one(self, batch: Sequence[Candidate]) -> None:
        for candidate in batch:
            try:
                self._write_batch([candidate])
            except (LeaseHeld, StoreMoved):
                raise
            except Exception as exc:
                if is_database_trouble(exc):
                    raise
                reason = f"The shop could not save this product ({type(exc).__name__})."
                self._note_failure(candidate, reason)

    def _write_batch(self, batch: Sequence[Candidate]) -> None:
        """One transaction: lock, plan with the holds as they are now, tell, remember."""
        ctx, ids = self._ctx, [each.snapshot.cova_product_id for each in batch]
        fresh = Outcome()
        with ctx.database.job_transaction() as connection:
            if self._lease is not None:
                ctx.leases.renew_within(connection, self._lease)
            # The store's row before the products: whoever saves settings waits for it alone, and
            # nobody waits for that person with a product in hand.
            if not is_connected_to(connection, self._store_id, **self._place):
                raise StoreMoved
            lock_products(connection, self._store_id, ids)
            self._release_counted_holds(connection, batch)
            rows = products_by_id(connection, self._store_id, ids)
            held = held_by_product(connection, self._store_id, ids)
            now = ctx.clock.now()
            plans = [self._plan_one(each, rows, held, now) for each in batch]
            changes = [plan.change for plan in plans if plan.change is not None]
            results = ctx.host.apply_products(self._store_id, changes) if changes else ()
            answers = {result.cova_product_id: result for result in results}
            records = [
                self._record(each, plan, rows.get(each.snapshot.cova_product_id), answers, fresh)
                for each, plan in zip(batch, plans, strict=True)
            ]
            save_products(connection, records)
            self._save_specifications(connection, batch, now)
            kept = self._changes.write(connection, fresh.changes)
        self._changes.committed(kept)
        self._merge(fresh)

    def _save_specifications(
        self, connection: DatabaseConnection, batch: Sequence[Candidate], now: datetime
    ) -> None:
        """Keep the raw texts, so that staff can be shown what became of each."""
        save_specifications(
            connection,
            [
                {
                    "store_id": self._store_id,
                    "cova_product_id": each.snapshot.cova_product_id,
                    "specifications": each.specifications,
                    "read_at": each.read_began_at or now,
                }
                for each in batch
                if each.specifications is not None
            ],
        )

    def _release_counted_holds(
        self, connection: DatabaseConnection, batch: Sequence[Candidate]
    ) -> None:
        """End settling holds that the stock we are about to store already counts."""
        settling = settling_products(connection, self._store_id)
        for each in batch:
            product_id = each.snapshot.cova_product_id
            if product_id in settling and each.stock_read_at is not None:
                release_settled(
                    connection,
                    self._store_id,
                    [product_id],
                    read_began_at=each.stock_read_at,
                    now=self._ctx.clock.now(),
                )

    def _plan_one(
        self,
        candidate: Candidate,
        rows: Mapping[str, Product],
        held: Mapping[str, Decimal],
        now: datetime,
    ) -> ProductPlan:
        product_id = candidate.snapshot.cova_product_id
        return plan_product(
            candidate.snapshot,
            host=host_side_of(rows.get(product_id)),
            owned=self._owned,
            category_id=candidate.category.category_id,
            held=held.get(product_id, _NOTHING),
            is_vanished=candidate.is_vanished,
            is_retold=candidate.is_retold,
            erasable=self._erasable,
            now=now,
        )

    def _record(
        self,
        candidate: Candidate,
        plan: ProductPlan,
        row: Product | None,
        answers: Mapping[str, ApplyResult],
        outcome: Outcome,
    ) -> dict[str, Any]:
        failure = self._failure(plan, answers)
        host_state, applied = plan.state_after, plan.applied_after
        if failure is None and (change := change_of(plan)) is not None:
            outcome.changes.append(change)
        if plan.change is not None and failure is None and plan.new:
            outcome.count(plan.change.action)
        if failure is not None:
            product_id = candidate.snapshot.cova_product_id
            outcome.failures[product_id] = failure
            outcome.issues.append(FieldIssue(product_id, "product", failure))
            host_state = row.host_state if row is not None else "absent"
            applied = dict(row.applied) if row is not None else {}
        values = self._row_values(candidate, row, host_state, applied, failure)
        if failure is None:
            values["differing_fields"] = self._differing_after(plan, row)
            if plan.change is not None:
                values["compared_at"] = values["updated_at"]
        return values

    def _differing_after(self, plan: ProductPlan, row: Product | None) -> str:
        """What differs from COVA now: as before, without what the shop was told just now.

        Of a locked product it is known anew for all that COVA owns.
        """
        if row is None or row.is_excluded:
            return ""
        told = plan.change.fields if plan.change is not None else {}
        settled = self._owned if row.is_locked else told.keys()
        before = (name for name in row.differing_fields.split(",") if name)
        return ",".join([*plan.differing, *(name for name in before if name not in settled)])

    def _failure(self, plan: ProductPlan, answers: Mapping[str, ApplyResult]) -> str | None:
        if plan.change is None:
            return None
        answer = answers.get(plan.change.cova_product_id)
        if answer is None:
            return "The shop did not say whether it saved this product."
        return None if answer.ok else (answer.reason or "The shop refused this product.")

    def _row_values(
        self,
        candidate: Candidate,
        row: Product | None,
        host_state: str,
        applied: dict[str, Any],
        failure: str | None,
    ) -> dict[str, Any]:
        snapshot, now = candidate.snapshot, self._ctx.clock.now()
        stock = snapshot.stock
        if stock is None and row is not None:
            stock = row.stock  # COVA did not say: missing is not zero
        return {
            "store_id": self._store_id,
            "cova_product_id": snapshot.cova_product_id,
            "name": snapshot.name or (row.name if row is not None else ""),
            "raw_hash": candidate.raw_hash,
            "snapshot": snapshot_to_json(snapshot),
            "presence": snapshot.presence.value,
            "stock": stock,
            "stock_read_at": candidate.stock_read_at
            or (row.stock_read_at if row is not None else None),
            "host_state": host_state,
            "applied": applied,
            "applied_version": self._settings_version,
            "is_dirty": failure is not None,
            "next_price_change_at": next_price_change(snapshot.sale_windows, now),
            "classification_path": snapshot.classification_path,
            "menu_category": snapshot.menu_category,
            "product_type": snapshot.product_type,
            "category_source": candidate.category.source,
            "is_locked": row.is_locked if row is not None else False,
            "is_excluded": row.is_excluded if row is not None else False,
            "last_error": failure or "",
            "differing_fields": row.differing_fields if row is not None else "",
            "compared_at": row.compared_at if row is not None else None,
            "is_awaited": row is not None and row.is_awaited and host_state == HIDDEN,
            "vanished_at": now if candidate.is_vanished else None,
            "updated_at": now,
        }

    def _note_failure(self, candidate: Candidate, reason: str) -> None:
        product_id = candidate.snapshot.cova_product_id
        self.outcome.failures[product_id] = reason
        self.outcome.issues.append(FieldIssue(product_id, "product", reason))
        with self._ctx.database.short() as connection:
            # A lock or an exclusion that staff set right now must not be written over.
            lock_products(connection, self._store_id, [product_id])
            row = products_by_id(connection, self._store_id, [product_id]).get(product_id)
            state = row.host_state if row is not None else "absent"
            applied = dict(row.applied) if row is not None else {}
            save_products(connection, [self._row_values(candidate, row, state, applied, reason)])

    def _merge(self, fresh: Outcome) -> None:
        total = self.outcome
        total.created += fresh.created
        total.updated += fresh.updated
        total.hidden += fresh.hidden
        total.failures.update(fresh.failures)
        total.issues.extend(fresh.issues)


def host_side_of(row: Product | None) -> HostSide:
    """What the host was last told, from our record of the product."""
    if row is None:
        return HostSide()
    return HostSide(
        row.host_state,
        row.applied,
        row.stock,
        is_locked=row.is_locked,
        is_excluded=row.is_excluded,
        is_awaited=row.is_awaited,
    )
