"""Products and tax rates of DetailedProductData (cova-api.md section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from aiq_cova_plugin.schemas.base import Problem, RecordSchema
from aiq_cova_plugin.schemas.fields import (
    CovaField,
    Guid,
    Instant,
    ListOf,
    Number,
    One,
    Text,
    TextOf,
    Whole,
    YesNo,
    to_decimal,
    to_instant,
    to_whole,
)
from aiq_cova_plugin.schemas.records import (
    Asset,
    Availability,
    Price,
    Product,
    SalePrice,
    Specification,
    TaxRate,
)


@dataclass(frozen=True)
class LoadedProduct:
    """A product, and what of it had to be set aside: `problems` are (field, reason) pairs."""

    product: Product
    problems: tuple[Problem, ...] = ()


def load_product(raw: Mapping[str, Any]) -> LoadedProduct:
    """Read one product as COVA sent it.

    An unreadable specification, picture, SKU or UPC is set aside alone. One unreadable stock
    row, price or tax id sets its whole list aside (None: COVA did not say), since a sum or a
    choice over the rest would be wrong. An unreadable plain field becomes None.

    Raises ContractBroken, naming product and field, when the id or a field that decides
    whether the product may be shown (life cycle, archived, non-stock, measurement type)
    cannot be read.
    """
    product, problems = _PRODUCT.gather(raw)
    return LoadedProduct(product, problems)


def load_tax_rate(raw: Any) -> TaxRate:
    """Read one root `TaxRates` element (section 4.9). Raises ContractBroken."""
    return _TAX_RATE.read(raw)


def dump_tax_rate(rate: TaxRate) -> dict[str, Any]:
    """The element again, as `load_tax_rate` reads it."""
    written: dict[str, Any] = _TAX_RATE.dump(rate)
    return written


class SpecificationSchema(RecordSchema[Specification]):
    """One `ProductSpecifications` element (section 4.6)."""

    record = Specification
    noun = "a specification"

    field_id = Whole("FieldId")
    display_name = Text("DisplayName", nothing="")
    value = Text("Value", nothing="")
    type = Text("Type", nothing="")
    unit = Text("Unit", nothing="")


class AssetSchema(RecordSchema[Asset]):
    """One `Assets` element (section 4.5)."""

    record = Asset
    noun = "a picture"

    id = Guid("Id")
    uri = Text("Uri", nothing="")
    type = Text("Type", nothing="")
    is_hidden = YesNo("IsHidden", nothing=False)


class AvailabilitySchema(RecordSchema[Availability]):
    """One `Availability` row (section 4.7); the confidential costs are not read."""

    record = Availability
    noun = "a stock row"

    location_id = Whole("LocationId")
    room_id = Whole("RoomId")
    package_id = Text("PackageId")
    in_stock_quantity = Number("InStockQuantity")
    is_selling_room = YesNo("IsSellingRoom")


class SalePriceField(CovaField):
    """One `SalePrices` element by tolerant look-up (section 4.8).

    No element is refused. A key that is not understood, or whose value cannot be read, is
    listed in `unknown_keys` when it holds something: such a sale price must not be used,
    since the key may say when it applies.
    """

    AMOUNT = ("saleprice", "price", "amount")
    START = ("startdateutc", "startdate")
    END = ("enddateutc", "stopdateutc", "enddate")
    LOCATION = ("locationid",)
    HARMLESS = frozenset(
        {
            "id",
            "companyid",
            "isdefault",
            "pricinginformationid",
            "productid",
            "catalogitemid",
            "entityid",
            "fromentityid",
            "createddateutc",
            "updateddateutc",
        }
    )

    def convert(self, value: Any) -> SalePrice:
        if not isinstance(value, Mapping):
            return SalePrice(None, None, None, ("an element that is not an object",))
        told = {
            str(key).lower(): (str(key), each)
            for key, each in value.items()
            if each is not None and each not in ("", [], {})
        }
        unread: list[str] = []
        amount: Decimal | None = self._first(told, self.AMOUNT, to_decimal, unread)
        start: datetime | None = self._first(told, self.START, to_instant, unread)
        end: datetime | None = self._first(told, self.END, to_instant, unread)
        location: int | None = self._first(told, self.LOCATION, to_whole, unread)
        expected = {*self.AMOUNT, *self.START, *self.END, *self.LOCATION, *self.HARMLESS}
        unread += [key for lowered, (key, _) in told.items() if lowered not in expected]
        return SalePrice(amount, start, end, tuple(sorted(unread)), location)

    @staticmethod
    def _first(
        told: Mapping[str, tuple[str, Any]], keys: tuple[str, ...], read: Any, unread: list[str]
    ) -> Any:
        for lowered in keys:
            if lowered in told:
                key, value = told[lowered]
                try:
                    return read(value)
                except ValueError:
                    unread.append(key)
                    return None
        return None


class PriceSchema(RecordSchema[Price]):
    """One `Prices` row, or `CompanyLevelRegularPrice` (section 4.8)."""

    record = Price
    noun = "a price"

    location_id = Whole("LocationId")
    from_entity_id = Whole("FromEntityId")
    tier_id = Whole("TierId")
    tier_quantity = Number("TierQuantity")
    group_id = Whole("GroupId")
    price = Number("Price")
    at_tier_price = Number("AtTierPrice")
    sale_prices = ListOf("SalePrices", SalePriceField(""), nothing=(), all_or_nothing=True)


class ProductSchema(RecordSchema[Product]):
    """One product (section 4.5)."""

    record = Product
    noun = "a product"

    product_id = Guid("ProductId", required=True)
    name = Text("Name")
    master_product_name = Text("MasterProductName")
    catalog_sku = Text("CatalogSku")
    is_archived = YesNo("IsArchived", vital=True)
    measurement_type = Text("MeasurementType", vital=True)
    is_batch_tracked = YesNo("IsBatchTracked")
    is_non_stock = YesNo("IsNonStock", vital=True)
    life_cycle = Text("LifeCycle", vital=True)
    classification_id = Whole("ClassificationId")
    classification_name = Text("ClassificationName")
    classification_path = Text("ClassificationPath")
    short_description = Text("ShortDescription")
    long_description = Text("LongDescription")
    hero_shot_uri = Text("HeroShotUri")
    manufacturer = Text("Manufacturer")
    supplier_skus = TextOf("SupplierSkus", "SKU")
    upcs = TextOf("Upcs", "UPC")
    specifications = ListOf("ProductSpecifications", SpecificationSchema())
    assets = ListOf("Assets", AssetSchema())
    availability = ListOf("Availability", AvailabilitySchema(), all_or_nothing=True)
    prices = ListOf("Prices", PriceSchema(), all_or_nothing=True)
    company_level_price = One("CompanyLevelRegularPrice", PriceSchema())
    applicable_tax_rates = ListOf(
        "ApplicableTaxRates", Guid("", required=True), all_or_nothing=True
    )
    updated_at = Instant("UpdatedDateUtc")

    def label(self, raw: Mapping[str, Any]) -> str:
        product_id = raw.get("ProductId")
        # An id is shown only if it is one: whatever else stands there may be anything.
        is_shown = isinstance(product_id, str) and 0 < len(product_id) <= 40
        return f"product {product_id}" if is_shown else "a product without an id"


class TaxRateSchema(RecordSchema[TaxRate]):
    """One root `TaxRates` element (section 4.9)."""

    record = TaxRate
    noun = "a tax rate"

    id = Guid("Id", required=True)
    name = Text("Name", nothing="")
    display_name = Text("DisplayName")
    type = Text("Type", nothing="")
    rate = Number("Rate", vital=True)
    layer = Whole("Layer")
    locations = ListOf("Locations", Whole(""), nothing=())


_PRODUCT = ProductSchema()
_TAX_RATE = TaxRateSchema()
