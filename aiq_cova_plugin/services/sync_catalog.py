"""Brings a store's menu, prices and stock up to date with COVA.

Read everything first, decide, look whether the decision would wipe the menu, then write in
batches. The cursor moves only after a run in which every product was read and written, so a
run that dies or stumbles loses nothing: the next one starts from the same place.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

from aiq_cova_plugin import signals
from aiq_cova_plugin.domain.catalogue import FieldIssue, ProductSnapshot
from aiq_cova_plugin.domain.categories import (
    CategoryChoice,
    CategoryRule,
    RuleKind,
    choose_category,
)
from aiq_cova_plugin.domain.snapshot_codec import snapshot_from_json
from aiq_cova_plugin.errors import (
    BadCredentials,
    CovaPluginError,
    LeaseHeld,
    NotPermitted,
    Retryable,
)
from aiq_cova_plugin.host import PRODUCT_FIELDS
from aiq_cova_plugin.services.apply_changes import Candidate, ProductWriter
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.plan_jobs import CATALOG
from aiq_cova_plugin.services.plan_product import ProductPlan
from aiq_cova_plugin.services.read_catalogue import OVERLAP, CatalogueReader, Reading
from aiq_cova_plugin.services.stores import credentials_of, require_enabled, require_store
from aiq_cova_plugin.store import holds, runs
from aiq_cova_plugin.store.categories import rules_of
from aiq_cova_plugin.store.connections import (
    connection_of,
    save_connection,
    save_sync_state,
    sync_state_of,
)
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.leases import HeldLease
from aiq_cova_plugin.store.models import Connection, Product
from aiq_cova_plugin.store.products import (
    ProductMark,
    marks_of,
    next_price_change_of,
    products_by_id,
)

FULL_PASS_EVERY = timedelta(hours=24)
"""How often a scheduled run reads everything, to find what increments missed."""

GUARD_SHARE = 0.30
GUARD_AT_LEAST = 20
"""A run that would hide or zero this share of the menu, and this many, waits for a person."""


@dataclass
class SyncReport:
    """What a sync did; the fields of the contract's `sync` document (section 5)."""

    store_id: str
    run_id: str
    mode: str
    status: str = "running"
    fetched: int = 0
    created: int = 0
    updated: int = 0
    hidden: int = 0
    unchanged: int = 0
    failed: int = 0
    api_calls: int = 0
    seconds: float = 0.0
    message: str = ""
    fix: str = ""
    issues: list[FieldIssue] = field(default_factory=list)
    changes: list[ProductPlan] | None = None

    def as_document(self) -> dict[str, Any]:
        """The JSON document of the contract, one element of `stores`."""
        numbers = ("fetched", "created", "updated", "hidden", "unchanged", "failed")
        document: dict[str, Any] = {
            "store_id": self.store_id,
            "run_id": self.run_id,
            "mode": self.mode,
            "status": self.status,
            **{name: getattr(self, name) for name in numbers},
            "api_calls": self.api_calls,
            "seconds": round(self.seconds, 3),
            "message": self.message,
            "fix": self.fix,
            "issues": [
                {
                    "cova_product_id": issue.cova_product_id,
                    "field": issue.field,
                    "reason": issue.reason,
                }
                for issue in self.issues
            ],
        }
        if self.changes is not None:
            document["changes"] = [_change_document(plan) for plan in self.changes]
        return document


def _change_document(plan: ProductPlan) -> dict[str, Any]:
    assert plan.change is not None  # noqa: S101 - only plans with a change are collected
    return {
        "cova_product_id": plan.change.cova_product_id,
        "action": plan.change.action,
        "fields": {
            name: {"old": plan.old.get(name), "new": value} for name, value in plan.new.items()
        },
    }


def sync_catalog(
    ctx: ServiceContext,
    store_id: str,
    *,
    full: bool = False,
    approve: bool = False,
    trigger: str = "command",
    run_id: str | None = None,
) -> SyncReport:
    """Sync one store's catalogue and stock; the report says how it went.

    A run that would hide or zero much of the menu ends as `held` and changes nothing, unless
    `approve` is given. `trigger` is `command`, `button` or `schedule`.

    Raises `UnknownStore`, `NotConnected`, and `LeaseHeld` when another worker is at it.
    What goes wrong with COVA ends the run as `failed` and is in the report, not raised.
    """
    require_store(ctx, store_id)
    settings = require_enabled(ctx, store_id)
    with ctx.leases.hold(
        f"catalog:{store_id}",
        busy="A sync of this store is already running; try again when it is done.",
    ) as lease:
        run = _Run(ctx, settings, lease, full=full, trigger=trigger, run_id=run_id)
        with closing(run):
            return run.carry_out(approve=approve)


def preview_sync(ctx: ServiceContext, store_id: str, *, full: bool = False) -> SyncReport:
    """What a sync would do, with nothing written: `changes` has old → new per product."""
    require_store(ctx, store_id)
    settings = require_enabled(ctx, store_id)
    with closing(_Run(ctx, settings, None, full=full, trigger="preview")) as run:
        return run.preview()


class _Run:
    """One run, from its first row to its last."""

    def __init__(
        self,
        ctx: ServiceContext,
        settings: Connection,
        lease: HeldLease | None,
        *,
        full: bool,
        trigger: str,
        run_id: str | None = None,
    ) -> None:
        self._ctx = ctx
        self._settings = settings
        self._store_id = settings.store_id
        self._lease = lease
        self._trigger = trigger
        self._started_at = ctx.clock.now()
        with ctx.database.short() as connection:
            self._state = sync_state_of(connection, self._store_id)
            self._marks = marks_of(connection, self._store_id)
            self._rules = [
                CategoryRule(cast(RuleKind, rule.kind), rule.pattern, rule.category_id)
                for rule in rules_of(connection, self._store_id)
            ]
        self._is_full = full or self._state.cursor is None or self._full_pass_is_due()
        # Once a day the shop is told everything COVA owns again, so that what was edited in
        # the shop does not stay (mission, item 5).
        self._retells = (
            self._is_full and trigger == "schedule" and self._state.last_full_at is not None
        )
        self._owned = frozenset(PRODUCT_FIELDS) - frozenset(settings.staff_fields)
        self._categories = ctx.host.categories(self._store_id)
        ctx.database.end_reading()
        self._client = ctx.open_client(credentials_of(ctx, settings))
        self.report = SyncReport(
            store_id=self._store_id,
            run_id=run_id or str(uuid4()),
            mode="full" if self._is_full else "incremental",
        )
        self._writer = ProductWriter(
            ctx,
            self._store_id,
            owned=self._owned,
            settings_version=settings.settings_version,
            lease=lease,
            on_batch=self._note_batch,
        )

    def _full_pass_is_due(self) -> bool:
        last = self._state.last_full_at
        return (
            self._trigger == "schedule"
            and last is not None
            and self._started_at - last >= FULL_PASS_EVERY
        )

    def close(self) -> None:
        self._client.close()

    # --- the two ways to run -------------------------------------------------------------

    def carry_out(self, *, approve: bool) -> SyncReport:
        self._open_record()
        try:
            reader = self._read()
            candidates = self._candidates(reader)
            held_back = None if approve else self._guard(candidates)
            if held_back is not None:
                self._count(reader.reading)
                self._close("held", message=held_back, fix=_HOW_TO_APPROVE)
            else:
                self._write(reader, candidates)
        except CovaPluginError as exc:
            if not isinstance(exc, LeaseHeld):
                self._keep_sales_on_time()
            self._fail(exc)
        except Exception:
            self._close(
                "failed",
                message="Something unexpected went wrong in this run.",
                fix="The next run tries again; the log of the shop's server has the details.",
            )
            raise
        self._come_back_for_the_next_sale()
        return self.report

    def _keep_sales_on_time(self) -> None:
        """COVA cannot be read: sales that are known begin and end all the same."""
        due = {product_id for product_id, mark in self._marks.items() if self._is_price_due(mark)}
        with self._ctx.database.short() as connection:
            stored = products_by_id(connection, self._store_id, due)
        self._writer.write(
            [
                self._candidate(
                    snapshot_from_json(row.snapshot),
                    row.raw_hash,
                    None,
                    is_vanished=row.vanished_at is not None,
                )
                for row in stored.values()
            ]
        )
        self.report.updated = self._writer.outcome.updated

    def _come_back_for_the_next_sale(self) -> None:
        """Make a sync due when the next sale begins or ends, if that is before the usual one."""
        with self._ctx.database.short() as connection:
            moment = next_price_change_of(connection, self._store_id, after=self._ctx.clock.now())
        if moment is not None:
            self._ctx.schedule.plan(
                self._store_id,
                CATALOG,
                interval_seconds=self._ctx.config.catalog_interval_seconds,
                due_at=moment,
            )

    def preview(self) -> SyncReport:
        reader = self._read()
        candidates = self._candidates(reader)
        with self._ctx.database.short() as connection:
            plans = self._writer.plan(connection, candidates)
        changing = [plan for plan in plans if plan.change is not None]
        for plan in changing:
            if plan.change is not None:
                self._writer.outcome.count(plan.change.action)
        self._count(reader.reading)
        self.report.changes = changing
        held_back = self._guard(candidates)
        self.report.status = "held" if held_back else "succeeded"
        if self.report.failed and not held_back:
            self.report.status = "partial"
        self.report.message = held_back or ""
        self.report.seconds = self._seconds()
        return self.report

    # --- reading -------------------------------------------------------------------------

    def _read(self) -> CatalogueReader:
        reader = CatalogueReader(
            self._client,
            location_id=self._settings.location_id or 0,
            page_size=self._ctx.config.page_size,
            known_hashes={each: mark.raw_hash for each, mark in self._marks.items()},
            now=self._ctx.clock.now,
            on_page=self._note_page,
        )
        if self._is_full or self._state.cursor is None:
            reader.read_all()
        else:
            reader.read_changes(since=self._state.cursor - OVERLAP)
        self._ask_again(reader)
        return reader

    def _ask_again(self, reader: CatalogueReader) -> None:
        """Ask by id about what a listing alone must not decide.

        Products missing from a whole listing (pages shift while data changes), a stock list
        that became empty, and products whose hold waits for a fresh stock reading.
        """
        read = reader.reading.products
        with self._ctx.database.short() as connection:
            self._settling = holds.settling_products(connection, self._store_id)
        doubtful = self._settling - set(read)
        for product_id, product in read.items():
            mark = self._marks.get(product_id)
            if mark is None or product.snapshot is None or not mark.stock:
                continue
            if product.snapshot.stock == 0:
                doubtful.add(product_id)
        if self._is_full:
            doubtful |= {
                product_id
                for product_id, mark in self._marks.items()
                if product_id not in read and not mark.is_vanished
            }
        if doubtful:
            reader.read_again(doubtful)

    # --- deciding ------------------------------------------------------------------------

    def _candidates(self, reader: CatalogueReader) -> list[Candidate]:
        read = reader.reading.products
        changed = {each: p for each, p in read.items() if p.snapshot is not None}
        stored_ids = {
            each
            for each, mark in self._marks.items()
            if each not in changed and self._needs_another_look(each, mark, reader)
        }
        with self._ctx.database.short() as connection:
            stored = products_by_id(connection, self._store_id, stored_ids)
        fresh = [
            self._candidate(product.snapshot, product.raw_hash, product.read_began_at)
            for product in changed.values()
            if product.snapshot is not None
        ]
        return fresh + [
            self._candidate(
                snapshot_from_json(row.snapshot),
                row.raw_hash,
                read[row.cova_product_id].read_began_at if row.cova_product_id in read else None,
                is_vanished=self._has_vanished(row, reader),
            )
            for row in stored.values()
        ]

    def _needs_another_look(
        self, product_id: str, mark: ProductMark, reader: CatalogueReader
    ) -> bool:
        was_read = product_id in reader.reading.products
        return (
            mark.is_dirty
            or self._retells
            or self._is_price_due(mark)
            or mark.applied_version != self._settings.settings_version
            or (mark.is_vanished and was_read)
            or (product_id in self._settling and was_read)
            or (self._is_full and not was_read and not mark.is_vanished)
        )

    def _is_price_due(self, mark: ProductMark) -> bool:
        """Has a sale begun or ended since the host was last told?"""
        moment = mark.next_price_change_at
        return moment is not None and moment <= self._started_at

    def _has_vanished(self, row: Product, reader: CatalogueReader) -> bool:
        if row.cova_product_id in reader.reading.products:
            return False
        if row.cova_product_id in reader.reading.unreadable:
            return row.vanished_at is not None
        return self._is_full or row.vanished_at is not None

    def _candidate(
        self,
        snapshot: ProductSnapshot,
        raw_hash: str,
        read_began_at: datetime | None,
        *,
        is_vanished: bool = False,
    ) -> Candidate:
        return Candidate(
            snapshot=snapshot,
            raw_hash=raw_hash,
            read_began_at=read_began_at,
            category=self._category_of(snapshot),
            is_retold=self._retells,
            is_vanished=is_vanished,
        )

    def _category_of(self, snapshot: ProductSnapshot) -> CategoryChoice:
        return choose_category(
            snapshot,
            rules=self._rules,
            categories=self._categories,
            fallback=self._settings.fallback_category_id,
        )

    def _guard(self, candidates: Sequence[Candidate]) -> str | None:
        """Why the run must wait for a person, or None when it may go on."""
        with self._ctx.database.short() as connection:
            plans = self._writer.plan(connection, candidates)
        destructive = sum(plan.is_destructive for plan in plans)
        shown = sum(mark.host_state == "shown" for mark in self._marks.values())
        if destructive < GUARD_AT_LEAST or destructive <= GUARD_SHARE * shown:
            return None
        return (
            f"This run would hide or set to zero {destructive} of the {shown} products on "
            "the menu, so it was held back and nothing was changed."
        )

    # --- writing -------------------------------------------------------------------------

    def _write(self, reader: CatalogueReader, candidates: Sequence[Candidate]) -> None:
        self._record(phase="applying", to_apply=len(candidates))
        self._writer.write(candidates)
        self._count(reader.reading)
        is_good = self.report.failed == 0
        if is_good:
            self._move_cursor(reader.reading)
        else:
            # The menu is fresh but for the products listed; the cursor stays for their sake.
            self._save_state({"last_good_at": self._ctx.clock.now()})
        self._close("succeeded" if is_good else "partial", message=self._partial_message())

    def _move_cursor(self, reading: Reading) -> None:
        now = self._ctx.clock.now()
        values: dict[str, Any] = {"last_good_at": now}
        if self._is_full:
            values["last_full_at"] = now
        if reading.cova_time is not None:
            values["cursor"] = reading.cova_time
        self._save_state(values)

    def _save_state(self, values: dict[str, Any]) -> None:
        with self._ctx.database.short() as connection:
            if self._lease is not None:
                self._ctx.leases.renew_within(connection, self._lease)
            if self._has_moved(connection):
                # What was read is of another place; the new one is to be read whole.
                return
            save_sync_state(connection, self._store_id, values)
            self._cursor_after = values.get("cursor")
            if not self._settings.check_ok:
                now = self._ctx.clock.now()
                save_connection(connection, self._store_id, _CHECK_PASSED, now=now)

    def _has_moved(self, connection: DatabaseConnection) -> bool:
        """Was the store connected to another company or location since the run began?"""
        now, then = connection_of(connection, self._store_id), self._settings
        return now is None or (now.company_id, now.location_id) != (
            then.company_id,
            then.location_id,
        )

    # --- the run's record ----------------------------------------------------------------

    _cursor_after: datetime | None = None
    _settling: frozenset[str] | set[str] = frozenset()

    def _open_record(self) -> None:
        with self._ctx.database.short() as connection:
            runs.close_dead_runs(connection, self._store_id, now=self._started_at)
            runs.start_run(
                connection,
                {
                    "id": self.report.run_id,
                    "store_id": self._store_id,
                    "mode": self.report.mode,
                    "trigger": self._trigger,
                    "status": "running",
                    "started_at": self._started_at,
                    "heartbeat_at": self._started_at,
                    "phase": "reading",
                    "cursor_before": self._state.cursor,
                    "message": "",
                    "fix": "",
                    **dict.fromkeys(_RUN_NUMBERS, 0),
                },
            )

    def _record(self, **values: Any) -> None:
        now = self._ctx.clock.now()
        with self._ctx.database.short() as connection:
            runs.change_run(connection, self.report.run_id, values | {"heartbeat_at": now})
        if self._lease is not None:
            self._ctx.leases.renew(self._lease)

    def _note_page(self, reading: Reading) -> None:
        if self._lease is not None:
            self._record(pages=reading.pages, fetched=reading.fetched, api_calls=self._client.calls)

    def _note_batch(self, applied: int) -> None:
        self._record(applied=applied)

    def _count(self, reading: Reading) -> None:
        outcome, report = self._writer.outcome, self.report
        report.fetched = reading.fetched
        report.created, report.updated = outcome.created, outcome.updated
        report.hidden = outcome.hidden
        report.failed = len(set(outcome.failures) | set(reading.unreadable))
        touched = outcome.created + outcome.updated + outcome.hidden
        report.unchanged = max(0, reading.fetched - touched - report.failed)
        report.issues = [*reading.issues, *outcome.issues, *report.issues]
        report.api_calls = self._client.calls

    def _partial_message(self) -> str:
        if not self.report.failed:
            return ""
        noun = "product" if self.report.failed == 1 else "products"
        return f"{self.report.failed} {noun} could not be synced; the reasons are listed below."

    def _fail(self, exc: CovaPluginError) -> None:
        log.warning(
            "catalog_sync_failed",
            extra={"store_id": self._store_id, "kind": type(exc).__name__},
        )
        if isinstance(exc, BadCredentials | NotPermitted):
            self._note_refusal(exc)
        fix = exc.fix or ("The next run tries again." if isinstance(exc, Retryable) else "")
        self._close("failed", message=exc.message, fix=fix)

    def _note_refusal(self, exc: CovaPluginError) -> None:
        refused = {
            "check_ok": False,
            "check_message": exc.message,
            "check_field": exc.field,
            "checked_at": self._ctx.clock.now(),
        }
        with self._ctx.database.short() as connection:
            save_connection(connection, self._store_id, refused, now=self._ctx.clock.now())

    def _close(self, status: str, *, message: str = "", fix: str = "") -> None:
        report, now = self.report, self._ctx.clock.now()
        report.status, report.message, report.fix = status, message, fix
        report.seconds, report.api_calls = self._seconds(), self._client.calls
        numbers = {name: getattr(report, name) for name in _REPORT_NUMBERS}
        with self._ctx.database.short() as connection:
            runs.change_run(
                connection,
                report.run_id,
                numbers
                | {
                    "status": status,
                    "message": message,
                    "fix": fix,
                    "finished_at": now,
                    "heartbeat_at": now,
                    "phase": "",
                    "cursor_after": self._cursor_after,
                },
            )
            runs.record_issues(connection, report.run_id, report.issues)
        log.info(
            "catalog_synced",
            extra={"store_id": self._store_id, "run_id": report.run_id, "status": status},
        )
        self._ctx.emit(
            signals.catalog_synced,
            store_id=self._store_id,
            run_id=report.run_id,
            **{name: numbers[name] for name in _SIGNAL_NUMBERS},
        )

    def _seconds(self) -> float:
        return (self._ctx.clock.now() - self._started_at).total_seconds()


_CHECK_PASSED = {"check_ok": True, "check_message": "", "check_field": None}
_SIGNAL_NUMBERS = ("created", "updated", "hidden", "unchanged", "failed")
_REPORT_NUMBERS = ("fetched", *_SIGNAL_NUMBERS, "api_calls")
_RUN_NUMBERS = ("pages", "to_apply", "applied", *_REPORT_NUMBERS)
_HOW_TO_APPROVE = (
    "Look at what it would do with a preview. If that is right, press Approve, or run "
    "flask cova sync --store … --approve."
)
