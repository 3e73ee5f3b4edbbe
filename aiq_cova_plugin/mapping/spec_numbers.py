"""Numbers out of the text of a specification: one, a range, or honestly none.

A specification's value is always text, typed by people or written by .NET. What cannot be
read for certain is not read: a wrong potency on a label is worse than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

LONGEST_TEXT = 200
_HIGHEST, _SMALLEST = Decimal(10) ** 9, Decimal(10) ** -9
_NUMBER = r"\d[\d.,' ]*(?:[eE][+-]?\d{1,2})?|[.,]\d+"
_UNIT = r"(?P<{0}>%|percent|mg\s*/\s*g|mg\s+per\s+g(?:ram)?|[a-zµ]+(?:\s*/\s*[a-z]+)?)?"
_ONE = re.compile(rf"\+?(?P<low>{_NUMBER})\s*{_UNIT.format('unit')}", re.IGNORECASE | re.ASCII)
_RANGE = re.compile(
    rf"(?P<low>{_NUMBER})\s*{_UNIT.format('low_unit')}\s*(?:-|\u2013|\u2014|~|to|\.\.\.?)\s*"
    rf"(?P<high>{_NUMBER})\s*{_UNIT.format('unit')}",
    re.IGNORECASE | re.ASCII,
)
_UNIT_WORDS = {
    "percent": "%",
    "pct": "%",
    "mgg": "mg/g",
    "mgperg": "mg/g",
    "mgpergram": "mg/g",
    "milligram": "mg",
    "milligrams": "mg",
    "mgs": "mg",
    "gram": "g",
    "grams": "g",
    "gm": "g",
    "gr": "g",
    "ounce": "oz",
    "ounces": "oz",
    "kilogram": "kg",
    "kilograms": "kg",
}


@dataclass(frozen=True)
class SpecNumber:
    """What a value says: `high` is None unless it is a range; `unit` is the value's own.

    `low` is None when there is no number; `problem` then says why in staff's words, and is
    empty for a word that labs use for "nothing to report", such as `ND`.
    """

    low: Decimal | None
    high: Decimal | None = None
    unit: str = ""
    problem: str = ""


_NO_AMOUNT = re.compile(
    r"(?:n\.?/?d\.?|n\.?/?a\.?|not\s+detected|none\s+detected|not\s+applicable|not\s+tested|nt|"
    r"trace|traces|tr|-+|\u2013|\u2014|pending|tbd|"
    r"(?:<|\u2264|below\s+|under\s+|less\s+than\s+)?\s*(?:bloq|blq|bql|bdl|loq|lod|loq/lod)|"
    r"(?:<|>|\u2264|\u2265|~|<=|>=)\s*[\d.,]+\s*(?:%|[a-z]+(?:\s*/\s*[a-z]+)?)?)",
    re.IGNORECASE | re.ASCII,
)


def read_spec_number(text: str) -> SpecNumber:
    """Read `24.5`, `24,5 %`, `18-24`, `1,234.5 mg`; never raises.

    A decimal comma is read as such where it cannot be anything else. `1,234` alone may be
    one or a thousand, so it is no number; `0,125` is. `ND`, `<LOQ` and `<0.05` say
    something, but not how much.
    """
    plain = " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())
    if len(plain) > LONGEST_TEXT:
        return SpecNumber(None, problem="The text is too long to be a number.")
    if _NO_AMOUNT.fullmatch(plain):
        return SpecNumber(None)
    match = _ONE.fullmatch(plain)
    if match is not None:
        low = _decimal(match["low"])
        unit = plain_unit(match["unit"] or "")
        return SpecNumber(low, unit=unit) if low is not None else _unsure(match["low"])
    match = _RANGE.fullmatch(plain)
    if match is None:
        return SpecNumber(None, problem="This is not a number.")
    low, high = _decimal(match["low"]), _decimal(match["high"])
    if low is None or high is None:
        return _unsure(plain)
    low_unit, unit = plain_unit(match["low_unit"] or ""), plain_unit(match["unit"] or "")
    if low_unit and unit and low_unit != unit:
        return SpecNumber(None, problem="The two ends of the range have different units.")
    return SpecNumber(min(low, high), max(low, high), unit=unit or low_unit)


def plain_unit(text: str) -> str:
    """A unit in one spelling: `MG / G` → `mg/g`, `percent` → `%`; others as given."""
    given = " ".join(text.split())
    compact = given.casefold().replace(" ", "").replace(".", "")
    if compact in ("%", "mg", "mg/g", "g", "oz", "kg", "ml"):
        return compact
    return _UNIT_WORDS.get(compact.replace("/", ""), given)


def _unsure(text: str) -> SpecNumber:
    return SpecNumber(
        None,
        problem=f'"{text[:40].strip()}" cannot be read for certain. Write it like 1234.5.',
    )


def _decimal(text: str) -> Decimal | None:
    """The number, or None when its separators leave a doubt or it is absurdly large or small."""
    mantissa, _, exponent = text.strip().lower().partition("e")
    number = _plain_digits(mantissa.replace("'", " ").strip())
    if number is None:
        return None
    value = Decimal(f"{number}e{exponent}") if exponent else Decimal(number)
    return value if value == 0 or _SMALLEST <= value <= _HIGHEST else None


def _plain_digits(text: str) -> str | None:
    """The digits with at most one point: `1.234,5` → `1234.5`."""
    if " " in text:
        # Spaces are fine between thousands and nowhere else: "1 234.5", but not "12 5".
        if not re.fullmatch(r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?", text):
            return None
        text = text.replace(" ", "")
        return text.replace(",", ".")
    points, commas = text.count("."), text.count(",")
    if points + commas == 0:
        return text
    if points and commas:
        thousands, decimal = (",", ".") if text.rfind(".") > text.rfind(",") else (".", ",")
        if not re.fullmatch(rf"\d{{1,3}}(?:\{thousands}\d{{3}})+\{decimal}\d*", text):
            return None
        return text.replace(thousands, "").replace(decimal, ".")
    if commas > 1 or points > 1:
        mark = "," if commas else "."
        groups = re.fullmatch(rf"\d{{1,3}}(?:\{mark}\d{{3}})+", text)
        return text.replace(mark, "") if groups else None
    if points:
        return text
    whole, _, fraction = text.partition(",")
    is_doubtful = len(fraction) == 3 and whole.strip("0") != "" and len(whole) <= 3
    return None if is_doubtful else f"{whole or '0'}.{fraction or '0'}"
