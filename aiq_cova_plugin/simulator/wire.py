"""How values look on the wire: times, money, GUIDs, JSON, HAL and errors (section 10).

Everything here is about bytes and JSON; nothing knows what a product or an order is.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Response, request

#: A JSON document on its way out. `Any` because that is what the json module takes.
Json = Any

_TIME = re.compile(
    r"^(\d{4}-\d{2}-\d{2})[tT ](\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?([zZ]|[+-]\d{2}:?\d{2})?$"
)
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")

NOT_FOUND = "Resource cannot be found"


class ApiError(Exception):
    """A refusal that becomes `{"Message": ...}` with that status (section 10.2)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def not_found() -> ApiError:
    """The 404 of the services, with the text of sections 8.3 and 9.3."""
    return ApiError(404, NOT_FOUND)


def wire_time(moment: datetime | None) -> str | None:
    """ISO-8601 with `Z` and 0 to 7 fractional digits, as .NET prints it (section 4.5).

    .NET counts ticks of 100 ns and trims trailing zeros. Python has no seventh digit, so one is
    made up from the microseconds: a reader must cope with it, and loses nothing by cutting it.
    """
    if moment is None:
        return None
    utc = moment.astimezone(UTC)
    fraction = ""
    if utc.microsecond:
        seventh = utc.microsecond % 7 if utc.microsecond % 10 else 0
        fraction = "." + f"{utc.microsecond:06d}{seventh}".rstrip("0")
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def read_time(text: str) -> datetime | None:
    """The aware UTC time written in `text`, or None when it is no time; no zone means UTC."""
    cleaned = text.strip()
    if _DATE.match(cleaned):
        cleaned += "T00:00:00Z"
    match = _TIME.match(cleaned)
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    micro = (fraction or "")[:7]
    suffix = "+00:00" if zone is None or zone in "zZ" else zone
    try:
        return datetime.fromisoformat(
            f"{day}T{clock}{micro.ljust(7, '0') if micro else ''}{suffix}"
        )
    except ValueError:
        return None


def number(value: Decimal | None) -> float | None:
    """A Decimal as the JSON number COVA sends, `1000.0` rather than `1000` (recorded)."""
    return None if value is None else float(value)


def read_decimal(value: object) -> Decimal | None:
    """The number in a JSON value or a form field, exact; None when there is none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        result = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return result if result.is_finite() else None


def read_guid(value: object) -> str | None:
    """A GUID in lower case with hyphens, or None; the case on the wire varies (section 11)."""
    try:
        return str(uuid.UUID(str(value).strip()))
    except ValueError:
        return None


class Fields(Mapping[str, object]):
    """A JSON object whose keys are found without regard to case, as ASP.NET binds them."""

    def __init__(self, source: Mapping[str, object]) -> None:
        self._values = {key.lower(): value for key, value in source.items()}

    def __getitem__(self, key: str) -> object:
        return self._values[key.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._values

    def text(self, key: str) -> str | None:
        """The value as text, None when missing or null."""
        value = self.get(key)
        return None if value is None else str(value)

    def flag(self, key: str, default: bool = False) -> bool:
        """The value as a boolean; an omitted flag is `default` (section 4.2)."""
        value = self.get(key)
        if value is None:
            return default
        return value.strip().lower() == "true" if isinstance(value, str) else bool(value)

    def integer(self, key: str) -> int | None:
        """The value as an integer, numeric strings accepted; 400 when it is something else."""
        value = self.get(key)
        if value is None or value == "":
            return None
        found = read_decimal(value)
        if found is None or found != found.to_integral_value():
            raise ApiError(400, f"The value for {key} is not a whole number.")
        return int(found)

    def decimal(self, key: str) -> Decimal | None:
        """The value as an exact number; 400 when it is something else."""
        value = self.get(key)
        if value is None or value == "":
            return None
        found = read_decimal(value)
        if found is None:
            raise ApiError(400, f"The value for {key} is not a number.")
        return found

    def guid(self, key: str) -> str | None:
        """The value as a GUID; 400 when it is something else."""
        value = self.get(key)
        if value is None or value == "":
            return None
        found = read_guid(value)
        if found is None:
            raise ApiError(400, f"The value for {key} is not a GUID.")
        return found

    def objects(self, key: str) -> list[Fields]:
        """The value as a list of objects, empty when missing or null; 400 otherwise."""
        value = self.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ApiError(400, f"The value for {key} is not a list of objects.")
        return [Fields(item) for item in value]


def read_body() -> Fields:
    """The JSON object in the request's body; 415 for another media type, 400 for no object."""
    if request.get_data() and not request.is_json:
        raise ApiError(415, "The request's media type is not supported; send application/json.")
    return parse_object(request.get_data())


def parse_object(raw: bytes) -> Fields:
    """The JSON object in `raw`, numbers exact; no bytes are an empty object, else 400."""
    if not raw.strip():
        return Fields({})
    try:
        body = json.loads(raw, parse_float=Decimal)
    except ValueError:
        raise ApiError(400, "The request is invalid: the body is not JSON.") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The request is invalid: the body is not an object.")
    return Fields(body)


def answer(document: Json, status: int = 200, media_type: str = "application/json") -> Response:
    """A response holding that document with its keys in the given order."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status=status, content_type=f"{media_type}; charset=utf-8")


def refusal(status: int, message: str) -> Response:
    """The error shape of the services, `{"Message": ...}` (section 10.2)."""
    return answer({"Message": message}, status)


def wants_hal() -> bool:
    """Whether this request gets HAL: it does unless `Accept` names JSON (section 10.3)."""
    accept = request.headers.get("Accept", "").lower()
    return "application/json" not in accept


def listing(items: Sequence[Json], *, skip: int = 0, top: int | None = None) -> Response:
    """A collection as a bare array, or as HAL when JSON was not asked for (section 10.3).

    `items` is the whole collection; `skip` and `top` cut the page out of it and make the links.
    """
    end = len(items) if top is None else skip + top
    page = list(items[skip:end])
    if not wants_hal():
        return answer(page)
    links: dict[str, Json] = {"self": {"href": _relative(skip, top), "templated": False}}
    if top is not None and end < len(items):
        links["next"] = {"href": _relative(end, top), "templated": False}
    if top is not None and skip > 0:
        links["prev"] = {"href": _relative(max(0, skip - top), top), "templated": False}
    return answer({"_links": links, "_embedded": {"self": page}}, media_type="application/hal+json")


def _relative(skip: int, top: int | None) -> str:
    paging = "" if top is None else f"?$skip={skip}&$top={top}"
    return request.path + paging


def query_integer(name: str, default: int) -> int:
    """The whole number of an OData query option such as `$top`; 400 when it is none."""
    text = request.args.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise ApiError(400, f"The query option {name} is not a whole number.")
    return int(text)
