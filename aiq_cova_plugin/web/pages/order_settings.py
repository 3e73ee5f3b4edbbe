"""Order settings: addresses, what COVA's statuses mean, fees, and how customers are found."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import request
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.domain.customer_search import Sends, TextSearch
from aiq_cova_plugin.services.choices.order_settings import (
    DEFAULT,
    NOTHING,
    STATUS_CHOICES,
    InvalidOrderSettings,
    OrderSettings,
    TypedOrderSettings,
    as_typed,
    read_order_settings,
    save_order_settings,
)
from aiq_cova_plugin.web.access import needs
from aiq_cova_plugin.web.htmx import is_htmx
from aiq_cova_plugin.web.page import StorePage

HOST_STATUS_WORDS = {
    "confirmed": "Confirmed",
    "in_progress": "In progress",
    "ready_for_pickup": "Ready for pickup",
    "out_for_delivery": "Out for delivery",
    "completed": "Completed",
    "cancelled": "Cancelled",
}
_WORD_LABELS = {
    "OrderPlaced": "Order placed",
    "InProgress": "In progress",
    "ReadyForPickup": "Ready for pickup, pickup orders",
    "ReadyForPickup (delivery)": "Ready for pickup, delivery orders",
}
_SENDS_WORDS = {
    Sends.SPELLINGS: "the phone number, in each usual spelling",
    Sends.ENDING: "the last four digits of the phone number",
    Sends.EMAIL: "the e-mail address",
}
_TEXT_SEARCH_WORDS = {
    TextSearch.IF_NOBODY: "Only when the questions found nobody",
    TextSearch.ALWAYS: "Always",
    TextSearch.NEVER: "Never",
}


@dataclass(frozen=True)
class StatusField:
    """One of COVA's statuses with what may be chosen for it: (value, label) pairs."""

    word: str
    label: str
    chosen: str
    options: list[tuple[str, str]]
    was_seen: bool


@dataclass(frozen=True)
class OrderSettingsForm:
    """The form as it is shown: what is stored, or what was typed, with what is wrong with it."""

    saved: OrderSettings
    typed: TypedOrderSettings
    statuses: list[StatusField]
    sends: list[tuple[str, str]]
    text_searches: list[tuple[str, str]]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_search_open(self) -> bool:
        """Is something wrong in the part that is folded up?"""
        return any(name.startswith(("question", "text_search")) for name in self.errors)


@needs("configure")
def show_or_save(page: StorePage) -> ResponseReturnValue:
    if request.method == "POST":
        return _save(page)
    saved = read_order_settings(page.ctx, page.store.id)
    form = _form(saved, as_typed(saved))
    return page.render("order_settings/page.html", form, section="order_settings")


def _save(page: StorePage) -> ResponseReturnValue:
    typed = _typed()
    try:
        saved = save_order_settings(page.ctx, page.store.id, typed, by=page.actor)
    except InvalidOrderSettings as exc:
        form = _form(read_order_settings(page.ctx, page.store.id), typed, exc.errors)
        if is_htmx():
            return page.fragment("order_settings/_form.html", form, status=422)
        return page.render("order_settings/page.html", form, section="order_settings", status=422)
    done = "Saved. It applies from the next order and the next status on."
    if is_htmx():
        form = _form(saved, as_typed(saved))
        return page.fragment("order_settings/_form.html", form, toast=("ok", done))
    return page.go_to(page.url("order_settings"), notice=done)


def _typed() -> TypedOrderSettings:
    form = request.form
    removed_fees = set(form.getlist("fee_remove"))
    words = zip(form.getlist("status_word"), form.getlist("status_choice"), strict=False)
    fees = list(zip(form.getlist("fee_name"), form.getlist("fee_product"), strict=False))
    questions = zip(
        form.getlist("question_field"),
        form.getlist("question_operation"),
        form.getlist("question_sends"),
        strict=False,
    )
    return TypedOrderSettings(
        address_policy=form.get("address_policy", ""),
        statuses=dict(words),
        fees=[
            fee
            for position, fee in enumerate(fees)
            if str(position) not in removed_fees and any(text.strip() for text in fee)
        ],
        delivery_fee_product=form.get("delivery_fee_product", ""),
        questions=[each for each in questions if each[0].strip() or each[1].strip()],
        text_search=form.get("text_search", ""),
    )


def _form(
    saved: OrderSettings, typed: TypedOrderSettings, errors: dict[str, str] | None = None
) -> OrderSettingsForm:
    return OrderSettingsForm(
        saved=saved,
        typed=typed,
        statuses=_status_fields(saved, typed),
        sends=[(each.value, words) for each, words in _SENDS_WORDS.items()],
        text_searches=[(each.value, words) for each, words in _TEXT_SEARCH_WORDS.items()],
        errors=errors or {},
    )


def _status_fields(saved: OrderSettings, typed: TypedOrderSettings) -> list[StatusField]:
    fields = []
    for row in saved.statuses:
        by_itself = (
            HOST_STATUS_WORDS[row.default] if row.default is not None else "nothing, and say so"
        )
        options = [(DEFAULT, f"As usual: {by_itself}"), (NOTHING, "Tell the shop nothing")]
        options += [(each.value, HOST_STATUS_WORDS[each]) for each in STATUS_CHOICES]
        chosen = typed.statuses.get(row.word, row.chosen)
        if chosen not in {value for value, _label in options}:
            options.append((chosen, HOST_STATUS_WORDS.get(chosen, chosen)))
        label = _WORD_LABELS.get(row.word, f"“{row.word}”")
        fields.append(StatusField(row.word, label, chosen, options, row.was_seen))
    return fields
