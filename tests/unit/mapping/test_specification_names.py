"""A store's own names: on top of ours, harmless when malformed, and with a stable key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.mapping.explain_specifications import explain_specifications
from aiq_cova_plugin.mapping.labs_from_cova import labs_from_cova
from aiq_cova_plugin.mapping.specification_names import (
    DEFAULT,
    LAB_NAMES,
    MEANINGS,
    TEXT_MEANINGS,
    SpecificationNames,
    names_from_settings,
    specification_key,
)
from aiq_cova_plugin.mapping.suggest_meaning import is_known, suggest_meaning

from tests.unit.mapping.products import snapshot_of, spec, with_specs


def entry(*names: str, ids: tuple[int, ...] = ()) -> dict[str, list[object]]:
    return {"names": list(names), "field_ids": list(ids)}


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"nonsense": entry("THC")},
        {"THC": None},
        {"THC": "Potency"},
        {"THC": {"names": "Potency"}},
        {"THC": {"names": [None, 5, "", "---"], "field_ids": ["7", None, True, 1.5]}},
        {5: entry("Potency")},
        None,
        [],
    ],
)
def test_what_is_no_mapping_is_passed_over(stored):
    assert names_from_settings(stored) is DEFAULT


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(MEANINGS) | st.text(max_size=5),
        st.fixed_dictionaries({}, optional={"names": json_values, "field_ids": json_values})
        | json_values,
    )
)
def test_no_stored_value_breaks_the_names(stored):
    names = names_from_settings(stored)
    product = with_specs(("THC", "1", "%"), spec("Brand", "Acme", field_id=3))

    assert isinstance(names, SpecificationNames)
    assert len(specification_key(names)) == 24
    snapshot_of(product, spec_names=names)
    explain_specifications(product, names)


@pytest.mark.parametrize("meaning", LAB_NAMES)
def test_a_stores_name_for_a_lab_value_counts_beside_ours(meaning):
    names = names_from_settings({meaning: entry("House reading")})

    for name in ("house-reading", meaning, f"Max {meaning}"):
        labs = labs_from_cova(with_specs((name, "5", "%")), names).labs
        assert [each.name for each in labs] == [meaning]


def test_a_stores_name_is_trusted_before_ours():
    names = names_from_settings({"brand": entry("House Brand"), "weight": entry("Grams")})
    snapshot = snapshot_of(
        with_specs(
            ("Brand", "Ours"), ("House brand", "Theirs"), ("Net Weight", "3", "g"),
            ("GRAMS", "4", "g"),
        ),
        spec_names=names,
    )  # fmt: skip

    assert snapshot.brand == "Theirs"
    assert str(snapshot.weight.value) == "4"


def test_a_name_given_away_no_longer_means_what_it_meant():
    names = names_from_settings({"THC": entry("Strain"), "CBD": entry("THC Potency", "THC")})
    snapshot = snapshot_of(
        with_specs(("Strain", "21", "%"), ("THC Potency", "3", "%"), ("THC", "4", "%")),
        spec_names=names,
    )

    assert snapshot.strain is None
    assert [(each.name, str(each.value)) for each in snapshot.labs] == [("THC", "21"), ("CBD", "4")]


def test_a_field_id_wins_over_any_name():
    names = names_from_settings({"THC": entry(ids=(7,)), "ignored": entry(ids=(8,))})
    product = with_specs(
        spec("Brand", "22", "%", field_id=7), spec("CBD", "3", "%", field_id=8), ("Brand", "Acme")
    )
    snapshot = snapshot_of(product, spec_names=names)

    assert snapshot.brand == "Acme"
    assert [(each.name, str(each.value)) for each in snapshot.labs] == [("THC", "22")]


def test_an_ignored_name_means_nothing_whatever_we_would_make_of_it():
    names = names_from_settings({"ignored": entry("thc", "Brand", "Lot")})
    product = with_specs(("THC", "22", "%"), ("Brand", "Acme"), ("Lot", "5"))
    readings = explain_specifications(product, names)

    assert snapshot_of(product, spec_names=names).labs is None
    assert snapshot_of(product, spec_names=names).brand is None
    assert {each.reason for each in readings} == {"The store's settings say to make nothing of it."}
    assert all(is_known(each, names) for each in product.specifications)


def test_the_first_of_two_claims_to_one_name_counts():
    names = names_from_settings(
        {"THC": entry("Potency", ids=(1,)), "CBD": entry("potency", ids=(1,))}
    )

    assert labs_from_cova(with_specs(("Potency", "5", "%")), names).labs[0].name == "THC"
    assert names.meaning_by_field_id == {1: "THC"}


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({}, {"nonsense": entry("x")}, True),
        ({"THC": entry("A")}, {"thc": entry("A")}, True),
        ({"THC": entry("A"), "CBD": entry("B")}, {"CBD": entry("B"), "THC": entry("A")}, True),
        ({}, {"THC": entry("A")}, False),
        ({"THC": entry("A")}, {"CBD": entry("A")}, False),
        ({"THC": entry("A")}, {"THC": entry("B")}, False),
        ({"THC": entry(ids=(1,))}, {"THC": entry(ids=(2,))}, False),
        ({"brand": entry("A", "B")}, {"brand": entry("B", "A")}, False),
        ({"ignored": entry("A")}, {}, False),
    ],
)
def test_the_key_changes_when_the_mapping_does(one, other, is_same):
    keys = [specification_key(names_from_settings(each)) for each in (one, other)]

    assert (keys[0] == keys[1]) is is_same


def test_all_tags_count_and_are_explained_so():
    readings = explain_specifications(with_specs(("Tags", "new"), ("Tags", "dry, sale")))

    assert [each.shop_gets for each in readings] == ["new", "dry, sale"]


@pytest.mark.parametrize(
    ("specs", "name", "field", "shop_gets", "reason"),
    [
        ([("THC Min", "18", "%"), ("THC Max", "24", "%")], "THC Max", "labs", "THC 18 to 24 %", ""),
        ([("THC", "18", "%"), ("Total THC", "24", "%")], "THC", "labs", "", "higher"),
        ([("THC", "ND"), ("Total THC", "24", "%")], "THC", "labs", "", "is a number"),
        ([("CBD", "")], "CBD", "labs", "", "empty"),
        ([("CBD", "<LOQ", "%")], "CBD", "labs", "CBD <LOQ %", ""),
        ([("Net Weight", "0", "g")], "Net Weight", "weight", "", "zero"),
        ([("Strain", "Indica")], "Strain", "cannabis_type", "INDICA", ""),
        ([("Strain", "Blue Dream")], "Strain", "strain", "Blue Dream", ""),
        ([("Online Menu Category", "Vapes")], "Online Menu Category", "category_id", "Vapes", ""),
        ([("Colour", "red")], "Colour", None, "", "not one the plugin knows"),
    ],
)
def test_it_is_told_what_the_shop_gets_or_why_not(specs, name, field, shop_gets, reason):
    reading = next(
        each for each in explain_specifications(with_specs(*specs)) if each.display_name == name
    )

    assert (reading.field, reading.shop_gets) == (field, shop_gets)
    assert reason in reading.reason
    assert reading.used is (reading.reason == "")


def test_text_that_is_shown_as_it_stands_says_so():
    [reading] = explain_specifications(with_specs(("THC", "about 20", "%")))

    assert reading.shop_gets == "THC about 20 %"
    assert reading.note == "This is not a number. It is shown as it stands."


@pytest.mark.parametrize(
    ("name", "value", "unit", "meaning"),
    [
        ("THC Content", "24.5", "%", "THC"),
        ("Total THC %", "24.5", "", "THC"),
        ("Delta-9 THC", "24.5", "%", "THC"),
        ("Delta9 Potency Reading", "12.5", "mg", "THC"),
        ("Delta-8 THC", "12.5", "%", None),
        ("Active CBD (mg)", "10", "mg", "CBD"),
        ("Tetrahydrocannabinol", "1", "%", "THC"),
        ("THC-A %", "1", "", "THCa"),
        ("β-Caryophyllene content", "0.3", "%", "Beta Caryophyllene"),
        ("Myrcene", "0.3", "%", "Beta Myrcene"),
        ("Limonenne", "0.3", "%", "Limonene"),
        ("THC Statement", "See the label for details", "", None),
        ("THCV", "0.3", "%", None),
        ("Lab Report", "https://labs.example/1.pdf", "", "coa"),
        ("Lab Report", "in the drawer", "", None),
        ("Web Name", "Blue", "", "menu_name"),
        ("Ecommerce Category", "Vapes", "", "menu_category"),
        ("Cultivar", "Blue", "", "strain_name"),
        ("Licensed Producer", "Acme", "", "brand"),
        ("Package Weight", "3.5", "g", "weight"),
        ("Warranty", "none", "", None),
        ("", "", "", None),
        ("%", "5", "", None),
        ("x" * 10_000, "x" * 10_000, "", None),
    ],
)
def test_a_suggestion_is_what_a_person_most_likely_means(name, value, unit, meaning):
    assert suggest_meaning(name, value, unit) == meaning


@given(st.text(), st.text(max_size=30), st.sampled_from(["", "%", "mg", "x"]))
def test_a_suggestion_is_a_meaning_or_none(name, value, unit):
    assert suggest_meaning(name, value, unit) in {*TEXT_MEANINGS, *LAB_NAMES, None}
