"""Which store is meant, how far it is connected, and its credentials."""

from __future__ import annotations

from collections.abc import Sequence

from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.errors import MissingSetting, NotConnected, UnknownStore
from aiq_cova_plugin.host import Store
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.connections import all_connections, connection_of
from aiq_cova_plugin.store.models import Connection

NOT_CONNECTED = "not_connected"
NOT_READY = "not_ready"
READY = "ready"
FROZEN = "frozen"


def require_store(ctx: ServiceContext, store_id: str) -> Store:
    """The host's store. Raises `UnknownStore` naming the stores there are."""
    stores = ctx.host.stores()
    for store in stores:
        if store.id == store_id:
            return store
    raise UnknownStore(f"There is no store {store_id!r}.", field="store", fix=_name_them(stores))


def _name_them(stores: Sequence[Store]) -> str:
    if not stores:
        return "The shop has no stores yet."
    return "Stores: " + ", ".join(f"{store.id} ({store.name})" for store in stores) + "."


def enabled_stores(ctx: ServiceContext) -> list[str]:
    """Ids of the stores that are switched on."""
    with ctx.database.short() as connection:
        return [row.store_id for row in all_connections(connection) if row.enabled]


def load_connection(ctx: ServiceContext, store_id: str) -> Connection | None:
    with ctx.database.short() as connection:
        return connection_of(connection, store_id)


def has_credentials(row: Connection | None) -> bool:
    """Are all six fields of COVA's onboarding package there?"""
    return row is not None and all(
        (
            row.company_id,
            row.location_id,
            row.username,
            row.password_encrypted,
            row.client_id,
            row.client_secret_encrypted,
        )
    )


def connection_state(row: Connection | None) -> str:
    """`not_connected`, `not_ready`, `ready` or `frozen` (contract section 5).

    *Frozen*: it was switched on once and is off now, credentials kept. *Not ready*: something
    is still missing, was refused, or it was never switched on.
    """
    if row is None or not has_credentials(row):
        return NOT_CONNECTED
    if not row.enabled:
        return FROZEN if row.was_enabled else NOT_READY
    return READY if row.check_ok else NOT_READY


def integrator_id_of(ctx: ServiceContext, row: Connection) -> str | None:
    """The store's own integrator id, else the platform's."""
    return row.integrator_id or ctx.config.integrator_id


def credentials_of(ctx: ServiceContext, row: Connection) -> CovaCredentials:
    """The store's credentials, decrypted. Raises `NotConnected` when a field is missing."""
    if (
        not row.company_id
        or not row.location_id
        or not row.password_encrypted
        or not row.client_secret_encrypted
        or not has_credentials(row)
    ):
        raise NotConnected(
            "This store is not connected to COVA yet.",
            fix="Fill in all six fields under Store > Integrations > COVA.",
        )
    return CovaCredentials(
        company_id=row.company_id,
        location_id=row.location_id,
        username=row.username,
        password=ctx.vault.decrypt(row.password_encrypted),
        client_id=row.client_id,
        client_secret=ctx.vault.decrypt(row.client_secret_encrypted),
        integrator_id=integrator_id_of(ctx, row),
    )


def require_connected(ctx: ServiceContext, store_id: str) -> Connection:
    """The store's settings, when its credentials are saved, switched on or not: enough for what
    only reads. Raises `NotConnected`."""
    row = load_connection(ctx, store_id)
    if row is None or not has_credentials(row):
        raise NotConnected(
            f"Store {store_id} is not connected to COVA yet.",
            field="store",
            fix="Fill in all six fields under Store > Integrations > COVA.",
        )
    return row


def require_enabled(ctx: ServiceContext, store_id: str) -> Connection:
    """The store's settings, when it is connected and switched on. Raises `NotConnected`."""
    row = require_connected(ctx, store_id)
    if not row.enabled:
        raise NotConnected(
            f"COVA is switched off for store {store_id}.",
            field="enabled",
            fix="Switch it on under Store > Integrations > COVA.",
        )
    return row


def require_integrator_id(ctx: ServiceContext, row: Connection) -> str:
    """The integrator id orders are sent with. Raises `MissingSetting`."""
    found = integrator_id_of(ctx, row)
    if not found:
        raise MissingSetting(
            "Orders cannot be sent to COVA: there is no IntegratorId.",
            field="integrator_id",
            fix="Ask whoever runs this shop to set COVA_INTEGRATOR_ID, or type the store's own "
            "IntegratorId on the settings page.",
        )
    return found
