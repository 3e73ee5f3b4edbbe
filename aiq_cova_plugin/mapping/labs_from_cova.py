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
from decimal import Decimal
from typing import NamedTuple

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.domain.values import LabValue
from aiq_cova_plugin.mapping.lab_readings import LabReading, read_labs
from aiq_cova_plugin.mapping.specification_names import DEFAULT, LAB_NAMES, SpecificationNames
from aiq_cova_plugin.schemas import records


class LabsReading(NamedTuple):
    """`labs` is None when no specification names a lab value at all, empty when all are blank."""

    labs: tuple[LabValue, ...] | None
    issues: tuple[FieldIssue, ...]


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
