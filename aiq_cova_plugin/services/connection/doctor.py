"""Looks at everything that must be right for a store to live off COVA, and says what to do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import uuid4

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.call_quota import calls_that_count
from aiq_cova_plugin.errors import CovaPluginError, NotFound
from aiq_cova_plugin.services.connection.check_connection import CheckStep, try_connection
from aiq_cova_plugin.services.connection.doctor_site import Check, SiteFacts, site_checks
from aiq_cova_plugin.services.connection.try_customer_search import try_customer_search
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.services.orders.tax_pricing import reread_tax_pricing
from aiq_cova_plugin.services.stores import (
    credentials_of,
    has_credentials,
    integrator_id_of,
    load_connection,
    require_store,
)
from aiq_cova_plugin.store.breakers import all_breakers
from aiq_cova_plugin.store.budgets import all_budgets
from aiq_cova_plugin.store.models import Connection
from aiq_cova_plugin.store.products import product_of

_LARGEST_SKEW = timedelta(minutes=1)
"""How far our clock may be from COVA's."""


def examine(
    ctx: ServiceContext, store_id: str | None = None, *, facts: SiteFacts | None = None
) -> dict[str, Any]:
    """The contract's `doctor` document: `ok` and the `checks`, of one store or of all.

    `facts` is what the web side knows of the app; without it nothing is said of it. Raises
    `UnknownStore`. Whatever is wrong is a check, never an exception.
    """
    stores = [require_store(ctx, store_id)] if store_id else list(ctx.host.stores())
    ctx.database.end_reading()
    checks = site_checks(ctx, facts)
    if all(check.ok for check in checks if check.name == "tables"):
        # A store that was never connected is a store without COVA, not a fault; but asked
        # about by name, or as the only one there is, it has no business being healthy.
        known = [store for store in stores if load_connection(ctx, store.id) is not None]
        for store in known or stores:
            checks += _store_checks(ctx, store.id)
    return {"ok": all(check.ok for check in checks), "checks": [asdict(each) for each in checks]}


def _store_checks(ctx: ServiceContext, store_id: str) -> list[Check]:
    row = load_connection(ctx, store_id)
    if row is None or not has_credentials(row):
        return [
            Check(
                "credentials",
                False,
                "The store is not connected to COVA.",
                "Fill in the six fields under Store > Integrations > COVA, or run flask cova "
                "connect.",
                store_id,
            )
        ]
    try:
        credentials = credentials_of(ctx, row)
    except CovaPluginError as exc:
        return [Check("credentials", False, exc.message, exc.fix, store_id)]
    checks = [_switched_on(row), *map(_from_step(store_id), try_connection(ctx, credentials))]
    if all(check.ok for check in checks[1:]):
        with ctx.open_client(credentials) as client:
            checks += _service_checks(ctx, client, row)
            checks.append(_clock(ctx, client, store_id))
    checks += [_services(ctx, row), _quota(ctx, row)]
    checks += [_integrator_id(ctx, row), _delivery_fee(ctx, row), _phone(ctx, store_id)]
    return checks


def _from_step(store_id: str) -> Callable[[CheckStep], Check]:
    return lambda step: Check(step.name, step.ok, step.message, step.fix, store_id)


def _switched_on(row: Connection) -> Check:
    if row.enabled:
        return Check("enabled", True, "COVA is switched on.", store_id=row.store_id)
    return Check(
        "enabled",
        False,
        "COVA is switched off for this store: nothing syncs.",
        "Switch it on under Store > Integrations > COVA.",
        row.store_id,
    )


def _service_checks(ctx: ServiceContext, client: CovaClient, row: Connection) -> list[Check]:
    """Ask each service an order needs a question that changes nothing."""

    def customers() -> str:
        return try_customer_search(client, row.customer_search)

    def taxes() -> str:
        style = reread_tax_pricing(ctx, row, client)
        return f"Prices at this location are tax {style.lower()}."

    def orders() -> str:
        with suppress(NotFound):
            client.order_status(str(uuid4()))
        return "Order statuses can be read."

    named = (("customers", customers), ("tax_style", taxes), ("orders", orders))
    return [_ask(name, question, row.store_id) for name, question in named]


def _ask(name: str, question: Callable[[], str], store_id: str) -> Check:
    try:
        return Check(name, True, question(), store_id=store_id)
    except CovaPluginError as exc:
        fix = exc.fix or "Ask COVA's API support whether the API user may use this service."
        return Check(name, False, exc.message, fix, store_id)


def _clock(ctx: ServiceContext, client: CovaClient, store_id: str) -> Check:
    name, theirs = "clock", client.server_time
    if theirs is None:
        return Check(name, True, "COVA does not say what time it is.", store_id=store_id)
    ahead = (ctx.clock.now() - theirs).total_seconds()
    if abs(ahead) <= _LARGEST_SKEW.total_seconds():
        return Check(name, True, "This machine's clock agrees with COVA's.", store_id=store_id)
    way = "ahead of" if ahead > 0 else "behind"
    return Check(
        name,
        False,
        f"This machine's clock is {round(abs(ahead) / 60, 1):g} minutes {way} COVA's.",
        "Let the machine set its clock by itself (NTP).",
        store_id,
    )


def _services(ctx: ServiceContext, row: Connection) -> Check:
    name = "cova_services"
    with ctx.database.short() as connection:
        away = [
            state
            for state in all_breakers(connection)
            if state.is_open and state.company_id == row.company_id
        ]
    if not away:
        return Check(name, True, "Every service of COVA is called.", store_id=row.store_id)
    named = ", ".join(sorted(state.service for state in away))
    return Check(
        name,
        False,
        f"COVA failed again and again, so it is not called for a while: {named}. {away[0].reason}",
        "It is tried again by itself, every few minutes at most. If it lasts, ask COVA's API "
        "support.",
        row.store_id,
    )


def _quota(ctx: ServiceContext, row: Connection) -> Check:
    """How much of COVA's quota is left in the service that has least."""
    name, now = "quota", ctx.clock.now()
    with ctx.database.short() as connection:
        budgets = [
            (service, quota)
            for company_id, service, quota in all_budgets(connection)
            if company_id == row.company_id and quota.per_minute > 0
        ]
    closed = [s for s, q in budgets if q.closed_until is not None and q.closed_until > now]
    if closed:
        return Check(
            name,
            False,
            f"COVA's quota is used up for: {', '.join(sorted(closed))}.",
            "It goes on by itself. If it happens often, ask who else uses this API user, or "
            "COVA for a higher limit.",
            row.store_id,
        )
    shares = [1 - calls_that_count(quota.recent, now) / quota.per_minute for _, quota in budgets]
    left = max(0, round(100 * min(shares, default=1.0)))
    return Check(name, True, f"{left} % of COVA's quota is left.", store_id=row.store_id)


def _integrator_id(ctx: ServiceContext, row: Connection) -> Check:
    name = "integrator_id"
    if integrator_id_of(ctx, row):
        return Check(name, True, "There is an IntegratorId for orders.", store_id=row.store_id)
    if not row.sync_orders:
        return Check(
            name,
            True,
            "No IntegratorId; orders are not synced, so none is needed.",
            store_id=row.store_id,
        )
    return Check(
        name,
        False,
        "Orders are to be synced, but there is no IntegratorId.",
        "Set COVA_INTEGRATOR_ID, or the store's own IntegratorId on the settings page.",
        row.store_id,
    )


def _delivery_fee(ctx: ServiceContext, row: Connection) -> Check:
    name, product_id = "delivery_fee_product", row.delivery_fee_product
    if not product_id:
        return Check(
            name,
            True,
            "No delivery fee product is set; delivery orders with a fee will wait for one.",
            store_id=row.store_id,
        )
    with ctx.database.short() as connection:
        product = product_of(connection, row.store_id, product_id)
    if product is not None and product.presence != "non_stock":
        return Check(
            name,
            False,
            "The delivery fee product is an ordinary product with stock.",
            "Choose a non-stock product of COVA for the delivery fee.",
            row.store_id,
        )
    return Check(name, True, "A delivery fee product is set.", store_id=row.store_id)


def _phone(ctx: ServiceContext, store_id: str) -> Check:
    name = "phone_at_checkout"
    is_required = ctx.host.checkout_requires_phone(store_id)
    ctx.database.end_reading()
    if is_required:
        return Check(name, True, "Checkout requires a phone number.", store_id=store_id)
    return Check(
        name,
        False,
        "Checkout does not require a phone number, and COVA finds customers by phone: orders "
        "without one will wait for a person.",
        "Make the phone number a required field at checkout.",
        store_id,
    )
