"""What a retailer calls things among a product's specifications (cova-api.md section 4.6).

Specifications are free-form in COVA: any name, any unit. `SpecificationNames` says which
names mean what; names are compared without regard to case, spaces, hyphens and other
punctuation. A store that uses other names gets its own `SpecificationNames`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from aiq_cova_plugin.schemas import records

LAB_TOTALS: tuple[str, ...] = ("THC", "CBD")

LAB_NAMES: tuple[str, ...] = (
    *LAB_TOTALS,
    "THCa",
    "CBDa",
    "CBN",
    "CBG",
    "3-Carene",
    "Alpha Pinene",
    "Beta Caryophyllene",
    "Beta Eudesmol",
    "Beta Myrcene",
    "Beta Pinene",
    "Bisabolol",
    "Caryophyllene Oxide",
    "Guaiol",
    "Humulene",
    "Limonene",
    "Linalool",
    "Ocimene",
    "Terpinolene",
    "Terpinene",
    "Trans-Nerolidol",
)
"""The two totals, then the twenty names of AIQ's own integration, in the spelling we write."""


def _total_names() -> dict[str, str]:
    patterns = ("Total {0}", "{0} Total", "{0} Potency", "{0} Composition", "{0} Content")
    return {pattern.format(total): total for total in LAB_TOTALS for pattern in patterns}


@dataclass(frozen=True)
class SpecificationNames:
    """Display names by meaning, the most trusted first.

    `labs` maps further display names to a name of `LAB_NAMES`, whose own spellings always
    count. `meaning_by_field_id` maps COVA's `FieldId`, which is stable within a retailer, to
    a meaning (`brand`, `coa` … or a name of `LAB_NAMES`) and wins over the display name.
    """

    menu_name: tuple[str, ...] = ("Online Menu Name",)
    menu_category: tuple[str, ...] = ("Online Menu Category",)
    product_type: tuple[str, ...] = (
        "Retail Marijuana Product Type - Canada",
        "Retail Marijuana Product Type",
        "Health Canada Reporting Category",
    )
    subtype: tuple[str, ...] = ("Sub Type", "Product Sub Type")
    brand: tuple[str, ...] = ("Brand", "Brands", "Online Menu Brand")
    strain: tuple[str, ...] = ("Strain", "Flower Type", "Strain Type")
    strain_name: tuple[str, ...] = ("Strain Name", "Cultivar")
    # What is in the package comes first. The legal equivalence is last: for flower it is
    # the same number, for an edible it is not what the scales say.
    weight: tuple[str, ...] = ("Net Weight", "Size", "Equivalent To")
    coa: tuple[str, ...] = ("COA Link", "COA")
    tags: tuple[str, ...] = ("Tags",)
    labs: Mapping[str, str] = field(default_factory=_total_names)
    meaning_by_field_id: Mapping[int, str] = field(default_factory=dict)


DEFAULT = SpecificationNames()
"""The names found in COVA's templates and in what other integrators publish."""

TEXT_MEANINGS: tuple[str, ...] = (
    "menu_name",
    "menu_category",
    "product_type",
    "subtype",
    "brand",
    "strain",
    "strain_name",
    "weight",
    "coa",
    "tags",
)
"""The meanings that are not lab values: the fields of `SpecificationNames`."""


def specifications_for(
    product: records.Product, meaning: str, names: SpecificationNames
) -> tuple[records.Specification, ...]:
    """The product's specifications with this meaning, the most trusted name first.

    `meaning` is one of `TEXT_MEANINGS`. Those with a blank value are among them.
    """
    rank_by_name = {name_key(each): rank for rank, each in enumerate(getattr(names, meaning))}
    found: list[tuple[int, records.Specification]] = []
    for each in product.specifications or ():
        by_field = field_id_meaning(each, names)
        if by_field is not None:
            rank = -1 if by_field == meaning else None
        else:
            rank = rank_by_name.get(name_key(each.display_name))
        if rank is not None:
            found.append((rank, each))
    return tuple(each for _, each in sorted(found, key=lambda pair: pair[0]))


def chosen_specification(
    product: records.Product, meaning: str, names: SpecificationNames
) -> records.Specification | None:
    """The first specification with this meaning whose value is not blank, or None."""
    found = specifications_for(product, meaning, names)
    return next((each for each in found if each.value.strip()), None)


def chosen_text(product: records.Product, meaning: str, names: SpecificationNames) -> str | None:
    """The value of `chosen_specification` without spaces around it, or None."""
    chosen = chosen_specification(product, meaning, names)
    return None if chosen is None else chosen.value.strip()


def text_meaning_of(spec: records.Specification, names: SpecificationNames) -> str | None:
    """Which of `TEXT_MEANINGS` the specification has, or None."""
    by_field = field_id_meaning(spec, names)
    if by_field is not None:
        return by_field if by_field in TEXT_MEANINGS else None
    key = name_key(spec.display_name)
    for meaning in TEXT_MEANINGS:
        if any(name_key(each) == key for each in getattr(names, meaning)):
            return meaning
    return None


def field_id_meaning(spec: records.Specification, names: SpecificationNames) -> str | None:
    """The meaning the store gave to this very field id, or None."""
    if spec.field_id is None:
        return None
    return names.meaning_by_field_id.get(spec.field_id)


@lru_cache(maxsize=4096)
def name_key(name: str) -> str:
    """A name for comparing: `Trans-Nerolidol`, `TRANS NEROLIDOL` → `transnerolidol`."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    for letter, word in (("α", "alpha"), ("β", "beta"), ("δ", "delta")):
        plain = plain.replace(letter, word)
    return "".join(each for each in plain if each.isalnum())
