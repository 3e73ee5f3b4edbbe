"""Lab values out of a product's specifications (cova-api.md section 4.6, mission item 9).

Rules, in the order they apply:

1. A name counts when it is one of `LAB_NAMES` or of the store's own names for one, without
   regard to case, spaces and hyphens, alone or with `Min` or `Max` (also `Minimum`,
   `Maximum`, before or behind). We write the canonical spelling.
2. The unit is the specification's; where that is empty, the one behind the value. If the
   two contradict each other, the value is kept as text. Nothing is converted.
3. A negative value, more than 100 % or more than 1000 mg/g is impossible and kept as text.
4. Several values of one name and one unit: the highest counts (the rule of AIQ's own lab
   pages). `%` and `mg/g` are compared as the same thing (1 % is 10 mg/g) and the higher one
   is kept as given. Other units say different things, so a name may appear once per unit.
5. `Min` and `Max` become `value` and `max_value`. A `Max` alone is both.
6. A text such as `ND` or `<LOQ` is kept, but yields to any number of the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.domain.field_values import decimal_text
from aiq_cova_plugin.domain.values import LabValue
from aiq_cova_plugin.mapping.coa_from_cova import coa_from_cova
from aiq_cova_plugin.mapping.lab_readings import LabReading, lab_name_of, read_labs
from aiq_cova_plugin.mapping.specification_names import (
    DEFAULT,
    LAB_NAMES,
    SpecificationNames,
    chosen_specification,
    specifications_for,
    text_meaning_of,
)
from aiq_cova_plugin.mapping.strain_from_cova import cannabis_type_of
from aiq_cova_plugin.mapping.weight_from_cova import weight_from_cova
from aiq_cova_plugin.schemas import records


class LabsReading(NamedTuple):
    """`labs` is None when no specification names a lab value at all, empty when all are blank."""

    labs: tuple[LabValue, ...] | None
    issues: tuple[FieldIssue, ...]


@dataclass(frozen=True)
class SpecificationReading:
    """What became of one specification, for the page that shows raw text against result.

    `meaning` is what the specification is about in staff's words, None when unknown;
    `parsed` is what was read, empty when nothing; `reason` says why it was not `used`.
    """

    display_name: str
    raw: str
    unit: str
    meaning: str | None
    parsed: str
    used: bool
    reason: str


def labs_from_cova(
    product: records.Product, spec_names: SpecificationNames = DEFAULT
) -> LabsReading:
    """The lab values of a product in the order of `LAB_NAMES`, and what could not be read."""
    readings = read_labs(product, spec_names)
    if not readings:
        return LabsReading(None, ())
    labs: list[LabValue] = []
    for name in LAB_NAMES:
        labs.extend(_combined(name, [each for each in readings if each.name == name]))
    issues = tuple(
        FieldIssue(product.product_id, each.spec.display_name.strip(), each.problem)
        for each in readings
        if each.problem
    )
    return LabsReading(tuple(labs), issues)


def explain_specifications(
    product: records.Product, spec_names: SpecificationNames = DEFAULT
) -> tuple[SpecificationReading, ...]:
    """For every specification of a product, in COVA's order, what was made of it and why."""
    labs = labs_from_cova(product, spec_names).labs or ()
    return tuple(_explain(product, spec, labs, spec_names) for spec in product.specifications or ())


def _explain(
    product: records.Product,
    spec: records.Specification,
    labs: Sequence[LabValue],
    spec_names: SpecificationNames,
) -> SpecificationReading:
    meaning, parsed, reason = (
        _explain_text(product, spec, spec_names)
        if lab_name_of(spec, spec_names) is None
        else _explain_lab(product, spec, labs, spec_names)
    )
    return SpecificationReading(
        display_name=spec.display_name,
        raw=spec.value,
        unit=spec.unit,
        meaning=meaning,
        parsed=parsed,
        used=reason == "",
        reason=reason,
    )


def _explain_lab(
    product: records.Product,
    spec: records.Specification,
    labs: Sequence[LabValue],
    spec_names: SpecificationNames,
) -> tuple[str | None, str, str]:
    reading = next(each for each in read_labs(product, spec_names) if each.spec is spec)
    meaning = f"{reading.name} {reading.bound}".strip()
    parsed = _shown(reading)
    if reading.text == "":
        return meaning, "", "The value is empty."
    if _is_counted(reading, labs):
        return meaning, parsed, ""
    return meaning, parsed, reading.problem or f"Another {reading.name} value is higher."


def _explain_text(
    product: records.Product, spec: records.Specification, spec_names: SpecificationNames
) -> tuple[str | None, str, str]:
    meaning = text_meaning_of(spec, spec_names)
    if meaning is None:
        return None, "", "The name is not one the plugin knows."
    shown = meaning.replace("_", " ")
    if not spec.value.strip():
        return shown, "", "The value is empty."
    parsed, problem = _parsed_text(product, spec, meaning, spec_names)
    if problem:
        return shown, "", problem
    if meaning == "strain" and cannabis_type_of(spec.value) is None:
        shown = "strain name"
    chosen = _chosen(product, spec, meaning, spec_names)
    if chosen is not None and chosen is not spec:
        return shown, parsed, f"{chosen.display_name.strip()} comes first."
    return shown, parsed, ""


def _chosen(
    product: records.Product,
    spec: records.Specification,
    meaning: str,
    spec_names: SpecificationNames,
) -> records.Specification | None:
    """The specification that decided what `spec` is about, perhaps `spec` itself."""
    if meaning == "strain":
        # One of these may give the type and another one the name.
        is_name = cannabis_type_of(spec.value) is None
        named = chosen_specification(product, "strain_name", spec_names) if is_name else None
        alike = (
            each
            for each in specifications_for(product, meaning, spec_names)
            if each.value.strip() and (cannabis_type_of(each.value) is None) is is_name
        )
        return named or next(alike, None)
    if meaning == "weight":
        return weight_from_cova(product, spec_names).spec
    if meaning == "coa":
        return coa_from_cova(product, spec_names).spec
    return chosen_specification(product, meaning, spec_names)


def _parsed_text(
    product: records.Product,
    spec: records.Specification,
    meaning: str,
    spec_names: SpecificationNames,
) -> tuple[str, str]:
    """(what was read, what is wrong with it) of a specification that is no lab value."""
    alone = replace(product, specifications=(spec,))
    if meaning == "weight":
        reading = weight_from_cova(alone, spec_names)
        if reading.weight is None:
            return "", " ".join(each.reason for each in reading.issues)
        return f"{decimal_text(reading.weight.value)} {reading.weight.unit}", ""
    if meaning == "coa":
        coa = coa_from_cova(alone, spec_names)
        return coa.url or "", " ".join(each.reason for each in coa.issues)
    if meaning == "strain":
        return cannabis_type_of(spec.value) or spec.value.strip(), ""
    return spec.value.strip(), ""


def _is_counted(reading: LabReading, labs: Sequence[LabValue]) -> bool:
    """Did this reading make it into the final lab values?"""
    for lab in labs:
        if lab.name != reading.name:
            continue
        if reading.number is None:
            if reading.text != "" and lab.value is None and lab.text == reading.text:
                return True
        elif reading.unit in (lab.unit, ""):
            values = {reading.number.low, reading.number.high} - {None}
            if values & {lab.value, lab.max_value}:
                return True
    return False


def _shown(reading: LabReading) -> str:
    number = reading.number
    if number is None or number.low is None:
        return reading.text
    ends = [decimal_text(each) for each in (number.low, number.high) if each is not None]
    return f"{' to '.join(ends)} {reading.unit}".strip()


def _combined(name: str, readings: Sequence[LabReading]) -> Iterable[LabValue]:
    numbers = [each for each in readings if each.number is not None]
    if not numbers:
        texts = [each for each in readings if each.text]
        return [LabValue(name, None, None, each.unit, each.text) for each in texts[:1]]
    groups: dict[str, list[LabReading]] = {}
    for each in numbers:
        groups.setdefault(_comparable(each.unit), []).append(each)
    # A value without any unit belongs to the only unit there is, if there is only one.
    if "" in groups and len(groups) == 2:
        unitless = groups.pop("")
        next(iter(groups.values())).extend(unitless)
    return [_highest(name, group) for group in groups.values()]


def _comparable(unit: str) -> str:
    return "%" if unit == "mg/g" else unit


def _highest(name: str, group: Sequence[LabReading]) -> LabValue:
    unit = max(group, key=_as_percent).unit or next((each.unit for each in group if each.unit), "")
    same = [each for each in group if each.unit in (unit, "")]
    lows: list[Decimal] = []
    highs: list[Decimal] = []
    plain: tuple[Decimal, Decimal | None] | None = None
    for reading in same:
        low, high = _ends(reading)
        if reading.bound == "min":
            lows.append(low)
        elif reading.bound == "max":
            highs.append(high if high is not None else low)
        elif plain is None or (high or low, low) > (plain[1] or plain[0], plain[0]):
            plain = (low, high)
    if plain is not None and not lows and not highs:
        return LabValue(name, plain[0], plain[1], unit, "")
    if plain is not None:
        lows = lows or [plain[0]]
        highs.append(plain[1] if plain[1] is not None else plain[0])
    if not highs:
        return LabValue(name, max(lows), None, unit, "")
    low, high = max(lows, default=max(highs)), max(highs)
    # Somebody typed the two bounds the wrong way round.
    return LabValue(name, min(low, high), max(low, high), unit, "")


def _ends(reading: LabReading) -> tuple[Decimal, Decimal | None]:
    number = reading.number
    if number is None or number.low is None:  # pragma: no cover - only numbers come here
        return Decimal(0), None
    return number.low, number.high


def _as_percent(reading: LabReading) -> Decimal:
    low, high = _ends(reading)
    top = high if high is not None else low
    return top / 10 if reading.unit == "mg/g" else top
