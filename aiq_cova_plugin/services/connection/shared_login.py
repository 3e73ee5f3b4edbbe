"""Stores that log in to COVA as the same user: one password for all of them.

COVA gives a company one API user for all its storefronts, so whoever changes the password
breaks every store at once (user-pains.md section 1.7). Staff are told, and one save can
give the new password to all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.host import Store
from aiq_cova_plugin.services.connection.connection_settings import save_settings
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.connections import all_connections

SECRETS = ("password", "client_secret")


@dataclass(frozen=True)
class SharedSave:
    """What became of a new password at the stores it was given to as well."""

    taken: tuple[Store, ...]
    refused: tuple[tuple[Store, str], ...]


def stores_with_same_login(ctx: ServiceContext, store_id: str) -> list[Store]:
    """Other stores whose saved COVA user is this store's; those the user may see, by name."""
    with ctx.database.short() as connection:
        rows = {row.store_id: row for row in all_connections(connection)}
    own = rows.get(store_id)
    if own is None or not own.username:
        return []
    same = {
        row.store_id
        for row in rows.values()
        if row.store_id != store_id
        and row.username.casefold() == own.username.casefold()
        and row.client_id.casefold() == own.client_id.casefold()
    }
    return sorted(
        (each for each in ctx.host.stores() if each.id in same and ctx.host.can("view", each.id)),
        key=lambda each: each.name,
    )


def give_secrets_to(
    ctx: ServiceContext, stores: list[Store], raw: Mapping[str, Any], *, by: str
) -> SharedSave:
    """Save the newly typed secrets at these stores too, each tested like any other save.

    A store the user may not configure, or whose test COVA refuses, keeps what it had and is
    named in `refused` with the reason.
    """
    secrets = {name: raw[name] for name in SECRETS if raw.get(name)}
    taken: list[Store] = []
    refused: list[tuple[Store, str]] = []
    for store in stores if secrets else ():
        if not ctx.host.can("configure", store.id):
            refused.append((store, "You may not change this store's settings."))
            continue
        try:
            save_settings(ctx, store.id, secrets, by=by)
        except CovaPluginError as exc:
            refused.append((store, exc.message))
        else:
            taken.append(store)
    return SharedSave(tuple(taken), tuple(refused))
