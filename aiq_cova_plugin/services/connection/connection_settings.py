"""Reads, checks and saves a store's COVA settings; the page and the command both come here.

Credentials are tried before they are saved. A secret is write-only: an empty one keeps what
is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from aiq_cova_plugin.config import looks_like_guid
from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.domain.addresses import BESIDE, OVERWRITE
from aiq_cova_plugin.domain.secret_text import SecretText
from aiq_cova_plugin.errors import NeedsOperator
from aiq_cova_plugin.host import OrderStatus
from aiq_cova_plugin.services.audit import changed, note
from aiq_cova_plugin.services.connection.check_connection import CheckStep, try_connection
from aiq_cova_plugin.services.context import ServiceContext, log
from aiq_cova_plugin.services.jobs.plan_jobs import plan_store_jobs
from aiq_cova_plugin.services.orders.resume_orders import resume_after_settings
from aiq_cova_plugin.services.stores import (
    connection_state,
    has_credentials,
    integrator_id_of,
    load_connection,
    require_store,
)
from aiq_cova_plugin.store import push_times
from aiq_cova_plugin.store.connections import save_connection, save_sync_state
from aiq_cova_plugin.store.database import is_database_trouble
from aiq_cova_plugin.store.models import Connection

SIX_FIELDS = (
    "company_id",
    "location_id",
    "username",
    "password",
    "client_id",
    "client_secret",
)
FIELD_LABELS = {
    "company_id": "Company ID",
    "location_id": "Location ID",
    "username": "Username",
    "password": "Password",
    "client_id": "Client ID",
    "client_secret": "Client Secret",
    "integrator_id": "Integrator ID",
    "delivery_fee_product": "Delivery fee product",
}
_SECRET_COLUMNS = {
    "password": "password_encrypted",
    "client_secret": "client_secret_encrypted",
}


class InvalidSettings(NeedsOperator):
    """The settings cannot be saved like this; `errors` is dict: field → what is wrong."""

    def __init__(self, errors: Mapping[str, str], *, fix: str = "") -> None:
        field, first = next(iter(errors.items()))
        super().__init__(first, field=field, fix=fix)
        self.errors = dict(errors)


@dataclass(frozen=True)
class SettingsView:
    """A store's settings as they may be shown: no secret, only whether there is one."""

    enabled: bool
    sync_orders: bool
    company_id: str
    location_id: str
    username: str
    client_id: str
    integrator_id: str
    delivery_fee_product: str
    has_password: bool
    has_client_secret: bool
    state: str
    check_ok: bool | None
    check_message: str
    check_field: str | None
    checked_at: datetime | None
    platform_integrator_id: bool


def read_settings(ctx: ServiceContext, store_id: str) -> SettingsView:
    """The store's settings; blank ones for a store that has none. Raises `UnknownStore`."""
    require_store(ctx, store_id)
    row = load_connection(ctx, store_id) or Connection(
        store_id=store_id, enabled=False, was_enabled=False, sync_orders=False
    )
    return SettingsView(
        enabled=row.enabled,
        sync_orders=row.sync_orders,
        company_id=str(row.company_id or ""),
        location_id=str(row.location_id or ""),
        username=row.username or "",
        client_id=row.client_id or "",
        integrator_id=row.integrator_id or "",
        delivery_fee_product=row.delivery_fee_product or "",
        has_password=bool(row.password_encrypted),
        has_client_secret=bool(row.client_secret_encrypted),
        state=state_of(ctx, row),
        check_ok=row.check_ok,
        check_message=row.check_message or "",
        check_field=row.check_field,
        checked_at=row.checked_at,
        platform_integrator_id=bool(ctx.config.integrator_id),
    )


def state_of(ctx: ServiceContext, row: Connection | None) -> str:
    """`not_connected`, `not_ready`, `ready` or `frozen`; orders need an integrator id."""
    state = connection_state(row)
    if state == "ready" and row is not None and row.sync_orders:
        return "ready" if integrator_id_of(ctx, row) else "not_ready"
    return state


def check_settings(ctx: ServiceContext, store_id: str, raw: Mapping[str, Any]) -> list[CheckStep]:
    """Try what was typed, with the stored secrets where a secret is empty; saves nothing.

    When it is what is stored and COVA accepts it, orders that stopped for it go on.

    Raises `InvalidSettings` when something typed is malformed or missing.
    """
    require_store(ctx, store_id)
    stored = load_connection(ctx, store_id)
    typed = _typed(raw)
    _require_complete(typed, stored, why="to test the connection")
    ctx.database.end_reading()
    steps = try_connection(ctx, _credentials(ctx, typed, stored))
    if all(step.ok for step in steps) and not _has_new_credentials(typed, stored):
        with ctx.database.short() as connection:
            resume_after_settings(connection, store_id, now=ctx.clock.now(), is_other_log_in=True)
    return steps


def save_settings(
    ctx: ServiceContext,
    store_id: str,
    raw: Mapping[str, Any],
    *,
    check: bool = True,
    by: str,
) -> SettingsView:
    """Save what was typed and, when the store is on, start its first sync within seconds.

    Fields that `raw` does not have stay as they are. Complete credentials are tried first
    unless `check` is False. Raises `UnknownStore`, `InvalidSettings` with the error per
    field, and `MissingSetting` without a key to encrypt with. After a failure nothing is
    changed.
    """
    require_store(ctx, store_id)
    stored = load_connection(ctx, store_id)
    typed = _typed(raw)
    enabled = typed.get("enabled", stored.enabled if stored else False)
    if enabled:
        _require_complete(typed, stored, why="to switch COVA on")
    values = _columns(ctx, typed)
    has_new_credentials = _has_new_credentials(typed, stored)
    now = ctx.clock.now()
    if check and _is_complete(typed, stored) and (enabled or has_new_credentials):
        ctx.database.end_reading()
        _require_good(try_connection(ctx, _credentials(ctx, typed, stored)))
        values |= {"check_ok": True, "checked_at": now, "check_message": "", "check_field": None}
    elif has_new_credentials:
        values |= {"check_ok": None, "checked_at": None, "check_message": "", "check_field": None}
    if enabled:
        values["was_enabled"] = True
    if typed.get("sync_orders") and not (stored and stored.sync_orders):
        values["orders_since"] = now
    moved = stored is not None and any(
        name in values and values[name] != getattr(stored, name)
        for name in ("company_id", "location_id")
    )
    if moved:
        values |= {"tax_pricing": None, "tax_pricing_read_at": None}
    ctx.database.end_reading()
    with ctx.database.short() as connection:
        save_connection(connection, store_id, values, now=now)
        if moved:
            # Another place: its products must be read from the beginning.
            save_sync_state(connection, store_id, {"cursor": None})
    _send_on(
        ctx,
        store_id,
        has_paused=bool(values.get("sync_orders")),
        is_other_log_in=has_new_credentials or bool(values.get("check_ok")),
        is_other_place=moved,
    )
    note(ctx, store_id, "settings_saved", by=by, changed=_told_changes(typed, stored))
    log.info("settings_saved", extra={"store_id": store_id, "saved_by": by})
    plan_store_jobs(ctx, store_id)
    return read_settings(ctx, store_id)


def _send_on(ctx: ServiceContext, store_id: str, *, has_paused: bool, **is_other: bool) -> None:
    """Bring on the orders that waited for the settings, which are saved by now.

    On its own: nobody waits for an order with the store's row in hand, or PostgreSQL would end
    a deadlock with a sync and a cancel at the cost of one of them.
    """
    now = ctx.clock.now()
    try:
        with ctx.database.short() as connection:
            if has_paused:
                push_times.resume_paused(connection, store_id, now=now)
            resume_after_settings(connection, store_id, now=now, **is_other)
    except Exception as exc:
        if not is_database_trouble(exc):
            raise
        # The settings are saved all the same; the sweep does it, or a person's Retry.
        log.warning("orders_not_resumed", extra={"store_id": store_id}, exc_info=True)


def _told_changes(typed: Mapping[str, Any], stored: Connection | None) -> dict[str, Any]:
    """What was changed, old and new; of a secret only that it was."""
    plain = {name: value for name, value in typed.items() if name not in _SECRET_COLUMNS}
    before = {name: getattr(stored, name) for name in plain} if stored is not None else {}
    # An empty field and one that was never filled in are the same to a person.
    told: dict[str, Any] = {
        name: values
        for name, values in changed(before, plain).items()
        if values["old"] or values["new"] or isinstance(values["new"], bool)
    }
    return told | {name: "changed" for name in _SECRET_COLUMNS if typed.get(name)}


class _SettingsForm(Schema):
    class Meta:
        unknown = EXCLUDE

    enabled = fields.Boolean()
    sync_orders = fields.Boolean()
    company_id = fields.Integer(
        allow_none=True,
        validate=validate.Range(1, 2**31 - 1, error="must be a whole number above zero"),
        error_messages={"invalid": "must be a whole number, such as 12345"},
    )
    location_id = fields.Integer(
        allow_none=True,
        validate=validate.Range(1, 2**31 - 1, error="must be a whole number above zero"),
        error_messages={"invalid": "must be a whole number, such as 12345"},
    )
    username = fields.String(
        validate=validate.Length(max=200, error="must be at most 200 characters")
    )
    password = fields.String(
        validate=validate.Length(max=500, error="must be at most 500 characters")
    )
    client_id = fields.String(
        validate=validate.Length(max=200, error="must be at most 200 characters")
    )
    client_secret = fields.String(
        validate=validate.Length(max=500, error="must be at most 500 characters")
    )
    integrator_id = fields.String()
    delivery_fee_product = fields.String()
    address_policy = fields.String(validate=validate.OneOf((OVERWRITE, BESIDE)))
    status_map = fields.Dict(
        keys=fields.String(),
        values=fields.String(validate=validate.OneOf(("", *(each.value for each in OrderStatus)))),
    )


def _typed(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed, read and trimmed. Raises `InvalidSettings`."""
    trimmed = {
        name: (value.strip() if isinstance(value, str) and name not in _SECRET_COLUMNS else value)
        for name, value in raw.items()
    }
    for name in ("company_id", "location_id"):
        if trimmed.get(name) == "":
            trimmed[name] = None
    errors: dict[str, str] = {}
    typed: dict[str, Any] = {}
    try:
        typed = _SettingsForm().load(trimmed)
    except ValidationError as exc:
        messages = exc.messages_dict
        errors = {
            name: f"{FIELD_LABELS.get(name, name)}: {_first(found)}"
            for name, found in messages.items()
        }
    for name in ("integrator_id", "delivery_fee_product"):
        value = str(trimmed.get(name) or "")
        if value and not looks_like_guid(value):
            errors[name] = (
                f"{FIELD_LABELS[name]}: must be a GUID such as 11111111-2222-4333-8444-555555555555"
            )
    if errors:
        raise InvalidSettings(errors)
    return typed | {name: SecretText(typed[name]) for name in _SECRET_COLUMNS if name in typed}


def _first(messages: Any) -> str:
    while isinstance(messages, list | dict):
        messages = next(iter(messages.values() if isinstance(messages, dict) else messages))
    return str(messages)


def _value(name: str, typed: Mapping[str, Any], stored: Connection | None) -> Any:
    """What a field will be: what was typed, else what is stored; empty secrets keep."""
    if name in _SECRET_COLUMNS:
        return typed.get(name) or (getattr(stored, _SECRET_COLUMNS[name]) if stored else None)
    if name in typed:
        return typed[name]
    return getattr(stored, name) if stored else None


def _is_complete(typed: Mapping[str, Any], stored: Connection | None) -> bool:
    return all(_value(name, typed, stored) for name in SIX_FIELDS)


def _require_complete(typed: Mapping[str, Any], stored: Connection | None, *, why: str) -> None:
    missing = {
        name: f"{FIELD_LABELS[name]} is needed {why}."
        for name in SIX_FIELDS
        if not _value(name, typed, stored)
    }
    if missing:
        raise InvalidSettings(
            missing, fix="All six are in the onboarding package that COVA sent you."
        )


def _require_good(steps: list[CheckStep]) -> None:
    for step in steps:
        if not step.ok:
            raise InvalidSettings({step.field or "form": step.message}, fix=step.fix)


def _has_new_credentials(typed: Mapping[str, Any], stored: Connection | None) -> bool:
    if stored is None or not has_credentials(stored):
        return any(typed.get(name) for name in SIX_FIELDS)
    if any(typed.get(name) for name in _SECRET_COLUMNS):
        return True
    plain = ("company_id", "location_id", "username", "client_id")
    return any(name in typed and typed[name] != getattr(stored, name) for name in plain)


def _columns(ctx: ServiceContext, typed: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in typed.items():
        if name in _SECRET_COLUMNS:
            if value:
                values[_SECRET_COLUMNS[name]] = ctx.vault.encrypt(value)
        elif name in ("integrator_id", "delivery_fee_product"):
            values[name] = value.lower() or None
        else:
            values[name] = value
    return values


def _credentials(
    ctx: ServiceContext, typed: Mapping[str, Any], stored: Connection | None
) -> CovaCredentials:
    def secret(name: str) -> str:
        if typed.get(name):
            return str(typed[name])
        return ctx.vault.decrypt(str(_value(name, typed, stored)))

    return CovaCredentials(
        company_id=int(_value("company_id", typed, stored)),
        location_id=int(_value("location_id", typed, stored)),
        username=str(_value("username", typed, stored)),
        password=secret("password"),
        client_id=str(_value("client_id", typed, stored)),
        client_secret=secret("client_secret"),
        integrator_id=_value("integrator_id", typed, stored) or ctx.config.integrator_id,
    )
