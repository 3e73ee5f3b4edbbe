"""Which of the store's categories a product belongs in.

Layered, the first that answers wins: a rule for this very product; a rule for its menu
category (a COVA specification) or for its COVA classification; the built-in knowledge of
what dispensaries call things; the store's fallback. Staff's rules never switch the
built-in ones off (user-pains.md, number 19).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal, Protocol

from aiq_cova_plugin.domain.category_words import (
    CANONICAL_KEYS,
    builtin_category,
    canonical_key,
    canonical_keys,
    normalised_name,
    path_names,
    place_texts,
)

__all__ = [
    "CANONICAL_KEYS",
    "CategoryChoice",
    "CategoryChooser",
    "CategoryLike",
    "CategoryRule",
    "Place",
    "PlaceLike",
    "RuleKind",
    "Source",
    "builtin_category",
    "canonical_key",
    "choose_category",
    "matching_keys",
    "normalised_name",
    "path_names",
    "rule_key",
    "rule_matches",
    "suggest_category",
]

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


class PlaceLike(Protocol):
    """What COVA says of where a product belongs; a `ProductSnapshot` is one."""

    @property
    def cova_product_id(self) -> str: ...

    @property
    def classification_path(self) -> str: ...

    @property
    def menu_category(self) -> str: ...

    @property
    def product_type(self) -> str: ...


@dataclass(frozen=True)
class Place:
    """What COVA says of where some products belong, without the products themselves."""

    classification_path: str = ""
    menu_category: str = ""
    product_type: str = ""
    cova_product_id: str = ""


@dataclass(frozen=True)
class CategoryRule:
    """Staff's rule: what matches goes to `category_id`.

    `match` is a COVA product id (`product`), a menu category or product type
    (`specification`), or a classification (`classification`): its whole path, the beginning
    of one, or one name in it.
    """

    kind: RuleKind
    match: str
    category_id: str


@dataclass(frozen=True)
class CategoryChoice:
    """Where a product goes and why; `matched_text` is COVA's text that decided.

    `rule` is the staff's rule that decided, None when none did.
    """

    category_id: str | None
    source: Source
    matched_text: str
    rule: CategoryRule | None = field(default=None, compare=False)


class CategoryChooser:
    """The layers of one store, made ready once for many products.

    A rule or fallback that names a category the host no longer has is passed over. Among
    classification rules the longest path wins, then the name nearest the leaf.
    """

    def __init__(
        self,
        *,
        rules: Sequence[CategoryRule],
        categories: Sequence[CategoryLike],
        fallback: str | None,
    ) -> None:
        ids = {each.id for each in categories}
        self._fallback = fallback if fallback in ids else None
        self._by_kind: dict[RuleKind, dict[tuple[str, ...], CategoryRule]] = {
            "product": {},
            "specification": {},
            "classification": {},
        }
        for rule in rules:
            key = rule_key(rule.kind, rule.match)
            if key and rule.category_id in ids:
                self._by_kind[rule.kind].setdefault(key, rule)
        self._builtin = _BuiltinCategories(categories)

    def choose(self, place: PlaceLike) -> CategoryChoice:
        """The category for a product, and what decided it."""
        return (
            self._by_product(place)
            or self._by_specification(place)
            or self._by_classification(place)
            or self._by_builtin(place)
            or self._by_fallback(place)
        )

    def _by_product(self, place: PlaceLike) -> CategoryChoice | None:
        rule = self._by_kind["product"].get(rule_key("product", place.cova_product_id))
        if rule is None:
            return None
        return CategoryChoice(rule.category_id, "product_rule", place.cova_product_id, rule)

    def _by_specification(self, place: PlaceLike) -> CategoryChoice | None:
        for text in (place.menu_category, place.product_type):
            rule = self._by_kind["specification"].get(rule_key("specification", text))
            if rule is not None:
                return CategoryChoice(rule.category_id, "specification_rule", text, rule)
        return None

    def _by_classification(self, place: PlaceLike) -> CategoryChoice | None:
        rules = self._by_kind["classification"]
        path = rule_key("classification", place.classification_path)
        if not rules or not path:
            return None
        beginnings = (path[:length] for length in range(len(path), 0, -1))
        # A name that stands twice in a path counts where it stands first.
        firsts = [name for place_, name in enumerate(path) if path.index(name) == place_]
        for key in (*beginnings, *((name,) for name in reversed(firsts))):
            rule = rules.get(key)
            if rule is not None:
                text = place.classification_path
                return CategoryChoice(rule.category_id, "classification_rule", text, rule)
        return None

    def _by_builtin(self, place: PlaceLike) -> CategoryChoice | None:
        texts = place_texts(place.classification_path, place.menu_category, place.product_type)
        found = self._builtin.find(texts)
        return None if found is None else CategoryChoice(found[0], "builtin", found[1])

    def _by_fallback(self, place: PlaceLike) -> CategoryChoice:
        text = place.menu_category or place.classification_path
        source: Source = "unmapped" if self._fallback is None else "fallback"
        return CategoryChoice(self._fallback, source, text)


def choose_category(
    snapshot: PlaceLike,
    *,
    rules: Sequence[CategoryRule],
    categories: Sequence[CategoryLike],
    fallback: str | None,
) -> CategoryChoice:
    """The category for one product, and what decided it; for many use `CategoryChooser`."""
    return CategoryChooser(rules=rules, categories=categories, fallback=fallback).choose(snapshot)


def rule_key(kind: RuleKind, match: str) -> tuple[str, ...]:
    """What two rules of a kind share when they are the same rule; empty for one about nothing."""
    if kind == "product":
        return tuple(each for each in (match.strip().casefold(),) if each)
    names = path_names(match) if kind == "classification" else (match,)
    return tuple(each for each in map(normalised_name, names) if each)


def matching_keys(place: PlaceLike) -> set[tuple[RuleKind, tuple[str, ...]]]:
    """(kind, `rule_key`) of every rule that would fit, whether or not another comes before it."""
    path = rule_key("classification", place.classification_path)
    paths = {path[:length] for length in range(1, len(path) + 1)} | {(name,) for name in path}
    keys: set[tuple[RuleKind, tuple[str, ...]]] = {("classification", key) for key in paths}
    said: tuple[tuple[RuleKind, tuple[str, ...]], ...] = (
        ("specification", (place.menu_category, place.product_type)),
        ("product", (place.cova_product_id,)),
    )
    for kind, texts in said:
        found = {rule_key(kind, text) for text in texts}
        keys |= {(kind, key) for key in found if key}
    return keys


def rule_matches(kind: RuleKind, match: str, place: PlaceLike) -> bool:
    """Does a rule fit a product, whether or not another rule comes before it?"""
    return (kind, rule_key(kind, match)) in matching_keys(place)


def suggest_category(text: str, categories: Sequence[CategoryLike]) -> str | None:
    """The id of the category a person most likely means by `text`, or None.

    Built-in knowledge first, then likeness of spelling. A suggestion, never a decision.
    """
    known = _BuiltinCategories(categories).find([text])
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


class _BuiltinCategories:
    """The host's categories by name and by canonical key."""

    def __init__(self, categories: Sequence[CategoryLike]) -> None:
        self._categories = categories
        self._id_by_name = {normalised_name(each.name): each.id for each in reversed(categories)}
        self._id_by_name.pop("", None)
        self._id_by_key: dict[str, str | None] = {}

    def find(self, texts: Sequence[str]) -> tuple[str, str] | None:
        """(category id, deciding text): the same name, else the same canonical key."""
        for text in texts:
            same_name = self._id_by_name.get(normalised_name(text))
            if same_name is not None:
                return same_name, text
            key = canonical_key(text)
            if key is None:
                continue
            found = self._for_key(key)
            # COVA's narrowest word decided what the thing is. That the shop has no such
            # category does not make a gummy a flower, so the wider words are not asked any more.
            return None if found is None else (found, text)
        return None

    def _for_key(self, key: str) -> str | None:
        if key not in self._id_by_key:
            # "Pre-Rolls" and "Infused Pre-Rolls" both mean pre-rolls: the plainer one takes the
            # rest. "Edibles & Drinks" takes edibles only where no category is for edibles first.
            same = sorted(
                (each for each in self._categories if key in canonical_keys(each.name)),
                key=lambda each: (
                    canonical_key(each.name) != key,
                    len(normalised_name(each.name).split()),
                ),
            )
            self._id_by_key[key] = same[0].id if same else None
        return self._id_by_key[key]
