"""What became of each specification of a product, for the page that shows raw beside result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiq_cova_plugin.domain.field_values import decimal_text
from aiq_cova_plugin.domain.values import LabValue
from aiq_cova_plugin.mapping.coa_from_cova import coa_from_cova
from aiq_cova_plugin.mapping.lab_readings import LabReading, read_labs
from aiq_cova_plugin.mapping.labs_from_cova import labs_from_cova
from aiq_cova_plugin.mapping.specification_names import (
    DEFAULT,
    IGNORED,
    SpecificationNames,
    chosen_specification,
    is_ignored,
    specifications_for,
    text_meaning_of,
)
from aiq_cova_plugin.mapping.strain_from_cova import cannabis_type_of
from aiq_cova_plugin.mapping.weight_from_cova import weight_from_cova
from aiq_cova_plugin.schemas import records

_FIELD_BY_MEANING = {
    "menu_name": "name",
    "menu_category": "category_id",
    "product_type": "category_id",
    "subtype": "subtype",
    "brand": "brand",
    "strain": "strain",
    "strain_name": "strain",
    "weight": "weight",
    "coa": "coa_url",
    "tags": "tags",
}


@dataclass(frozen=True)
class SpecificationReading:
    """What became of one specification, for the page that shows raw text against result.

    `meaning` is what the specification is about in staff's words, None when unknown;
    `parsed` is what was read, empty when nothing; `reason` says why it was not `used`.
    `field` is the product field it is for, and `shop_gets` what that field then says because
    of it, empty when it was not used. `note` is a doubt about what is used all the same.
    """

    display_name: str
    raw: str
    unit: str
    meaning: str | None
    parsed: str
    used: bool
    reason: str
    field_id: int | None = None
    field: str | None = None
    shop_gets: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Finding:
    meaning: str | None
    parsed: str = ""
    reason: str = ""
    field: str | None = None
    shop_gets: str = ""
    note: str = ""


def explain_specifications(
    product: records.Product, spec_names: SpecificationNames = DEFAULT
) -> tuple[SpecificationReading, ...]:
    """For every specification of a product, in COVA's order, what was made of it and why."""
    labs = labs_from_cova(product, spec_names).labs or ()
    readings = {id(each.spec): each for each in read_labs(product, spec_names)}
    explained = []
    for spec in product.specifications or ():
        reading = readings.get(id(spec))
        if reading is not None:
            finding = _explain_lab(reading, labs)
        else:
            finding = _explain_text(product, spec, spec_names)
        explained.append(
            SpecificationReading(
                display_name=spec.display_name,
                raw=spec.value,
                unit=spec.unit,
                meaning=finding.meaning,
                parsed=finding.parsed,
                used=finding.reason == "",
                reason=finding.reason,
                field_id=spec.field_id,
                field=finding.field,
                shop_gets=finding.shop_gets if finding.reason == "" else "",
                note=finding.note,
            )
        )
    return tuple(explained)


def lab_text(lab: LabValue) -> str:
    """A lab value in words: `THC 18 to 24 %`, `CBD ND`."""
    known = (decimal_text(each) for each in (lab.value, lab.max_value) if each is not None)
    ends = dict.fromkeys(known)
    return " ".join(each for each in (lab.name, " to ".join(ends) or lab.text, lab.unit) if each)


def _explain_lab(reading: LabReading, labs: Sequence[LabValue]) -> _Finding:
    meaning = f"{reading.name} {reading.bound}".strip()
    parsed = _shown(reading)
    if reading.text == "":
        return _Finding(meaning, "", "The value is empty.", "labs")
    counted = next((lab for lab in labs if _is_counted_in(reading, lab)), None)
    if counted is not None:
        note = f"{reading.problem} It is shown as it stands." if reading.problem else ""
        return _Finding(meaning, parsed, "", "labs", lab_text(counted), note)
    if reading.number is None and not reading.problem:
        reason = f"Another {reading.name} value is a number."
    else:
        reason = reading.problem or f"Another {reading.name} value is higher."
    return _Finding(meaning, parsed, reason, "labs")


def _explain_text(
    product: records.Product, spec: records.Specification, spec_names: SpecificationNames
) -> _Finding:
    if is_ignored(spec, spec_names):
        return _Finding(IGNORED, "", "The store's settings say to make nothing of it.")
    meaning = text_meaning_of(spec, spec_names)
    if meaning is None:
        return _Finding(None, "", "The name is not one the plugin knows.")
    shown, field = meaning.replace("_", " "), _FIELD_BY_MEANING[meaning]
    if not spec.value.strip():
        return _Finding(shown, "", "The value is empty.", field)
    parsed, problem = _parsed_text(product, spec, meaning, spec_names)
    if problem:
        return _Finding(shown, "", problem, field)
    if meaning == "strain":
        is_type = cannabis_type_of(spec.value) is not None
        shown, field = ("cannabis type", "cannabis_type") if is_type else ("strain name", "strain")
    chosen = _chosen(product, spec, meaning, spec_names)
    if chosen is not None and chosen is not spec:
        reason = f"{chosen.display_name.strip()} comes first."
        return _Finding(shown, parsed, reason, field)
    return _Finding(shown, parsed, "", field, parsed)


def _chosen(
    product: records.Product,
    spec: records.Specification,
    meaning: str,
    spec_names: SpecificationNames,
) -> records.Specification | None:
    """The specification that decided what `spec` is about, perhaps `spec` itself."""
    if meaning == "tags":
        # All of them count.
        return spec
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
            problem = " ".join(each.reason for each in reading.issues)
            return "", problem or "A weight of zero says nothing."
        return f"{decimal_text(reading.weight.value)} {reading.weight.unit}", ""
    if meaning == "coa":
        coa = coa_from_cova(alone, spec_names)
        return coa.url or "", " ".join(each.reason for each in coa.issues)
    if meaning == "strain":
        return cannabis_type_of(spec.value) or spec.value.strip(), ""
    return spec.value.strip(), ""


def _is_counted_in(reading: LabReading, lab: LabValue) -> bool:
    """Did this reading make it into this lab value?"""
    if lab.name != reading.name:
        return False
    if reading.number is None:
        return reading.text != "" and lab.value is None and lab.text == reading.text
    if reading.unit not in (lab.unit, ""):
        return False
    values = {reading.number.low, reading.number.high} - {None}
    return bool(values & {lab.value, lab.max_value})


def _shown(reading: LabReading) -> str:
    number = reading.number
    if number is None or number.low is None:
        return reading.text
    ends = [decimal_text(each) for each in (number.low, number.high) if each is not None]
    return f"{' to '.join(ends)} {reading.unit}".strip()
