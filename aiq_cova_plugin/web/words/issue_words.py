"""Why something about a product could not be used, in staff's words, and the way to mend it."""

from __future__ import annotations

from dataclasses import dataclass

from aiq_cova_plugin.services.choices.pos_settings import FIELD_LABELS
from aiq_cova_plugin.web.page import StorePage

ISSUE_LABELS = FIELD_LABELS | {"product": "The whole product", "category": "Category"}

_IN_COVA = "Correct it in COVA; the next sync takes it over by itself."
_FIXES = {
    "product": "Open the product to see what is wrong. Every sync tries it again.",
    "category": "Say under POS settings which category it belongs to.",
    "category_id": "Say under POS settings which category it belongs to.",
    "coa_url": "Put the certificate's full address, beginning with https://, into COVA.",
    "image_urls": "Choose another picture in COVA; it must be reachable with https://.",
    "price": "Set a price for this location in COVA; without one the product cannot be sold.",
    "sale_price": "Check the sale in COVA: its price must be lower than the regular one.",
    "price_tiers": "Check the price for larger quantities in COVA.",
    "quantity": "Count the product in COVA, in a room it is sold from.",
    "labs": "Correct the value in COVA. Until then it is shown as it is written there.",
    "weight": "Correct the weight in COVA; it must be a number with a unit.",
}
_SPECIFICATION = (
    "Correct the specification in COVA, or say under POS settings what its name means. Until then "
    "it is shown as it is written there."
)
_SETTINGS_FIX = frozenset({"category", "category_id"})


@dataclass(frozen=True)
class Cause:
    """One cause, how many products have it, the first few of them, and the way to mend it.

    `named` are (product id, name, address of its page, empty when there is none).
    """

    label: str
    reason: str
    number_of_products: int
    named: list[tuple[str, str, str]]
    fix: str
    settings_url: str

    @property
    def not_named(self) -> int:
        return self.number_of_products - len(self.named)


def cause_of(
    page: StorePage,
    *,
    field: str,
    reason: str,
    number_of_products: int,
    named: list[tuple[str, str]],
) -> Cause:
    """The cause in words. What mends it depends on the field alone, never on the reason's text."""
    has_settings_fix = field in _SETTINGS_FIX or is_specification(field)
    may_configure = page.may("configure")
    return Cause(
        label=ISSUE_LABELS.get(field, field),
        reason=reason,
        number_of_products=number_of_products,
        named=[(each, name, product_url(page, each)) for each, name in named],
        fix=fix_of(field),
        settings_url=page.url("pos_settings") if has_settings_fix and may_configure else "",
    )


def fix_of(field: str) -> str:
    """What to do about an issue of this field."""
    return _FIXES.get(field) or (_SPECIFICATION if is_specification(field) else _IN_COVA)


def is_specification(field: str) -> bool:
    """Is it the display name of one of COVA's specifications, and no field of the shop's?"""
    return field not in ISSUE_LABELS


def product_url(page: StorePage, cova_product_id: str) -> str:
    """The address of a product's page; empty for an issue of no product."""
    return page.url("product", product_id=cova_product_id) if cova_product_id else ""
