"""Brings confirmed orders to COVA, each exactly once.

Claim (commit) → calls, with no transaction open → settle (commit). How one order is sent
stands in `send_order`, what COVA's answers mean in `ask_register`, how it is taken back in
`withdraw_push`; here is which orders come when, and what each failure leads to.
"""

from __future__ import annotations

from datetime import timedelta

from aiq_cova_plugin.cova.breaker import CovaAway
from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.errors import (
    BadCredentials,
    ContractBroken,
    CovaPluginError,
    CovaUnavailable,
    LeaseHeld,
    NeedsOperator,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Retryable,
)
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.orders.ask_register import UNEXPLAINED_TRIES
from aiq_cova_plugin.services.orders.order_report import OrderReport
from aiq_cova_plugin.services.orders.push_row import ClaimLost, Finished, PushRow
from aiq_cova_plugin.services.orders.resume_orders import resume_after_order
from aiq_cova_plugin.services.orders.send_order import look_up_then_go_on, send
from aiq_cova_plugin.services.orders.withdraw_push import withdraw
from aiq_cova_plugin.services.stores import credentials_of, require_enabled, require_store
from aiq_cova_plugin.store import outbox, push_times
from aiq_cova_plugin.store.models import Connection

_GIVE_UP_AFTER = 5
"""So many orders in a row that COVA did not take for now: it is away, the rest waits."""

_BUDGET_PAUSE_SECONDS = 60.0
"""How long a store's orders wait when COVA asks for patience and does not say how much."""

_UNEXPECTED_TRIES = 6
"""So many unexpected failures of one order, and a person is called."""


class PushReport(OrderReport):
    """The numbers of the contract's `orders push` document for one store."""


def push_due_orders(ctx: ServiceContext, store_id: str, *, limit: int = 500) -> PushReport:
    """Act on every order of the store that is due, oldest first.

    Raises `UnknownStore` and `NotConnected`. What goes wrong with one order is recorded on
    that order, and the next one is handled. When COVA asks for patience (429) the whole store
    waits, so that nobody loses their place; and the first order that gets through after an
    outage brings on those that waited because of it.
    """
    require_store(ctx, store_id)
    settings = require_enabled(ctx, store_id)
    report = PushReport(store_id)
    due = _due(ctx, store_id, limit)
    if not due:
        return report
    ctx.database.end_reading()
    with ctx.open_client(credentials_of(ctx, settings)) as client:
        run = _Run(ctx, settings, client, report)
        while due:
            rest = run.act_on(due)
            if not run.has_just_woken:
                report.waiting += len(rest)
                break
            run.has_just_woken = False
            due = [each for each in _due(ctx, store_id, limit) if each not in run.handled]
    return report


def _due(ctx: ServiceContext, store_id: str, limit: int) -> list[int]:
    with ctx.database.short() as connection:
        return outbox.due_push_ids(connection, now=ctx.clock.now(), store_id=store_id, limit=limit)


class _Run:
    """One pass over a store's due orders."""

    def __init__(
        self, ctx: ServiceContext, settings: Connection, client: CovaClient, report: PushReport
    ) -> None:
        self._ctx = ctx
        self._settings = settings
        self._client = client
        self._report = report
        self._refused: BadCredentials | None = None
        self._may_wake = True
        self._pause_seconds: float | None = None
        self.handled: set[int] = set()
        self.has_just_woken = False

    def act_on(self, due: list[int]) -> list[int]:
        """Act on these, in this order; those that were left, because COVA is away, asks for
        patience, or is back again and older ones come first."""
        outages = 0
        for position, push_id in enumerate(due):
            failed_before = self._report.failed
            self._act_on_one(push_id)
            outages = outages + 1 if self._report.failed > failed_before else 0
            rest = due[position + 1 :]
            if self._pause_seconds is not None:
                self._let_the_store_wait(self._pause_seconds)
                return rest
            if outages >= _GIVE_UP_AFTER or self.has_just_woken:
                # COVA is away: the rest stays due, and other stores get their turn.
                return rest
        return []

    def _let_the_store_wait(self, seconds: float) -> None:
        until = self._ctx.clock.now() + timedelta(seconds=seconds)
        with self._ctx.database.short() as connection:
            push_times.postpone_pushes(connection, self._settings.store_id, until=until)

    def _bring_on_the_others(self) -> None:
        """COVA has taken an order: those that wait because it was away need wait no longer."""
        if not self._may_wake:
            return
        self._may_wake = False
        with self._ctx.database.short() as connection:
            woken = push_times.wake_after_outage(
                connection,
                self._settings.store_id,
                kinds=_outage_kinds(),
                now=self._ctx.clock.now(),
            )
        resumed = resume_after_order(self._ctx, self._settings.store_id)
        self.has_just_woken = bool(woken or resumed)

    def _act_on_one(self, push_id: int) -> None:
        ctx, report = self._ctx, self._report
        with ctx.database.short() as connection:
            claim = outbox.claim_push(
                connection,
                push_id,
                owner=ctx.worker_id,
                now=ctx.clock.now(),
                seconds=ctx.config.lease_seconds,
            )
        if claim is None:
            return
        self.handled.add(push_id)
        report.handled += 1
        state_before = claim.push.state
        row = PushRow(ctx, self._settings, self._client, claim)
        if not self._finish(row):
            return
        state = row.push.state
        report.changed += state != state_before
        report.waiting += state in ("queued", "sending", "checking")
        report.needs_attention += state == "needs_attention"
        report.failed += row.had_failure
        self._pause_seconds = row.pause_seconds
        if state == "in_pos" and state_before != state:
            self._bring_on_the_others()

    def _finish(self, row: PushRow) -> bool:
        """Work on it, whatever happens; False when it is no longer ours to report on."""
        push_id = row.push.id
        try:
            if self._refused is None:
                _work(row)
            else:
                row.wait_for_log_in(self._refused)
        except Finished:
            pass
        except ClaimLost:
            log.warning("push_claim_lost", extra={"push_id": push_id})
            return False
        except Exception:  # noqa: BLE001 - one order must not stop the others; logged and kept
            log.exception("push_failed_unexpectedly", extra={"push_id": push_id})
            row.had_failure = True
            try:
                _after_something_unexpected(row)
            except Exception:  # noqa: BLE001 - the database is away too; the lease will run out
                log.exception("push_not_given_back", extra={"push_id": push_id})
        finally:
            self._refused = self._refused or row.log_in_refused
        return True


def _outage_kinds() -> list[str]:
    """The `kind` of every push that waits because COVA did not answer."""
    found: list[type[CovaPluginError]] = [CovaUnavailable, OutcomeUnknown]
    for each in found:
        found += each.__subclasses__()
    return [each.__name__ for each in found]


def _after_something_unexpected(row: PushRow) -> None:
    """Try it again, and not for ever: what comes back each time will not pass by itself."""
    row.event("unexpected", "Something unexpected went wrong.")
    if row.times("unexpected") < _UNEXPECTED_TRIES:
        row.postpone("Something unexpected went wrong; it will be tried again.", "unexpected")
        return
    row.needs_attention(
        NeedsOperator(
            f"Something unexpected went wrong with order {row.push.order_number}, "
            f"{_UNEXPECTED_TRIES} times in a row.",
            fix="Look at the order in the shop for something unusual and press Retry. The "
            "shop's log says more, under push_failed_unexpectedly.",
        )
    )


def _work(row: PushRow) -> None:
    """One step of one order; every failure ends in what happens next."""
    if row.took_over:
        row.event("taken_over", "The worker that had this order stopped; another goes on.")
    try:
        if row.push.cancel_requested:
            withdraw(row)
        elif row.took_over or row.push.submitted_at is not None:
            look_up_then_go_on(row)
        else:
            send(row)
    except (ClaimLost, Finished):
        raise
    except LeaseHeld as exc:
        row.give_back(exc.message, seconds=3, counts=False)
    except BadCredentials as exc:
        row.log_in_refused = exc
        row.needs_attention(exc)
    except NeedsOperator as exc:
        row.needs_attention(exc)
    except (RateLimited, CovaAway) as exc:
        row.had_failure = True
        row.wait_for_budget(exc.message, exc.retry_after or _BUDGET_PAUSE_SECONDS)
    except Retryable as exc:
        row.had_failure = True
        row.postpone(exc.message, type(exc).__name__, at_least=exc.retry_after)
    except OutcomeUnknown as exc:
        row.had_failure = True
        row.postpone(exc.message, type(exc).__name__)
    except ContractBroken as exc:
        row.had_failure = True
        row.event("unreadable_answer", exc.message)
        if row.times("unreadable_answer") > UNEXPLAINED_TRIES:
            row.needs_attention(exc)
        else:
            row.postpone(exc.message, type(exc).__name__)
    except Rejected as exc:
        row.needs_attention(exc)
