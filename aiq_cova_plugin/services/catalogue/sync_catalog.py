"""Brings a store's menu, prices and stock up to date with COVA.

Read everything first, decide, look whether the decision would wipe the menu, then write in
batches. The cursor moves only after a run in which every product was read and written, but for
those that are known to be unreadable, so a run that dies or stumbles loses nothing: the next
one starts from the same place, behind the pages that were read already.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any
from uuid import uuid4

from aiq_cova_plugin.errors import (
    BadCredentials,
    CovaPluginError,
    CovaUnavailable,
    LeaseHeld,
    NotPermitted,
    Retryable,
)
from aiq_cova_plugin.host import PRODUCT_FIELDS, Store
from aiq_cova_plugin.mapping.specification_names import names_from_settings
from aiq_cova_plugin.services.catalogue.apply_changes import (
    Candidate,
    ProductWriter,
    StoreMoved,
)
from aiq_cova_plugin.services.catalogue.decide_changes import ChangeDecider, HeldBack
from aiq_cova_plugin.services.catalogue.due_sales import tell_due_sales
from aiq_cova_plugin.services.catalogue.kept_pages import KeptPages
from aiq_cova_plugin.services.catalogue.known_unreadable import KnownUnreadable
from aiq_cova_plugin.services.catalogue.nightly_pass import (
    PAUSE_BETWEEN_PAGES_SECONDS,
    is_whole_pass_due,
)
from aiq_cova_plugin.services.catalogue.read_catalogue import OVERLAP, CatalogueReader
from aiq_cova_plugin.services.catalogue.run_changes import RunChanges
from aiq_cova_plugin.services.catalogue.run_record import RunRecord
from aiq_cova_plugin.services.catalogue.sync_report import (
    SyncReport,
    message_at_end,
    resumed_message,
)
from aiq_cova_plugin.services.catalogue.understand_products import Reading, mapping_key
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.jobs.plan_jobs import CATALOG
from aiq_cova_plugin.services.outages import note_answer, note_outage
from aiq_cova_plugin.services.stores import (
    credentials_of,
    require_connected,
    require_enabled,
    require_store,
)
from aiq_cova_plugin.store import holds
from aiq_cova_plugin.store.connections import (
    save_connection,
    save_sync_state,
    sync_state_of,
)
from aiq_cova_plugin.store.leases import HeldLease
from aiq_cova_plugin.store.locations import is_connected_to
from aiq_cova_plugin.store.models import Connection
from aiq_cova_plugin.store.products import marks_of, next_price_change_of
from aiq_cova_plugin.store.runs import last_decided_run

__all__ = ["Progress", "SyncReport", "preview_sync", "sync_catalog"]

Progress = Callable[[str], None]
"""Is told in words how far a preview is."""


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

    A run that would hide or zero much of the menu ends as `held` and changes nothing but sales
    that are due, unless `approve` is given, which covers what the run held last would have done. `trigger` is `command`, `button` or `schedule`.

    Raises `UnknownStore`, `NotConnected`, and `LeaseHeld` when another worker is at it.
    What goes wrong with COVA ends the run as `failed` and is in the report, not raised.
    """
    store = require_store(ctx, store_id)
    settings = require_enabled(ctx, store_id)
    with ctx.leases.hold(
        f"catalog:{store_id}",
        busy="A sync of this store is already running; try again when it is done.",
    ) as lease:
        run = _Run(ctx, store, settings, lease, full=full, trigger=trigger, run_id=run_id)
        with closing(run):
            return run.carry_out(approve=approve)


def preview_sync(
    ctx: ServiceContext,
    store_id: str,
    *,
    full: bool = False,
    on_progress: Progress | None = None,
) -> SyncReport:
    """What a sync would do, with nothing written: `changes` has old → new per product.

    `on_progress` is told in words how far it is, such as "Page 12, 6,000 products read".
    Raises `UnknownStore`, `NotConnected`, and what goes wrong with COVA.
    """
    store = require_store(ctx, store_id)
    settings = require_connected(ctx, store_id)
    with closing(
        _Run(ctx, store, settings, None, full=full, trigger="preview", on_progress=on_progress)
    ) as run:
        return run.preview()


class _Run:
    """One run, from its first row to its last. Without a lease it is a preview."""

    def __init__(
        self,
        ctx: ServiceContext,
        store: Store,
        settings: Connection,
        lease: HeldLease | None,
        *,
        full: bool,
        trigger: str,
        run_id: str | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        self._ctx = ctx
        self._settings = settings
        self._store_id = settings.store_id
        self._lease = lease
        self._trigger = trigger
        self._on_progress = on_progress or (lambda _words: None)
        self._cursor_after: datetime | None = None
        self._started_at = ctx.clock.now()
        names = names_from_settings(settings.specification_names)
        self._mapping_key = mapping_key(names)
        # Asked before our own transaction is open: the host reads through its own session.
        categories = ctx.host.categories(self._store_id)
        ctx.database.end_reading()
        with ctx.database.short() as connection:
            self._state = sync_state_of(connection, self._store_id)
            marks = marks_of(connection, self._store_id)
            self._unreadable = KnownUnreadable(connection, self._store_id)
            is_nightly = self._is_nightly(store)
            self._is_full = full or is_nightly or self._must_read_all()
            self._decider = ChangeDecider(
                connection,
                settings,
                marks=marks,
                categories=categories,
                is_full=self._is_full,
                # Once a day the shop is told everything COVA owns again, so that what was
                # edited in the shop does not stay (mission, item 5).
                retells=is_nightly,
                started_at=self._started_at,
            )
        self._client = ctx.open_client(credentials_of(ctx, settings))
        self._kept = (
            KeptPages(ctx, settings, lease, mapping_key=self._mapping_key) if lease else None
        )
        self._reader = CatalogueReader(
            self._client,
            location_id=settings.location_id or 0,
            names=names,
            known_hashes={each: mark.raw_hash for each, mark in marks.items()},
            on_menu=frozenset(each for each, mark in marks.items() if mark.host_state == "shown"),
            page_size=ctx.config.page_size,
            now=ctx.clock.now,
            on_page=self._note_page,
            keeper=self._kept,
            pause=self._pause if is_nightly else lambda: None,
        )
        self.report = SyncReport(
            store_id=self._store_id,
            run_id=run_id or str(uuid4()),
            mode="full" if self._is_full else "incremental",
        )
        self._record = RunRecord(ctx, self.report, lease)
        self._changes = RunChanges(self.report.run_id)
        self._place = {
            "company_id": settings.company_id,
            "location_id": settings.location_id,
        }
        self._writer = ProductWriter(
            ctx,
            self._store_id,
            place=self._place,
            owned=frozenset(PRODUCT_FIELDS) - frozenset(settings.staff_fields),
            erasable=frozenset(settings.erasable_fields),
            settings_version=settings.settings_version,
            lease=lease,
            changes=self._changes,
            on_batch=lambda applied: self._record.note(applied=applied),
        )

    def _is_nightly(self, store: Store) -> bool:
        """Is this the slow pass of the night that finds what increments missed?"""
        last = self._state.last_full_at
        return (
            self._trigger == "schedule"
            and last is not None
            and is_whole_pass_due(store, last_full_at=last, now=self._started_at)
        )

    def _must_read_all(self) -> bool:
        """Was nothing read yet, or by other rules than today's?"""
        return self._state.cursor is None or self._state.specification_key != self._mapping_key

    def _pause(self) -> None:
        self._ctx.sleep(PAUSE_BETWEEN_PAGES_SECONDS)

    def close(self) -> None:
        self._client.close()

    # --- the two ways to run -------------------------------------------------------------

    def carry_out(self, *, approve: bool) -> SyncReport:
        self._record.open(trigger=self._trigger, state=self._state)
        try:
            reading = self._read()
            candidates = self._candidates(reading)
            held_back = self._held_back(candidates, reading, approve=approve)
            if held_back is not None:
                self._count(reading)
                self._keep_sales_on_time()
                # Of a held run `to_apply` is what an approval of it covers.
                self._record.note(to_apply=held_back.number)
                message = held_back.message + (_BUT_SALES if self.report.updated else "")
                self._close("held", message=message, fix=held_back.fix)
            else:
                self._write(reading, candidates)
            self._drop_pages()
        except CovaPluginError as exc:
            if not isinstance(exc, LeaseHeld | StoreMoved):
                self._keep_sales_on_time()
            self._fail(exc)
        except Exception:
            self._keep_sales_on_time()
            self._close(
                "failed",
                message="Something unexpected went wrong in this run.",
                fix="The next run tries again; the log of the shop's server has the details.",
            )
            self._drop_pages()
            raise
        self._come_back_for_the_next_sale()
        return self.report

    def preview(self) -> SyncReport:
        reading = self._read()
        self._on_progress(f"{reading.fetched:,} products read; comparing them with the shop")
        candidates = self._candidates(reading)
        with self._ctx.database.short() as connection:
            plans = self._writer.plan(connection, candidates)
        changing = [plan for plan in plans if plan.change is not None]
        for plan in changing:
            if plan.change is not None:
                self._writer.outcome.count(plan.change.action)
        self._count(reading)
        report = self.report
        report.changes = changing
        held_back = self._decider.held_back(plans, reading)
        report.status = "held" if held_back else "partial" if report.failed else "succeeded"
        report.message = held_back.message if held_back else ""
        report.seconds = self._record.seconds()
        return report

    def _keep_sales_on_time(self) -> None:
        """Nothing COVA said now is used: sales that are known begin and end all the same."""
        self.report.updated = self._writer.outcome.updated + tell_due_sales(
            self._ctx,
            self._settings,
            self._decider.due_by_price(),
            lease=self._lease,
            changes=self._changes,
        )

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

    # --- reading and deciding ------------------------------------------------------------

    def _read(self) -> Reading:
        reader = self._reader
        if self._is_full or self._state.cursor is None:
            reader.read_all()
        else:
            reader.read_changes(since=self._state.cursor - OVERLAP)
        with self._ctx.database.short() as connection:
            self._settling = holds.settling_products(connection, self._store_id)
        to_ask = self._settling - set(reader.reading.products)
        to_ask |= self._decider.doubtful(reader.reading)
        to_ask |= self._unreadable.to_ask(reader.reading)
        if to_ask:
            self._on_progress(f"Asking COVA about {len(to_ask):,} products one by one")
            reader.read_again(to_ask)
        return reader.reading

    def _candidates(self, reading: Reading) -> list[Candidate]:
        with self._ctx.database.short() as connection:
            return self._decider.candidates(connection, reading, settling=self._settling)

    def _held_back(
        self, candidates: list[Candidate], reading: Reading, *, approve: bool
    ) -> HeldBack | None:
        with self._ctx.database.short() as connection:
            plans = self._writer.plan(connection, candidates)
            last = last_decided_run(connection, self._store_id)
        was_held = last is not None and last.status == "held"
        return self._decider.held_back(
            plans,
            reading,
            is_approved=approve,
            # A run held before this number was kept has none.
            number_approved=(last.to_apply or None) if last is not None and was_held else None,
        )

    # --- writing -------------------------------------------------------------------------

    def _write(self, reading: Reading, candidates: list[Candidate]) -> None:
        self._record.note(phase="applying", to_apply=len(candidates))
        self._writer.write(candidates)
        self._count(reading)
        news = self._unreadable.new_in(reading)
        # The menu is fresh but for the products listed; the cursor stays for their sake, unless
        # they are known already and asked for by id each time.
        is_read = not self._writer.outcome.failures and not news
        self._save_state(reading, moves_cursor=is_read)
        status = "partial" if self.report.failed else "succeeded"
        self._close(status, message=message_at_end(self.report, reading, news))

    def _save_state(self, reading: Reading, *, moves_cursor: bool) -> None:
        now = self._ctx.clock.now()
        values: dict[str, Any] = {"last_good_at": now}
        if self._is_full:
            # Every product was read by these rules; one that failed is tried again anyway.
            values["specification_key"] = self._mapping_key
            if moves_cursor:
                values["last_full_at"] = now
        if moves_cursor and reading.cova_time is not None:
            values["cursor"] = reading.cova_time
        with self._ctx.database.short() as connection:
            if self._lease is not None:
                self._ctx.leases.renew_within(connection, self._lease)
            if not is_connected_to(connection, self._store_id, **self._place):
                # The new place is to be read whole, so that no cursor may stay behind.
                raise StoreMoved
            save_sync_state(connection, self._store_id, values)
            self._unreadable.save(connection, reading, is_full=self._is_full, now=now)
            self._cursor_after = values.get("cursor")
            if not self._settings.check_ok:
                save_connection(connection, self._store_id, _CHECK_PASSED, now=now)

    def _drop_pages(self) -> None:
        """The pages were used, or a person's decision ended them, or they may be at fault."""
        if self._kept is not None:
            self._kept.drop()

    # --- what is told of it --------------------------------------------------------------

    _settling: set[str] = set()  # noqa: RUF012 - never changed, only replaced

    def _note_page(self, reading: Reading) -> None:
        self._on_progress(f"Page {reading.pages:,}, {reading.fetched:,} products read")
        self._record.note(
            pages=reading.pages,
            fetched=reading.fetched,
            api_calls=self._client.calls,
            message=resumed_message(reading),
        )

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

    def _fail(self, exc: CovaPluginError) -> None:
        kind = type(exc).__name__
        if isinstance(exc, CovaUnavailable):
            note_outage(self._ctx, self._store_id, kind=kind)
        else:
            log.warning("catalog_sync_failed", extra={"store_id": self._store_id, "kind": kind})
        if isinstance(exc, BadCredentials | NotPermitted):
            self._note_refusal(exc)
        fix = exc.fix or ("The next run tries again." if isinstance(exc, Retryable) else "")
        self._close("failed", message=exc.message, fix=fix)

    def _note_refusal(self, exc: CovaPluginError) -> None:
        now = self._ctx.clock.now()
        refused = {
            "check_ok": False,
            "check_message": exc.message,
            "check_field": exc.field,
            "checked_at": now,
        }
        with self._ctx.database.short() as connection:
            save_connection(connection, self._store_id, refused, now=now)

    def _close(self, status: str, *, message: str = "", fix: str = "") -> None:
        if status != "failed":
            note_answer(self._ctx, self._store_id)
        report = self.report
        report.fetched = self._reader.reading.fetched
        report.status, report.message, report.fix = status, message, fix
        report.api_calls = self._client.calls
        self._record.close(cursor_after=self._cursor_after, pages=self._reader.reading.pages)


_BUT_SALES = " Sales that were due began or ended all the same."
_CHECK_PASSED = {"check_ok": True, "check_message": "", "check_field": None}
