"""What of a field's value changed, cut short: small enough to keep by the thousand, and to read.

Pure. Values come and go in their JSON form. Of two long texts the place is kept where they part,
of two lists only what one has and the other has not: a change at the end of a description or in
the twentieth lab value must not be cut away.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

LONGEST_TEXT = 160
_LEAD = 40
_MOST_ITEMS = 6
_TAG = re.compile(r"<[^<>]*>")


def changed_parts(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """dict: field → (before, after), for each field of `new`; before is None where it was unknown."""
    return {name: _parts(old.get(name), value) for name, value in new.items()}


def _parts(old: Any, new: Any) -> tuple[Any, Any]:
    if isinstance(new, list) or isinstance(old, list):
        return _list_parts(_as_list(old), _as_list(new))
    if isinstance(new, str) or isinstance(old, str):
        before, after = _text(old), _text(new)
        if before == after:
            # Nothing but links or markup changed: then that is what is to be seen.
            before, after = old, new
        return _text_parts(before, after)
    return old, new


def _list_parts(old: list[Any], new: list[Any]) -> tuple[list[Any], list[Any]]:
    gone = [each for each in old if each not in new]
    come = [each for each in new if each not in old]
    if not gone and not come:
        gone, come = old, new  # the order alone is another
    return _first(gone), _first(come)


def _first(items: list[Any]) -> list[Any]:
    """The first few, and how many more there are."""
    kept = [_cut(each) if isinstance(each, str) else each for each in items[:_MOST_ITEMS]]
    more = len(items) - len(kept)
    return [*kept, f"and {more:,} more"] if more else kept


def _text_parts(before: Any, after: Any) -> tuple[Any, Any]:
    if not isinstance(before, str) or not isinstance(after, str):
        return _cut(before), _cut(after)
    start = max(0, _common(before, after) - _LEAD)
    if max(len(before), len(after)) <= LONGEST_TEXT:
        start = 0
    return _cut(before, start), _cut(after, start)


def _common(before: str, after: str) -> int:
    """How many characters the two begin with alike."""
    for position, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            return position
    return min(len(before), len(after))


def _cut(value: Any, start: int = 0) -> Any:
    if not isinstance(value, str):
        return value
    text = f"…{value[start:]}" if start else value
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _text(value: Any) -> Any:
    """A text without its tags, in one line."""
    if not isinstance(value, str) or "<" not in value:
        return value
    return " ".join(html.unescape(_TAG.sub(" ", value)).split())


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
