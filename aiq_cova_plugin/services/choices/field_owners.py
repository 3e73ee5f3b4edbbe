"""Who owns which product field, and what either choice means, in words for staff."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from aiq_cova_plugin.host import PRODUCT_FIELDS

DANGEROUS_TO_GIVE_AWAY: dict[str, str] = {
    "quantity": (
        "From the next sync on, COVA's stock no longer reaches the shop and the quantity stays at "
        "what it is now. What the register sells is still for sale online until staff change the "
        "number by hand, so the shop can sell what is not there."
    ),
    "price": (
        "From the next sync on, prices stay at what they are now. A price changed in COVA does "
        "not reach the shop: customers may be charged one price online and another at the register."
    ),
    "enabled": (
        "From the next sync on, a product that is archived or made inactive in COVA stays for sale "
        "until staff take it off the menu, and one that becomes active again does not return by "
        "itself."
    ),
}
"""Field → what happens when COVA no longer owns it; staff are asked before it does."""

_SPEAKS_WHEN_EMPTY = frozenset({"sale_price", "price_tiers", "quantity", "enabled", "price"})
"""Here "none" is a statement of COVA's, or would make no sense: there is nothing to choose."""

ERASABLE: tuple[str, ...] = tuple(
    name
    for name in PRODUCT_FIELDS
    if name not in _SPEAKS_WHEN_EMPTY | {"name", "category_id", "tax_rates"}
)
"""The fields of which staff choose whether an empty value from COVA empties them."""


@dataclass(frozen=True)
class FieldOwner:
    """Who owns one field, and what either choice means for the store.

    `can_be_emptied` says whether there is a choice at all; `may_be_emptied` is it.
    """

    name: str
    label: str
    is_cova: bool
    if_cova: str
    if_staff: str
    can_be_emptied: bool = False
    may_be_emptied: bool = False


def field_owners(
    staff_fields: Collection[str], erasable_fields: Collection[str]
) -> list[FieldOwner]:
    """Every product field in the contract's order."""
    return [
        FieldOwner(
            name,
            _FIELD_WORDS[name][0],
            name not in staff_fields,
            _FIELD_WORDS[name][1],
            _FIELD_WORDS[name][2],
            can_be_emptied=name in ERASABLE,
            may_be_emptied=name in erasable_fields and name in ERASABLE,
        )
        for name in PRODUCT_FIELDS
    ]


_FIELD_WORDS: dict[str, tuple[str, str, str]] = {
    # field: (label, when COVA owns it, when staff own it)
    "name": (
        "Name",
        "Names follow COVA. A name typed in the shop is replaced at the next sync.",
        "Staff write the names. A new product arrives with the shop's own default name.",
    ),
    "description": (
        "Description",
        "Descriptions follow COVA, with the lab certificate's link in them.",
        "Staff write the descriptions; the certificate's link is not added by itself.",
    ),
    "brand": ("Brand", "Brands follow COVA.", "Staff choose the brands."),
    "category_id": (
        "Category",
        "Products land where the category rules say, at every sync.",
        "Staff sort every product by hand. The category rules do nothing.",
    ),
    "subtype": ("Sub type", "Sub types follow COVA.", "Staff choose the sub types."),
    "cannabis_type": (
        "Cannabis type",
        "Indica, sativa and hybrid follow COVA.",
        "Staff say what is indica, sativa or hybrid.",
    ),
    "strain": ("Strain", "Strains follow COVA.", "Staff write the strains."),
    "sku": ("SKU", "SKUs follow COVA.", "Staff write the SKUs."),
    "upc": ("UPC", "Barcodes follow COVA.", "Staff write the barcodes."),
    "price": (
        "Price",
        "The shop charges what the register charges.",
        "Staff set prices. The shop and the register may charge differently.",
    ),
    "sale_price": (
        "Sale price",
        "Product sales begin and end in the shop when they do in COVA.",
        "COVA's sales are ignored; staff begin and end sales in the shop.",
    ),
    "price_tiers": (
        "Price tiers",
        "Quantity breaks follow COVA.",
        "Staff set the quantity breaks.",
    ),
    "quantity": (
        "Quantity",
        "The shop offers COVA's stock less what open orders hold.",
        "COVA's stock is ignored. The shop can sell what is not there.",
    ),
    "weight": ("Weight", "Weights follow COVA.", "Staff write the weights."),
    "labs": (
        "Lab results",
        "Potency and terpenes follow COVA's specifications.",
        "Staff type lab results. They can differ from the label.",
    ),
    "coa_url": (
        "Certificate of analysis",
        "The certificate's address follows COVA.",
        "Staff paste the certificate's address.",
    ),
    "image_urls": (
        "Pictures",
        "Pictures follow COVA. A picture put in by staff is replaced.",
        "Staff choose the pictures.",
    ),
    "tags": ("Tags", "Tags follow COVA.", "Staff choose the tags."),
    "enabled": (
        "On the menu",
        "What is archived or inactive in COVA leaves the menu, and returns with it.",
        "Staff take products off the menu. What COVA archives stays for sale.",
    ),
    "tax_rates": ("Tax rates", "Taxes follow COVA.", "Staff set the taxes."),
}
FIELD_LABELS: dict[str, str] = {name: words[0] for name, words in _FIELD_WORDS.items()}
"""Product field → what staff call it."""
