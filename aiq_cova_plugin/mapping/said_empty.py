"""The fields of which COVA was asked and has nothing: more than not having said anything.

Only where staff chose that COVA may empty a field does it matter. A value that is there but
cannot be read is not empty, and a part COVA left out of its answer says nothing.
"""

from __future__ import annotations

from aiq_cova_plugin.domain.catalogue import ProductSnapshot
from aiq_cova_plugin.mapping.lab_readings import read_labs
from aiq_cova_plugin.mapping.specification_names import SpecificationNames, specifications_for
from aiq_cova_plugin.schemas import records

_SPECIFICATIONS_OF = {
    "brand": ("brand",),
    "subtype": ("subtype",),
    "cannabis_type": ("strain",),
    "strain": ("strain", "strain_name"),
    "weight": ("weight",),
    "coa_url": ("coa",),
    "tags": ("tags",),
}


def said_empty(
    product: records.Product, snapshot: ProductSnapshot, spec_names: SpecificationNames
) -> tuple[str, ...]:
    """The names of the fields that are None in the snapshot because COVA has nothing there."""
    empty = set()
    if product.specifications is not None:
        empty = {
            field
            for field, meanings in _SPECIFICATIONS_OF.items()
            if not any(_has_text(product, each, spec_names) for each in meanings)
        }
        if not any(each.text for each in read_labs(product, spec_names)):
            empty.add("labs")
    if product.catalog_sku == "":
        empty.add("sku")
    if product.upcs == ():
        empty.add("upc")
    if product.long_description is not None or product.short_description is not None:
        empty.add("description")
    if product.assets == () and not (product.hero_shot_uri or "").strip():
        empty.add("image_urls")
    return tuple(sorted(name for name in empty if getattr(snapshot, name) is None))


def _has_text(product: records.Product, meaning: str, spec_names: SpecificationNames) -> bool:
    return any(each.value.strip() for each in specifications_for(product, meaning, spec_names))
