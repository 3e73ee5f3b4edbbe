"""Asks COVA every question the store's customer search uses, and says which it understands."""

from __future__ import annotations

from typing import Any

from aiq_cova_plugin.cova.client import CovaClient
from aiq_cova_plugin.domain.customer_search import (
    DEFAULT_PLAN,
    Question,
    Sends,
    TextSearch,
    plan_from_settings,
)
from aiq_cova_plugin.errors import Rejected

_NOBODY = {
    Sends.SPELLINGS: "5550100000",
    Sends.ENDING: "0000",
    Sends.EMAIL: "nobody@example.com",
}
_TEXT = "the text search"


def try_customer_search(client: CovaClient, stored: Any) -> str:
    """What worked and what did not, in a sentence; nothing is changed in COVA.

    `stored` is the store's setting. Tried are its own questions, the usual ones, and the text
    search. Raises `Rejected` when COVA refuses all of the store's own, and what the client
    raises when COVA cannot be asked.
    """
    plan = plan_from_settings(stored)
    worked: list[str] = []
    refused: dict[str, Rejected] = {}
    for question in dict.fromkeys((*plan.questions, *DEFAULT_PLAN.questions)):
        try:
            client.search_customers(
                field=question.field,
                operation=question.operation,
                value=_NOBODY[question.sends],
            )
            worked.append(_name(question))
        except Rejected as exc:
            refused[_name(question)] = exc
    try:
        client.search_customers_by_text(_NOBODY[Sends.SPELLINGS])
        worked.append(_TEXT)
    except Rejected as exc:
        refused[_TEXT] = exc
    own = [_name(each) for each in plan.questions]
    own += [] if plan.text_search is TextSearch.NEVER else [_TEXT]
    if not set(own) & set(worked):
        reasons = "; ".join(f"{name}: {exc.reason}" for name, exc in refused.items())
        raise Rejected(
            f"COVA understands none of the ways this store looks for customers ({reasons}).",
            reason=reasons,
            fix=f"These work: {', '.join(worked)}. Choose one under Order settings."
            if worked
            else "Ask COVA's API support for the words of the customer search, and type them "
            "under Order settings.",
        )
    said = f"Customers can be searched. Understood: {', '.join(worked)}."
    if refused:
        said += " Refused: " + ", ".join(
            f"{name} ({exc.reason or exc.status})" for name, exc in refused.items()
        )
        said += "."
    return said


def _name(question: Question) -> str:
    return f"{question.field} {question.operation}"
