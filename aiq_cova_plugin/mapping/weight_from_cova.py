"""What is in the package: a product's weight."""

from __future__ import annotations

from typing import NamedTuple

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.domain.values import Weight
from aiq_cova_plugin.mapping.spec_numbers import plain_unit, read_spec_number
from aiq_cova_plugin.mapping.specification_names import (
    DEFAULT,
    SpecificationNames,
    specifications_for,
)
from aiq_cova_plugin.schemas import records


class WeightReading(NamedTuple):
    """`spec` is the specification the weight comes from."""

    weight: Weight | None
    issues: tuple[FieldIssue, ...]
    spec: records.Specification | None = None


def weight_from_cova(
    product: records.Product, spec_names: SpecificationNames = DEFAULT
) -> WeightReading:
    """The first readable one of `Net Weight` and `Size`, in that order.

    `Equivalent To` is not read as a weight: it is the cannabis equivalence the law counts.

    The unit is the specification's, else the one behind the number (`Size` is often
    `3.5g`). A weight of zero says nothing and is passed over in silence; one without a
    unit, a range or a text such as `Large` is passed over with an issue.
    """
    issues: list[FieldIssue] = []
    for spec in specifications_for(product, "weight", spec_names):
        if not spec.value.strip():
            continue
        weight, problem = _read(spec)
        if weight is not None:
            return WeightReading(weight, tuple(issues), spec)
        if problem:
            issues.append(FieldIssue(product.product_id, spec.display_name.strip(), problem))
    return WeightReading(None, tuple(issues))


def _read(spec: records.Specification) -> tuple[Weight | None, str]:
    number = read_spec_number(spec.value)
    unit = plain_unit(spec.unit)
    if number.low is None:
        return None, number.problem
    if number.high is not None:
        return None, "A weight cannot be a range."
    if unit and number.unit and unit != number.unit:
        return None, f"The value says {number.unit}, the specification's unit is {unit}."
    if not unit and not number.unit:
        return None, "The unit is missing: set it in COVA, for example to g."
    if number.low == 0:
        return None, ""
    return Weight(number.low, unit or number.unit), ""
