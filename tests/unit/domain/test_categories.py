"""Where a product goes, and why."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from aiq_cova_plugin.domain.categories import (
    CANONICAL_KEYS,
    CategoryChoice,
    CategoryRule,
    builtin_category,
    choose_category,
    matching_keys,
    normalised_name,
    path_names,
    rule_matches,
    suggest_category,
)

from tests.unit.domain.snapshots import SILENT, snapshot


class Category(NamedTuple):
    id: str
    name: str


SHOP = [
    Category("1", "Flower"),
    Category("2", "Infused Pre-Rolls"),
    Category("3", "Pre Rolls"),
    Category("4", "Vapes"),
    Category("5", "Edibles & Drinks"),
    Category("6", "Accessories"),
    Category("7", "Specials"),
]
PRODUCT = SILENT.cova_product_id


@pytest.mark.parametrize(
    ("path", "menu", "kind", "key"),
    [
        ("Flower", "", "", "flower"),
        ("Flower > Indica", "", "", "flower"),
        ("FLOWERS", "", "", "flower"),
        ("", "Flower - Sativa", "", "flower"),
        ("", "", "Dried Cannabis", "flower"),
        ("Cannabis > Hybrid", "", "Flower", "flower"),
        ("Pre-Rolls", "", "", "pre_rolls"),
        ("PreRolls", "", "", "pre_rolls"),
        ("Pre Rolled Cannabis", "", "", "pre_rolls"),
        ("Flower > Infused Pre-Rolls", "", "", "pre_rolls"),
        ("Joints", "", "", "pre_rolls"),
        ("Concentrates > Live Resin Cartridges", "", "", "vaporizers"),
        ("Vape Carts", "", "", "vaporizers"),
        ("510 Thread", "", "", "vaporizers"),
        ("Disposables", "", "", "vaporizers"),
        ("Vape Batteries", "", "", "accessories"),
        ("Concentrates", "", "", "concentrates"),
        ("Extracts > Live Resin", "", "", "concentrates"),
        ("Hash & Kief", "", "", "concentrates"),
        ("Hash Oil", "", "", "concentrates"),
        ("Edibles", "", "", "edibles"),
        ("Edibles > Gummies", "", "", "edibles"),
        ("Cookies", "", "", "edibles"),
        ("Chocolates", "", "", "edibles"),
        ("Beverages", "", "", "beverages"),
        ("Edibles > Beverages", "", "", "beverages"),
        ("Infused Drinks", "", "", "beverages"),
        ("Tinctures", "", "", "tinctures"),
        ("CBD Oil", "", "", "tinctures"),
        ("Oral Sprays", "", "", "tinctures"),
        ("Topicals", "", "", "topicals"),
        ("Transdermal Patches", "", "", "topicals"),
        ("Capsules", "", "", "capsules"),
        ("Soft-Gels", "", "", "capsules"),
        ("Seeds", "", "", "seeds"),
        ("Clones", "", "", "seeds"),
        ("Accessories > Papers", "", "", "accessories"),
        ("Glass", "", "", "accessories"),
        ("Merch", "", "", "merchandise"),
        ("Hoodies", "", "", "merchandise"),
        # The menu category was made for menus, so it comes before the classification.
        ("Flower", "Edibles", "", "edibles"),
        ("", "", "", None),
        (" > ", " ", " ", None),
        ("Miscellaneous", "", "", None),
        ("Teaser", "", "", None),
        ("Hatch Green", "", "", None),
    ],
)
def test_builtin_rules_know_what_dispensaries_call_things(path, menu, kind, key):
    assert builtin_category(path, menu, kind) == key


def test_every_builtin_answer_is_a_canonical_key():
    assert {"flower", "pre_rolls", "vaporizers", "concentrates", "edibles"} <= set(CANONICAL_KEYS)
    assert len(CANONICAL_KEYS) == len(set(CANONICAL_KEYS)) == 12


@pytest.mark.parametrize(
    ("values", "rules", "fallback", "choice"),
    [
        # A product rule before everything.
        (
            {"classification_path": "Flower", "menu_category": "Edibles"},
            [
                CategoryRule("classification", "Flower", "1"),
                CategoryRule("specification", "Edibles", "5"),
                CategoryRule("product", PRODUCT.upper(), "7"),
            ],
            "6",
            CategoryChoice("7", "product_rule", PRODUCT),
        ),
        # The menu category before the classification.
        (
            {"classification_path": "Flower", "menu_category": "Edibles"},
            [
                CategoryRule("classification", "Flower", "1"),
                CategoryRule("specification", " edible ", "5"),
            ],
            "6",
            CategoryChoice("5", "specification_rule", "Edibles"),
        ),
        (
            {"classification_path": "Odd", "product_type": "Dried Cannabis"},
            [CategoryRule("specification", "dried cannabis", "1")],
            None,
            CategoryChoice("1", "specification_rule", "Dried Cannabis"),
        ),
        # The longest path, then any beginning of it, then a single name in it.
        (
            {"classification_path": "Cannabis > Flower > Indica"},
            [
                CategoryRule("classification", "Cannabis", "7"),
                CategoryRule("classification", "cannabis > flower > indica", "1"),
                CategoryRule("classification", "Cannabis > Flower", "6"),
            ],
            None,
            CategoryChoice("1", "classification_rule", "Cannabis > Flower > Indica"),
        ),
        (
            {"classification_path": "Cannabis > Flower > Indica"},
            [
                CategoryRule("classification", "Flower", "1"),
                CategoryRule("classification", "Indica", "7"),
            ],
            None,
            CategoryChoice("7", "classification_rule", "Cannabis > Flower > Indica"),
        ),
        # A rule for another product, path or a category that is gone does nothing.
        (
            {"classification_path": "Flower"},
            [
                CategoryRule("product", "another", "7"),
                CategoryRule("classification", "Flowerpots", "7"),
                CategoryRule("classification", "Flower > Indica", "7"),
                CategoryRule("classification", "Flower", "gone"),
                CategoryRule("classification", "", "7"),
                CategoryRule("specification", "", "7"),
            ],
            "6",
            CategoryChoice("1", "builtin", "Flower"),
        ),
        # Built in: the same name first, then the same canonical key, the plainer category.
        (
            {"classification_path": "Infused Pre-Rolls"},
            [],
            None,
            CategoryChoice("2", "builtin", "Infused Pre-Rolls"),
        ),
        (
            {"classification_path": "Joints"},
            [],
            None,
            CategoryChoice("3", "builtin", "Joints"),
        ),
        (
            {"classification_path": "Edibles > Gummies"},
            [],
            None,
            CategoryChoice("5", "builtin", "Gummies"),
        ),
        (
            {"classification_path": "Edibles > Beverages"},
            [],
            None,
            CategoryChoice("5", "builtin", "Beverages"),
        ),
        # What the shop has no category for is not forced into a wider one.
        (
            {"classification_path": "Flower > Seeds"},
            [],
            "7",
            CategoryChoice("7", "fallback", "Flower > Seeds"),
        ),
        (
            {"classification_path": "Miscellaneous"},
            [],
            "7",
            CategoryChoice("7", "fallback", "Miscellaneous"),
        ),
        (
            {"classification_path": "Miscellaneous", "menu_category": "Odds"},
            [],
            None,
            CategoryChoice(None, "unmapped", "Odds"),
        ),
        (
            {"classification_path": "Miscellaneous"},
            [],
            "gone",
            CategoryChoice(None, "unmapped", "Miscellaneous"),
        ),
        ({}, [], None, CategoryChoice(None, "unmapped", "")),
    ],
)
def test_the_first_layer_that_answers_decides(values, rules, fallback, choice):
    product = snapshot(**values)

    assert choose_category(product, rules=rules, categories=SHOP, fallback=fallback) == choice


def test_a_shop_without_categories_leaves_everything_unmapped():
    product = snapshot(classification_path="Flower")
    rules = [CategoryRule("product", PRODUCT, "1")]

    choice = choose_category(product, rules=rules, categories=[], fallback="1")

    assert choice == CategoryChoice(None, "unmapped", "Flower")


@pytest.mark.parametrize(
    ("text", "category_id"),
    [
        ("Vape Kits", "4"),
        ("Flowr", "1"),
        ("Pre-Rolls", "3"),
        ("Spezials", "7"),
        ("Gummies", "5"),
        ("Quux", None),
        ("", None),
        ("!!!", None),
    ],
)
def test_a_suggestion_is_what_a_person_most_likely_means(text, category_id):
    assert suggest_category(text, SHOP) == category_id


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Pre-Rolls", "pre roll"),
        ("  EDIBLES & Drinks ", "edible drink"),
        ("Thés", "the"),
        ("Glass", "glass"),
        ("Boxes", "box"),
        ("", ""),
    ],
)
def test_names_are_compared_without_case_punctuation_and_plural(text, plain):
    assert normalised_name(text) == plain


@pytest.mark.parametrize(
    ("path", "names"),
    [("", ()), ("Flower", ("Flower",)), ("A>B > C", ("A", "B", "C")), (" > A > ", ("A",))],
)
def test_a_path_is_its_names(path, names):
    assert path_names(path) == names


def test_the_rules_that_fit_a_product_are_its_paths_beginnings_names_and_words():
    place = snapshot(
        classification_path="Flower > Pre-Rolls > Singles",
        menu_category="Joints",
        product_type="Dried",
    )

    assert matching_keys(place) == {
        ("classification", ("flower",)),
        ("classification", ("flower", "pre roll")),
        ("classification", ("flower", "pre roll", "single")),
        ("classification", ("pre roll",)),
        ("classification", ("single",)),
        ("specification", ("joint",)),
        ("specification", ("dried",)),
        ("product", (PRODUCT,)),
    }
    assert rule_matches("classification", "flower > PRE-ROLLS", place)
    assert not rule_matches("classification", "Pre-Rolls > Singles", place)
    assert not rule_matches("specification", "Flower", place)


def test_a_suggestion_is_the_first_of_the_likest_and_never_a_blank_one():
    assert suggest_category("Zorp", [Category("1", "Zorq"), Category("2", "Zorx")]) == "1"
    assert suggest_category(" ", [Category("1", " ")]) is None
    assert suggest_category(" ", [Category("1", "Zorq")]) is None
