"""JSON in and out without a float in between: numbers with a point are `Decimal`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

NOT_A_NUMBER = Decimal("NaN")
"""Stands where a document has a number that is none, or is beyond all reason: every field
refuses it, so that only what it belongs to is lost and not the whole answer."""

_SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\x00")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def parse_json(document: bytes) -> Any:
    """The value of a JSON document.

    `NaN`, `Infinity` and numbers no machine should compute with become `NOT_A_NUMBER`.
    Characters that no database stores (NUL, halves of surrogate pairs) are taken out of all
    texts. Raises ValueError when the document is not JSON, or nested beyond reason.
    """
    try:
        value = _parsed(document)
        # Cleaning walks the whole tree, so it is done only where a cheap scan says it may be
        # needed.
        return _storable(value) if _SUSPICIOUS.search(document) else value
    except RecursionError as exc:
        raise ValueError("the JSON document is nested beyond all reason") from exc


def dump_json(value: Any) -> bytes:
    """The JSON document of plain values; a `Decimal` is written digit by digit."""
    return _written(value).encode()


def _parsed(document: bytes) -> Any:
    try:
        return json.loads(document, parse_float=Decimal, parse_constant=_not_a_number)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except (ValueError, ArithmeticError):
        # A number with thousands of digits, or an exponent of twenty: this costs time for
        # each number, so it is done only where the quick way failed.
        return json.loads(
            document,
            parse_float=_number_or_none,
            parse_int=_whole_or_none,
            parse_constant=_not_a_number,
        )


def _not_a_number(_name: str) -> Decimal:
    return NOT_A_NUMBER


def _number_or_none(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        return NOT_A_NUMBER


def _whole_or_none(text: str) -> int | Decimal:
    try:
        return int(text)
    except ValueError:
        return NOT_A_NUMBER


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(each) for key, each in value.items()}
    return value


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} cannot be written as JSON")
        return format(value, "f")
    if isinstance(value, Mapping):
        members = (f"{json.dumps(str(key))}:{_written(each)}" for key, each in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_written(each) for each in value) + "]"
    if isinstance(value, float):
        raise TypeError("a float is never sent: use Decimal")
    return json.dumps(value)
