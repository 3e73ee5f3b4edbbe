"""How products are worded: how one stands, what decided its category, a field's value as text."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from markupsafe import Markup

from aiq_cova_plugin.services.choices.pos_settings import FIELD_LABELS
from aiq_cova_plugin.services.products.show_products import standing_of
from aiq_cova_plugin.store.product_list import ProductState
from aiq_cova_plugin.web.words.view_models import Words, counted, words_of

PRODUCT_WORDS: dict[str, Words] = {
    "failed": Words("Not saved", "bad", "The shop could not save what COVA says."),
    "excluded": Words("Excluded", "quiet", "Off the menu and left alone, as staff decided."),
    "locked": Words("Locked", "quiet", "Only the quantity follows COVA."),
    "absent": Words("Not in the shop", "quiet", "COVA knows it; the shop does not sell it."),
    "hidden": Words("Hidden", "quiet", "It is not on the menu right now."),
    "differs": Words("Differs", "attention", "The shop has other values than COVA."),
    "waiting": Words("Waiting", "busy", "The next sync brings it in line."),
    "in_step": Words("In step", "ok", "The shop shows what COVA says."),
}

FILTER_LABELS: dict[str, str] = {
    "": "All",
    "shown": "Shown",
    "hidden": "Hidden",
    "absent": "Not in the shop",
    "locked": "Locked",
    "excluded": "Excluded",
    "differs": "Differs from POS",
    "failed": "Not saved",
    "unmapped": "Without a category",
}

NOTHING_FOUND: dict[str, str] = {
    "": "No product yet. The first sync fills this list.",
    "shown": "Nothing is on the menu.",
    "hidden": "Nothing is hidden.",
    "absent": "The shop has everything COVA knows.",
    "locked": "Nothing is locked. Lock a product to keep its words and prices from changing.",
    "excluded": "Nothing is excluded.",
    "differs": "Nothing differs: shop and COVA agree.",
    "failed": "The shop has saved everything.",
    "unmapped": "Every product has found a category.",
}

_MONEY = frozenset({"price", "sale_price"})
_PRESENCE_WORDS = {
    "active": "Active",
    "not_active": "Not active in COVA",
    "archived": "Archived in COVA",
    "non_stock": "Not a stocked product in COVA",
}

SOURCE_WORDS: dict[str, str] = {
    "product_rule": "chosen for this very product",
    "specification_rule": "by a rule for “{}”",
    "classification_rule": "by a rule for “{}”",
    "builtin": "known from COVA's word “{}”",
    "fallback": "no rule knows “{}”, so it is in the fallback category",
    "unmapped": "no rule knows “{}”, and there is no fallback category",
}


def product_words(state: ProductState) -> Words:
    """How the product stands: label, colour, and what that means for this very one."""
    standing = standing_of(state)
    words = words_of(PRODUCT_WORDS, standing)
    meaning = words.meaning
    if standing == "failed":
        meaning = state.last_error
    elif standing in ("absent", "hidden") and not is_offered(state):
        meaning = f"{presence_words(state)}."
    elif standing in ("locked", "differs") and state.differing:
        meaning = f"{meaning} {differing_words(state.differing)}"
    return Words(words.label, words.tone, meaning)


def is_offered(state: ProductState) -> bool:
    """Does COVA want it on the menu?"""
    return state.presence == "active" and not state.is_vanished


def presence_words(state: ProductState) -> str:
    """What COVA says about the product being for sale at all."""
    if state.is_vanished:
        return "COVA does not list it any more"
    return _PRESENCE_WORDS.get(state.presence, state.presence)


def differing_words(names: tuple[str, ...]) -> str:
    """`2 fields differ: Name, Price.`"""
    labels = ", ".join(FIELD_LABELS.get(name, name) for name in names)
    verb = "differs" if len(names) == 1 else "differ"
    return f"{counted(len(names), 'field')} {verb}: {labels}."


def source_words(source: str, matched_text: str) -> str:
    """What decided the category, as the end of a sentence."""
    words = SOURCE_WORDS.get(source, source.replace("_", " "))
    return words.format(matched_text or "nothing")


def field_text(value: Any, *, field: str = "", names: dict[str, str] | None = None) -> str:
    """A field's value, in its JSON form, as a person reads it; `names` gives ids their names."""
    if value is None or value in ("", []):
        return "–"
    if field in _MONEY:
        return _money(value)
    if field == "description":
        return Markup(value).striptags() or str(value)  # noqa: S704 - tags go, nothing is marked safe
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(field_text(each) for each in value)
    if isinstance(value, dict):
        return _part_text(value)
    return (names or {}).get(str(value), str(value))


def _money(value: Any) -> str:
    """An amount with two places, or more where it has them; whatever else it is stays as it is."""
    try:
        amount = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return str(value)
    return f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount:,}"


def _part_text(value: dict[str, Any]) -> str:
    """A weight, lab value, price tier or tax rate in a few words."""
    if "min_quantity" in value:
        return f"{value['min_quantity']} for {_money(value['total_price'])}"
    if "max_value" in value:
        number = value["text"] if value["value"] is None else value["value"]
        if value["max_value"] not in (None, value["value"]):
            number = f"{number}–{value['max_value']}"
        return f"{value['name']} {number} {value['unit']}".strip()
    return " ".join(str(each) for each in value.values() if each not in (None, ""))
