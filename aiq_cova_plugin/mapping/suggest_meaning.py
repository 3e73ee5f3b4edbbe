"""Which meaning an unknown specification name most likely has: a suggestion, never a decision."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

from aiq_cova_plugin.mapping.lab_readings import lab_name_of
from aiq_cova_plugin.mapping.spec_numbers import read_spec_number
from aiq_cova_plugin.mapping.specification_names import (
    DEFAULT,
    LAB_NAMES,
    TEXT_MEANINGS,
    SpecificationNames,
    is_ignored,
    name_key,
    text_meaning_of,
)
from aiq_cova_plugin.mapping.web_links import web_link
from aiq_cova_plugin.schemas import records

_LIKE_ENOUGH = 0.84

# Words around a lab value's name that change nothing about what it is.
_FILLERS = frozenset(
    {"total", "content", "potency", "composition", "percent", "percentage", "pct", "level"}
    | {"value", "amount", "result", "lab", "test", "tested", "active", "per", "unit", "package"}
    | {"mg", "g", "in", "of", "the", "min", "max", "minimum", "maximum", "range", "reading"}
    | {"delta", "9"}
)
_LAB_ALIASES = {
    "delta9": "THC",
    "d9": "THC",
    "d9thc": "THC",
    "delta9thc": "THC",
    "tetrahydrocannabinol": "THC",
    "cannabidiol": "CBD",
    "tetrahydrocannabinolicacid": "THCa",
    "cannabidiolicacid": "CBDa",
    "cannabinol": "CBN",
    "cannabigerol": "CBG",
    "myrcene": "Beta Myrcene",
    "caryophyllene": "Beta Caryophyllene",
    "bcaryophyllene": "Beta Caryophyllene",
    "bmyrcene": "Beta Myrcene",
    "apinene": "Alpha Pinene",
    "bpinene": "Beta Pinene",
    "eudesmol": "Beta Eudesmol",
    "nerolidol": "Trans-Nerolidol",
    "carene": "3-Carene",
    "delta3carene": "3-Carene",
    "alphabisabolol": "Bisabolol",
    "alphahumulene": "Humulene",
    "dlimonene": "Limonene",
}
_TEXT_RULES: tuple[tuple[str, str], ...] = (
    (r"\b(coa|certificate|lab (report|results?)|test results?)\b", "coa"),
    (r"\bmenu\b.*\b(name|title)\b|\b(web|online|display) (name|title)\b", "menu_name"),
    (r"\b(menu|online|web|ecommerce|e commerce) category\b", "menu_category"),
    (r"\bsub ?(type|category)\b", "subtype"),
    (r"\b(product|cannabis|marijuana) (type|category)\b", "product_type"),
    (r"\b(strain|cultivar) name\b|\bcultivar\b", "strain_name"),
    (r"\b(strain|lineage|dominance|species)\b", "strain"),
    (r"\b(brand|producer|grower|cultivator|licensed producer)\b", "brand"),
    (r"\b(net|package|product|unit) (weight|size|content)s?\b|\bweight\b", "weight"),
    (r"\b(tags?|keywords?|labels?)\b", "tags"),
)


def is_known(spec: records.Specification, names: SpecificationNames) -> bool:
    """Has the specification any meaning at this store, even that of being left out?"""
    return (
        text_meaning_of(spec, names) is not None
        or lab_name_of(spec, names) is not None
        or is_ignored(spec, names)
    )


def suggest_meaning(name: str, value: str = "", unit: str = "") -> str | None:
    """A text meaning or lab name for an unknown name, or None when nothing is likely.

    Rules first (`THC Content` and `Total THC %` are THC), then likeness of spelling. A lab
    value is suggested only where the example value could be one.
    """
    words = _words(name)
    lab = _lab(words)
    if lab is not None:
        return lab if _may_be_lab(value, unit) else None
    plain = " ".join(words)
    for pattern, meaning in _TEXT_RULES:
        if re.search(pattern, plain):
            return meaning if meaning != "coa" or not value or web_link(value) else None
    return _alike(name_key(name), value, unit)


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", name[:200]).casefold()
    for letter, word in (("α", "alpha "), ("β", "beta "), ("δ", "delta "), ("Δ", "delta ")):
        plain = plain.replace(letter, word)
    return re.sub(r"[^\w]+|_", " ", plain).split()


def _lab(words: list[str]) -> str | None:
    """The lab value the words name once the words that say nothing are left out."""
    told = [word for word in words if word not in _FILLERS]
    for candidate in ("".join(told), "".join(words)):
        if candidate in _LAB_ALIASES:
            return _LAB_ALIASES[candidate]
        for lab in LAB_NAMES:
            if name_key(lab) == candidate:
                return lab
    return None


def _may_be_lab(value: str, unit: str) -> bool:
    number = read_spec_number(value)
    return (
        not value or number.low is not None or number.problem == "" or unit in ("%", "mg", "mg/g")
    )


def _alike(key: str, value: str, unit: str) -> str | None:
    best, best_likeness = None, _LIKE_ENOUGH
    matcher = SequenceMatcher(b=key)
    for known, meaning in _KNOWN_KEYS:
        matcher.set_seq1(known)
        if matcher.real_quick_ratio() < best_likeness or matcher.quick_ratio() < best_likeness:
            continue
        if matcher.ratio() > best_likeness:
            best, best_likeness = meaning, matcher.ratio()
    if best in LAB_NAMES and (len(key) < 5 or not _may_be_lab(value, unit)):
        # THCV is not a misspelt THCa.
        return None
    return best


_KNOWN_KEYS: tuple[tuple[str, str], ...] = (
    *((name_key(lab), lab) for lab in LAB_NAMES),
    *((name_key(name), lab) for name, lab in DEFAULT.labs.items()),
    *((name_key(name), meaning) for meaning in TEXT_MEANINGS for name in getattr(DEFAULT, meaning)),
)
