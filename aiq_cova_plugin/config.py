"""Every `COVA_*` key: name, default, unit and meaning, read once into a frozen `Config`.

A key that is not in the Flask configuration is read from the environment under the same
name. Whatever is malformed fails at start-up with `ConfigurationError` naming the key.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.fernet import Fernet

from aiq_cova_plugin.domain.secret_text import SecretText
from aiq_cova_plugin.errors import ConfigurationError

DEFAULTS: dict[str, Any] = {
    "COVA_API_URL": "https://api.covasoft.net",
    "COVA_TOKEN_URL": "https://accounts.iqmetrix.net/v1/oauth2/token",
    "COVA_PATHS": None,
    "COVA_INTEGRATOR_ID": None,
    "COVA_SECRET_KEYS": None,
    "COVA_CATALOG_INTERVAL_SECONDS": 600,
    "COVA_STATUS_INTERVAL_SECONDS": 120,
    "COVA_SCHEDULER": "apscheduler",
    "COVA_URL_PREFIX": "/cova",
    "COVA_BASE_TEMPLATE": None,
    "COVA_CONNECT_TIMEOUT_SECONDS": 5,
    "COVA_READ_TIMEOUT_SECONDS": 60,
    "COVA_LEASE_SECONDS": 300,
    "COVA_PAGE_SIZE": 500,
    "COVA_METRICS_TOKEN": None,
    "COVA_TICK_SECONDS": 2,
    "COVA_WORKERS": 4,
    "COVA_KEEP_RUNS_DAYS": 90,
    "COVA_KEEP_ORDERS_DAYS": 400,
    "COVA_KEEP_PERSONAL_DAYS": 90,
    "COVA_KEEP_CUSTOMERS_DAYS": 400,
    "COVA_KEEP_AUDIT_DAYS": 400,
}
"""Key → default. `COVA_TICK_SECONDS`: how often a worker looks for due work; `COVA_WORKERS`: how
many stores one process sends orders of at once, and half as many are synced."""

_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Config:
    """The checked configuration of one app. Durations are seconds."""

    api_url: str
    token_url: str
    paths: Mapping[str, str]
    integrator_id: str | None
    secret_keys: tuple[str, ...] = field(repr=False)
    catalog_interval_seconds: float
    status_interval_seconds: float
    scheduler: str
    url_prefix: str
    base_template: str
    connect_timeout_seconds: float
    read_timeout_seconds: float
    lease_seconds: float
    page_size: int
    metrics_token: str | None = field(repr=False)
    tick_seconds: float
    workers: int
    keep_runs_days: int
    keep_orders_days: int
    keep_personal_days: int
    keep_customers_days: int
    keep_audit_days: int


def load_config(
    settings: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Config:
    """The checked configuration from Flask's `app.config` and the environment.

    Raises `ConfigurationError`, whose `field` is the key at fault.
    """
    read = _Reader(settings, os.environ if environment is None else environment)
    lease_seconds = read.seconds("COVA_LEASE_SECONDS")
    read_timeout = read.seconds("COVA_READ_TIMEOUT_SECONDS")
    if lease_seconds <= read_timeout:
        raise ConfigurationError(
            f"COVA_LEASE_SECONDS is {lease_seconds:g}, but must be more than "
            f"COVA_READ_TIMEOUT_SECONDS ({read_timeout:g}): a worker waiting for COVA would "
            "lose its claim.",
            field="COVA_LEASE_SECONDS",
        )
    return Config(
        api_url=read.url("COVA_API_URL"),
        token_url=read.url("COVA_TOKEN_URL"),
        paths=read.texts_by_name("COVA_PATHS"),
        integrator_id=read.guid("COVA_INTEGRATOR_ID"),
        secret_keys=tuple(map(SecretText, read.fernet_keys("COVA_SECRET_KEYS"))),
        catalog_interval_seconds=read.seconds("COVA_CATALOG_INTERVAL_SECONDS"),
        status_interval_seconds=read.seconds("COVA_STATUS_INTERVAL_SECONDS"),
        scheduler=read.choice("COVA_SCHEDULER", ("apscheduler", "celery", "none")),
        url_prefix=read.url_prefix("COVA_URL_PREFIX"),
        base_template=read.text("COVA_BASE_TEMPLATE") or "cova/layout.html",
        connect_timeout_seconds=read.seconds("COVA_CONNECT_TIMEOUT_SECONDS"),
        read_timeout_seconds=read_timeout,
        lease_seconds=lease_seconds,
        page_size=read.whole_number("COVA_PAGE_SIZE", lowest=1, highest=5000),
        metrics_token=read.text("COVA_METRICS_TOKEN"),
        tick_seconds=read.seconds("COVA_TICK_SECONDS"),
        workers=read.whole_number("COVA_WORKERS", lowest=1, highest=64),
        keep_runs_days=read.days("COVA_KEEP_RUNS_DAYS"),
        keep_orders_days=read.days("COVA_KEEP_ORDERS_DAYS"),
        keep_personal_days=read.days("COVA_KEEP_PERSONAL_DAYS"),
        keep_customers_days=read.days("COVA_KEEP_CUSTOMERS_DAYS"),
        keep_audit_days=read.days("COVA_KEEP_AUDIT_DAYS"),
    )


def looks_like_guid(text: str) -> bool:
    """Is this text a GUID, in the usual spelling with hyphens?"""
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        return False
    return UUID(text).int != 0


class _Reader:
    def __init__(self, settings: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment

    def _raw(self, key: str) -> Any:
        value = self._settings.get(key)
        if value is not None:
            return value
        value = self._environment.get(key)
        return DEFAULTS[key] if value is None or not value.strip() else value

    def text(self, key: str) -> str | None:
        value = self._raw(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise ConfigurationError(f"{key} must be text, not {type(value).__name__}.", field=key)
        return value.strip() or None

    def texts_by_name(self, key: str) -> dict[str, str]:
        """A dict of texts, as such or as JSON in the environment."""
        value = self._raw(key)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError as exc:
                raise ConfigurationError(f"{key} is not valid JSON.", field=key) from exc
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(
            isinstance(each, str) for pair in value.items() for each in pair
        ):
            raise ConfigurationError(
                f'{key} must map names to texts, such as {{"order_status": "/…"}}.', field=key
            )
        return dict(value)

    def url(self, key: str) -> str:
        value = self.text(key) or str(DEFAULTS[key])
        try:
            parts = urlsplit(value)
            host, _port = parts.hostname, parts.port
        except ValueError as exc:
            raise ConfigurationError(f"{key} is not a web address.", field=key) from exc
        if parts.scheme not in ("http", "https") or not host:
            raise ConfigurationError(
                f"{key} must be a web address such as {DEFAULTS[key]}.", field=key
            )
        if parts.username or parts.password:
            raise ConfigurationError(f"{key} must not hold a user name or password.", field=key)
        if parts.scheme == "http" and host not in _LOOPBACK_HOSTS:
            raise ConfigurationError(
                f"{key} uses plain http, which would send passwords in the clear: use https. "
                "Plain http is accepted for this machine's own address alone.",
                field=key,
            )
        return value.rstrip("/")

    def guid(self, key: str) -> str | None:
        value = self.text(key)
        if value is not None and not looks_like_guid(value):
            raise ConfigurationError(
                f"{key} must be a GUID such as 11111111-2222-4333-8444-555555555555.", field=key
            )
        return value.lower() if value else None

    def fernet_keys(self, key: str) -> tuple[str, ...]:
        value = self.text(key)
        if value is None:
            return ()
        keys = tuple(part.strip() for part in value.split(",") if part.strip())
        for position, each in enumerate(keys, start=1):
            try:
                Fernet(each)
            except ValueError as exc:
                raise ConfigurationError(
                    f"{key}: key {position} is not a Fernet key (32 random bytes in URL-safe "
                    "base64). Make one with: python -c 'from cryptography.fernet import "
                    "Fernet; print(Fernet.generate_key().decode())'",
                    field=key,
                ) from exc
        if not keys:
            raise ConfigurationError(f"{key} holds commas, but no key.", field=key)
        return keys

    def seconds(self, key: str) -> float:
        value = self._raw(key)
        try:
            number = float(value) if not isinstance(value, bool) else float("nan")
        except (TypeError, ValueError):
            number = float("nan")
        if not 0 < number < 10_000_000:
            raise ConfigurationError(f"{key} must be a positive number of seconds.", field=key)
        return number

    def days(self, key: str) -> int:
        return self.whole_number(key, lowest=1, highest=36_500)

    def whole_number(self, key: str, *, lowest: int, highest: int) -> int:
        value = self._raw(key)
        try:
            number = int(str(value)) if not isinstance(value, bool) else lowest - 1
        except ValueError:
            number = lowest - 1
        if not lowest <= number <= highest:
            raise ConfigurationError(
                f"{key} must be a whole number from {lowest} to {highest}.", field=key
            )
        return number

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key) or ""
        if value not in choices:
            raise ConfigurationError(f"{key} must be one of {', '.join(choices)}.", field=key)
        return value

    def url_prefix(self, key: str) -> str:
        value = self.text(key) or str(DEFAULTS[key])
        if not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)+/?", value):
            raise ConfigurationError(
                f"{key} must be a path such as /cova, starting with a slash.", field=key
            )
        return value.rstrip("/")
