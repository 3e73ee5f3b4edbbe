"""The answer of the token endpoint (cova-api.md section 2.1)."""

from __future__ import annotations

from typing import Any

from aiq_cova_plugin.domain.secret_text import SecretText
from aiq_cova_plugin.schemas.base import RecordSchema
from aiq_cova_plugin.schemas.fields import CovaField, Whole
from aiq_cova_plugin.schemas.records import TokenAnswer


class TokenText(CovaField):
    """A token that can stand in a header: printable ASCII without spaces, not empty."""

    def convert(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("is not a text")
        if not value or len(value) > 8192 or not all("!" <= each <= "~" for each in value):
            raise ValueError("is not a usable token")
        return SecretText(value)


class TokenAnswerSchema(RecordSchema[TokenAnswer]):
    """`access_token` and `expires_in`; the refresh token is not used and not read."""

    record = TokenAnswer
    noun = "a token"
    any_case = True

    access_token = TokenText("access_token", required=True)
    expires_in = Whole("expires_in")


def load_token(raw: Any) -> TokenAnswer:
    """Read a token answer. Raises ContractBroken, which never holds the token."""
    return _TOKEN.read(raw)


_TOKEN = TokenAnswerSchema()
