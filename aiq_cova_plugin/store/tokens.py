"""COVA's access tokens, encrypted and shared by all workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from aiq_cova_plugin.domain.secret_text import SecretText
from aiq_cova_plugin.errors import SecretsUnreadable
from aiq_cova_plugin.store.database import Database, insert_for
from aiq_cova_plugin.store.leases import Leases
from aiq_cova_plugin.store.models import Token
from aiq_cova_plugin.vault import Vault

_OF_KEY = sa.select(Token.token_encrypted, Token.expires_at).where(
    Token.key == sa.bindparam("of_key")
)


class DatabaseTokenStore:
    """Tokens in `cova_token`, as parts; `wiring` makes the client's `TokenStore` of them."""

    def __init__(self, database: Database, vault: Vault, leases: Leases) -> None:
        self._database = database
        self._vault = vault
        self._leases = leases

    def load_parts(self, key: str) -> tuple[str, datetime, datetime] | None:
        """(access token, renew at, expires at), or None when there is none to be read."""
        with self._database.short() as connection:
            row = connection.execute(_OF_KEY, {"of_key": key}).one_or_none()
        if row is None:
            return None
        try:
            content = json.loads(self._vault.decrypt(row.token_encrypted))
        except SecretsUnreadable:
            return None  # the keys were changed: a new token costs one log-in
        return (
            SecretText(content["token"]),
            datetime.fromisoformat(content["renew_at"]),
            row.expires_at,
        )

    def save_parts(
        self, key: str, access_token: str, renew_at: datetime, expires_at: datetime
    ) -> None:
        content = json.dumps({"token": access_token, "renew_at": renew_at.isoformat()})
        values = {"token_encrypted": self._vault.encrypt(content), "expires_at": expires_at}
        with self._database.short() as connection:
            connection.execute(
                insert_for(connection, Token)
                .values(key=key, **values)
                .on_conflict_do_update(index_elements=["key"], set_=values)
            )

    def discard(self, key: str, access_token: str) -> None:
        """Forget the token under the key, if it is still this one."""
        stored = self.load_parts(key)
        if stored is not None and stored[0] == access_token:
            with self._database.short() as connection:
                connection.execute(sa.delete(Token).where(Token.key == key))

    @contextmanager
    def lock(self, key: str) -> Iterator[bool]:
        """Try, without waiting, to be the one who asks for a new token."""
        lease = self._leases.take(f"token:{key}")
        try:
            yield lease is not None
        finally:
            if lease is not None:
                self._leases.give_back(lease)


def drop_tokens(connection: sa.Connection, *, expired_before: datetime | None = None) -> int:
    """Delete all tokens, or those that have expired; how many."""
    statement = sa.delete(Token)
    if expired_before is not None:
        statement = statement.where(Token.expires_at < expired_before)
    return connection.execute(statement).rowcount
