"""The store's category rules with what each really does, and the inbox of what nobody mapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from aiq_cova_plugin.domain.categories import (
    CategoryChooser,
    CategoryRule,
    Place,
    RuleKind,
    matching_keys,
    path_names,
    rule_key,
    rule_matches,
    suggest_category,
)
from aiq_cova_plugin.host import Category
from aiq_cova_plugin.services.context import ServiceContext
from aiq_cova_plugin.store.categories import PlaceCount, place_counts, places_of, rules_of
from aiq_cova_plugin.store.database import DatabaseConnection

UNMAPPED_SOURCES = frozenset({"unmapped", "fallback"})
"""How a category was found when nobody and nothing knew where the product belongs."""

CLASSIFICATION: RuleKind = "classification"
SPECIFICATION: RuleKind = "specification"
PRODUCT: RuleKind = "product"
PAGE_KINDS: tuple[RuleKind, ...] = (CLASSIFICATION, SPECIFICATION)
"""The kinds that are edited in lists; rules for one product are made on that product's page."""

LONGEST_PATTERN = 300


@dataclass(frozen=True)
class RuleView:
    """A rule, how many products on sale it matches, and for how many it decides.

    It decides for fewer where a rule of a layer above, or a narrower one, comes first.
    `name` is the product's of a rule for one product, None when COVA no longer has it.
    """

    pattern: str
    category_id: str
    matches: int
    is_category_known: bool = True
    kind: str = CLASSIFICATION
    decides: int = 0
    name: str | None = None


@dataclass(frozen=True)
class UnmappedValue:
    """What COVA calls some products, and no rule knows; `path` is a classification, or with
    kind `specification` a menu category or product type, and empty for none at all."""

    path: str
    number_of_products: int
    suggested_category_id: str | None
    kind: str = CLASSIFICATION


@dataclass(frozen=True)
class RuleCount:
    """How many products on sale a rule matches, and for how many of them it decides."""

    matches: int
    decides: int


@dataclass(frozen=True)
class CategoryRules:
    """All rules of a store as the page shows them.

    `unmapped` has the values with the most products; `number_unmapped` counts them all.
    """

    rules: list[RuleView]
    unmapped: list[UnmappedValue]
    number_unmapped: int
    known_paths: list[str]
    known_values: list[str]


def read_category_rules(
    connection: DatabaseConnection,
    store_id: str,
    categories: Sequence[Category],
    *,
    most_unmapped: int | None = None,
) -> CategoryRules:
    """Every rule with its live counts, and the inbox: the most products first."""
    stored = stored_rules(connection, store_id)
    facts = _Facts(connection, store_id, stored, categories)
    known = {category.id for category in categories}
    open_values = facts.open_values()
    shown = open_values[:most_unmapped]
    return CategoryRules(
        rules=[facts.view(rule, is_known=rule.category_id in known) for rule in stored],
        unmapped=[
            UnmappedValue(text, number, suggested_category(text, categories), kind)
            for (kind, text), number in shown
        ],
        number_unmapped=len(open_values),
        known_paths=sorted({each.classification_path for each in facts.counts} - {""}),
        known_values=sorted(
            {text for each in facts.counts for text in (each.menu_category, each.product_type)}
            - {""}
        ),
    )


def count_rule(ctx: ServiceContext, store_id: str, kind: RuleKind, pattern: str) -> RuleCount:
    """What a rule would match, and decide beside the rules that are saved."""
    [count] = count_rules(ctx, store_id, kind, [pattern])
    return count


def count_rules(
    ctx: ServiceContext, store_id: str, kind: RuleKind, patterns: Sequence[str]
) -> list[RuleCount]:
    """`count_rule` for several patterns at once, each beside the rules that are saved."""
    categories = list(ctx.host.categories(store_id))
    with ctx.database.short() as connection:
        stored = stored_rules(connection, store_id)
        facts = _Facts(connection, store_id, stored, categories)
    return [facts.count_typed(kind, pattern) for pattern in patterns]


def stored_rules(connection: DatabaseConnection, store_id: str) -> list[CategoryRule]:
    """The store's rules of every kind."""
    return [
        CategoryRule(cast(RuleKind, rule.kind), rule.pattern, rule.category_id)
        for rule in rules_of(connection, store_id)
    ]


def checked_rules(
    rules: Sequence[tuple[str, str]], categories: Collection[str], *, kind: RuleKind
) -> tuple[list[tuple[str, str]], dict[int, str]]:
    """The rules trimmed and without empty rows, and dict: position → what is wrong there."""
    thing = "COVA classification" if kind == CLASSIFICATION else "menu category or product type"
    errors: dict[int, str] = {}
    cleaned: dict[tuple[str, ...], tuple[str, str]] = {}
    for position, (raw_pattern, category_id) in enumerate(rules):
        pattern = " ".join(raw_pattern.split())
        key = rule_key(kind, pattern)
        if not pattern and not category_id:
            continue
        if not key:
            errors[position] = f"Write the {thing} this rule is for."
        elif len(pattern) > LONGEST_PATTERN:
            errors[position] = f"At most {LONGEST_PATTERN} characters."
        elif not category_id:
            errors[position] = f"Choose a category for “{pattern}”, or remove the rule."
        elif category_id not in categories:
            errors[position] = "The store has no such category. Choose one from the list."
        elif key in cleaned and cleaned[key][1] != category_id:
            errors[position] = f"There are two rules for “{pattern}”. Keep one."
        else:
            cleaned[key] = (pattern, category_id)
    return list(cleaned.values()), errors


def suggested_category(text: str, categories: Sequence[Category]) -> str | None:
    """The category a person most likely means by this path or value, from its leaf up."""
    for name in reversed(path_names(text)):
        suggested = suggest_category(name, categories)
        if suggested is not None:
            return suggested
    return None


class _Facts:
    """The products on sale by what COVA calls them, and the rules applied to them."""

    def __init__(
        self,
        connection: DatabaseConnection,
        store_id: str,
        rules: Sequence[CategoryRule],
        categories: Sequence[Category],
    ) -> None:
        self._rules, self._categories = rules, categories
        self.counts = place_counts(connection, store_id)
        product_ids = {rule.match.strip().lower() for rule in rules if rule.kind == PRODUCT}
        self._products = places_of(connection, store_id, product_ids)
        self._matching = self._numbers_matching()
        self._decided = _numbers_decided(self.counts, self._taken(), self._chooser(rules))

    def view(self, rule: CategoryRule, *, is_known: bool) -> RuleView:
        if rule.kind == PRODUCT:
            product = self._products.get(rule.match.strip().lower())
            matches = int(product is not None and product.is_on_sale)
            name = product.name if product is not None else None
            decides = matches if is_known else 0
        else:
            matches, name = self._matching[rule.kind, rule_key(rule.kind, rule.match)], None
            decides = self._decided[rule]
        return RuleView(rule.match, rule.category_id, matches, is_known, rule.kind, decides, name)

    def count_typed(self, kind: RuleKind, pattern: str) -> RuleCount:
        matches = self._matching[kind, rule_key(kind, pattern)]
        if not matches or not self._categories:
            return RuleCount(matches, 0)
        # Which category it names plays no part in whether it decides.
        typed = CategoryRule(kind, pattern, self._categories[0].id)
        key = rule_key(kind, pattern)
        others = [
            rule
            for rule in self._rules
            if rule.kind != kind or rule_key(rule.kind, rule.match) != key
        ]
        places = [each for each in self.counts if rule_matches(kind, pattern, _place(each))]
        decided = _numbers_decided(places, self._taken(), self._chooser([typed, *others]))
        return RuleCount(matches, decided[typed])

    def open_values(self) -> list[tuple[tuple[RuleKind, str], int]]:
        """((kind, what COVA calls them), number of products), the most products first."""
        chooser = self._chooser(self._rules)
        taken = self._taken()
        numbers: Counter[tuple[RuleKind, str]] = Counter()
        for each in self.counts:
            number = each.number_of_products - taken[each[:4]]
            if number <= 0 or not _is_open(
                each.category_source, chooser.choose(_place(each)).source
            ):
                continue
            values = {(CLASSIFICATION, each.classification_path)}
            values |= {(SPECIFICATION, text) for text in (each.menu_category, each.product_type)}
            said = {value for value in values if value[1]}
            for value in said or {(CLASSIFICATION, "")}:
                numbers[value] += number
        return sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))

    def _numbers_matching(self) -> Counter[tuple[RuleKind, tuple[str, ...]]]:
        """How many products each rule there could be would match, by its kind and key."""
        numbers: Counter[tuple[RuleKind, tuple[str, ...]]] = Counter()
        for each in self.counts:
            for key in matching_keys(_place(each)):
                numbers[key] += each.number_of_products
        return numbers

    def _chooser(self, rules: Sequence[CategoryRule]) -> CategoryChooser:
        return CategoryChooser(rules=rules, categories=self._categories, fallback=None)

    def _taken(self) -> Counter[tuple[str, str, str, str]]:
        """How many products of each combination have a usable rule of their own."""
        known = {category.id for category in self._categories}
        usable = {
            rule.match.strip().lower()
            for rule in self._rules
            if rule.kind == PRODUCT and rule.category_id in known
        }
        return Counter(
            (each.classification_path, each.menu_category, each.product_type, each.category_source)
            for product_id, each in self._products.items()
            if each.is_on_sale and product_id in usable
        )


def _numbers_decided(
    counts: Iterable[PlaceCount],
    taken: Counter[tuple[str, str, str, str]],
    chooser: CategoryChooser,
) -> Counter[CategoryRule]:
    """How many products each rule decides for; rules for single products are left out."""
    numbers: Counter[CategoryRule] = Counter()
    for each in counts:
        rule = chooser.choose(_place(each)).rule
        if rule is not None:
            numbers[rule] += each.number_of_products - taken[each[:4]]
    return numbers


def _is_open(stored_source: str, source_now: str) -> bool:
    """Does nothing but the fallback answer for these products?

    What the last sync found counts, until a rule has been made since; where the rule it found
    is gone, the built-in knowledge is asked anew.
    """
    if source_now.endswith("_rule"):
        return False
    return stored_source in UNMAPPED_SOURCES or source_now in UNMAPPED_SOURCES


def _place(count: PlaceCount) -> Place:
    return Place(count.classification_path, count.menu_category, count.product_type)
