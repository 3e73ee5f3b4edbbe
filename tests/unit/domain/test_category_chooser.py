"""The layers made ready for many products decide as the rules say, whatever is typed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.domain.categories import (
    CategoryChooser,
    CategoryRule,
    Place,
    builtin_category,
    choose_category,
    matching_keys,
    rule_key,
    rule_matches,
)


@dataclass(frozen=True)
class Shelf:
    id: str
    name: str


SHOP = [Shelf("1", "Flower"), Shelf("2", "Edibles"), Shelf("3", "Vapes")]
names = st.sampled_from(["Flower", "Edibles", "gummies", "Vapes", "Odd", "odds", "", " ", ">", "É"])
paths = st.lists(names, max_size=4).map(" > ".join) | st.text(max_size=20)
places = st.builds(
    Place, paths, names | st.text(max_size=9), names, st.sampled_from(["", "p1", "P2"])
)
rules = st.lists(
    st.builds(
        CategoryRule,
        st.sampled_from(["product", "specification", "classification"]),
        paths | st.sampled_from(["p1", "p2"]),
        st.sampled_from(["1", "2", "3", "gone"]),
    ),
    max_size=8,
)
ORDER = (
    "product_rule",
    "specification_rule",
    "classification_rule",
    "builtin",
    "fallback",
    "unmapped",
)


@given(places, rules, st.sampled_from([None, "1", "gone"]))
def test_the_first_layer_with_a_fitting_rule_decides(place, made, fallback):
    choice = CategoryChooser(rules=made, categories=SHOP, fallback=fallback).choose(place)
    fitting = [
        rule
        for rule in made
        if rule.category_id != "gone" and rule_matches(rule.kind, rule.match, place)
    ]

    assert choice == choose_category(place, rules=made, categories=SHOP, fallback=fallback)
    assert choice.category_id in {"1", "2", "3", None}
    assert (choice.category_id is None) == (choice.source == "unmapped")
    if fitting:
        assert choice.source == min((f"{rule.kind}_rule" for rule in fitting), key=ORDER.index)
        assert choice.rule in fitting
    else:
        assert choice.rule is None
        assert choice.source in ORDER[3:]


@given(places, rules)
def test_own_rules_never_switch_the_built_in_ones_off(place, made):
    without = choose_category(place, rules=[], categories=SHOP, fallback=None)
    choice = choose_category(place, rules=made, categories=SHOP, fallback=None)

    assert choice.source.endswith("_rule") or choice == without


@given(places, rules)
def test_the_order_in_which_different_rules_were_made_changes_nothing(place, made):
    one_each = list({(rule.kind, rule_key(rule.kind, rule.match)): rule for rule in made}.values())

    first = choose_category(place, rules=one_each, categories=SHOP, fallback=None)
    second = choose_category(place, rules=one_each[::-1], categories=SHOP, fallback=None)

    assert first == second
    assert first.rule == second.rule


@given(places, paths, st.sampled_from(["product", "specification", "classification"]))
def test_the_keys_of_a_place_are_exactly_the_rules_that_fit_it(place, match, kind):
    assert rule_matches(kind, match, place) == (
        (kind, rule_key(kind, match)) in matching_keys(place)
    )


@given(st.text(), st.text(), st.text())
def test_no_text_breaks_the_built_in_rules(path, menu, kind):
    assert builtin_category(path, menu, kind) is None or path or menu or kind


@pytest.mark.parametrize(
    "hostile", ["x" * 10_000, "> " * 5000, "<script>", "\x00", "٣٤", "%_%", "''"]
)
def test_hostile_texts_match_nothing_but_themselves(hostile):
    place = Place(hostile, hostile, hostile)

    assert choose_category(place, rules=[], categories=SHOP, fallback=None).source == "unmapped"
    assert not rule_matches("classification", "Flower", place)
    assert not rule_matches("specification", "%", place)
