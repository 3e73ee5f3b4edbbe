"""How a store looks for a customer in COVA: which questions, in which order.

COVA does not document the words its customer search understands (cova-api.md sections 8.1 and
12), so they are a setting: an ordered list of questions, and the older text search behind
them. Whoever is found is accepted on an exactly equal phone number alone
(`customer_matching`), so a strange question costs a call and never names the wrong person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Sends(StrEnum):
    """What a question sends: every usual spelling of the phone, its last four digits, or the
    e-mail address."""

    SPELLINGS = "spellings"
    ENDING = "ending"
    EMAIL = "email"


class TextSearch(StrEnum):
    """When the older text search is asked: if the questions found nobody, always, or never."""

    IF_NOBODY = "if_nobody"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class Question:
    """One question: COVA's `Field` and `Operation`, and what to look for."""

    field: str
    operation: str
    sends: Sends


@dataclass(frozen=True)
class SearchPlan:
    """The questions in the order they are asked."""

    questions: tuple[Question, ...]
    text_search: TextSearch


DEFAULT_PLAN = SearchPlan(
    (
        # The last four digits stand together in almost every spelling of a number.
        Question("Phone", "Contains", Sends.ENDING),
        Question("Phone", "Equals", Sends.SPELLINGS),
    ),
    TextSearch.IF_NOBODY,
)

MOST_QUESTIONS = 6
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,39}")


def is_token(text: str) -> bool:
    """Can this be one of COVA's words for a field or an operation?"""
    return _TOKEN.fullmatch(text) is not None


def plan_from_settings(stored: Any) -> SearchPlan:
    """The store's plan; whatever is missing or malformed falls back to the default.

    `stored` is the JSON of the setting: `{"questions": [[field, operation, sends], …],
    "text_search": …}`.
    """
    if not isinstance(stored, Mapping):
        return DEFAULT_PLAN
    try:
        text_search = TextSearch(stored.get("text_search", DEFAULT_PLAN.text_search))
    except ValueError:
        text_search = DEFAULT_PLAN.text_search
    questions = _questions(stored.get("questions"))
    if not questions and text_search is TextSearch.NEVER:
        return DEFAULT_PLAN
    return SearchPlan(questions or DEFAULT_PLAN.questions, text_search)


def settings_from_plan(plan: SearchPlan) -> dict[str, Any]:
    """The plan as JSON for the setting; empty for the default, so that a better one reaches it."""
    if plan == DEFAULT_PLAN:
        return {}
    return {
        "questions": [[each.field, each.operation, each.sends.value] for each in plan.questions],
        "text_search": plan.text_search.value,
    }


def _questions(raw: Any) -> tuple[Question, ...]:
    """Those of the stored questions that can be read, each once."""
    found = [_question(each) for each in raw] if isinstance(raw, list | tuple) else []
    return tuple(dict.fromkeys(each for each in found if each is not None))[:MOST_QUESTIONS]


def _question(raw: Any) -> Question | None:
    if not isinstance(raw, list | tuple) or len(raw) not in (2, 3):
        return None
    field, operation = raw[0], raw[1]
    if not isinstance(field, str) or not isinstance(operation, str):
        return None
    if not (is_token(field) and is_token(operation)):
        return None
    try:
        sends = Sends(raw[2]) if len(raw) == 3 else Sends.SPELLINGS
    except ValueError:
        return None
    return Question(field, operation, sends)
