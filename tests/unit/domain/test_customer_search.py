"""How customers are looked for: a setting that is read however it was left behind."""

from __future__ import annotations

import pytest

from aiq_cova_plugin.domain.customer_search import (
    DEFAULT_PLAN,
    MOST_QUESTIONS,
    Question,
    SearchPlan,
    Sends,
    TextSearch,
    plan_from_settings,
    settings_from_plan,
)

OWN = SearchPlan(
    (Question("PhoneNumber", "Is", Sends.SPELLINGS), Question("Contact", "Equals", Sends.EMAIL)),
    TextSearch.NEVER,
)


@pytest.mark.parametrize("plan", [DEFAULT_PLAN, OWN])
def test_a_plan_survives_being_stored(plan):
    assert plan_from_settings(settings_from_plan(plan)) == plan


def test_the_default_is_stored_as_nothing():
    assert settings_from_plan(DEFAULT_PLAN) == {}


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        [],
        "Phone",
        7,
        {"questions": None},
        {"questions": "Phone"},
        {"questions": []},
        {"questions": [None, 7, "Phone", ["Phone"], ["Phone", None], [1, 2, 3]]},
        {"questions": [["Phone", "Equals", "everything"]]},
        {"questions": [["Pho ne", "Equals"]]},
        {"questions": [["x" * 99, "Equals"]]},
        {"questions": [["Phone'; --", "Equals"]]},
        {"text_search": "sometimes"},
        {"text_search": ["never"]},
        {"text_search": "never", "questions": [["", ""]]},
        {"unknown": True},
    ],
)
def test_a_malformed_setting_is_the_default(stored):
    assert plan_from_settings(stored) == DEFAULT_PLAN


def test_the_readable_part_of_a_setting_is_used():
    stored = {"questions": [["Phone", "StartsWith"], ["bad token", "x"], ["Phone", "StartsWith"]]}

    plan = plan_from_settings(stored)

    assert plan.questions == (Question("Phone", "StartsWith", Sends.SPELLINGS),)
    assert plan.text_search is TextSearch.IF_NOBODY


def test_there_are_not_endlessly_many_questions():
    stored = {"questions": [[f"Field{number}", "Equals"] for number in range(40)]}

    assert len(plan_from_settings(stored).questions) == MOST_QUESTIONS
