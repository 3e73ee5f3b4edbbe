"""An order's timeline in plain words: what COVA's words and ids become on the page."""

from __future__ import annotations

import re

_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_JOINED_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_STATUS_EVENTS = {"cova_status"}
_STATUS_WORD = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b")


def plain_status(said: str) -> str:
    """COVA's status words as people write them: `Ready for payment, order placed`."""
    spaced = _STATUS_WORD.sub(lambda word: _JOINED_WORDS.sub(" ", word[0]).lower(), said)
    return spaced[:1].upper() + spaced[1:]


def plain_detail(event: str, detail: str) -> tuple[str, str]:
    """What a step says to people, and what is folded away for whoever looks into it: empty when
    nothing is."""
    ids = _ID.findall(detail)
    if event == "customer_candidates" and ids:
        number = "1 customer" if len(ids) == 1 else f"{len(ids)} customers"
        return f"{number} in COVA.", ", ".join(ids)
    if event == "submitting":
        return "The order is handed over to COVA.", ", ".join(ids)
    if event in _STATUS_EVENTS:
        text = _STATUS_WORD.sub(lambda word: _JOINED_WORDS.sub(" ", word[0]).lower(), detail)
        return text, "" if text == detail else detail
    text = _ID.sub(lambda each: f"…{each[0][-4:]}", detail)
    return text, ", ".join(ids)
