"""How products are worded: how one stands, what decided its category, a field's value as text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from markupsafe import Markup

from aiq_cova_plugin.services.choices.pos_settings import FIELD_LABELS
from aiq_cova_plugin.services.products.show_products import standing_of
from aiq_cova_plugin.store.product_list import ProductState
from aiq_cova_plugin.web.words.view_models import Words, counted, relative_time, words_of

PRODUCT_WORDS: dict[str, Words] = {
    "failed": Words("Not saved", "bad", "The shop could not save what COVA says."),
    "excluded": Words("Excluded", "quiet", "Off the menu and left alone, as staff decided."),
    "locked": Words(
        "Locked", "quiet", "Only the quantity follows COVA; the rest stays as it is in the shop."
    ),
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

_LINE_ENDS = re.compile(r"</(?:p|li|h\d|blockquote|div)>|<br\s*/?>", re.IGNORECASE)
_MONEY = frozenset({"price", "sale_price"})
_PRESENCE_WORDS = {
    "active": "Active",
    "not_active": "Not active in COVA",
    "archived": "Archived in COVA",
    "non_stock": "Not a stocked product in COVA",
}

GONE_WORDS = {name: words for name, words in _PRESENCE_WORDS.items() if name != "active"} | {
    "vanished": "Not in COVA's list any more",
    "excluded": "Excluded by staff",
}
"""Why a product leaves the menu."""

_UNSAID_WORDS = {
    "fallback": "COVA says nothing to go by, so it is in the fallback category",
    "unmapped": "COVA says nothing to go by, and there is no fallback category",
}
"""Where COVA gave no word at all that a rule could know."""

SOURCE_WORDS: dict[str, str] = {
    "product_rule": "chosen for this very product",
    "specification_rule": "by a rule for “{}”",
    "classification_rule": "by a rule for “{}”",
    "builtin": "known from COVA's word “{}”",
    "fallback": "no rule knows “{}”, so it is in the fallback category",
    "unmapped": "no rule knows “{}”, and there is no fallback category",
}


def product_words(state: ProductState, *, now: datetime | None = None) -> Words:
    """How the product stands: label, colour, and what that means for this very one.

    With `now` it says as of when the shop and COVA are known to agree.
    """
    standing = standing_of(state)
    words = words_of(PRODUCT_WORDS, standing)
    meaning = words.meaning
    if standing == "failed":
        meaning = state.last_error
    elif standing in ("absent", "hidden") and not is_offered(state):
        meaning = f"{presence_words(state)}."
    elif standing == "absent":
        meaning = "COVA offers it; it comes with a sync, once it has a price there."
    elif standing in ("locked", "differs") and state.differing:
        meaning = f"{meaning} {differing_words(state.differing)}"
    elif standing == "in_step" and now is not None:
        meaning = f"{meaning} {as_of_words(state.compared_at, now)}"
    return Words(words.label, words.tone, meaning)


def as_of_words(compared_at: datetime | None, now: datetime) -> str:
    """As of when that is known of a product; what is edited in the shop since is not."""
    if compared_at is None:
        return "The two have not been compared since the shop was last told."
    return f"As of the last comparison, {relative_time(compared_at, now)}."


@dataclass(frozen=True)
class Outlook:
    """What comes of a product that does not simply follow COVA: by itself, and by whom."""

    next_sync: str
    choices: str


def outlook_of(
    state: ProductState, *, staff_own_menu: bool, staff_own_price: bool, has_price: bool
) -> Outlook | None:
    """What the next sync does to the product and what a person can do; None while it is in step.

    `has_price` says whether COVA has one for this location.
    """
    match standing_of(state):
        case "locked":
            return Outlook(
                _next_of_locked(state, staff_own_menu=staff_own_menu),
                "“Unlock” lets it follow COVA again. “Take COVA's value” brings over one field, "
                "once; it stays locked.",
            )
        case "excluded":
            shown = state.host_state == "shown"
            return Outlook(
                "It takes the product off the menu, and leaves it alone from then on."
                if shown
                else "It leaves the product alone, whatever changes in COVA.",
                "“Include again” brings it back."
                if is_offered(state)
                else "“Include again” brings it back as soon as COVA offers it "
                f"({presence_words(state)}).",
            )
        case "absent" | "hidden" as standing:
            return _outlook_off_the_menu(
                state,
                is_new=standing == "absent",
                staff_own_menu=staff_own_menu,
                lacks_price=not has_price and not staff_own_price,
            )
        case "failed":
            return Outlook(
                "It tries again to save what COVA says.",
                "Put it right in COVA or in the shop. “Lock” or “Exclude from the menu” keeps syncs "
                "from trying.",
            )
        case "differs":
            return Outlook(
                "It overwrites what COVA owns once COVA changes the product, at the latest in the "
                "nightly pass.",
                "“Take COVA's value” does it now. “Lock” keeps what the shop has.",
            )
    return None


def _next_of_locked(state: ProductState, *, staff_own_menu: bool) -> str:
    is_ours = not staff_own_menu or state.is_awaited
    if state.host_state == "absent":
        return "It creates it in the shop with COVA's values, if COVA offers it with a price."
    if state.host_state == "hidden" and is_offered(state) and is_ours:
        return "It puts it on the menu again, sets the quantity, and leaves everything else alone."
    if state.host_state == "hidden" and is_ours:
        return f"Nothing, while COVA does not offer it ({presence_words(state)})."
    if state.host_state == "shown" and not is_offered(state) and not staff_own_menu:
        return f"It takes it off the menu: COVA does not offer it ({presence_words(state)})."
    kept = "It sets the quantity and leaves everything else alone."
    return kept if staff_own_menu else f"{kept} If COVA stops offering it, it leaves the menu."


def _outlook_off_the_menu(
    state: ProductState, *, is_new: bool, staff_own_menu: bool, lacks_price: bool
) -> Outlook:
    comes = "creates it in the shop" if is_new else "puts it on the menu again"
    is_ours = is_new or not staff_own_menu or state.is_awaited
    if not is_offered(state):
        return Outlook(
            f"Nothing, while COVA does not offer it ({presence_words(state)}).",
            f"Make it active in COVA; the next sync then {comes}."
            if is_ours
            else "Staff own what is on the menu here: show it in the shop when it is to be sold.",
        )
    if is_new and lacks_price:
        return Outlook(
            "Nothing, while it has no price for this location in COVA.",
            "Set its price in COVA; the next sync then creates it in the shop.",
        )
    if is_ours:
        return Outlook(f"It {comes}.", "“Exclude from the menu” keeps it off.")
    return Outlook(
        "It leaves the product hidden: staff own what is on the menu here.",
        "Show it in the shop when it is to be sold.",
    )


def is_offered(state: ProductState) -> bool:
    """Does COVA want it on the menu?"""
    return state.presence == "active" and not state.is_vanished


def unsellable_words(state: ProductState) -> str:
    """Why nobody can buy the product now, whatever its stock; empty when they can."""
    if state.is_excluded:
        return "Not offered: excluded from the menu"
    if not is_offered(state):
        return f"Not offered: {_lower(presence_words(state))}"
    if state.host_state == "absent":
        return "Not offered: not in the shop"
    return "Not offered: hidden in the shop" if state.host_state == "hidden" else ""


def _lower(words: str) -> str:
    return words if words.startswith("COVA") else f"{words[:1].lower()}{words[1:]}"


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
    if not matched_text and source in _UNSAID_WORDS:
        return _UNSAID_WORDS[source]
    words = SOURCE_WORDS.get(source, source.replace("_", " "))
    return words.format(matched_text or "nothing")


def changed_fields(
    fields: Iterable[tuple[str, Any, Any]], categories: dict[str, str]
) -> list[tuple[str, str, str]]:
    """(field, before, after) in words, each cut to a line or two."""
    changed = []
    for name, old, new in fields:
        names = categories if name == "category_id" else {}
        before, after = (cut(field_text(value, field=name, names=names)) for value in (old, new))
        changed.append((FIELD_LABELS.get(name, name), before, after))
    return changed


def cut(text: str, longest: int = 300) -> str:
    """The text, with an ellipsis where it is too long."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def field_text(value: Any, *, field: str = "", names: dict[str, str] | None = None) -> str:
    """A field's value, in its JSON form, as a person reads it; `names` gives ids their names."""
    if value is None or value in ("", []):
        return "–"
    if field in _MONEY:
        return _money(value)
    if field == "description":
        return _plain_text(str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(field_text(each) for each in value)
    if isinstance(value, dict):
        return _part_text(value)
    return (names or {}).get(str(value), str(value))


def _plain_text(html: str) -> str:
    """The words of the HTML, a line for each paragraph."""
    lines = (Markup(each).striptags() for each in _LINE_ENDS.split(html))  # noqa: S704 - tags go, nothing is marked safe
    return "\n".join(str(each) for each in lines if each) or html


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
