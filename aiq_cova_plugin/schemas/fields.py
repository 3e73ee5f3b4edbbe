"""marshmallow fields that read COVA's values tolerantly.

A field reads a value by `convert`, which raises ValueError with a reason such as "is not a
number"; a reason never repeats the value. A missing key and null are the same: the field's
`nothing`, unless it is `required`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields, missing

if TYPE_CHECKING:
    from aiq_cova_plugin.schemas.base import RecordSchema

_LARGEST = Decimal(10) ** 18
_FINEST = -60


class CovaField(fields.Field[Any]):
    """A field named by COVA's key.

    `vital`: when the value cannot be read, the whole record cannot be used. `required`: that
    is so already when the value is missing or null. Otherwise an unreadable value is set
    aside and the attribute is `nothing`.
    """

    def __init__(
        self, key: str, *, nothing: Any = None, required: bool = False, vital: bool = False
    ) -> None:
        super().__init__(data_key=key)
        self.nothing = nothing
        self.is_required = required
        self.vital = vital or required

    def convert(self, value: Any) -> Any:
        return value

    def read(self, value: Any) -> Any:
        """The value for the record; raises ValueError with a reason."""
        if value is None:
            if self.is_required:
                raise ValueError("is missing")
            return self.nothing
        return self.convert(value)

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """marshmallow's entry: the same as `read`, with the reason as a ValidationError."""
        del attr, data, kwargs
        try:
            return self.read(None if value is missing else value)
        except ValueError as exc:
            raise ValidationError(str(exc)) from exc


class Text(CovaField):
    """A text; a number or a truth value where a text belongs is harmless and written out."""

    def convert(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(to_whole(value))
        if isinstance(value, Decimal | float):
            return format(to_decimal(value), "f")
        raise ValueError("is not a text")


class Guid(CovaField):
    """An identifier in lower case (section 11: the case varies); empty counts as missing."""

    def convert(self, value: Any) -> str | None:
        if not isinstance(value, str):
            raise ValueError("is not an identifier")
        text = value.strip().strip("{}").lower()
        if text:
            if len(text) > 100:
                raise ValueError("is too long for an identifier")
            return text
        if self.is_required:
            raise ValueError("is empty")
        empty: str | None = self.nothing
        return empty


class Whole(CovaField):
    """A whole number, also written as a text."""

    def convert(self, value: Any) -> int:
        return to_whole(value)


class Number(CovaField):
    """A `Decimal`, also written as a text; never by way of a float."""

    def convert(self, value: Any) -> Decimal:
        return to_decimal(value)


class Money(Number):
    """An amount of money, sent with two places (half up; mapping has rounded already)."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return Decimal(value).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


class YesNo(CovaField):
    """A truth value, also written as `true`/`false` or 1/0."""

    def convert(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        known = {"true": True, "1": True, "false": False, "0": False}
        answer = known.get(str(value).strip().lower()) if isinstance(value, str | int) else None
        if answer is None:
            raise ValueError("is neither true nor false")
        return answer


class Instant(CovaField):
    """A time with 0 to 7 digits of fractions of a second (.NET), as aware UTC."""

    def convert(self, value: Any) -> datetime:
        return to_instant(value)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return utc_text(value)


class Day(CovaField):
    """A date; of a time of day only the date is kept, as written."""

    def convert(self, value: Any) -> date:
        if not isinstance(value, str):
            raise ValueError("is not a date")
        try:
            return date.fromisoformat(value.strip()[:10])
        except ValueError:
            raise ValueError("is not a date") from None

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return None if value is None else value.isoformat()


class Enumerated(CovaField):
    """A name of an enumeration, sent as number or as name (section 12).

    A value the table does not know is kept as COVA's text.
    """

    def __init__(
        self, key: str, names: Mapping[int, str], *, nothing: Any = None, required: bool = False
    ) -> None:
        super().__init__(key, nothing=nothing, required=required, vital=True)
        self._known = {str(number): name for number, name in names.items()} | {
            name.lower(): name for name in names.values()
        }

    def convert(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise ValueError("is neither a name nor a number")
        text = (value if isinstance(value, str) else str(to_whole(value))).strip()
        if not text and self.is_required:
            raise ValueError("is empty")
        return self._known.get(text.lower(), text)


class TextOf(CovaField):
    """A list of objects of which one text each is wanted: `Upcs[].UPC`. Empty ones drop out."""

    def __init__(self, key: str, inner_key: str) -> None:
        super().__init__(key)
        self._inner_key = inner_key
        self._text = Text(inner_key)

    def convert(self, value: Any) -> tuple[str, ...]:
        texts = (self._element(each) for each in _as_list(value))
        return tuple(text for text in texts if text)

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        try:
            elements = [] if value is None or value is missing else _as_list(value)
        except ValueError as exc:
            raise ValidationError(str(exc)) from exc
        _raise_problems(elements, self._element)
        return super().deserialize(value, attr, data, **kwargs)

    def _element(self, raw: Any) -> str | None:
        if not isinstance(raw, Mapping):
            raise ValueError("is not an object")
        text = self._text.read(raw.get(self._inner_key))
        return None if text is None else text.strip()


class ListOf(CovaField):
    """A list of records, each read by `schema`, or plain values read by a field.

    With `all_or_nothing` one unreadable element makes the whole list unusable: right for
    lists that add up, such as stock rows and prices. Otherwise the element is set aside.
    """

    def __init__(
        self,
        key: str,
        element: RecordSchema[Any] | CovaField,
        *,
        nothing: Any = None,
        all_or_nothing: bool = False,
    ) -> None:
        super().__init__(key, nothing=nothing)
        self.all_or_nothing = all_or_nothing
        self._element = element
        self._read_element = element.read if isinstance(element, CovaField) else element.quick

    def convert(self, value: Any) -> tuple[Any, ...]:
        read = self._read_element
        return tuple([read(each) for each in _as_list(value)])

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Element by element, so that the good ones survive in `valid_data`."""
        del attr, data, kwargs
        if value is None or value is missing:
            return self.nothing
        try:
            elements = _as_list(value)
        except ValueError as exc:
            raise ValidationError(str(exc)) from exc
        _raise_problems(elements, self._read_element, self._reasons)
        return self.convert(value)

    def _reasons(self, raw: Any, fallback: str) -> Any:
        """marshmallow's own messages for an element, which name the keys inside it."""
        if isinstance(self._element, CovaField) or not isinstance(raw, Mapping):
            return [fallback]
        return self._element.validate(dict(raw)) or [fallback]

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if isinstance(self._element, CovaField):
            return list(value)
        return [self._element.dump(each) for each in value]


class One(CovaField):
    """One nested record, or nothing."""

    def __init__(self, key: str, schema: RecordSchema[Any], *, vital: bool = False) -> None:
        super().__init__(key, vital=vital)
        self._schema = schema

    def convert(self, value: Any) -> Any:
        return self._schema.quick(value)


def to_whole(value: Any) -> int:
    """A whole number from an int, a whole `Decimal` or a text of digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= _LARGEST:
            raise ValueError("is too large a number")
        return value
    number = to_decimal(value)
    if number != number.to_integral_value():
        raise ValueError("is not a whole number")
    return int(number)


def to_decimal(value: Any) -> Decimal:
    """A finite `Decimal` of sensible size; a float is read by its shortest text."""
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("is not a number")
    else:
        text = str(value).strip()
        if "_" in text:
            raise ValueError("is not a number")
        try:
            number = Decimal(text)
        except InvalidOperation as exc:
            raise ValueError("is not a number") from exc
    if not number.is_finite():
        raise ValueError("is not a number")
    # 1E+999999 is short on the wire and a megabyte in memory once written out.
    if number and (number.copy_abs() >= _LARGEST or number.adjusted() < _FINEST):
        raise ValueError("is too large or too small a number")
    return number


def to_instant(value: Any) -> datetime:
    """An aware UTC time; without a zone it is UTC, as everything of COVA's (section 10.6)."""
    if not isinstance(value, str):
        raise ValueError("is not a time")
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        # Python's own text repeats the value, and a chained one would be printed.
        raise ValueError("is not a time") from None


def utc_text(moment: datetime) -> str:
    """`2026-01-31T08:00:00.000Z`: UTC with milliseconds, as the public clients send it."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _as_list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError("is not a list")
    return value


def _raise_problems(elements: Sequence[Any], read: Any, reasons: Any = None) -> None:
    """Raise one ValidationError for all elements that cannot be read; the others ride along."""
    good: list[Any] = []
    problems: dict[int, Any] = {}
    for index, raw in enumerate(elements):
        try:
            good.append(read(raw))
        except ValueError as exc:
            problems[index] = reasons(raw, str(exc)) if reasons else [str(exc)]
    if problems:
        kept = tuple(each for each in good if each is not None)
        # marshmallow's stub wants lists or dicts; it hands the value on untouched.
        raise ValidationError(problems, valid_data=kept)  # type: ignore[arg-type]
