"""Encrypts everything stored anew with the first of `COVA_SECRET_KEYS`."""

from __future__ import annotations

from aiq_cova_plugin.services.audit import note
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store import outbox, tokens
from aiq_cova_plugin.store.connections import all_connections, save_connection

_SECRET_COLUMNS = ("password_encrypted", "client_secret_encrypted")


def rotate_secrets(ctx: ServiceContext, *, by: str) -> dict[str, int]:
    """Re-encrypt every stored secret in one transaction; how many of each kind.

    Access tokens are dropped, a new log-in costs one call. Raises `SecretsUnreadable` when
    no configured key fits a secret; nothing is changed then.
    """
    now, rotated = ctx.clock.now(), 0
    with ctx.database.short() as connection:
        rows = all_connections(connection)
        for row in rows:
            values = {
                name: ctx.vault.rotate(getattr(row, name))
                for name in _SECRET_COLUMNS
                if getattr(row, name)
            }
            if values:
                save_connection(connection, row.store_id, values, now=now)
                rotated += len(values)
        addresses = outbox.rotate_private(connection, ctx.vault.rotate)
        dropped = tokens.drop_tokens(connection)
    for row in rows:
        note(ctx, row.store_id, "secrets_rotated", by=by)
    return {"secrets": rotated, "personal_values": addresses, "tokens_dropped": dropped}
