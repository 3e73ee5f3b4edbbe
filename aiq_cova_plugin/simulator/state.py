"""What the simulated COVA remembers: one lockable object holding plain dictionaries."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .account import Account
from .customers import Customer
from .orders import Order
from .products import Classification, Product, Reason
from .taxes import TaxRate

TOKEN_SECONDS = 43_199
REFRESH_TOKEN_LIFE = timedelta(days=7)


@dataclass(frozen=True)
class RequestRecord:
    """One answered call, without its body and headers; status 0 means it got no answer."""

    method: str
    path: str
    operation: str
    status: int
    at: datetime
    fault: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON values."""
        return {
            "method": self.method,
            "path": self.path,
            "operation": self.operation,
            "status": self.status,
            "at": self.at.isoformat(),
            "fault": self.fault,
        }


@dataclass(frozen=True)
class Token:
    """An access token or a refresh token that was handed out."""

    username: str
    client_id: str
    expires_at: datetime
    access_key: str | None = None


@dataclass
class State:
    """The retailer's records. Hold `lock` (re-entrant) while reading or changing several.

    `products`, `customers` and `orders` are dicts: lower-case GUID → record, in order of creation.
    """

    account: Account
    started_at: datetime
    lock: threading.RLock = field(default_factory=threading.RLock)
    products: dict[str, Product] = field(default_factory=dict)
    classifications: list[Classification] = field(default_factory=list)
    classification_tree_id: int = 52_900
    tax_rates: list[TaxRate] = field(default_factory=list)
    customers: dict[str, Customer] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    requests: deque[RequestRecord] = field(default_factory=lambda: deque(maxlen=20_000))
    fields_by_name: dict[str, int] = field(default_factory=dict)
    ordinary_ids: list[str] = field(default_factory=list)
    asset_owner: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    refresh_tokens: dict[str, Token] = field(default_factory=dict)
    _last_number: int = 900_000
    _last_position: int = 0

    def next_number(self) -> int:
        """A fresh integer id, higher than every one before."""
        with self.lock:
            self._last_number += 1
            return self._last_number

    def add_product(self, product: Product) -> None:
        """Put a product at the end of the catalogue and make its assets known."""
        with self.lock:
            self.products[product.id] = product
            product.changed_at.setdefault("specification", product.updated_at)
            self.move_to_end(product)
            for asset in product.assets:
                self.asset_owner[asset.id] = product.id
            for specification in product.specifications:
                self.field_id(specification.display_name)

    def move_to_end(self, product: Product) -> None:
        """Make the product the last one of the unsorted order (section 4.3)."""
        with self.lock:
            self._last_position += 1
            product.position = self._last_position

    def touch(self, product: Product, reason: Reason, now: datetime) -> None:
        """Note that something about the product changed now; catalogue dates move with facts.

        Stock and price rows carry dates of their own, so `UpdatedDateUtc` stays (section 4.5).
        """
        with self.lock:
            product.changed_at[reason] = now
            if reason not in ("stock", "price"):
                product.updated_at = now

    def field_id(self, display_name: str) -> int:
        """The id of a specification field, stable within this retailer (section 4.6)."""
        with self.lock:
            return self.fields_by_name.setdefault(
                display_name.strip().lower(), 35_000 + len(self.fields_by_name)
            )

    def issue_token(self, username: str, client_id: str, now: datetime) -> tuple[str, str]:
        """A new access token and refresh token; those handed out before stay valid (2.1)."""
        access, refresh = secrets.token_hex(16), secrets.token_hex(16)
        with self.lock:
            # Fingerprints are kept instead of tokens so that no dump of the state can leak one.
            key = fingerprint(access)
            expires = now + timedelta(seconds=TOKEN_SECONDS)
            self.tokens[key] = Token(username, client_id, expires)
            self.refresh_tokens[fingerprint(refresh)] = Token(
                username, client_id, now + REFRESH_TOKEN_LIFE, access_key=key
            )
        return access, refresh

    def token_owner(self, access: str, now: datetime) -> str | None:
        """The username behind a token that is known and not expired, else None."""
        with self.lock:
            token = self.tokens.get(fingerprint(access))
        return token.username if token is not None and now < token.expires_at else None

    def revoke_tokens(self) -> None:
        """Make every token unknown, as after a change of the password."""
        with self.lock:
            self.tokens.clear()
            self.refresh_tokens.clear()


def fingerprint(secret: str) -> str:
    """A digest to look a token up by."""
    return hashlib.sha256(secret.encode()).hexdigest()
