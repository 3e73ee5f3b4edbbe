"""Lab values whatever is typed: never raises, the highest wins, the order of lines is nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiq_cova_plugin.mapping.labs_from_cova import labs_from_cova
from aiq_cova_plugin.mapping.spec_numbers import read_spec_number
from aiq_cova_plugin.mapping.specification_names import LAB_NAMES

from tests.unit.mapping.products import with_specs

NAMES = ["THC", "Total THC", "thc-potency", "CBD", "Limonene"]
amounts = st.decimals("0", "100", places=2)
plain_specs = st.lists(
    st.tuples(st.sampled_from(NAMES), amounts.map(str), st.just("%")), min_size=1, max_size=8
)
any_specs = st.lists(
    st.tuples(
        st.sampled_from(NAMES) | st.sampled_from([f"{name} Max" for name in NAMES]) | st.text(),
        amounts.map(str) | st.sampled_from(["ND", "<LOQ", "", "18-22", "1,5"]) | st.text(),
        st.sampled_from(["", "%", "mg", "mg/g", "g"]) | st.text(max_size=5),
    ),
    max_size=8,
)


@given(plain_specs)
def test_the_highest_of_one_name_and_unit_wins(specs):
    canonical = {"Total THC": "THC", "thc-potency": "THC"}
    highest: dict[str, Decimal] = {}
    for name, value, _unit in specs:
        key = canonical.get(name, name)
        highest[key] = max(highest.get(key, Decimal(0)), Decimal(value))

    labs = labs_from_cova(with_specs(*specs)).labs

    assert {lab.name: lab.value for lab in labs} == highest


@given(plain_specs, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_changes_nothing(specs, random):
    shuffled = list(specs)
    random.shuffle(shuffled)

    assert labs_from_cova(with_specs(*specs)).labs == labs_from_cova(with_specs(*shuffled)).labs


@given(any_specs)
def test_every_lab_value_is_one_of_the_kinds_the_contract_knows(specs):
    reading = labs_from_cova(with_specs(*specs))

    for lab in reading.labs or ():
        assert lab.name in LAB_NAMES
        if lab.value is None:
            assert lab.text
            assert lab.max_value is None
        else:
            assert lab.text == ""
            assert lab.value.is_finite()
            assert lab.value >= 0
            assert lab.max_value is None or lab.value <= lab.max_value
            top = lab.max_value if lab.max_value is not None else lab.value
            assert lab.unit != "%" or top <= 100
            assert lab.unit != "mg/g" or top <= 1000


@given(any_specs, amounts)
def test_one_more_value_never_lowers_the_highest(specs, amount):
    def highest(product):
        labs = [lab for lab in labs_from_cova(product).labs or () if lab.name == "CBN"]
        return max((lab.value for lab in labs if lab.value is not None), default=Decimal(-1))

    others = [each for each in specs if "cbn" not in each[0].casefold()]
    one = [("CBN", "5", "%"), *others]

    assert highest(with_specs(*one, ("CBN", str(amount), "%"))) == max(Decimal(5), amount)


@pytest.mark.parametrize(
    ("value", "low", "high", "unit"),
    [
        ("18-22 %", "18", "22", "%"),
        ("18 – 22", "18", "22", ""),
        ("18—22%", "18", "22", "%"),
        ("18 to 22 mg/g", "18", "22", "mg/g"),
        ("18..22", None, None, ""),
        ("18% .. 22%", "18", "22", "%"),
        ("22~18", "18", "22", ""),
        ("0,5-1,5 %", "0.5", "1.5", "%"),
        ("1,000-1,200 mg", None, None, ""),
        ("1,000.0-1,200.0 mg", "1000", "1200", "mg"),
        ("18", "18", None, ""),
        ("18 - 22 - 24", None, None, ""),
        ("-5", None, None, ""),
        ("-5-10", None, None, ""),
        ("18-", None, None, ""),
        ("<LOQ", None, None, ""),
        ("< 0,05 %", None, None, ""),
        ("ND", None, None, ""),
        ("n/a", None, None, ""),
        ("Trace", None, None, ""),
        ("", None, None, ""),
        ("%", None, None, ""),
        ("THC 24.5 %", None, None, ""),
        ("24.5 % THC", None, None, ""),
        ("24.5 %%", None, None, ""),
        ("NaN", None, None, ""),
        ("Infinity", None, None, ""),
        ("1e5", "100000", None, ""),
        ("1e99", None, None, ""),
        ("1e-99", None, None, ""),
        ("1e-5", "0.00001", None, ""),
        ("٢٤", None, None, ""),
        ("２４", None, None, ""),
        ("24\u200b.5", None, None, ""),
        ("<b>24</b>", None, None, ""),
        ("1" * 10_000, None, None, ""),
        ("1 " * 5_000, None, None, ""),
        ("1-" * 90, None, None, ""),
        ("1," * 90, None, None, ""),
    ],
)
def test_hostile_and_honest_values_are_read_or_left_as_text(value, low, high, unit):
    number = read_spec_number(value)

    def amount(each):
        return None if each is None else float(each)

    assert amount(number.low) == amount(low)
    assert amount(number.high) == amount(high)
    assert number.unit == unit
