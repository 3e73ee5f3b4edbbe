"""Column types that keep exact what SQLite would round: decimals, moments, lists of values."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

DECIMAL_PLACES = 6
_SCALE = Decimal(10) ** DECIMAL_PLACES
_LARGEST = Decimal(10) ** 12


def is_storable(value: Decimal) -> bool:
    """Can an `ExactDecimal` column hold this number without changing it?"""
    if not value.is_finite() or abs(value) >= _LARGEST:
        return False
    return value == value.quantize(1 / _SCALE)


class ExactDecimal(TypeDecorator[Decimal]):
    """A `Decimal` as a whole number of millionths, so that SQL compares and sorts it rightly.

    SQLite has no decimals; SQLAlchemy's `Numeric` goes through a float there.
    """

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        number = Decimal(value)
        if not is_storable(number):
            raise ValueError(f"{number} has more than {DECIMAL_PLACES} decimal places.")
        return int(number * _SCALE)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        number = Decimal(value) / _SCALE
        return number.quantize(Decimal("0.01")) if value % 10_000 == 0 else number


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC moment; databases without time zones store it as naive UTC."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a time zone cannot be stored.")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class ValueList(TypeDecorator[list[Any]]):
    """A JSON list of frozen dataclasses; their `Decimal` fields are kept as text."""

    impl = sa.JSON
    cache_ok = True

    def __init__(self, value_type: type[Any]) -> None:
        super().__init__()
        self.value_type = value_type

    def process_bind_param(
        self, value: Sequence[Any] | None, dialect: Dialect
    ) -> list[dict[str, Any]]:
        return [_to_json(item) for item in value or ()]

    def process_result_value(
        self, value: list[dict[str, Any]] | None, dialect: Dialect
    ) -> list[Any]:
        return [_from_json(self.value_type, item) for item in value or ()]


def _to_json(item: Any) -> dict[str, Any]:
    return {
        key: str(value) if isinstance(value, Decimal) else value
        for key, value in dataclasses.asdict(item).items()
    }


def _from_json(value_type: type[Any], stored: dict[str, Any]) -> Any:
    return value_type(
        **{
            name: Decimal(stored[name])
            if _holds_decimal(hint) and stored.get(name) is not None
            else stored.get(name)
            for name, hint in typing.get_type_hints(value_type).items()
        }
    )


def _holds_decimal(hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return Decimal in typing.get_args(hint)
    return hint is Decimal
