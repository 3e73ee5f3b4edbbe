"""Sends orders on again that stopped for something a person has put right since: a wrong
password, a missing setting, a permission at COVA.

Nobody has to press Retry for each. An order that may be in COVA is asked about first, as ever.
What stopped long ago is left to a person: staff may have rung it up by hand since.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from aiq_cova_plugin.errors import (
    BadCredentials,
    CovaPluginError,
    MissingSetting,
    NotConnected,
    NotPermitted,
    Rejected,
    SecretsUnreadable,
)
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.orders.push_row import RETRY_ASKED
from aiq_cova_plugin.services.orders.where_sent import SentElsewhere, is_elsewhere
from aiq_cova_plugin.services.stores import credentials_of, require_integrator_id
from aiq_cova_plugin.store import outbox, push_questions, push_times
from aiq_cova_plugin.store.connections import connection_of, sync_state_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import Connection, Push, PushEvent

RESUMED, RESUMED_BY_ITSELF, NOT_RESUMED = "resumed", "resumed_by_itself", "not_resumed"

RESUMES_WITHIN = timedelta(days=1)
"""What stopped longer ago is not sent unasked. Customers who waited for it were served at the
register by then, or have left; within a day a shop still has it on its list of open orders."""

_SETTING = (MissingSetting.__name__, NotConnected.__name__)
_LOG_IN = (BadCredentials.__name__, SecretsUnreadable.__name__)
_PERMISSION = (NotPermitted.__name__,)
_REFUSED = Rejected.__name__
_MOVED = SentElsewhere.__name__


def resume_after_settings(
    connection: DatabaseConnection,
    store_id: str,
    *,
    now: datetime,
    is_other_log_in: bool,
    is_other_place: bool = False,
) -> int:
    """The store's settings were saved or found good: what stopped for them goes on; how many.

    `is_other_log_in`: the log-in was changed, or COVA has just accepted it. `is_other_place`: the
    company or location was changed; then orders go on that this company refused and never had,
    and those of this company that waited for it to come back. Works in the caller's transaction.
    """
    settings = connection_of(connection, store_id)
    if settings is None:
        return 0
    kinds = _SETTING + (_LOG_IN + _PERMISSION if is_other_log_in else ())
    kinds += (_REFUSED, _MOVED) if is_other_place else ()
    resumed = 0
    for push in push_questions.stopped(connection, store_id, kinds):
        if _is_for_a_person(push, settings):
            continue
        events = outbox.events_of(connection, push.id)
        if _left_to_a_person(connection, push, events, now):
            continue
        said = "The store's settings have been put right: the order goes on."
        resumed += push_times.resume(connection, push, said, RESUMED, now=now)
    if is_other_log_in:
        push_times.hurry_waiting(connection, store_id, kinds=_LOG_IN + _PERMISSION, now=now)
    if resumed:
        log.info("orders_resumed", extra={"store_id": store_id, "orders": resumed})
    return resumed


def resume_after_order(ctx: ServiceContext, store_id: str) -> int:
    """COVA has just taken an order of the store: its log-in, permissions and settings are good;
    how many others go on."""
    said = "COVA has taken another order of the store"
    return _resume_once(ctx, store_id, _LOG_IN + _PERMISSION + _SETTING, said=said)


def resume_in_sweep(ctx: ServiceContext, store_id: str) -> int:
    """Send on what waits for a setting that is there by now, and what stopped for the log-in
    before a sync that went well; how many.

    A sync says nothing of what COVA permits with orders.
    """
    with ctx.database.short() as connection:
        settings = connection_of(connection, store_id)
        good_at = sync_state_of(connection, store_id).last_good_at
    resumed = 0
    if settings is not None and _has_settings(ctx, settings):
        said = "The setting it waited for is there"
        resumed += _resume_once(ctx, store_id, _SETTING, said=said)
    if good_at is not None:
        said = "COVA answers the store's syncs"
        resumed += _resume_once(ctx, store_id, _LOG_IN, said=said, since=good_at)
    return resumed


def _resume_once(
    ctx: ServiceContext,
    store_id: str,
    kinds: Collection[str],
    *,
    said: str,
    since: datetime | None = None,
) -> int:
    """Try again what stopped for these reasons, each order once until a person has a hand in
    it; how many that were.

    `said` is what shows that it may; with `since` only orders that stopped before then.
    """
    now, resumed = ctx.clock.now(), 0
    with ctx.database.short() as connection:
        settings = connection_of(connection, store_id)
        for push in push_questions.stopped(connection, store_id, kinds):
            if settings is None or is_elsewhere(push, settings):
                continue
            events = outbox.events_of(connection, push.id)
            if not _may_resume(events, since) or _left_to_a_person(connection, push, events, now):
                continue
            detail = f"{said}: this one is tried again."
            resumed += push_times.resume(connection, push, detail, RESUMED_BY_ITSELF, now=now)
    if resumed:
        log.info("orders_resumed", extra={"store_id": store_id, "orders": resumed})
    return resumed


def _is_for_a_person(push: Push, settings: Connection) -> bool:
    """Would it go somewhere it was not meant for?"""
    if is_elsewhere(push, settings):
        return True
    if push.kind == _REFUSED:
        # What another company refused is another company's order.
        return push.submitted_at is not None or push.company_id != settings.company_id
    if push.kind == _MOVED:
        # It would be sent to yet another place: that is for a person to say.
        return push.in_pos_at is None and push.location_id != settings.location_id
    return False


def _left_to_a_person(
    connection: DatabaseConnection, push: Push, events: Sequence[PushEvent], now: datetime
) -> bool:
    """Did it stop so long ago that a person must say whether it is still wanted? Says so on it."""
    if push.in_pos_at is not None or push.cancel_requested:
        return False  # nothing can be sent twice
    age = now - (_stopped_at(events) or push.queued_at)
    if age <= RESUMES_WITHIN:
        return False
    ago = "1 day" if age.days == 1 else f"{age.days} days"
    fix = (
        f"What it waited for seems to be put right, but it stopped {ago} ago: press Retry if it is "
        "still wanted, or Withdraw if it is not."
    )
    if push.fix != fix and push_times.say_what_to_do(connection, push, fix):
        names = [each.event for each in events]
        if NOT_RESUMED not in names[_last(names, ("needs_attention",)) :]:
            outbox.add_event(connection, push.id, NOT_RESUMED, fix, at=now)
    return True


def _has_settings(ctx: ServiceContext, settings: Connection) -> bool:
    """Is everything there that orders are sent with? Nobody is asked."""
    try:
        require_integrator_id(ctx, settings)
        credentials_of(ctx, settings)
    except CovaPluginError:
        return False
    return True


def _may_resume(events: Sequence[PushEvent], since: datetime | None) -> bool:
    """Did it stop before `since`, and has it not gone on by itself since a person last acted?"""
    stopped_at = _stopped_at(events)
    if since is not None and stopped_at is not None and stopped_at >= since:
        return False
    names = [each.event for each in events]
    return RESUMED_BY_ITSELF not in names[_last(names, (RETRY_ASKED, RESUMED)) :]


def _stopped_at(events: Sequence[PushEvent]) -> datetime | None:
    stops = [each.at for each in events if each.event == "needs_attention"]
    return stops[-1] if stops else None


def _last(names: Sequence[str], wanted: Collection[str]) -> int:
    """Where one of these was last in the timeline; 0 when it never was."""
    return max((at for at, name in enumerate(names) if name in wanted), default=0)
