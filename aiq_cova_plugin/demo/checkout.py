"""The checkout form: reads what the shopper typed and says, field by field, what is wrong."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from aiq_cova_plugin.demo.forms import length_errors, read_texts
from aiq_cova_plugin.demo.models import Order, Store
from aiq_cova_plugin.demo.regions import POSTAL_EXAMPLE, STATES, postal_code_or_none
from aiq_cova_plugin.host import normalise_phone

LENGTHS = {
    "first_name": 100,
    "last_name": 100,
    "phone": 40,
    "email": 200,
    "date_of_birth": 10,
    "fulfilment": 10,
    "line1": 200,
    "line2": 200,
    "city": 120,
    "state": 10,
    "postal_code": 20,
    "notes": 500,
}
_ADDRESS = ("line1", "line2", "city", "state", "postal_code")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


@dataclass
class CheckoutForm:
    """What was typed, kept as it is, and the error beside each field that has one."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_delivery(self) -> bool:
        return self.values["fulfilment"] == "delivery"


def blank_form() -> CheckoutForm:
    """The form before anything is typed."""
    return CheckoutForm(dict.fromkeys(LENGTHS, "") | {"fulfilment": "pickup"})


def read_form(posted: Mapping[str, str], store: Store, today: date) -> CheckoutForm:
    """The posted form, checked by the store's rules; valid when it has no errors."""
    form = CheckoutForm(read_texts(posted, LENGTHS))
    _require(form, "first_name", "Please tell us your first name.")
    _require(form, "last_name", "Please tell us your last name.")
    _check_phone(form, store)
    _check_email(form)
    _check_age(form, store, today)
    if form.values["fulfilment"] not in ("pickup", "delivery"):
        form.errors["fulfilment"] = "Please choose pickup or delivery."
    if form.is_delivery:
        _check_address(form, store)
    # An address that is not asked for is not shown either, so nothing can be wrong with it.
    asked = LENGTHS if form.is_delivery else {k: v for k, v in LENGTHS.items() if k not in _ADDRESS}
    form.errors |= length_errors(form.values, asked)
    return form


def once_only_token(posted: Mapping[str, str]) -> str:
    """What makes this form one order, however often it is sent: its own token, or a new one."""
    token = posted.get("once", "")
    return token if re.fullmatch(r"[A-Za-z0-9_-]{24}", token) else secrets.token_urlsafe(18)


def new_order(form: CheckoutForm, store: Store) -> Order:
    """The order a valid form asks for, still without its lines."""
    values = form.values
    order = Order(
        store=store,
        store_id=store.id,
        first_name=values["first_name"],
        last_name=values["last_name"],
        phone=normalise_phone(values["phone"], store.country) if values["phone"] else None,
        email=values["email"] or None,
        date_of_birth=date.fromisoformat(values["date_of_birth"]),
        notes=values["notes"],
        is_delivery=form.is_delivery,
        delivery_fee=store.delivery_fee if form.is_delivery else Decimal(0),
    )
    if form.is_delivery:
        order.line1, order.line2 = values["line1"], values["line2"]
        order.city, order.state = values["city"], values["state"].upper()
        order.postal_code = postal_code_or_none(values["postal_code"], store.country) or ""
        order.country = store.country
    return order


def today_in(store: Store, now: datetime) -> date:
    """The day it is at the store."""
    return now.astimezone(ZoneInfo(store.timezone)).date()


def latest_birthday(store: Store, today: date) -> date:
    """The latest date of birth that is old enough today."""
    year = today.year - store.minimum_age
    leap_day = today.month == 2 and today.day == 29
    return date(year, 2, 28) if leap_day else today.replace(year=year)


def _require(form: CheckoutForm, name: str, message: str) -> None:
    if not form.values[name]:
        form.errors[name] = message


def _check_phone(form: CheckoutForm, store: Store) -> None:
    typed = form.values["phone"]
    if not typed:
        if store.requires_phone:
            form.errors["phone"] = "Please give a phone number: we find your account by it."
    elif normalise_phone(typed, store.country) is None:
        # The plugin's own check: what passes here is not refused later, with nobody to ask.
        form.errors["phone"] = "This does not look like a phone number. Please check its digits."


def _check_email(form: CheckoutForm) -> None:
    typed = form.values["email"]
    if typed and not _EMAIL.fullmatch(typed):
        form.errors["email"] = "This does not look like an e-mail address."


def _check_age(form: CheckoutForm, store: Store, today: date) -> None:
    typed = form.values["date_of_birth"]
    if not typed:
        form.errors["date_of_birth"] = "Please tell us your date of birth."
        return
    try:
        born = date.fromisoformat(typed)
    except ValueError:
        form.errors["date_of_birth"] = "Please write the date as year-month-day."
        return
    if born > latest_birthday(store, today):
        form.errors["date_of_birth"] = f"You must be {store.minimum_age} or older to order here."
    elif born.year < today.year - 120:
        form.errors["date_of_birth"] = "Please check the year."


def _check_address(form: CheckoutForm, store: Store) -> None:
    _require(form, "line1", "Please give the street and house number.")
    _require(form, "city", "Please give the city.")
    if form.values["state"].upper() not in STATES[store.country]:
        form.errors["state"] = "Please choose one from the list."
    if postal_code_or_none(form.values["postal_code"], store.country) is None:
        example = POSTAL_EXAMPLE[store.country]
        form.errors["postal_code"] = f"Please write it like {example}."
