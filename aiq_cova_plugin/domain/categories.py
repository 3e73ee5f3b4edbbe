"""Which of the store's categories a product belongs in.

Layered, the first that answers wins: a rule for this very product; a rule for its menu
category (a COVA specification) or for its COVA classification; the built-in knowledge of
what dispensaries call things; the store's fallback. Staff's rules never switch the
built-in ones off (user-pains.md, number 19).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal, Protocol

from aiq_cova_plugin.domain.catalogue import ProductSnapshot

RuleKind = Literal["product", "specification", "classification"]
Source = Literal[
    "product_rule", "specification_rule", "classification_rule", "builtin", "fallback", "unmapped"
]


class CategoryLike(Protocol):
    """A category of the host, as much of it as is needed here."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class CategoryRule:
    """Staff's rule: what matches goes to `category_id`.

    `match` is a COVA product id (`product`), a menu category (`specification`), or a
    classification (`classification`): its whole path, the beginning of one, or one name in it.
    """

    kind: RuleKind
    match: str
    category_id: str


@dataclass(frozen=True)
class CategoryChoice:
    """Where a product goes and why; `matched_text` is COVA's text that decided."""

    category_id: str | None
    source: Source
    matched_text: str


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
    for text in _texts(classification_path, menu_category, product_type):
        key = canonical_key(text)
        if key is not None:
            return key
    return None


def canonical_key(text: str) -> str | None:
    """The canonical key a single name stands for, or None."""
    return next(iter(_canonical_keys(text)), None)


@lru_cache(maxsize=4096)
def normalised_name(text: str) -> str:
    """The name without case, accents, punctuation and plural: `Pre-Rolls` → `pre roll`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(each for each in decomposed if not unicodedata.combining(each))
    words = re.sub(r"[^\w]+|_", " ", plain).split()
    return " ".join(_singular(word) for word in words if word != "and")


def choose_category(
    snapshot: ProductSnapshot,
    *,
    rules: Sequence[CategoryRule],
    categories: Sequence[CategoryLike],
    fallback: str | None,
) -> CategoryChoice:
    """The category for a product, and what decided it.

    A rule or fallback that names a category the host no longer has is passed over. Among
    classification rules the longest path wins, then the name nearest the leaf.
    """
    ids = {each.id for each in categories}
    usable = [rule for rule in rules if rule.category_id in ids]
    return (
        _by_product(snapshot, usable)
        or _by_specification(snapshot, usable)
        or _by_classification(snapshot, usable)
        or _by_builtin(snapshot, categories)
        or _by_fallback(snapshot, fallback, ids)
    )


def suggest_category(text: str, categories: Sequence[CategoryLike]) -> str | None:
    """The id of the category a person most likely means by `text`, or None.

    Built-in knowledge first, then likeness of spelling. A suggestion, never a decision.
    """
    known = _host_category([text], categories)
    if known is not None:
        return known[0]
    wanted = normalised_name(text)
    best_id, best_likeness = None, 0.6
    for category in categories:
        name = normalised_name(category.name)
        likeness = SequenceMatcher(None, wanted, name).ratio() if wanted and name else 0.0
        if likeness > best_likeness:
            best_id, best_likeness = category.id, likeness
    return best_id


def path_names(classification_path: str) -> tuple[str, ...]:
    """The names of a classification path, top first: `Flower > Indica` → two names."""
    names = (each.strip() for each in classification_path.split(">"))
    return tuple(each for each in names if each)


def _by_product(snapshot: ProductSnapshot, rules: Iterable[CategoryRule]) -> CategoryChoice | None:
    wanted = snapshot.cova_product_id.casefold()
    for rule in rules:
        if rule.kind == "product" and rule.match.strip().casefold() == wanted:
            return CategoryChoice(rule.category_id, "product_rule", snapshot.cova_product_id)
    return None


def _by_specification(
    snapshot: ProductSnapshot, rules: Sequence[CategoryRule]
) -> CategoryChoice | None:
    for text in (snapshot.menu_category, snapshot.product_type):
        wanted = normalised_name(text)
        for rule in rules:
            if rule.kind == "specification" and wanted and normalised_name(rule.match) == wanted:
                return CategoryChoice(rule.category_id, "specification_rule", text)
    return None


def _by_classification(
    snapshot: ProductSnapshot, rules: Iterable[CategoryRule]
) -> CategoryChoice | None:
    path = tuple(normalised_name(each) for each in path_names(snapshot.classification_path))
    best: tuple[tuple[bool, int], CategoryRule] | None = None
    for rule in rules:
        if rule.kind != "classification":
            continue
        rank = _rank(tuple(normalised_name(each) for each in path_names(rule.match)), path)
        if rank is not None and (best is None or rank > best[0]):
            best = (rank, rule)
    if best is None:
        return None
    return CategoryChoice(best[1].category_id, "classification_rule", snapshot.classification_path)


def _rank(match: tuple[str, ...], path: tuple[str, ...]) -> tuple[bool, int] | None:
    """How well a rule fits a path, None when not: beginnings of paths over single names."""
    if not match:
        return None
    if path[: len(match)] == match:
        return True, len(match)
    if len(match) == 1 and match[0] in path:
        return False, path.index(match[0])
    return None


def _by_builtin(
    snapshot: ProductSnapshot, categories: Sequence[CategoryLike]
) -> CategoryChoice | None:
    texts = _texts(snapshot.classification_path, snapshot.menu_category, snapshot.product_type)
    found = _host_category(texts, categories)
    return None if found is None else CategoryChoice(found[0], "builtin", found[1])


def _by_fallback(snapshot: ProductSnapshot, fallback: str | None, ids: set[str]) -> CategoryChoice:
    text = snapshot.menu_category or snapshot.classification_path
    if fallback is not None and fallback in ids:
        return CategoryChoice(fallback, "fallback", text)
    return CategoryChoice(None, "unmapped", text)


def _host_category(
    texts: Sequence[str], categories: Sequence[CategoryLike]
) -> tuple[str, str] | None:
    """(category id, deciding text): the same name, else the same canonical key."""
    id_by_name = {normalised_name(each.name): each.id for each in reversed(categories)}
    id_by_name.pop("", None)
    for text in texts:
        if normalised_name(text) in id_by_name:
            return id_by_name[normalised_name(text)], text
        key = canonical_key(text)
        if key is None:
            continue
        # "Pre-Rolls" and "Infused Pre-Rolls" both mean pre-rolls: the plainer one takes the rest.
        # "Edibles & Drinks" takes edibles only where no category is for edibles first.
        same = sorted(
            (each for each in categories if key in _canonical_keys(each.name)),
            key=lambda each: (
                canonical_key(each.name) != key,
                len(normalised_name(each.name).split()),
            ),
        )
        if same:
            return same[0].id, text
        # COVA's narrowest word decided what the thing is. That the shop has no such category
        # does not make a gummy a flower, so the wider words are not asked any more.
        return None
    return None


@lru_cache(maxsize=4096)
def _canonical_keys(text: str) -> tuple[str, ...]:
    words = f" {normalised_name(text)} "
    keys = (key for key, names in _NAMES if any(f" {name} " in words for name in names))
    return tuple(dict.fromkeys(keys))


def _texts(classification_path: str, menu_category: str, product_type: str) -> tuple[str, ...]:
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
