"""Lab values: names, units, ranges, bounds, conflicts, and what is no number."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.domain.values import LabValue
from aiq_cova_plugin.mapping.explain_specifications import explain_specifications
from aiq_cova_plugin.mapping.labs_from_cova import labs_from_cova
from aiq_cova_plugin.mapping.spec_numbers import SpecNumber, plain_unit, read_spec_number
from aiq_cova_plugin.mapping.specification_names import LAB_NAMES, SpecificationNames

from tests.unit.mapping.products import product, spec, with_specs

D = Decimal

MISSION_NAMES = [
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
    "THCa",
    "CBDa",
    "CBN",
    "CBG",
]


def number(name, value, unit="%", max_value=None):
    high = None if max_value is None else D(max_value)
    return LabValue(name, D(value), high, unit, "")


def text(name, words, unit="%"):
    return LabValue(name, None, None, unit, words)


def test_the_names_are_the_missions_twenty_and_two_totals():
    assert len(MISSION_NAMES) == 20
    assert set(LAB_NAMES) == {*MISSION_NAMES, "THC", "CBD"}


@pytest.mark.parametrize("name", [*MISSION_NAMES, "THC", "CBD"])
@pytest.mark.parametrize(
    "spell",
    [
        str,
        str.upper,
        str.lower,
        lambda name: f"  {name} ",
        lambda name: name.replace(" ", "").replace("-", ""),
        lambda name: name.replace(" ", "-").replace("-", " "),
        lambda name: name.replace(" ", "_"),
    ],
)
def test_a_name_counts_however_it_is_spelled(name, spell):
    reading = labs_from_cova(with_specs((spell(name), "1.5", "%")))

    assert reading.labs == (number(name, "1.5"),)
    assert reading.issues == ()


@pytest.mark.parametrize(
    "name", ["", "Myrcene", "Pinene", "Terpenes", "THCV", "THC Ratio", "Beta", "Min", "Max", "α"]
)
def test_other_names_are_no_lab_values(name):
    assert labs_from_cova(with_specs((name, "1.5", "%"))).labs is None


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("Total THC", "THC"),
        ("THC Total", "THC"),
        ("THC Potency", "THC"),
        ("THC Composition", "THC"),
        ("CBD Composition", "CBD"),
        ("thc-potency", "THC"),
        ("THC-A", "THCa"),
        ("β-Myrcene", "Beta Myrcene"),
        ("α Pinene", "Alpha Pinene"),
    ],
)
def test_usual_other_names_are_read_too(name, canonical):
    assert labs_from_cova(with_specs((name, "1", "%"))).labs == (number(canonical, "1"),)


@pytest.mark.parametrize(
    ("value", "unit", "lab"),
    [
        ("24.5", "%", number("THC", "24.5")),
        ("0", "%", number("THC", "0")),
        ("0.00", "%", number("THC", "0.00")),
        ("100", "%", number("THC", "100")),
        ("24,5", "%", number("THC", "24.5")),
        ("0,125", "%", number("THC", "0.125")),
        (",5", "%", number("THC", "0.5")),
        (".5", "%", number("THC", "0.5")),
        ("5.", "%", number("THC", "5")),
        ("+5", "%", number("THC", "5")),
        ("1E-05", "%", number("THC", "0.00001")),
        ("24.5%", "", number("THC", "24.5")),
        ("24.5 %", "%", number("THC", "24.5")),
        ("24.5 percent", "", number("THC", "24.5")),
        ("10", "mg", number("THC", "10", "mg")),
        ("10mg", "", number("THC", "10", "mg")),
        ("10 MG", "mg", number("THC", "10", "mg")),
        ("245", "mg/g", number("THC", "245", "mg/g")),
        ("245 mg/g", "", number("THC", "245", "mg/g")),
        ("245 mg / g", "MG/G", number("THC", "245", "mg/g")),
        ("1,234.5 mg", "", number("THC", "1234.5", "mg")),
        ("1.234,5 mg", "", number("THC", "1234.5", "mg")),
        ("1 234,5 mg", "", number("THC", "1234.5", "mg")),
        ("1'234.5", "mg", number("THC", "1234.5", "mg")),
        ("1,234,567", "mg", number("THC", "1234567", "mg")),
        ("5", "", number("THC", "5", "")),
        ("5", " ppm ", number("THC", "5", "ppm")),
        ("18-24", "%", number("THC", "18", "%", "24")),
        ("18 - 24 %", "", number("THC", "18", "%", "24")),
        ("18% – 24%", "%", number("THC", "18", "%", "24")),
        ("18 to 24", "%", number("THC", "18", "%", "24")),
        ("18,5-24,5", "%", number("THC", "18.5", "%", "24.5")),
        ("24-18", "%", number("THC", "18", "%", "24")),
        ("0-0", "%", number("THC", "0", "%", "0")),
        ("ND", "%", text("THC", "ND")),
        ("nd", "%", text("THC", "nd")),
        ("N/D", "%", text("THC", "N/D")),
        ("Not  Detected", "%", text("THC", "Not Detected")),
        ("<LOQ", "%", text("THC", "<LOQ")),
        ("< LOQ", "%", text("THC", "< LOQ")),
        ("BLQ", "%", text("THC", "BLQ")),
        ("<0.05", "%", text("THC", "<0.05")),
        ("< 0.05 %", "%", text("THC", "< 0.05 %")),
        ("≤ 0.1 mg/g", "mg/g", text("THC", "≤ 0.1 mg/g", "mg/g")),
        (">90", "%", text("THC", ">90")),
        ("Trace", "%", text("THC", "Trace")),
        ("N/A", "%", text("THC", "N/A")),
        ("-", "%", text("THC", "-")),
    ],
)
def test_a_value_is_read_or_kept_as_text(value, unit, lab):
    reading = labs_from_cova(with_specs(("THC", value, unit)))

    assert reading.labs == (lab,)
    assert reading.issues == ()


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("high", "%"),
        ("12 5", "%"),
        ("1,234", "mg"),
        ("1.2.3", "%"),
        ("1,2,3", "%"),
        ("12.34,56", "%"),
        ("-0.5", "%"),
        ("100.01", "%"),
        ("1000.1", "mg/g"),
        ("20-101", "%"),
        ("NaN", "%"),
        ("Infinity", "%"),
        ("1e99", "mg"),
        ("9" * 150, "mg"),
        ("٢٤", "%"),
        ("２４", "%"),
        ("²", "%"),
        ("24.5%", "mg"),
        ("10 mg", "mg/g"),
        ("18 mg - 24 %", ""),
        ("<script>alert(1)</script>", "%"),
        ("= 1+1", "%"),
    ],
)
def test_what_cannot_be_read_for_certain_is_kept_as_text_with_an_issue(value, unit):
    reading = labs_from_cova(with_specs(("Total THC", value, unit)))

    assert reading.labs is not None
    assert [(lab.value, lab.text) for lab in reading.labs] == [(None, value)]
    assert [issue.field for issue in reading.issues] == ["Total THC"]
    assert reading.issues[0].reason


def test_a_very_long_text_is_cut():
    reading = labs_from_cova(with_specs(("THC", "x" * 5000, "%")))

    assert reading.labs is not None
    assert len(reading.labs[0].text) == 200


def test_no_lab_specification_is_not_the_same_as_empty_ones():
    assert labs_from_cova(product()).labs is None
    assert labs_from_cova(product(specifications=())).labs is None
    assert labs_from_cova(with_specs(("Brand", "x"))).labs is None
    assert labs_from_cova(with_specs(("THC", "", "%"), ("CBD", "  ", "%"))).labs == ()


@pytest.mark.parametrize(
    ("specs", "labs"),
    [
        ([("THC Min", "18", "%"), ("THC Max", "24", "%")], [number("THC", "18", "%", "24")]),
        ([("Max THC", "24", "%"), ("Minimum THC", "18", "%")], [number("THC", "18", "%", "24")]),
        ([("THC Max", "24.5", "%")], [number("THC", "24.5", "%", "24.5")]),
        ([("THC Min", "18", "%")], [number("THC", "18", "%")]),
        ([("THC Min", "0", "%"), ("THC Max", "0", "%")], [number("THC", "0", "%", "0")]),
        ([("THC Min", "24", "%"), ("THC Max", "18", "%")], [number("THC", "18", "%", "24")]),
        ([("THC", "20", "%"), ("THC Max", "24", "%")], [number("THC", "20", "%", "24")]),
        (
            [("THC", "20", "%"), ("THC Min", "18", "%"), ("THC Max", "24", "%")],
            [number("THC", "18", "%", "24")],
        ),
        (
            [("THC", "30", "%"), ("THC Min", "18", "%"), ("THC Max", "24", "%")],
            [number("THC", "18", "%", "30")],
        ),
        ([("THC Min", "ND", "%"), ("THC Max", "0.5", "%")], [number("THC", "0.5", "%", "0.5")]),
        ([("THC Min", "18", ""), ("THC Max", "24", "%")], [number("THC", "18", "%", "24")]),
        (
            [("Limonene Min", "0.1", "%"), ("Limonene Max", "0.4", "%")],
            [number("Limonene", "0.1", "%", "0.4")],
        ),
    ],
)
def test_min_and_max_become_one_value(specs, labs):
    assert labs_from_cova(with_specs(*specs)).labs == tuple(labs)


@pytest.mark.parametrize(
    ("specs", "labs"),
    [
        ([("THC", "18", "%"), ("THC", "24", "%")], [number("THC", "24")]),
        ([("THC", "24", "%"), ("Total THC", "18", "%")], [number("THC", "24")]),
        ([("THC", "18-20", "%"), ("Total THC", "19", "%")], [number("THC", "18", "%", "20")]),
        ([("THC", "0", "%"), ("Total THC", "ND", "%")], [number("THC", "0")]),
        ([("THC", "ND", "%"), ("Total THC", "<LOQ", "%")], [text("THC", "ND")]),
        # The same thing in two units: the higher one, as given.
        ([("THC", "24.5", "%"), ("Total THC", "250", "mg/g")], [number("THC", "250", "mg/g")]),
        ([("THC", "25.1", "%"), ("Total THC", "250", "mg/g")], [number("THC", "25.1")]),
        # Two different things: both.
        (
            [("THC Composition", "0.3", "%"), ("THC Potency", "10", "mg")],
            [number("THC", "0.3"), number("THC", "10", "mg")],
        ),
        ([("THC", "24", ""), ("Total THC", "18", "%")], [number("THC", "24")]),
    ],
)
def test_the_highest_of_conflicting_values_counts(specs, labs):
    assert labs_from_cova(with_specs(*specs)).labs == tuple(labs)
    assert sorted(map(str, labs_from_cova(with_specs(*reversed(specs))).labs or ())) == sorted(
        str(each) for each in (labs if labs[0].value is not None else [text("THC", "<LOQ")])
    )


def test_a_store_may_use_other_names_and_field_ids():
    names = SpecificationNames(
        labs={"Delta 9": "thc", "Nonsense": "No Lab"}, meaning_by_field_id={7: "CBD", 8: "brand"}
    )
    specs = with_specs(
        ("Delta 9", "1", "%"),
        ("Nonsense", "1", "%"),
        spec("Whatever", "2", "%", field_id=7),
        spec("CBN", "3", "%", field_id=8),
        spec("CBG", "4", "%", field_id=9),
    )

    assert labs_from_cova(specs, names).labs == (
        number("THC", "1"),
        number("CBD", "2"),
        number("CBG", "4"),
    )


def test_lab_values_come_in_a_fixed_order():
    specs = [(name, "1", "%") for name in LAB_NAMES]

    labs = labs_from_cova(with_specs(*reversed(specs))).labs

    assert labs is not None
    assert [each.name for each in labs] == list(LAB_NAMES)


@pytest.mark.parametrize(
    ("unit", "plain"),
    [("%", "%"), (" MG ", "mg"), ("Mg / G", "mg/g"), ("grams", "g"), ("oz.", "oz"), ("µg", "µg")],
)
def test_units_have_one_spelling(unit, plain):
    assert plain_unit(unit) == plain


@given(st.text(max_size=250))
def test_no_text_breaks_the_number_reader(text_of_value):
    reading = read_spec_number(text_of_value)

    assert reading.low is None or reading.low >= 0
    assert reading.high is None or (reading.low is not None and reading.low <= reading.high)


@given(st.decimals("0", "99999999", places=3, allow_nan=False), st.sampled_from(["", "%", "mg"]))
def test_what_dotnet_writes_is_read_exactly(value, unit):
    assert read_spec_number(f"{value}{unit}") == SpecNumber(value, unit=unit)


lab_specs = st.lists(
    st.builds(
        lambda name, bound, value, unit: (f"{name} {bound}".strip(), value, unit),
        st.sampled_from(["THC", "CBD", "Limonene", "Total THC", "Brand"]),
        st.sampled_from(["", "Min", "Max"]),
        st.one_of(
            st.decimals("0", "100", places=2).map(str), st.sampled_from(["ND", "", "1-2", "x"])
        ),
        st.sampled_from(["", "%", "mg", "mg/g"]),
    ),
    max_size=8,
)


@given(lab_specs)
def test_every_specification_ends_somewhere(specs):
    cova_product = with_specs(*specs)
    reading = labs_from_cova(cova_product)
    explained = explain_specifications(cova_product)

    for lab in reading.labs or ():
        assert (lab.value is None) == (lab.text != "")
        assert lab.max_value is None or (lab.value is not None and lab.value <= lab.max_value)
    assert len({(lab.name, lab.unit) for lab in reading.labs or ()}) == len(reading.labs or ())
    assert [each.display_name for each in explained] == [each[0] for each in specs]
    assert all(each.used == (each.reason == "") for each in explained)


def test_each_specification_is_explained():
    explained = explain_specifications(
        with_specs(
            ("THC", "18", "%"),
            ("Total THC", "24,5", "%"),
            ("CBD", "lots", "%"),
            ("CBN", "", "%"),
            ("CBG", "<LOQ", "%"),
            ("Brand", "Acme"),
            ("Brands", "ACME"),
            ("Strain", "Indica Dominant"),
            ("Flower Type", "Blue Dream"),
            ("Net Weight", "big", "g"),
            ("Size", "3.5g"),
            ("Equivalent To", "3.5", "g"),
            ("COA Link", "javascript:alert(1)"),
            ("COA", "https://labs.example/1.pdf"),
            ("Tags", " "),
            ("Terpenes", "Myrcene, Limonene,"),
        )
    )

    assert [(each.display_name, each.meaning, each.parsed, each.used) for each in explained] == [
        ("THC", "THC", "18 %", False),
        ("Total THC", "THC", "24.5 %", True),
        ("CBD", "CBD", "lots", True),
        ("CBN", "CBN", "", False),
        ("CBG", "CBG", "<LOQ", True),
        ("Brand", "brand", "Acme", True),
        ("Brands", "brand", "ACME", False),
        ("Strain", "cannabis type", "HYBRID_INDICA", True),
        ("Flower Type", "strain name", "Blue Dream", True),
        ("Net Weight", "weight", "", False),
        ("Size", "weight", "3.5 g", True),
        ("Equivalent To", None, "", False),
        ("COA Link", "coa", "", False),
        ("COA", "coa", "https://labs.example/1.pdf", True),
        ("Tags", "tags", "", False),
        ("Terpenes", None, "", False),
    ]
    reasons = {each.display_name: each.reason for each in explained}
    assert reasons["THC"] == "Another THC value is higher."
    assert reasons["Brands"] == "Brand comes first."
    assert reasons["Tags"] == "The value is empty."
