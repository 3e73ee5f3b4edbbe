"""One COVA product in the shop's words: the row of rules behind every product field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from aiq_cova_plugin.domain.catalogue import FieldIssue, Presence, ProductSnapshot
from aiq_cova_plugin.domain.categories import path_names
from aiq_cova_plugin.mapping.coa_from_cova import coa_from_cova
from aiq_cova_plugin.mapping.description_from_cova import description_from_cova
from aiq_cova_plugin.mapping.images_from_cova import images_from_cova
from aiq_cova_plugin.mapping.labs_from_cova import labs_from_cova
from aiq_cova_plugin.mapping.prices_from_cova import prices_from_cova
from aiq_cova_plugin.mapping.said_empty import said_empty
from aiq_cova_plugin.mapping.specification_names import (
    DEFAULT,
    SpecificationNames,
    chosen_text,
    specifications_for,
)
from aiq_cova_plugin.mapping.stock_from_cova import stock_from_cova
from aiq_cova_plugin.mapping.strain_from_cova import (
    cannabis_type_from_cova,
    cannabis_type_of,
    strain_from_cova,
)
from aiq_cova_plugin.mapping.taxes_from_cova import taxes_from_cova
from aiq_cova_plugin.mapping.weight_from_cova import weight_from_cova
from aiq_cova_plugin.schemas import records

__all__ = ["DEFAULT", "SpecificationNames", "product_from_cova"]

_UPC = re.compile(r"\d{6,14}", re.ASCII)


def product_from_cova(
    product: records.Product,
    *,
    location_id: int,
    tax_rates: Mapping[str, records.TaxRate],
    spec_names: SpecificationNames = DEFAULT,
) -> ProductSnapshot:
    """The product as the shop of this location sees it, whatever the time and the holds.

    A field is None where COVA did not say or has nothing, so that it never wipes what staff
    wrote; `said_empty` names those of the second kind. An empty *list* is a statement where
    COVA was asked for it and named the thing (a price list without tiers, tags without a tag).

    `tax_rates`: lower-case id → the page's tax rate.
    """
    presence, presence_issues = _presence(product)
    coa = coa_from_cova(product, spec_names)
    labs = labs_from_cova(product, spec_names)
    prices = prices_from_cova(product, location_id)
    stock = stock_from_cova(product, location_id)
    taxes = taxes_from_cova(product, location_id, tax_rates)
    weight = weight_from_cova(product, spec_names)
    snapshot = ProductSnapshot(
        cova_product_id=product.product_id.strip().lower(),
        presence=presence,
        name=_name(product, spec_names),
        description=description_from_cova(product, coa_url=coa.url, spec_names=spec_names),
        brand=chosen_text(product, "brand", spec_names) or _said(product.manufacturer),
        subtype=_subtype(product, spec_names),
        cannabis_type=cannabis_type_from_cova(product, spec_names),
        strain=strain_from_cova(product, spec_names),
        sku=_said(product.catalog_sku),
        upc=_upc(product),
        regular_price=prices.regular,
        price_tiers=prices.tiers,
        sale_windows=prices.sale_windows,
        stock=stock.stock,
        weight=weight.weight,
        labs=labs.labs,
        coa_url=coa.url,
        image_urls=images_from_cova(product),
        tags=_tags(product, spec_names),
        tax_rates=taxes.rates,
        classification_path=_classification_path(product),
        menu_category=chosen_text(product, "menu_category", spec_names) or "",
        measurement_type=(product.measurement_type or "").strip(),
        product_type=chosen_text(product, "product_type", spec_names) or "",
        issues=(
            *presence_issues,
            *prices.issues,
            *stock.issues,
            *weight.issues,
            *labs.issues,
            *coa.issues,
            *taxes.issues,
        ),
    )
    return replace(snapshot, said_empty=said_empty(product, snapshot, spec_names))


def _presence(product: records.Product) -> tuple[Presence, tuple[FieldIssue, ...]]:
    """Only what COVA calls Active may be shown for sale, so a missing life cycle is not active.

    COVA always sends one. If it ever leaves them all out, the mass-change guard stops the
    run; a single product without one is hidden, with an issue that says why.
    """
    life_cycle = (product.life_cycle or "").casefold().strip()
    if product.is_archived or life_cycle == "archived":
        return Presence.ARCHIVED, ()
    if product.is_non_stock:
        return Presence.NON_STOCK, ()
    if life_cycle == "active":
        return Presence.ACTIVE, ()
    if life_cycle:
        return Presence.NOT_ACTIVE, ()
    reason = "COVA did not say the product's life cycle, so it is not shown. Set it to Active."
    return Presence.NOT_ACTIVE, (FieldIssue(product.product_id, "enabled", reason),)


def _name(product: records.Product, spec_names: SpecificationNames) -> str | None:
    """The online menu's name wins: the retailer wrote it for exactly this purpose."""
    menu_name = chosen_text(product, "menu_name", spec_names)
    return menu_name or _said(product.name) or _said(product.master_product_name)


def _subtype(product: records.Product, spec_names: SpecificationNames) -> str | None:
    """The specification, else the deepest class below the top one that is no cannabis type.

    `Flower > Indica` has none: Indica is the cannabis type. `Pre-Rolls > Singles > Sativa`
    is of the subtype Singles.
    """
    given = chosen_text(product, "subtype", spec_names)
    if given is not None:
        return given
    below_top = path_names(product.classification_path or "")[1:]
    return next((each for each in reversed(below_top) if cannabis_type_of(each) is None), None)


def _upc(product: records.Product) -> str | None:
    """The first code of 6 to 14 digits, leading zeros kept.

    The check digit is not asked for: retailers print codes of their own, and the scanner at
    the door compares texts.
    """
    for code in product.upcs or ():
        if _UPC.fullmatch(code.strip()):
            return code.strip()
    return None


def _tags(product: records.Product, spec_names: SpecificationNames) -> tuple[str, ...] | None:
    """Tags by comma or line, each once whatever its case. Empty when the specification is."""
    specs = specifications_for(product, "tags", spec_names)
    if not specs:
        return None
    tags: dict[str, str] = {}
    for spec in specs:
        for tag in re.split(r"[,\r\n]+", spec.value):
            plain = " ".join(tag.split())
            if plain:
                tags.setdefault(plain.casefold(), plain)
    return tuple(tags.values())


def _classification_path(product: records.Product) -> str:
    path = _said(product.classification_path) or _said(product.classification_name) or ""
    return " > ".join(path_names(path))


def _said(text: str | None) -> str | None:
    """The text without spaces around it; None when COVA left it out or empty."""
    return (text or "").strip() or None
