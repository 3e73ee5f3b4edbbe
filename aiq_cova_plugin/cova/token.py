"""COVA's access token: asked for once, shared, renewed in time (cova-api.md section 2)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeGuard

from aiq_cova_plugin.clock import Clock
from aiq_cova_plugin.cova import failures
from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.cova.endpoints import CovaEndpoints
from aiq_cova_plugin.cova.transport import Answer, Call, Transport
from aiq_cova_plugin.domain.secret_text import SecretText
from aiq_cova_plugin.errors import BadCredentials, ContractBroken, CovaPluginError
from aiq_cova_plugin.schemas.tokens import load_token

log = logging.getLogger(__name__)

RENEW_AFTER_SHARE = 0.9
DEFAULT_LIFETIME_SECONDS = 3600
"""Assumed when the answer does not say; COVA's tokens live about 12 hours."""
LONGEST_LIFETIME_SECONDS = 7 * 24 * 3600
WAIT_FOR_OTHER_SECONDS = 5.0
POLL_SECONDS = 0.1
_REFUSALS = frozenset({400, 401})


@dataclass(frozen=True)
class StoredToken:
    """A token and the times (UTC) from which it is renewed, and at which it ends."""

    access_token: str = field(repr=False)
    renew_at: datetime
    expires_at: datetime


class TokenStore(Protocol):
    """Where tokens are shared among processes. `key` is 64 hex digits and no secret."""

    def load(self, key: str) -> StoredToken | None:
        """The token under this key, whether or not it is still good."""
        ...

    def save(self, key: str, token: StoredToken) -> None:
        """Keep this token, encrypted, instead of any other under the key."""
        ...

    def discard(self, key: str, access_token: str) -> None:
        """Forget the token under the key, if it is still this one."""
        ...

    def lock(self, key: str) -> AbstractContextManager[bool]:
        """Try, without waiting, to become the one who asks for a new token.

        The context's value says whether we are; if not, another is asking right now.
        """
        ...


class MemoryTokenStore:
    """A token store for one process: tests and connection checks."""

    def __init__(self) -> None:
        self._tokens: dict[str, StoredToken] = {}
        self._locked: set[str] = set()
        self._mutex = threading.Lock()

    def load(self, key: str) -> StoredToken | None:
        with self._mutex:
            return self._tokens.get(key)

    def save(self, key: str, token: StoredToken) -> None:
        with self._mutex:
            self._tokens[key] = token

    def discard(self, key: str, access_token: str) -> None:
        with self._mutex:
            kept = self._tokens.get(key)
            if kept is not None and kept.access_token == access_token:
                del self._tokens[key]

    @contextmanager
    def lock(self, key: str) -> Iterator[bool]:
        with self._mutex:
            is_ours = key not in self._locked
            self._locked.add(key)
        try:
            yield is_ours
        finally:
            if is_ours:
                with self._mutex:
                    self._locked.discard(key)


class TokenProvider:
    """Hands out a token that is good now; one thread and one process asks for a new one.

    Which process asks is courtesy, not safety: every token works until it expires (section
    2.1). So whoever waits for another in vain asks for a token of its own.
    """

    def __init__(
        self,
        endpoints: CovaEndpoints,
        credentials: CovaCredentials,
        store: TokenStore,
        clock: Clock,
        *,
        transport: Transport,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoints = endpoints
        self._credentials = credentials
        self._store = store
        self._clock = clock
        self._transport = transport
        self._monotonic = monotonic
        self._sleep = sleep
        self._key = token_key(endpoints.token_url, credentials)
        self._mutex = threading.Lock()
        self._current: StoredToken | None = None

    def token(self) -> str:
        """An access token. Raises BadCredentials, Retryable or ContractBroken."""
        with self._mutex:
            if self._is_good(self._current):
                return self._current.access_token
            stored = self._store.load(self._key)
            if not self._is_good(stored):
                stored = self._new_token()
            self._current = stored
            return stored.access_token

    def log_in(self) -> None:
        """Ask for a new token, whatever is in the store: are the credentials right?"""
        with self._mutex:
            self._current = self._ask()
            self._store.save(self._key, self._current)

    def discard(self, access_token: str) -> None:
        """COVA refused this token: nobody is to use it again."""
        with self._mutex:
            if self._current is not None and self._current.access_token == access_token:
                self._current = None
            self._store.discard(self._key, access_token)

    def _new_token(self) -> StoredToken:
        deadline = self._monotonic() + WAIT_FOR_OTHER_SECONDS
        while True:
            with self._store.lock(self._key) as is_ours:
                # Another may have been quicker between our look and our lock.
                stored = self._store.load(self._key)
                if self._is_good(stored):
                    return stored
                if is_ours:
                    new = self._ask()
                    self._store.save(self._key, new)
                    return new
            if self._monotonic() >= deadline:
                log.warning("cova_token_wait_given_up", extra={"token_key": self._key[:12]})
                return self._ask()
            self._sleep(POLL_SECONDS)

    def _is_good(self, token: StoredToken | None) -> TypeGuard[StoredToken]:
        return token is not None and self._clock.now() < token.renew_at

    def _ask(self) -> StoredToken:
        credentials = self._credentials
        answer = self._transport.send(
            Call(
                doing="logging in",
                operation="log_in",
                method="POST",
                url=self._endpoints.token_url,
                service="token",
                company_id=credentials.company_id,
                is_write=False,
                form={
                    "grant_type": "password",
                    "username": credentials.username,
                    "password": credentials.password,
                    "client_id": credentials.client_id,
                    "client_secret": credentials.client_secret,
                },
                secrets=credentials.secrets,
            ),
            keep_statuses=_REFUSALS,
        )
        if not answer.is_success:
            raise _log_in_refused(answer, secrets=credentials.secrets)
        told = load_token(answer.body)
        lifetime = DEFAULT_LIFETIME_SECONDS if told.expires_in is None else told.expires_in
        lifetime = min(max(lifetime, 0), LONGEST_LIFETIME_SECONDS)
        now = self._clock.now()
        return StoredToken(
            access_token=SecretText(told.access_token),
            renew_at=now + timedelta(seconds=lifetime * RENEW_AFTER_SHARE),
            expires_at=now + timedelta(seconds=lifetime),
        )


def token_key(token_url: str, credentials: CovaCredentials) -> str:
    """Under what a token is stored: 64 hex digits.

    The password goes in only as a digest keyed by the client secret: a changed password does
    not find the old token, and whoever reads the key cannot try passwords against it.
    """
    proof = hmac.new(
        credentials.client_secret.encode(), credentials.password.encode(), hashlib.sha256
    ).hexdigest()
    parts = (token_url, credentials.client_id, credentials.username, proof)
    # Each part with its length, so that no two different rows of parts look alike.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def _log_in_refused(answer: Answer, *, secrets: tuple[str, ...]) -> CovaPluginError:
    """What a 400 or 401 of the token endpoint means (section 2.3)."""
    body: Any = answer.body if isinstance(answer.body, Mapping) else {}
    code = body.get("error")
    reason = failures.reason_of(answer.body, secrets=secrets)
    detail = f"HTTP {answer.status}"
    said = f" COVA says: {reason.rstrip('.')}." if reason and reason != code else ""
    if code == "invalid_client":
        return BadCredentials(
            f"COVA does not know this Client ID, or the Client Secret is wrong.{said}",
            detail=detail,
            field="client_secret",
            fix="Copy Client ID and Client Secret again from COVA's onboarding package.",
            request_id=answer.request_id,
        )
    if code == "invalid_grant" or (answer.status == 401 and not isinstance(code, str)):
        return BadCredentials(
            f"COVA does not accept this Username and Password.{said} A temporary password does "
            "not work until it has been changed in COVA's hub.",
            detail=detail,
            field="password",
            fix="If the password is still the temporary one, change it at hub.covasoft.net, wait "
            "5 to 10 minutes, and enter the new one here.",
            request_id=answer.request_id,
        )
    return ContractBroken(
        f"COVA's log-in does not work as agreed.{said}",
        detail=f"{detail}, {failures.reason_of({'error': code}) or 'no error code'}",
        fix="Check COVA_TOKEN_URL; otherwise report this to support.",
        request_id=answer.request_id,
    )
