"""Encrypts what is stored of credentials and personal data; rotates the key.

`COVA_SECRET_KEYS` holds one or more Fernet keys: the first encrypts, all decrypt, so a new
key is put in front, `flask cova rotate-secrets` run, and the old one removed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from aiq_cova_plugin.domain.secret_text import SecretText
from aiq_cova_plugin.errors import MissingSetting, SecretsUnreadable


class Vault:
    """Encrypts and decrypts texts with the configured keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(SecretText(key) for key in keys)
        self._fernet = MultiFernet([Fernet(key) for key in self._keys]) if self._keys else None

    @property
    def is_open(self) -> bool:
        """Is there a key at all?"""
        return self._fernet is not None

    @property
    def number_of_keys(self) -> int:
        return len(self._keys)

    def is_under_first_key(self, sealed: str) -> bool:
        """Was it encrypted with the first key, so that the others are not needed for it?"""
        self._required()
        try:
            Fernet(self._keys[0]).decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def encrypt(self, text: str) -> str:
        """The text, encrypted with the first key. Raises `MissingSetting` without a key."""
        return self._required().encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """The text again. Raises `SecretsUnreadable` when no configured key fits."""
        try:
            return SecretText(self._required().decrypt(sealed.encode()).decode())
        except InvalidToken as exc:
            raise SecretsUnreadable(
                "The stored COVA password cannot be decrypted with the configured keys.",
                field="COVA_SECRET_KEYS",
                fix="Put the key it was saved with back into COVA_SECRET_KEYS, or type the "
                "password and the client secret again on the settings page.",
            ) from exc

    def rotate(self, sealed: str) -> str:
        """The same secret, encrypted with the first key."""
        try:
            return self._required().rotate(sealed.encode()).decode()
        except InvalidToken as exc:
            raise SecretsUnreadable(
                "A stored secret cannot be decrypted with the configured keys.",
                field="COVA_SECRET_KEYS",
                fix="Put the key it was saved with back into COVA_SECRET_KEYS.",
            ) from exc

    def digest(self, text: str) -> str:
        """A keyed digest for looking personal data up without storing it (hex, 64 digits)."""
        return self.digests(text)[0]

    def digests(self, text: str) -> tuple[str, ...]:
        """The digest under each key, the first key's first: what was stored before a rotation
        is found by the others."""
        self._required()
        return tuple(
            hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest() for key in self._keys
        )

    def _required(self) -> MultiFernet:
        if self._fernet is None:
            raise MissingSetting(
                "COVA_SECRET_KEYS is not set, so COVA's password cannot be stored safely.",
                field="COVA_SECRET_KEYS",
                fix="Ask whoever runs this shop to set COVA_SECRET_KEYS (see docs/operations.md).",
            )
        return self._fernet
