"""Which field of the shop's an unreadable key of COVA's belongs to: staff know only those."""

from __future__ import annotations

import re

WHOLE_PRODUCT = "product"
"""The field of an issue that concerns the whole product."""

FIELD_BY_KEY = {
    "ProductId": WHOLE_PRODUCT,
    "Name": "name",
    "MasterProductName": "name",
    "CatalogSku": "sku",
    "SupplierSkus": "sku",
    "Upcs": "upc",
    "IsArchived": "enabled",
    "IsNonStock": "enabled",
    "LifeCycle": "enabled",
    "MeasurementType": "quantity",
    "IsBatchTracked": "quantity",
    "Availability": "quantity",
    "ClassificationId": "category_id",
    "ClassificationName": "category_id",
    "ClassificationPath": "category_id",
    "ShortDescription": "description",
    "LongDescription": "description",
    "HeroShotUri": "image_urls",
    "Assets": "image_urls",
    "Manufacturer": "brand",
    "ProductSpecifications": "labs",
    "Prices": "price",
    "CompanyLevelRegularPrice": "price",
    "ApplicableTaxRates": "tax_rates",
    "UpdatedDateUtc": WHOLE_PRODUCT,
}
"""COVA's key → the shop's field, for every key of a product that is read."""

_INDEX = re.compile(r"\[\d+\]")


def issue_of_key(where: str, why: str) -> tuple[str, str]:
    """(field, reason) for a value that was set aside: `Prices[2].Price`, `is not a number`.

    The place in the list is left out, so that products with the same trouble have one cause.
    """
    path = _INDEX.sub("", where)
    field = FIELD_BY_KEY.get(path.partition(".")[0], WHOLE_PRODUCT)
    return field, f"COVA's {path} {why}, so it was not used."
