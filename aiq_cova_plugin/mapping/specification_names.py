"""What a retailer calls things among a product's specifications (cova-api.md section 4.6).

Specifications are free-form in COVA: any name, any unit. `SpecificationNames` says which
names mean what; names are compared without regard to case, spaces, hyphens and other
punctuation. A store that uses other names gets its own `SpecificationNames`.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

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

    `labs` maps further display names to a name of `LAB_NAMES`, whose own spellings count
    unless a name says otherwise. `meaning_by_field_id` maps COVA's `FieldId`, which is stable within a retailer, to
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
    # `Equivalent To` is none: it is what the law counts, for an edible not what the scales say.
    weight: tuple[str, ...] = ("Net Weight", "Size")
    coa: tuple[str, ...] = ("COA Link", "COA")
    tags: tuple[str, ...] = ("Tags",)
    labs: Mapping[str, str] = field(default_factory=_total_names)
    # Names that mean nothing at this store, whatever we would have made of them.
    ignored: tuple[str, ...] = ()
    meaning_by_field_id: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def text_meaning_by_key(self) -> dict[str, str]:
        """dict: `name_key` of a name → the first of `TEXT_MEANINGS` that has it."""
        found: dict[str, str] = {}
        for meaning in TEXT_MEANINGS:
            for name in getattr(self, meaning):
                found.setdefault(name_key(name), meaning)
        return found

    @cached_property
    def ignored_keys(self) -> frozenset[str]:
        """`name_key` of every name that means nothing."""
        return frozenset(name_key(name) for name in self.ignored)

    @cached_property
    def own_lab_by_key(self) -> dict[str, str]:
        """dict: `name_key` of a further name → its lab name; those of no known lab are left out."""
        found = {}
        for name, lab in self.labs.items():
            meaning = _MEANING_BY_KEY.get(name_key(lab))
            if meaning in LAB_NAMES:
                found[name_key(name)] = meaning
        return found


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

IGNORED = "ignored"
"""The meaning of a name or field id that the store wants nothing made of."""

MEANINGS: tuple[str, ...] = (*TEXT_MEANINGS, *LAB_NAMES, IGNORED)
"""Everything a store can say a specification means."""


def names_from_settings(stored: Mapping[str, Any]) -> SpecificationNames:
    """The store's own names and field ids on top of the built-in ones.

    `stored` is dict: meaning → `{"names": [...], "field_ids": [...]}`, as the connection
    keeps it. The store's names are trusted before ours, and a name it gave to one meaning
    is taken from any other. Unknown meanings and malformed entries are passed over; never
    raises.
    """
    own = _own_meanings(stored)
    meaning_by_key = {name_key(name): meaning for meaning, name in own["names"]}
    if not meaning_by_key and not own["field_ids"]:
        return DEFAULT
    texts = {
        meaning: (
            *(name for each, name in own["names"] if each == meaning),
            *(name for name in getattr(DEFAULT, meaning) if name_key(name) not in meaning_by_key),
        )
        for meaning in TEXT_MEANINGS
    }
    labs = {
        name: lab for name, lab in DEFAULT.labs.items() if name_key(name) not in meaning_by_key
    } | {name: meaning for meaning, name in own["names"] if meaning in LAB_NAMES}
    return SpecificationNames(
        **texts,
        labs=labs,
        ignored=tuple(name for meaning, name in own["names"] if meaning == IGNORED),
        meaning_by_field_id={each: meaning for meaning, each in own["field_ids"]},
    )


def specification_key(names: SpecificationNames) -> str:
    """A short text that is the same for the same names: has every product to be read anew?"""
    parts = [
        *([meaning, list(getattr(names, meaning))] for meaning in TEXT_MEANINGS),
        ["labs", sorted(names.labs.items())],
        [IGNORED, sorted(names.ignored)],
        ["field_ids", sorted(names.meaning_by_field_id.items())],
    ]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()


def meaning_named(text: str) -> str | None:
    """The meaning a person or a settings file names: `thca` → `THCa`; None when unknown."""
    return _MEANING_BY_KEY.get(name_key(text))


def _own_meanings(stored: Any) -> dict[str, list[tuple[str, Any]]]:
    """The usable entries: `names` and `field_ids`, each a list of (meaning, name or id)."""
    own: dict[str, list[tuple[str, Any]]] = {"names": [], "field_ids": []}
    seen: set[str | int] = set()
    for given, entry in stored.items() if isinstance(stored, Mapping) else ():
        meaning = meaning_named(given) if isinstance(given, str) else None
        if meaning is None or not isinstance(entry, Mapping):
            continue
        for name in _listed(entry.get("names")):
            key = name_key(name) if isinstance(name, str) else ""
            if key and key not in seen:
                seen.add(key)
                own["names"].append((meaning, name))
        for field_id in _listed(entry.get("field_ids")):
            is_id = isinstance(field_id, int) and not isinstance(field_id, bool)
            if is_id and field_id not in seen:
                seen.add(field_id)
                own["field_ids"].append((meaning, field_id))
    return own


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else ()


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
    return names.text_meaning_by_key.get(name_key(spec.display_name))


def field_id_meaning(spec: records.Specification, names: SpecificationNames) -> str | None:
    """The meaning the store gave to this very field id, or None."""
    if spec.field_id is None:
        return None
    return names.meaning_by_field_id.get(spec.field_id)


def is_ignored(spec: records.Specification, names: SpecificationNames) -> bool:
    """Did the store say that nothing is to be made of this specification?"""
    by_field = field_id_meaning(spec, names)
    if by_field is not None:
        return by_field == IGNORED
    return name_key(spec.display_name) in names.ignored_keys


@lru_cache(maxsize=4096)
def name_key(name: str) -> str:
    """A name for comparing: `Trans-Nerolidol`, `TRANS NEROLIDOL` → `transnerolidol`."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    for letter, word in (("α", "alpha"), ("β", "beta"), ("δ", "delta")):
        plain = plain.replace(letter, word)
    return "".join(each for each in plain if each.isalnum())


_MEANING_BY_KEY = {name_key(each): each for each in MEANINGS}
