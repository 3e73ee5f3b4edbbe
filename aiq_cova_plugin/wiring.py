"""Builds the services of one app, once; tests replace single parts of them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4
from weakref import ref

from flask import Flask, current_app, has_request_context

from aiq_cova_plugin.clock import Clock, SystemClock
from aiq_cova_plugin.config import Config
from aiq_cova_plugin.cova.breaker import SharedBreaker
from aiq_cova_plugin.cova.client import CovaClient, build_client
from aiq_cova_plugin.cova.credentials import CovaCredentials
from aiq_cova_plugin.cova.endpoints import CovaEndpoints
from aiq_cova_plugin.cova.rate_limit import RateBudget, SharedBudget
from aiq_cova_plugin.cova.token import StoredToken
from aiq_cova_plugin.host import Host
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.breakers import DatabaseBreakers
from aiq_cova_plugin.store.budgets import DatabaseBudgets
from aiq_cova_plugin.store.database import Database
from aiq_cova_plugin.store.leases import Leases
from aiq_cova_plugin.store.schedule import Schedule
from aiq_cova_plugin.store.tokens import DatabaseTokenStore
from aiq_cova_plugin.vault import Vault

if TYPE_CHECKING:
    from flask_sqlalchemy import SQLAlchemy

EXTENSION_KEY = "cova"


def build_services(
    app: Flask,
    *,
    db: SQLAlchemy,
    host: Host,
    config: Config,
    clock: Clock | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> ServiceContext:
    """The services of one app. Nothing is read or sent yet.

    With a clock of its own a simulation also gives a `sleep` that moves it: then no wait for
    COVA, for the budget of calls or for a token costs real time.
    """
    monotonic = time.monotonic if clock is None else _seconds_of(clock)
    clock = clock or SystemClock()
    worker_id = f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid4().hex[:8]}"
    database = Database(db, is_in_request=has_request_context)
    vault = Vault(config.secret_keys)
    leases = Leases(database, clock, owner=worker_id, seconds=config.lease_seconds)
    endpoints = CovaEndpoints(
        api_url=config.api_url, token_url=config.token_url, paths=config.paths
    )
    # A token is asked for in one short call; a worker that died over it must not keep the
    # others from COVA for a whole lease.
    token_leases = Leases(database, clock, owner=worker_id, seconds=config.read_timeout_seconds)
    token_store = _TokenStore(DatabaseTokenStore(database, vault, token_leases))
    budget = SharedBudget(
        RateBudget(monotonic=monotonic, sleep=sleep),
        DatabaseBudgets(database),
        clock,
        sleep=sleep,
    )
    breaker = SharedBreaker(
        DatabaseBreakers(database), clock, trial_seconds=2 * config.read_timeout_seconds
    )

    def open_client(credentials: CovaCredentials, *, is_trial: bool = False) -> CovaClient:
        return build_client(
            endpoints=endpoints,
            credentials=credentials,
            token_store=None if is_trial else token_store,
            clock=clock,
            # A trial leaves no trace, and is made however COVA is.
            budget=None if is_trial else budget,
            breaker=None if is_trial else breaker,
            connect_timeout_seconds=config.connect_timeout_seconds,
            read_timeout_seconds=config.read_timeout_seconds,
            sleep=sleep,
        )

    weak_app = ref(app)
    return ServiceContext(
        config=config,
        clock=clock,
        host=host,
        database=database,
        vault=vault,
        leases=leases,
        schedule=Schedule(database, clock, owner=worker_id, seconds=config.lease_seconds),
        worker_id=worker_id,
        open_client=open_client,
        sleep=sleep,
        sender=weak_app,
    )


def services_of(app: Flask) -> ServiceContext:
    """The services of this app. Raises RuntimeError when the plugin is not set up on it."""
    state = app.extensions.get(EXTENSION_KEY)
    if state is None:
        raise RuntimeError(
            "This app has not enabled the COVA plugin: call CovaPlugin().init_app(app, …)."
        )
    return cast(ServiceContext, state.services)


def current_services() -> ServiceContext:
    """The services of the current app."""
    return services_of(cast(Any, current_app)._get_current_object())


def _seconds_of(clock: Clock) -> Callable[[], float]:
    return lambda: clock.now().timestamp()


class _TokenStore:
    """The client's `TokenStore` on the database."""

    def __init__(self, parts: DatabaseTokenStore) -> None:
        self._parts = parts

    def load(self, key: str) -> StoredToken | None:
        found = self._parts.load_parts(key)
        return None if found is None else StoredToken(*found)

    def save(self, key: str, token: StoredToken) -> None:
        self._parts.save_parts(key, token.access_token, token.renew_at, token.expires_at)

    def discard(self, key: str, access_token: str) -> None:
        self._parts.discard(key, access_token)

    @contextmanager
    def lock(self, key: str) -> Iterator[bool]:
        with self._parts.lock(key) as is_ours:
            yield is_ours
