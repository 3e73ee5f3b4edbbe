"""One specification read as a lab value, before it meets the others of its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from aiq_cova_plugin.mapping.spec_numbers import (
    LONGEST_TEXT,
    SpecNumber,
    plain_unit,
    read_spec_number,
)
from aiq_cova_plugin.mapping.specification_names import (
    LAB_NAMES,
    TEXT_MEANINGS,
    SpecificationNames,
    field_id_meaning,
    is_ignored,
    name_key,
    text_meaning_of,
)
from aiq_cova_plugin.schemas import records

Bound = Literal["", "min", "max"]

_HIGHEST_BY_UNIT = {"%": Decimal(100), "mg/g": Decimal(1000)}
_BOUND = re.compile(
    r"(?P<before>minimum|min|maximum|max)(?P<rest>.+)|(?P<name>.+?)(?P<after>minimum|min|maximum|max)"
)
_NAME_BY_KEY = {name_key(each): each for each in LAB_NAMES}


@dataclass(frozen=True)
class LabReading:
    """What one specification says about a lab value; `bound` is empty unless named Min or Max.

    `number` is None when the value says no amount; `problem` then says why, in staff's
    words, and is empty for honest texts such as `ND`.
    """

    spec: records.Specification
    name: str
    bound: Bound
    unit: str
    number: SpecNumber | None
    text: str
    problem: str


def read_labs(product: records.Product, spec_names: SpecificationNames) -> tuple[LabReading, ...]:
    """Every specification that names a lab value, read by itself, in COVA's order."""
    found = []
    for spec in product.specifications or ():
        named = lab_name_of(spec, spec_names)
        if named is not None:
            found.append(_read(spec, *named))
    return tuple(found)


def lab_name_of(
    spec: records.Specification, spec_names: SpecificationNames
) -> tuple[str, Bound] | None:
    """(canonical lab name, which bound) of a specification, or None when it is no lab value."""
    by_field = field_id_meaning(spec, spec_names)
    if by_field in TEXT_MEANINGS:
        return None
    if by_field is not None:
        return _named(by_field, spec_names)
    if text_meaning_of(spec, spec_names) is not None or is_ignored(spec, spec_names):
        return None
    return _named(spec.display_name, spec_names)


def _named(text: str, spec_names: SpecificationNames) -> tuple[str, Bound] | None:
    key = name_key(text)
    name = _canonical(key, spec_names)
    if name is not None:
        return name, ""
    match = _BOUND.fullmatch(key)
    if match is None:
        return None
    word = match["before"] or match["after"]
    name = _canonical(match["rest"] or match["name"], spec_names)
    if name is None:
        return None
    return name, "min" if word.startswith("min") else "max"


def _canonical(key: str, spec_names: SpecificationNames) -> str | None:
    return spec_names.own_lab_by_key.get(key) or _NAME_BY_KEY.get(key)


def _read(spec: records.Specification, name: str, bound: Bound) -> LabReading:
    text = " ".join(spec.value.split())[:LONGEST_TEXT]
    unit = plain_unit(spec.unit)
    if text == "":
        return LabReading(spec, name, bound, unit, None, "", "")
    number = read_spec_number(spec.value)
    unit_of_value, problem = number.unit, number.problem
    if number.low is not None:
        if unit and unit_of_value and unit != unit_of_value:
            problem = f"The value says {unit_of_value}, the specification's unit is {unit}."
        unit = unit or unit_of_value
        problem = problem or _impossible(number, unit)
    is_amount = number.low is not None and problem == ""
    return LabReading(spec, name, bound, unit, number if is_amount else None, text, problem)


def _impossible(number: SpecNumber, unit: str) -> str:
    highest = _HIGHEST_BY_UNIT.get(unit)
    top = number.high if number.high is not None else number.low
    if highest is not None and top is not None and top > highest:
        return f"{top:f} {unit} is impossible: check the value and its unit."
    return ""
