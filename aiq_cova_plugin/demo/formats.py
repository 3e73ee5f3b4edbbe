"""How values are written on the shop's pages: money, quantities, moments, lab values."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask import Flask

from aiq_cova_plugin.host import LabValue

STATUS_WORDS = {
    "placed": "Placed",
    "confirmed": "Confirmed",
    "in_progress": "In progress",
    "ready_for_pickup": "Ready for pickup",
    "out_for_delivery": "Out for delivery",
    "completed": "Completed",
    "cancelled": "Cancelled",
}


def money(amount: Decimal | None) -> str:
    """With two places; both currencies of the shop are written with a dollar sign."""
    return "–" if amount is None else f"${amount:,.2f}"


def quantity(amount: Decimal) -> str:
    """Without trailing zeros: 3, 3.5."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def local_time(moment: datetime | None, timezone: str) -> str:
    """The moment on the store's clock, with the zone's short name."""
    if moment is None:
        return "–"
    local = moment.astimezone(ZoneInfo(timezone))
    return f"{local:%b} {local.day}, {local:%H:%M %Z}"


def lab(value: LabValue) -> str:
    """A lab value as text: 24.5 %, 18–22 %, or the laboratory's own words."""
    if value.value is None:
        return value.text or "–"
    number = quantity(value.value)
    if value.max_value is not None and value.max_value != value.value:
        number = f"{number}–{quantity(value.max_value)}"
    return f"{number}\u00a0{value.unit}".strip()


def status(word: str) -> str:
    """An order status in the words of the page."""
    return STATUS_WORDS.get(word, word)


def init_app(app: Flask) -> None:
    """Make the formats known to the templates as filters."""
    for function in (money, quantity, local_time, lab, status):
        app.add_template_filter(function, f"shop_{function.__name__}")
