"""A product in COVA's words: keys, their order, nulls and empty lists as recorded (section 4)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .products import (
    Asset,
    Classification,
    PriceRow,
    Product,
    SalePrice,
    Specification,
    StockRow,
    SupplierSku,
)
from .state import State
from .switches import Switches
from .taxes import TaxRate
from .wire import Fields, number, wire_time

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a caller asked for; every omitted flag is false (section 4.2)."""

    location_id: int | None
    skus: bool
    specifications: bool
    classifications: bool
    assets: bool
    availability: bool
    packages: bool
    pricing: bool
    taxes: bool
    in_stock_only: bool
    all_lifecycles: bool
    selling_room_only: bool

    @classmethod
    def from_body(cls, body: Fields) -> Wanted:
        """Read the flags of section 4.2."""
        return cls(
            location_id=body.integer("LocationId"),
            skus=body.flag("IncludeProductSkusAndUpcs"),
            specifications=body.flag("IncludeProductSpecifications"),
            classifications=body.flag("IncludeClassifications"),
            assets=body.flag("IncludeProductAssets"),
            availability=body.flag("IncludeAvailability"),
            packages=body.flag("IncludePackageDetails"),
            pricing=body.flag("IncludePricing"),
            taxes=body.flag("IncludeTaxes"),
            in_stock_only=body.flag("InStockOnly"),
            all_lifecycles=body.flag("IncludeAllLifecycles"),
            selling_room_only=body.flag("SellingRoomOnly"),
        )


class ProductWriter:
    """Turns products into JSON for one request; hold the state's lock while it works."""

    def __init__(self, state: State, switches: Switches, wanted: Wanted, base_url: str) -> None:
        self._state = state
        self._switches = switches
        self._wanted = wanted
        self._base_url = base_url
        self._tax_ids = {rate.id for rate in self._rates()}

    def envelope(self, products: list[Product]) -> Document:
        """The four root keys, always all of them (section 4.4)."""
        wanted = self._wanted
        return {
            "Products": [self.product(product) for product in products],
            "Packages": self._packages(products) if wanted.packages else [],
            "TaxRates": [_tax_rate(rate) for rate in self._rates()] if wanted.taxes else [],
            "Classifications": self._classifications() if wanted.classifications else [],
        }

    def product(self, product: Product) -> Document:
        """One product with the keys of section 4.5 in wire order."""
        wanted = self._wanted
        hero = next((asset for asset in product.assets if not asset.is_hidden), None)
        if not wanted.assets:
            hero = None
        company_price = product.company_price if wanted.pricing else None
        return {
            "ProductId": product.id,
            "MasterProductId": product.master_id,
            "MasterProductName": product.master_name,
            "VariationId": product.variation_id,
            "Slug": product.slug,
            "CatalogSku": product.catalog_sku,
            "IsArchived": product.is_archived,
            "MeasurementType": product.measurement,
            "IsBatchTracked": product.is_batch_tracked,
            "IsNonStock": product.is_non_stock,
            "LifeCycle": product.lifecycle,
            "ClassificationId": product.classification.id,
            "ClassificationName": product.classification.name,
            "ClassificationPath": product.classification.path,
            "Name": product.name,
            "ShortDescription": product.short_description,
            "LongDescription": product.long_description,
            "HeroShotAssetId": None if hero is None else hero.id,
            "HeroShotUri": None if hero is None else self._asset_uri(hero),
            "SupplierSkus": _skus(product.supplier_skus) if wanted.skus else [],
            "ManufacturerSkus": _maker_skus(product.manufacturer_skus) if wanted.skus else [],
            "Upcs": [{"UPC": upc, "Description": ""} for upc in product.upcs if wanted.skus],
            "ProductSpecifications": (
                [self._specification(field) for field in product.specifications]
                if wanted.specifications
                else []
            ),
            "Assets": [self._asset(asset) for asset in product.assets if wanted.assets],
            "Availability": (
                [_stock_row(row) for row in self._rows(product)] if wanted.availability else []
            ),
            "Prices": (
                [self._price(product, row) for row in product.prices if self._is_here(row)]
                if wanted.pricing
                else []
            ),
            "CreatedDateUtc": wire_time(product.created_at),
            "UpdatedDateUtc": wire_time(product.updated_at),
            "ApplicableTaxRates": (
                [rate for rate in product.tax_rate_ids if rate in self._tax_ids]
                if wanted.taxes
                else []
            ),
            "ClassificationTreeId": self._state.classification_tree_id,
            "ManufacturerId": None,
            "Manufacturer": None,
            "MSRP": number(product.msrp),
            "MSRPCurrencyCode": None if product.msrp is None else "USD",
            "CompanyLevelRegularPrice": (
                None
                if company_price is None
                else {"Price": number(company_price), "SalePrices": []}
            ),
        }

    def _is_here(self, row: PriceRow | StockRow) -> bool:
        return self._wanted.location_id in (None, row.location_id)

    def _rows(self, product: Product) -> list[StockRow]:
        selling_only = self._wanted.selling_room_only and self._switches.selling_room_only_works
        rows = [row for row in product.stock if self._is_here(row)]
        if selling_only:
            rows = [row for row in rows if row.is_selling_room]
        if self._wanted.in_stock_only and self._switches.in_stock_only_limits == "availability":
            rows = [row for row in rows if row.quantity > 0]
        return rows

    def _rates(self) -> list[TaxRate]:
        location_id = self._wanted.location_id
        return [
            rate
            for rate in self._state.tax_rates
            if location_id is None or location_id in rate.location_ids
        ]

    def _specification(self, field: Specification) -> Document:
        # Name and company id together are what the recorded answer has in both keys.
        internal = f"{field.display_name} {self._state.account.company_id}"
        return {
            "FieldGroupId": str(uuid.uuid5(uuid.NAMESPACE_URL, field.group)),
            "FieldGroup": field.group,
            "FieldId": self._state.field_id(field.display_name),
            "FieldName": internal,
            "StringId": internal,
            "DisplayName": field.display_name,
            "Value": field.value,
            "Type": field.type,
            "Unit": field.unit,
        }

    def _asset_uri(self, asset: Asset) -> str:
        return f"{self._base_url}/assets/{asset.id}.svg"

    def _asset(self, asset: Asset) -> Document:
        return {
            "Id": asset.id,
            "Name": asset.name,
            "Uri": self._asset_uri(asset),
            "Type": "Image",
            "IsHidden": asset.is_hidden,
        }

    def _price(self, product: Product, row: PriceRow) -> Document:
        write = _SALE_WRITERS[self._switches.sale_price_keys]
        return {
            "LocationId": row.location_id,
            "FromEntityId": row.from_entity_id,
            "ProductId": product.id,
            "TierId": row.tier_id,
            "TierName": row.tier_name,
            "TierQuantity": number(row.tier_quantity),
            "GroupId": row.group_id,
            "GroupName": row.group_name,
            "ShelfId": None,
            "ShelfName": None,
            "Price": number(row.price),
            "AtTierPrice": number(row.at_tier_price),
            "SalePrices": [
                {**write(sale, self._state.account.company_id), **sale.recurrence}
                for sale in row.sales
            ],
            "UpdatedDateUtc": wire_time(row.updated_at),
        }

    def _packages(self, products: list[Product]) -> list[Document]:
        # The real keys are unknown (section 4.9); a reader must not depend on these.
        return [
            {
                "PackageId": row.package_id,
                "ProductId": product.id,
                "BatchId": row.batch_id,
                "ReceivedDate": wire_time(row.received_at),
            }
            for product in products
            for row in self._rows(product)
            if row.package_id is not None
        ]

    def _classifications(self) -> list[Document]:
        by_id = {node.id: node for node in self._state.classifications}
        return [
            {
                "TreeId": self._state.classification_tree_id,
                "Id": node.id,
                "Name": node.name,
                "ParentCategories": [
                    {"Id": parent, "Name": by_id[parent].name} for parent in node.parents
                ],
            }
            for node in self._state.classifications
        ]


def classification_tree(nodes: list[Classification]) -> list[Document]:
    """The classifications as plain documents, for the control interface."""
    return [{"id": node.id, "name": node.name, "path": node.path} for node in nodes]


def _skus(skus: list[SupplierSku]) -> list[Document]:
    return [
        {"SKU": sku.sku, "SupplierId": sku.supplier_id, "Supplier": sku.supplier, "Description": ""}
        for sku in skus
    ]


def _maker_skus(skus: list[SupplierSku]) -> list[Document]:
    return [
        {
            "SKU": sku.sku,
            "ManufacturerId": sku.supplier_id,
            "Manufacturer": sku.supplier,
            "Description": "",
        }
        for sku in skus
    ]


def _stock_row(row: StockRow) -> Document:
    return {
        "LocationId": row.location_id,
        "RoomId": row.room_id,
        "PackageId": row.package_id,
        "BatchId": row.batch_id,
        "UnitId": 1,
        "InStockQuantity": number(row.quantity),
        "OnOrderQuantity": number(row.on_order),
        "TransferInQuantity": 0.0,
        "TransferOutQuantity": 0.0,
        "TotalCostInStock": number(row.unit_cost * max(row.quantity, Decimal(0))),
        "UnitCost": number(row.unit_cost),
        "ReceivedDate": wire_time(row.received_at),
        "UpdatedDateUtc": wire_time(row.updated_at),
        "IsSellingRoom": row.is_selling_room,
    }


def _tax_rate(rate: TaxRate) -> Document:
    return {
        "Id": rate.id,
        "Name": rate.name,
        "DisplayName": rate.display_name,
        "Type": "Percentage",
        "Rate": number(rate.rate),
        "Layer": rate.layer,
        "CalculatedOn": rate.calculated_on,
        "Locations": list(rate.location_ids),
    }


def tax_rates(rates: list[TaxRate]) -> list[Document]:
    """All tax rates as documents."""
    return [_tax_rate(rate) for rate in rates]


def _sale_portal(sale: SalePrice, company_id: int) -> Document:
    return {
        "Id": sale.id,
        "CompanyId": company_id,
        "SalePrice": number(sale.price),
        "StartDateUtc": wire_time(sale.start),
        "EndDateUtc": wire_time(sale.end),
    }


def _sale_platform(sale: SalePrice, company_id: int) -> Document:
    return {
        "Id": sale.id,
        "CompanyId": company_id,
        "IsDefault": False,
        "PricingInformationId": sale.id + 1,
        "SalePrice": number(sale.price),
        "StartDateUTC": wire_time(sale.start),
        "StopDateUTC": wire_time(sale.end),
    }


def _sale_plain(sale: SalePrice, _company_id: int) -> Document:
    return {
        "Id": sale.id,
        "Price": number(sale.price),
        "StartDate": wire_time(sale.start),
        "EndDate": wire_time(sale.end),
    }


def _sale_amount(sale: SalePrice, _company_id: int) -> Document:
    return {
        "Amount": number(sale.price),
        "StartDateUtc": wire_time(sale.start),
        "StopDateUtc": wire_time(sale.end),
    }


_SALE_WRITERS: dict[str, Callable[[SalePrice, int], Document]] = {
    "portal": _sale_portal,
    "platform": _sale_platform,
    "plain": _sale_plain,
    "amount": _sale_amount,
}
