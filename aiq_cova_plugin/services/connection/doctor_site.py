"""What the doctor looks at beside the stores: keys, tokens, web, database, schedule, alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from aiq_cova_plugin import signals
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store import alerts, database_facts, schema
from aiq_cova_plugin.store.connections import all_connections
from aiq_cova_plugin.store.database_facts import DatabaseFacts

SHORTEST_TOKEN = 20
"""Characters a token for monitoring must have at least."""
LONGEST_LAG = timedelta(minutes=5)
"""How long something may be due before nobody seems to be ticking."""
_ALERT_TIME, _ALERT_NEWS = timedelta(minutes=5), timedelta(days=7)
_OLDEST = {"sqlite": (3, 35), "postgresql": (12,)}
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_WHO_TICKS = {
    "apscheduler": "COVA_SCHEDULER is apscheduler: a web process of the shop ticks. See that one "
    "is running, and that its log has cova_ticker_started.",
    "celery": "COVA_SCHEDULER is celery: see that the beat and at least one worker are running.",
    "none": "COVA_SCHEDULER is none: let cron, or a process of your own, call flask cova tick.",
}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    message: str
    fix: str = ""
    store_id: str | None = None


@dataclass(frozen=True)
class SiteFacts:
    """What only the web side knows of the shop's app."""

    is_debug: bool
    has_secure_cookie: bool
    has_secret_key: bool


def site_checks(ctx: ServiceContext, facts: SiteFacts | None) -> list[Check]:
    """What is of no single store. The check `tables` comes before whatever needs them."""
    checks = [_secret_keys(ctx), _metrics_token(ctx), _cova_address(ctx)]
    if facts is not None:
        checks += _web(ctx, facts)
    tables = _tables(ctx)
    checks += [*_database(ctx), tables]
    if tables.ok:
        checks += [_rotation(ctx), _scheduler(ctx), _alerts(ctx)]
    return checks


def _secret_keys(ctx: ServiceContext) -> Check:
    name = "secret_keys"
    if ctx.vault.is_open:
        return Check(name, True, "COVA_SECRET_KEYS is set; secrets are encrypted.")
    return Check(
        name,
        False,
        "COVA_SECRET_KEYS is not set, so no credentials can be stored.",
        "Set COVA_SECRET_KEYS to a Fernet key; docs/operations.md says how to make one.",
    )


def _rotation(ctx: ServiceContext) -> Check:
    name = "key_rotation"
    if ctx.vault.number_of_keys < 2:
        return Check(name, True, "There is no older key in COVA_SECRET_KEYS.")
    with ctx.database.short() as connection:
        sealed = database_facts.sealed_values(connection)
    if all(ctx.vault.is_under_first_key(each) for each in sealed):
        return Check(
            name,
            True,
            "Everything is encrypted with the first of COVA_SECRET_KEYS; the others may go.",
        )
    return Check(
        name,
        False,
        "COVA_SECRET_KEYS has several keys, and not everything is encrypted with the first.",
        "Run: flask cova rotate-secrets. Then take the old keys out.",
    )


def _metrics_token(ctx: ServiceContext) -> Check:
    name, token = "metrics_token", ctx.config.metrics_token
    if token is None:
        return Check(name, True, "COVA_METRICS_TOKEN is not set: /metrics is not there.")
    if len(token) >= SHORTEST_TOKEN and len(set(token)) > SHORTEST_TOKEN // 3:
        return Check(name, True, "/metrics asks for a token.")
    return Check(
        name,
        False,
        "COVA_METRICS_TOKEN is easy to guess.",
        f"Set one of at least {SHORTEST_TOKEN} characters, such as: python -c "
        "'import secrets; print(secrets.token_urlsafe(32))'",
    )


def _cova_address(ctx: ServiceContext) -> Check:
    if _is_trial(ctx):
        message = "COVA is called at this machine's own address, without TLS: a simulated one."
        return Check("cova_address", True, message)
    return Check("cova_address", True, f"COVA is called at {ctx.config.api_url}.")


def _is_trial(ctx: ServiceContext) -> bool:
    """Is nobody's shop at stake? Plain http is accepted for this machine alone."""
    return ctx.config.api_url.startswith("http:")


def _web(ctx: ServiceContext, facts: SiteFacts) -> Iterator[Check]:
    is_real = not _is_trial(ctx)
    yield Check(
        "form_key",
        facts.has_secret_key,
        "The app has a SECRET_KEY." if facts.has_secret_key else "The app has no SECRET_KEY.",
        "Set SECRET_KEY: without it no form of these pages works.",
    )
    if is_real and facts.is_debug:
        yield Check(
            "debug_mode",
            False,
            "The app runs in debug mode with a real COVA: whoever reaches it can run code.",
            "Start it without --debug and without FLASK_DEBUG.",
        )
    else:
        yield Check("debug_mode", True, "The app does not run in debug mode with a real COVA.")
    if is_real and not facts.has_secure_cookie:
        yield Check(
            "secure_cookie",
            False,
            "Browsers may send the shop's session cookie without TLS.",
            "Set SESSION_COOKIE_SECURE = True in the app's configuration.",
        )
    else:
        yield Check("secure_cookie", True, "The session cookie is as it should be.")


def _tables(ctx: ServiceContext) -> Check:
    try:
        if schema.is_up_to_date(ctx.database.engine):
            return Check("tables", True, "The plugin's tables are up to date.")
        message = "The plugin's tables are missing or older than this version needs."
    except Exception as exc:  # noqa: BLE001 - whatever is wrong is a finding of the doctor
        message = f"The database cannot be read ({type(exc).__name__})."
    return Check("tables", False, message, "Run: flask cova init-db")


def _database(ctx: ServiceContext) -> list[Check]:
    try:
        with ctx.database.short() as connection:
            facts = database_facts.read_facts(connection)
    except Exception:  # noqa: BLE001 - the check `tables` says that it cannot be read
        return []
    return [_judged(facts)]


def _judged(facts: DatabaseFacts) -> Check:
    """Is the database one the plugin is tried on, and set up for several writers?"""
    name = "database"
    called = f"{_NAMES.get(facts.dialect, facts.dialect)} {'.'.join(map(str, facts.version))}"
    oldest = _OLDEST.get(facts.dialect)
    if oldest is None or facts.version < oldest:
        return Check(
            name,
            False,
            f"The database is {called}, which the plugin does not support.",
            "Use PostgreSQL 12 or later, or SQLite 3.35 or later.",
        )
    if facts.encoding.upper() not in ("UTF8", "UTF-8"):
        return Check(
            name,
            False,
            f"The database keeps texts as {facts.encoding}: not every name fits in.",
            "Make a database with the encoding UTF8 and move the shop there.",
        )
    if facts.dialect == "postgresql" and facts.isolation != "read committed":
        return Check(
            name,
            False,
            f"Transactions are “{facts.isolation}”: concurrent work is refused without need.",
            "Let the plugin's connections use “read committed”, PostgreSQL's default.",
        )
    if facts.journal == "delete":
        message = f"The database is {called}. With journal_mode=WAL readers would not wait."
        return Check(name, True, message)
    return Check(name, True, f"The database is {called}.")


def _scheduler(ctx: ServiceContext) -> Check:
    now, scheduler = ctx.clock.now(), ctx.config.scheduler
    with ctx.database.short() as connection:
        enabled = {row.store_id for row in all_connections(connection) if row.enabled}
    # Jobs of all stores are written under no store's name.
    jobs = [row for row in ctx.schedule.rows() if row.store_id in enabled or not row.store_id]
    if not enabled or not jobs:
        return Check("scheduler", True, "Nothing is on the schedule.")
    lag = now - min(row.due_at for row in jobs)
    if lag > LONGEST_LAG:
        return Check(
            "scheduler",
            False,
            f"Something has been due for {round(lag.total_seconds() / 60)} minutes, and nobody "
            "has done it.",
            _WHO_TICKS[scheduler],
        )
    busy = {row.owner for row in jobs if row.owner and row.lease_until and row.lease_until > now}
    who = f"{len(busy)} workers are" if len(busy) > 1 else "the schedule is"
    several = " at it side by side, which is safe" if len(busy) > 1 else " kept"
    return Check("scheduler", True, f"What is due is done: {who}{several} ({scheduler}).")


def _alerts(ctx: ServiceContext) -> Check:
    name, now = "alerts", ctx.clock.now()
    with ctx.database.short() as connection:
        untold = alerts.count_untold(connection, since=now - _ALERT_NEWS, before=now - _ALERT_TIME)
    if untold:
        return Check(
            name,
            False,
            f"{untold} of the alerts of the last seven days were not told to the shop.",
            "If the log has signal_listener_failed, mend the shop's receiver of "
            "cova.alert-raised or cova.alert-resolved; each is told again for a day. If it has "
            "not, nobody is ticking.",
        )
    if not signals.alert_raised.receivers:
        message = "Nobody in the shop listens for alerts; they stand in the log and on the pages."
        return Check(name, True, message)
    return Check(name, True, "Every alert was told to the shop.")
