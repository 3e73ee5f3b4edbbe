"""Sends orders on again that stopped for something a person has put right since: a wrong
password, a missing setting, a permission at COVA.

Nobody has to press Retry for each. An order that may be in COVA is asked about first, as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aiq_cova_plugin.errors import (
    BadCredentials,
    MissingSetting,
    NotConnected,
    NotPermitted,
    Rejected,
    SecretsUnreadable,
)
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.orders.push_row import RETRY_ASKED
from aiq_cova_plugin.services.orders.where_sent import SentElsewhere, is_elsewhere
from aiq_cova_plugin.store import outbox, push_questions, push_times
from aiq_cova_plugin.store.connections import connection_of, sync_state_of
from aiq_cova_plugin.store.database import DatabaseConnection
from aiq_cova_plugin.store.models import PushEvent

RESUMED, RESUMED_BY_ITSELF = "resumed", "resumed_by_itself"

_SETTING = (MissingSetting.__name__, NotConnected.__name__)
_LOG_IN = (BadCredentials.__name__, NotPermitted.__name__, SecretsUnreadable.__name__)
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
    company or location was changed; then orders go on that COVA refused and never had, and those
    of this company that waited for it to come back. Works in the caller's transaction.
    """
    settings = connection_of(connection, store_id)
    if settings is None:
        return 0
    kinds = _SETTING + (_LOG_IN if is_other_log_in else ())
    kinds += (_REFUSED, _MOVED) if is_other_place else ()
    resumed = 0
    for push in push_questions.stopped(connection, store_id, kinds):
        if is_elsewhere(push, settings):
            continue
        if push.kind == _REFUSED and push.submitted_at is not None:
            continue
        if (
            push.kind == _MOVED
            and push.in_pos_at is None
            and push.location_id != settings.location_id
        ):
            # It would be sent to yet another place: that is for a person to say.
            continue
        said = "The store's settings have been put right: the order goes on."
        resumed += push_times.resume(connection, push, said, RESUMED, now=now)
    if is_other_log_in:
        push_times.hurry_waiting(connection, store_id, kinds=_LOG_IN, now=now)
    if resumed:
        log.info("orders_resumed", extra={"store_id": store_id, "orders": resumed})
    return resumed


def resume_once(
    ctx: ServiceContext, store_id: str, *, said: str, since: datetime | None = None
) -> int:
    """Something shows that COVA takes the store's log-in: what stopped for it is tried again,
    each order once until a person has a hand in it; how many that were.

    `said` is what shows it; with `since` only orders that stopped before then.
    """
    now, resumed = ctx.clock.now(), 0
    with ctx.database.short() as connection:
        settings = connection_of(connection, store_id)
        for push in push_questions.stopped(connection, store_id, _SETTING + _LOG_IN):
            if settings is None or is_elsewhere(push, settings):
                continue
            if not _may_resume(outbox.events_of(connection, push.id), since):
                continue
            detail = f"{said}: this one is tried again."
            resumed += push_times.resume(connection, push, detail, RESUMED_BY_ITSELF, now=now)
    if resumed:
        log.info("orders_resumed", extra={"store_id": store_id, "orders": resumed})
    return resumed


def resume_after_sync(ctx: ServiceContext, store_id: str) -> int:
    """A sync that went well after an order had stopped shows the same; how many went on."""
    with ctx.database.short() as connection:
        good_at = sync_state_of(connection, store_id).last_good_at
    if good_at is None:
        return 0
    return resume_once(ctx, store_id, said="COVA answers the store's syncs", since=good_at)


def _may_resume(events: Sequence[PushEvent], since: datetime | None) -> bool:
    """Did it stop before `since`, and has it not gone on by itself since a person last acted?"""
    names = [each.event for each in events]
    stops = [each.at for each in events if each.event == "needs_attention"]
    if since is not None and stops and stops[-1] >= since:
        return False
    acts = [at for at, name in enumerate(names) if name in (RETRY_ASKED, RESUMED)]
    return RESUMED_BY_ITSELF not in names[acts[-1] if acts else 0 :]
