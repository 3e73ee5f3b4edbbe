"""What staff did, in plain words. An act this version has no words for is shown as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from aiq_cova_plugin.services.audit import changed
from aiq_cova_plugin.services.choices.pos_settings import FIELD_LABELS
from aiq_cova_plugin.web.words.view_models import PUSH_WORDS, words_of

About = Literal["", "order", "product", "run", "cause"]


@dataclass(frozen=True)
class ActWords:
    """What was done, and to what kind of thing."""

    label: str
    about: About = ""


_ACTS = {
    "settings_saved": ActWords("Saved the connection"),
    "pos_settings_saved": ActWords("Saved the POS settings"),
    "specification_names_saved": ActWords("Saved what specifications mean"),
    "order_settings_saved": ActWords("Saved how orders are sent"),
    "secrets_rotated": ActWords("Renewed the encryption of the secrets"),
    "sync_started": ActWords("Started a sync", "run"),
    "run_approved": ActWords("Approved a sync that was held back", "run"),
    "product_locked": ActWords("Locked a product", "product"),
    "product_unlocked": ActWords("Unlocked a product", "product"),
    "product_excluded": ActWords("Excluded a product from the menu", "product"),
    "product_included": ActWords("Included a product again", "product"),
    "product_restored": ActWords("Took COVA's values for a product", "product"),
    "product_category_set": ActWords("Chose a product's category", "product"),
    "order_retried": ActWords("Retried an order", "order"),
    "orders_retried": ActWords("Retried many orders at once", "cause"),
    "order_withdrawn": ActWords("Withdrew an order from COVA", "order"),
    "order_entered_by_hand": ActWords("Marked an order as entered by hand", "order"),
    "order_sold_by_hand": ActWords("Said that an order entered by hand was sold", "order"),
    "order_stock_freed": ActWords("Freed the stock of an order entered by hand", "order"),
    "order_phone_entered": ActWords("Entered a phone number for an order", "order"),
    "customer_chosen": ActWords("Chose the customer of an order", "order"),
    "address_restored": ActWords("Restored an address in COVA", "order"),
    "statuses_read": ActWords("Read the statuses of all orders"),
    "orders_swept": ActWords("Looked for missed orders"),
    "stock_freed": ActWords("Freed the stock held for an order", "order"),
    "personal_data_exported": ActWords("Exported one customer's data"),
    "personal_data_erased": ActWords("Erased one customer's data"),
}
_LONGEST = 160

ACTOR_WORDS = {"the host": "The shop's own program"}
"""Who did it, where that was no person."""

_NAMES = {
    "guard_percent": "A sync waits for you from a share of",
    "guard_at_least": "A sync waits for you from products",
    "staff_fields": "Fields of the staff",
    "erasable_fields": "Fields COVA may empty",
    "fallback_category_id": "Fallback category",
    "classification_rules": "Category rules",
    "rules": "Category rules",
    "full": "Whole catalogue",
    "sold": "Sold at the register",
    "state": "It was",
    "enabled": "Use COVA for this store",
}
_IN_CHANGED = {
    "changed", "fallback_category_id", "guard_percent", "guard_at_least", "staff_fields",
    "erasable_fields", "specifications",
}  # fmt: skip
"""What stands beside `changed`, whether it changed or not."""
_NOT_SHOWN = {"customer"}
"""Ids that say nothing to a person; the thing's own page has them."""


def act_words(action: str) -> ActWords:
    """The words for an act."""
    return _ACTS.get(action) or ActWords(action.replace("_", " ").capitalize())


def detail_words(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """(what, value) of an act's detail; empty values are left out.

    Of settings that were saved only what changed is told, each old → new.
    """
    new_values = detail.get("changed")
    if isinstance(new_values, dict):
        beside = {name: value for name, value in detail.items() if name not in _IN_CHANGED}
        detail = {**beside, **new_values}
    found = []
    for name, value in detail.items():
        text = _text(_in_words(name, value))
        if text and name not in _NOT_SHOWN:
            label = _NAMES.get(name) or name.replace("_", " ").capitalize()
            found.append((label, text))
    return found


def _in_words(name: str, value: Any) -> Any:
    if name == "state" and isinstance(value, str):
        return words_of(PUSH_WORDS, value).label
    if name in ("staff_fields", "erasable_fields", "fields") and isinstance(value, list):
        return [FIELD_LABELS.get(each, each) for each in value if isinstance(each, str)]
    if isinstance(value, dict) and set(value) == {"old", "new"}:
        return {each: _in_words(name, value[each]) for each in ("old", "new")}
    return value


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}, False):
        return ""
    if value is True:
        return "yes"
    if isinstance(value, dict) and set(value) == {"old", "new"}:
        old, new = value["old"], value["new"]
        if isinstance(old, dict) and isinstance(new, dict):
            return _text(changed(old, new | dict.fromkeys(old.keys() - new.keys())))
        text = f"{_text(value['old']) or '–'} → {_text(value['new']) or '–'}"
    elif isinstance(value, dict):
        parts = [f"{_name(name)} {_text(each) or '–'}" for name, each in value.items()]
        text = ", ".join(parts)
    elif isinstance(value, list):
        text = ", ".join(_text(each) or "–" for each in value)
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _name(name: Any) -> str:
    return str(name).replace("_", " ")
