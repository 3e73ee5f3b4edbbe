"""What of a field's value changed, cut short."""

from __future__ import annotations

from typing import Any

import pytest

from aiq_cova_plugin.domain.changed_parts import LONGEST_TEXT, changed_parts

LONG = "Bright citrus and pine, grown slowly under the open sky. " * 20
LABS = [{"name": f"Terpene {number}", "value": "1"} for number in range(20)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("32", "30.5", ("32", "30.5")),
        (None, "30.5", (None, "30.5")),
        ("9", None, ("9", None)),
        (True, False, (True, False)),
        ("", "Sativa", ("", "Sativa")),
        ("<p>Old &amp; dry</p>", "<p>New</p>", ("Old & dry", "New")),
        ({"value": "1", "unit": "g"}, None, ({"value": "1", "unit": "g"}, None)),
        (["a", "b"], ["b", "c"], (["a"], ["c"])),
        (None, ["a"], ([], ["a"])),
        (["a", "b"], ["b", "a"], (["a", "b"], ["b", "a"])),
        (LABS, [*LABS[:-1], {"name": "x"}], ([LABS[-1]], [{"name": "x"}])),
        ([], LABS, ([], [*LABS[:6], "and 14 more"])),
    ],
)  # fmt: skip
def test_the_part_that_changed_is_kept(old: Any, new: Any, expected: tuple[Any, Any]) -> None:
    assert changed_parts({"field": old}, {"field": new}) == {"field": expected}


def test_a_field_the_shop_never_had_was_unknown_before() -> None:
    assert changed_parts({}, {"sku": "A1"}) == {"sku": (None, "A1")}


def test_of_long_texts_the_place_is_kept_where_they_part() -> None:
    ((before, after),) = changed_parts(
        {"description": f"<p>{LONG}</p> Harvested in May."},
        {"description": f"<p>{LONG}</p> Harvested in June."},
    ).values()

    assert before.startswith("…")
    assert before.endswith("Harvested in May.")
    assert after.endswith("Harvested in June.")
    assert max(len(before), len(after)) <= LONGEST_TEXT


def test_another_link_under_the_same_words_is_seen() -> None:
    ((before, after),) = changed_parts(
        {"description": f'{LONG}<a href="https://labs.example/1.pdf">Certificate</a>'},
        {"description": f'{LONG}<a href="https://labs.example/2.pdf">Certificate</a>'},
    ).values()

    assert "1.pdf" in before
    assert "2.pdf" in after


@pytest.mark.parametrize("value", ["x" * 100_000, ["y" * 100_000] * 100])
def test_nothing_becomes_long(value: Any) -> None:
    ((_, after),) = changed_parts({}, {"tags": value}).values()

    assert len(str(after)) < 10 * LONGEST_TEXT
