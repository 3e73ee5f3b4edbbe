"""Tells the host of alerts that begin and end, and goes on until it has heard.

An alert is written first and told afterwards, so a worker may die in between, and a host's
mail server may be away. Each alert is told under a lease of its own: two workers tell it once.
The lease of a worker that died ends by itself, and that of a failure is left closed for a
while, so the next look tells it then. A host that is told twice after a crash sees the same
`alert_id`.

A receiver that hangs keeps one thread of each process and no more, and the alert's lease lasts
as long as the pause after a failure would, so it is not called again and again meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from blinker import NamedSignal

from aiq_cova_plugin import signals
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.store import alerts
from aiq_cova_plugin.store.leases import HeldLease
from aiq_cova_plugin.store.models import Alert

TELL_FOR = timedelta(days=1)
"""For how long a host that does not take an alert is told of it again."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)


class _News(NamedTuple):
    """One thing to tell of an alert: by which signal, since when, and where it is marked."""

    signal: NamedSignal
    happened_at: datetime
    column: str


def tell_untold(ctx: ServiceContext) -> int:
    """Tell the host what it has not heard yet; how many alerts it took.

    Nothing while another thread of this process is at it.
    """
    if not ctx.telling.acquire(blocking=False):
        return 0
    try:
        return _tell_all(ctx)
    finally:
        ctx.telling.release()


def _tell_all(ctx: ServiceContext) -> int:
    with ctx.database.short() as connection:
        waiting = alerts.untold(connection, since=ctx.clock.now() - TELL_FOR)
    told = 0
    for alert in waiting:
        lease = ctx.leases.take(f"alert:{alert.id}", seconds=_longest_telling(ctx, alert))
        if lease is None:
            continue  # another worker is telling it, or it is not yet time to try again
        # Not in a `finally`: of a worker that is killed here nobody gives the lease back either.
        pause = _tell(ctx, alert.id)
        told += pause is None
        _leave(ctx, lease, pause)
    return told


def _longest_telling(ctx: ServiceContext, alert: Alert) -> float:
    """Seconds after which somebody who is telling it is taken for dead."""
    waited = ctx.clock.now() - (alert.resolved_at or alert.raised_at)
    return max(ctx.config.lease_seconds, _pause(waited).total_seconds())


def _tell(ctx: ServiceContext, alert_id: int) -> timedelta | None:
    """Tell all news of one alert, as it is now; None, or how long to wait before the next try."""
    with ctx.database.short() as connection:
        alert = alerts.alert_of(connection, alert_id)
    if alert is None:
        return None
    for news in _news_of(alert):
        now = ctx.clock.now()
        if not _sent(ctx, news.signal, alert):
            return _pause_after(alert, now - news.happened_at)
        with ctx.database.short() as connection:
            alerts.mark_told(connection, alert_id, news.column, at=now)
    return None


def _news_of(alert: Alert) -> list[_News]:
    found = []
    if alert.raised_told_at is None:
        found.append(_News(signals.alert_raised, alert.raised_at, "raised_told_at"))
    if alert.resolved_at is not None and alert.resolved_told_at is None:
        found.append(_News(signals.alert_resolved, alert.resolved_at, "resolved_told_at"))
    return found


def _sent(ctx: ServiceContext, signal: NamedSignal, alert: Alert) -> bool:
    """Send it to every receiver, whether or not another one fails; did all take it?"""
    sender, is_heard = ctx.sender(), True
    for receiver in signal.receivers_for(sender):
        try:
            receiver(
                sender,
                alert_id=alert.id,
                store_id=alert.store_id,
                kind=alert.kind,
                subject=alert.subject,
                message=alert.message,
                fix=alert.fix,
            )
        except Exception:  # noqa: BLE001 - a stranger's receiver must not stop the watch; logged
            log.exception("signal_listener_failed", extra={"signal_name": signal.name})
            is_heard = False
            # A statement of its own that failed must not spoil the next receiver's.
            ctx.database.end_reading()
    return is_heard


def _pause_after(alert: Alert, waited: timedelta) -> timedelta:
    """How long to wait after a failure: as long as it has lasted, so that it doubles."""
    pause = _pause(waited)
    about = {"alert_id": alert.id, "store_id": alert.store_id, "kind": alert.kind}
    if waited + pause < TELL_FOR:
        log.error("alert_not_told", extra=about)
    else:
        log.error("alert_never_told", extra=about)
    return pause


def _pause(waited: timedelta) -> timedelta:
    return min(max(waited, _FIRST_PAUSE), _LONGEST_PAUSE)


def _leave(ctx: ServiceContext, lease: HeldLease, pause: timedelta | None) -> None:
    if pause is None:
        ctx.leases.give_back(lease)
    else:
        ctx.leases.leave_closed(lease, seconds=pause.total_seconds())
