"""A text that no repr shows: not in a traceback with locals, not in a dict that is logged."""

from __future__ import annotations


class SecretText(str):
    """A password, token or key. Everything a text can do, but its repr says nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "[hidden]"
