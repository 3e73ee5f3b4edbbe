"""What pushing, polling and sweeping count, in the contract's words (section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class OrderReport:
    """The numbers of one store: `orders push`, `poll` and `sweep` have the same document."""

    store_id: str
    handled: int = 0
    changed: int = 0
    waiting: int = 0
    needs_attention: int = 0
    failed: int = 0

    def as_document(self) -> dict[str, Any]:
        return dict(vars(self))
