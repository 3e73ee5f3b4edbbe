"""Cannabis type and strain of a product.

COVA's specification `Strain` usually holds the strain's *type* (`Indica`); the recorded
answer and two other integrators agree on that (cova-api.md section 4.6). Some retailers
write the strain's name there instead. So: a text made of type words is a type and never a
strain; any other text in `Strain` is the strain's name. `Strain Name` is always a name.
"""

from __future__ import annotations

import re
import unicodedata

from aiq_cova_plugin.domain.categories import path_names
from aiq_cova_plugin.mapping.specification_names import (
    DEFAULT,
    SpecificationNames,
    chosen_text,
    specifications_for,
)
from aiq_cova_plugin.schemas import records

_NOT_APPLICABLE = frozenset({"na", "n a", "none", "not applicable", "no strain"})
_TYPE_WORDS = frozenset({"indica", "sativa", "hybrid", "cbd"})
_FILLERS = frozenset(
    {"dominant", "dom", "leaning", "lean", "high", "rich", "strain", "type", "blend", "balanced"}
    | {"mostly", "flower", "and", "mix", "mixed", "pure", "dominate", "forward"}
)
_SHORT_FORMS = {
    "i": "indica",
    "s": "sativa",
    "h": "hybrid",
    "hyb": "hybrid",
    "ind": "indica",
    "sat": "sativa",
}


def cannabis_type_from_cova(
    product: records.Product, spec_names: SpecificationNames = DEFAULT
) -> str | None:
    """One of the host's words, or None when COVA does not say.

    `SATIVA`, `INDICA`, `HYBRID`, `HYBRID_INDICA`, `HYBRID_SATIVA`, `CBD` or `NA`. From the
    specification `Strain`, else `Flower Type`, else a type word that is a whole name of the
    classification path (`Flower > Indica`), from the leaf up, else the menu category's last
    part (`Flower - Indica`).
    """
    for spec in specifications_for(product, "strain", spec_names):
        found = cannabis_type_of(spec.value)
        if found is not None:
            return found
    names = [
        *reversed(path_names(product.classification_path or product.classification_name or ""))
    ]
    menu_category = chosen_text(product, "menu_category", spec_names) or ""
    names.append(re.split(r"\s+-\s+|[>/:]", menu_category)[-1])
    for name in names:
        found = cannabis_type_of(name)
        if found is not None and found != "NA":
            return found
    return None


def strain_from_cova(
    product: records.Product, spec_names: SpecificationNames = DEFAULT
) -> str | None:
    """The strain's name, or None when COVA names only a type or nothing."""
    name = chosen_text(product, "strain_name", spec_names)
    if name is not None:
        return name
    for spec in specifications_for(product, "strain", spec_names):
        text = spec.value.strip()
        if text and cannabis_type_of(text) is None:
            return text
    return None


def cannabis_type_of(text: str) -> str | None:
    """The host's word for a text made of type words only, or None.

    `Indica-Dominant Hybrid`, `Hybrid (Indica)` and `Indica Dominant` → `HYBRID_INDICA`;
    `Sativa/Indica` and `Balanced Hybrid` → `HYBRID`; `High CBD` → `CBD`; `N/A` → `NA`.
    `Purple Indica` is somebody's name for a strain, so None.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = re.sub(r"[^\w]+|_", " ", plain).split()
    if " ".join(words) in _NOT_APPLICABLE:
        return "NA"
    if len(words) == 1:
        words = [_SHORT_FORMS.get(words[0], words[0])]
    types = {word for word in words if word in _TYPE_WORDS}
    if not types or any(word not in _TYPE_WORDS | _FILLERS for word in words):
        return None
    if {"indica", "sativa"} <= types:
        return "HYBRID"
    lean = "INDICA" if "indica" in types else "SATIVA" if "sativa" in types else ""
    is_hybrid = "hybrid" in types or bool({"dominant", "dom", "dominate", "leaning"} & set(words))
    if lean:
        return f"HYBRID_{lean}" if is_hybrid else lean
    return "HYBRID" if "hybrid" in types else "CBD"
