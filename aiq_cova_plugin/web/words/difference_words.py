"""What a difference between shop and COVA is called, and which button puts it right."""

from __future__ import annotations

from dataclasses import dataclass

from aiq_cova_plugin.services.choices.pos_settings import FIELD_LABELS
from aiq_cova_plugin.services.compare.difference import FREE_STOCK, POLL, RETRY, SWEEP, SYNC


@dataclass(frozen=True)
class KindWords:
    """The heading of one kind of difference, and how urgent it is (0 first)."""

    label: str
    urgency: int


@dataclass(frozen=True)
class Button:
    """What puts a difference right: the label, the page's endpoint, the permission it needs.

    `is_for_all`: one press is enough for every difference of the kind.
    """

    label: str
    endpoint: str
    permission: str
    what: str
    is_for_all: bool


_KINDS = {
    "order_not_queued": KindWords("Orders that were never queued for COVA", 0),
    "order_needs_person": KindWords("Orders that wait for a person", 1),
    "order_missing_in_cova": KindWords("Orders that COVA does not have any more", 2),
    "order_late": KindWords("Orders that should be in COVA by now", 3),
    "hold_missing": KindWords("Orders whose stock is not held", 4),
    "order_total_differs": KindWords("Orders with another total in COVA", 5),
    "order_missing_in_shop": KindWords("Orders that the shop does not have any more", 6),
    "order_unreadable": KindWords("Orders COVA gives no clear answer about", 7),
    "order_withdrawn": KindWords("Withdrawn from COVA, and still confirmed in the shop", 7),
    "order_status_differs": KindWords("Orders that moved on in COVA", 8),
    "product_still_shown": KindWords("On the menu, and no longer active in COVA", 10),
    "product_missing_in_cova": KindWords("On the menu, and not in COVA", 11),
    "quantity_differs": KindWords("Quantities the shop was not told", 12),
    "shop_quantity_differs": KindWords("Quantities that differ in the shop itself", 13),
    "stock_differs": KindWords("Stock that changed in COVA", 14),
    "price_differs": KindWords("Prices that changed in COVA", 15),
    "sale_price_differs": KindWords("Sale prices that changed in COVA", 16),
    "hold_without_order": KindWords("Stock held for orders that are over", 17),
    "hold_never_settles": KindWords("Holds that wait for a stock reading", 18),
    "hold_too_large": KindWords("Holds larger than their order", 19),
    "product_missing_in_shop": KindWords("Products the shop does not have any more", 20),
    "product_not_in_shop": KindWords("Products that are not in the shop yet", 21),
    "product_hidden": KindWords("Hidden in the shop, and active in COVA", 22),
}
_LEAST_URGENT = 99
_ON_PURPOSE = {
    "kept_by_staff": "Values staff keep as they are",
    "kept_off_menu": "Products staff excluded from the menu",
    "entered_by_hand": "Orders entered at the register by hand",
}

_BUTTONS = {
    SYNC: Button("Sync now", "sync", "sync", "starting a sync", is_for_all=True),
    POLL: Button("Read statuses", "poll_now", "orders", "reading statuses", is_for_all=True),
    SWEEP: Button(
        "Look for missed orders", "sweep_now", "orders", "queueing orders", is_for_all=True
    ),
    RETRY: Button("Retry", "order_retry", "orders", "sending an order", is_for_all=False),
    FREE_STOCK: Button(
        "Free this stock", "free_stock", "orders", "freeing stock", is_for_all=False
    ),
}


def kind_words(kind: str) -> KindWords:
    """The heading of a kind; one this version does not know is shown as it is."""
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in _ON_PURPOSE:
        return KindWords(_ON_PURPOSE[kind], _LEAST_URGENT)
    field = kind.removeprefix("shop_").removesuffix("_differs")
    if kind == f"shop_{field}_differs" and field in FIELD_LABELS:
        label = FIELD_LABELS[field]
        return KindWords(f"{label}: the shop has another value than COVA's", 23)
    return KindWords(kind.replace("_", " ").capitalize(), _LEAST_URGENT)


def button_of(action: str) -> Button | None:
    """What a person may press; None where only looking helps."""
    return _BUTTONS.get(action)
