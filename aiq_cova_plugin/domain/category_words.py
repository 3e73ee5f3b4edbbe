"""What dispensaries call things: the built-in knowledge behind the category rules.

Pure words: which canonical key (`flower`, `pre_rolls` …) a name in COVA stands for, and when
two names are the same name.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SYNONYMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # The order is the rule: in "Vape Battery" the battery decides, in "Live Resin Cartridge"
    # the cartridge, in "Infused Pre-Roll" the pre-roll. So the narrow words come first.
    (
        "accessories",
        (
            "accessory",
            "battery",
            "rolling paper",
            "rolling tray",
            "paper",
            "grinder",
            "bong",
            "glass",
            "glassware",
            "pipe",
            "bubbler",
            "lighter",
            "torch",
            "rig",
            "dab tool",
            "ashtray",
            "storage",
            "charger",
            "paraphernalia",
            "filter tip",
            "vaporizer hardware",
            "gear",
            "hardware",
            "smoking supply",
        ),
    ),
    (
        "merchandise",
        (
            "merchandise",
            "merch",
            "apparel",
            "clothing",
            "t shirt",
            "tshirt",
            "shirt",
            "hoodie",
            "hat",
            "gift card",
            "swag",
            "sticker",
        ),
    ),
    ("seeds", ("seed", "clone", "seedling", "plant", "immature plant", "propagation")),
    (
        "pre_rolls",
        ("pre roll", "preroll", "pre rolled", "prerolled", "joint", "blunt", "infused pre roll"),
    ),
    (
        "vaporizers",
        (
            "vaporizer",
            "vaporiser",
            "vape",
            "vaping",
            "cartridge",
            "cart",
            "disposable",
            "510",
            "pod",
            "vape pen",
            "510 thread",
            "inhaled extract",
        ),
    ),
    (
        "capsules",
        ("capsule", "softgel", "soft gel", "tablet", "pill", "gelcap", "gel cap"),
    ),
    (
        "beverages",
        (
            "beverage",
            "drink",
            "drinkable",
            "tea",
            "coffee",
            "soda",
            "seltzer",
            "juice",
            "lemonade",
            "water",
            "beer",
            "shot",
            "elixir",
            "cold brew",
        ),
    ),
    (
        "topicals",
        (
            "topical",
            "cream",
            "lotion",
            "balm",
            "salve",
            "transdermal",
            "patch",
            "bath",
            "bath bomb",
            "lubricant",
            "skin care",
            "skincare",
            "ointment",
            "massage oil",
            "cosmetic",
        ),
    ),
    ("concentrates", ("hash oil", "honey oil", "simpson oil", "rso", "bho")),
    (
        "tinctures",
        (
            "tincture",
            "oral oil",
            "sublingual",
            "oral spray",
            "ingestible oil",
            "cannabis oil",
            "cbd oil",
            "thc oil",
            "oil",
            "spray",
            "dropper",
        ),
    ),
    (
        "edibles",
        (
            "edible",
            "gummy",
            "chocolate",
            "candy",
            "confection",
            "baked good",
            "cookie",
            "brownie",
            "chew",
            "soft chew",
            "mint",
            "lozenge",
            "food",
            "solid edible",
            "ingestible",
            "cooking",
            "caramel",
            "snack",
        ),
    ),
    (
        "concentrates",
        (
            "concentrate",
            "extract",
            "hash",
            "hashish",
            "rosin",
            "resin",
            "live resin",
            "shatter",
            "wax",
            "budder",
            "badder",
            "batter",
            "crumble",
            "kief",
            "distillate",
            "isolate",
            "diamond",
            "sauce",
            "dab",
            "rso",
            "bubble hash",
            "sugar wax",
        ),
    ),
    (
        "flower",
        (
            "flower",
            "bud",
            "dried cannabis",
            "dried flower",
            "dried",
            "whole flower",
            "usable marijuana",
            "usable cannabis",
            "shake",
            "milled",
            "ground flower",
            "popcorn",
            "small bud",
            "eighth",
            "bulk",
        ),
    ),
)

CANONICAL_KEYS: tuple[str, ...] = tuple(dict.fromkeys(key for key, _ in _SYNONYMS))
"""Every key `builtin_category` can answer."""


def builtin_category(
    classification_path: str, menu_category: str = "", product_type: str = ""
) -> str | None:
    """The canonical key (`flower`, `pre_rolls` …) of COVA's words, or None when unknown.

    Asked in this order: the menu category, since it was made for an online menu; the
    classification from its leaf up; the product type.
    """
    for text in place_texts(classification_path, menu_category, product_type):
        key = canonical_key(text)
        if key is not None:
            return key
    return None


def canonical_key(text: str) -> str | None:
    """The canonical key a single name stands for, or None."""
    return next(iter(canonical_keys(text)), None)


@lru_cache(maxsize=4096)
def normalised_name(text: str) -> str:
    """The name without case, accents, punctuation and plural: `Pre-Rolls` → `pre roll`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(each for each in decomposed if not unicodedata.combining(each))
    words = re.sub(r"[^\w]+|_", " ", plain).split()
    return " ".join(_singular(word) for word in words if word != "and")


def path_names(classification_path: str) -> tuple[str, ...]:
    """The names of a classification path, top first: `Flower > Indica` → two names."""
    names = (each.strip() for each in classification_path.split(">"))
    return tuple(each for each in names if each)


@lru_cache(maxsize=4096)
def canonical_keys(text: str) -> tuple[str, ...]:
    """Every canonical key a name speaks of, the deciding one first."""
    words = f" {normalised_name(text)} "
    keys = (key for key, names in _NAMES if any(f" {name} " in words for name in names))
    return tuple(dict.fromkeys(keys))


def place_texts(classification_path: str, menu_category: str, product_type: str) -> tuple[str, ...]:
    """COVA's words for a place, the most telling first, each once."""
    texts = (menu_category, *reversed(path_names(classification_path)), product_type)
    return tuple(dict.fromkeys(each for each in texts if each.strip()))


def _singular(word: str) -> str:
    # "cookies" and "cookie" must become one word too, so "ie" goes the way of "ies".
    if len(word) > 3 and word.endswith(("ies", "ie")):
        return f"{word.removesuffix('s').removesuffix('ie')}y"
    if len(word) > 3 and word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


_NAMES = tuple((key, tuple(normalised_name(each) for each in names)) for key, names in _SYNONYMS)
