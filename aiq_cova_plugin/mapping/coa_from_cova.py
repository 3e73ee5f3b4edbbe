"""The address of a product's certificate of analysis (mission item 8)."""

from __future__ import annotations

from typing import NamedTuple

from aiq_cova_plugin.domain.catalogue import FieldIssue
from aiq_cova_plugin.mapping.specification_names import (
    DEFAULT,
    SpecificationNames,
    specifications_for,
)
from aiq_cova_plugin.mapping.web_links import web_link
from aiq_cova_plugin.schemas import records


class CoaReading(NamedTuple):
    """`url` is None when there is no usable certificate; `issues` say which one was refused.

    `spec` is the specification the address comes from.
    """

    url: str | None
    issues: tuple[FieldIssue, ...]
    spec: records.Specification | None = None


def coa_from_cova(product: records.Product, spec_names: SpecificationNames = DEFAULT) -> CoaReading:
    """The first http or https address among the specifications `COA Link`, then `COA`.

    Anything else in them is refused with an issue; nothing is completed or guessed, so
    `labs.example/1.pdf` needs its `https://` in COVA.
    """
    issues: list[FieldIssue] = []
    for spec in specifications_for(product, "coa", spec_names):
        if not spec.value.strip():
            continue
        url = web_link(spec.value)
        if url is not None:
            return CoaReading(url, tuple(issues), spec)
        issues.append(
            FieldIssue(
                product.product_id,
                spec.display_name.strip(),
                "This is not a web address. Write the whole link in COVA, with https:// before it.",
            )
        )
    return CoaReading(None, tuple(issues))
