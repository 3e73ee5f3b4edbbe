"""Stock, prices and the catalogue outside the feed (sections 4.12, 5 and 6)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, request

from .products import PriceRow, Product
from .wire import ApiError, answer, not_found, number, query_integer, read_body, read_guid
from .world import World, the_world

blueprint = Blueprint("api_inventory", __name__)
_STOCK = "/availability/v1/companies(<int:company>)"
_CATALOG = "/catalogs/v1/companies(<int:company>)/catalog"
_ENTITY = re.compile(r"^\s*EntityId\s+eq\s+(\d+)\s*$", re.IGNORECASE)


@blueprint.get(_STOCK + "/entities(<int:location>)/catalogitems")
def availability(company: int, location: int) -> Response:
    """The stock of a location over all rooms, one quantity per product with a stock record."""
    return _quantities(company, location, selling_only=False)


@blueprint.get(_STOCK + "/entities(<int:location>)/catalogitems/sellingroomonly")
def availability_selling_rooms(company: int, location: int) -> Response:
    """The same for selling rooms."""
    return _quantities(company, location, selling_only=True)


@blueprint.get(_STOCK + "/entities(<int:location>)/catalogitems(<product_id>)")
def availability_of_product(company: int, location: int, product_id: str) -> Response:
    """The stock of one product at a location; 404 when it has no stock record."""
    world = the_world()
    _check_location(company, location)
    with world.state.lock:
        product = _product(world, product_id)
        if not _has_record(product, location):
            raise not_found()
        return answer(_quantity(product, location, selling_only=False))


@blueprint.get(_STOCK + "/catalogitems(<product_id>)/availability")
def availability_by_location(company: int, product_id: str) -> Response:
    """The stock of one product, one entry per location that has a record."""
    world = the_world()
    with world.state.lock:
        product = _product(world, product_id)
        return answer(
            [
                _quantity(product, location, selling_only=False)
                for location in world.account.location_ids
                if _has_record(product, location)
            ]
        )


@blueprint.get("/pricing/v1/companies(<int:company>)/productprices")
def product_prices(company: int) -> Response:
    """Price rows, 5000 unless `$top` says otherwise; `$filter=EntityId eq 1` limits them."""
    world = the_world()
    text = request.args.get("$filter")
    match = None if text is None else _ENTITY.match(text)
    if text is not None and match is None:
        raise ApiError(400, "The filter is not supported.")
    wanted = None if match is None else int(match.group(1))
    skip, top = query_integer("$skip", 0), query_integer("$top", 5000)
    with world.state.lock:
        rows = [
            _price(product, row, position)
            for product in world.state.products.values()
            for position, row in enumerate(product.prices, start=1)
            if wanted in (None, row.location_id)
        ]
    return answer(rows[skip : skip + top])


@blueprint.get(_CATALOG + "/items")
def catalog_items(company: int) -> Response:
    """The legacy list of all products, archived ones with them."""
    world = the_world()
    with world.state.lock:
        return answer(
            [
                {
                    "CatalogItemId": product.id,
                    "Slug": product.slug,
                    "IsArchived": product.is_archived,
                    "RmsId": None,
                    "CatalogSku": product.catalog_sku,
                    "DateAddedUtc": product.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "MasterProductId": product.master_id,
                }
                for product in world.state.products.values()
            ]
        )


@blueprint.get(_CATALOG + "/items(<product_id>)/productdetails")
def catalog_item_details(company: int, product_id: str) -> Response:
    """The legacy details of one product."""
    world = the_world()
    with world.state.lock:
        return answer(_details(world, _product(world, product_id)))


@blueprint.post(_CATALOG + "/items/productdetails/bulk")
def catalog_items_details(company: int) -> Response:
    """The legacy details of many products, a map and not a list."""
    world = the_world()
    given = read_body().get("CatalogItemIds")
    if not isinstance(given, list):
        raise ApiError(400, "CatalogItemIds is required.")
    with world.state.lock:
        ids = [read_guid(value) for value in given]
        found = [
            world.state.products[i] for i in ids if i is not None and i in world.state.products
        ]
        return answer({"CatalogItems": {item.id: _details(world, item) for item in found}})


def _quantities(company: int, location: int, *, selling_only: bool) -> Response:
    world = the_world()
    _check_location(company, location)
    with world.state.lock:
        return answer(
            [
                _quantity(product, location, selling_only=selling_only)
                for product in world.state.products.values()
                if _has_record(product, location)
            ]
        )


def _check_location(company: int, location: int) -> None:
    world = the_world()
    if location not in world.account.location_ids:
        raise ApiError(world.switches.unknown_location_status, "Entity is not related to company")


def _product(world: World, product_id: str) -> Product:
    product = world.state.products.get(read_guid(product_id) or "")
    if product is None:
        raise not_found()
    return product


def _has_record(product: Product, location: int) -> bool:
    return any(row.location_id == location for row in product.stock)


def _quantity(product: Product, location: int, *, selling_only: bool) -> dict[str, Any]:
    return {
        "Id": product.id,
        "EntityId": location,
        "Quantity": number(product.quantity(location, selling_only=selling_only)),
        "IsDropShippable": False,
    }


def _price(product: Product, row: PriceRow, position: int) -> dict[str, Any]:
    return {
        "Id": int(product.master_id) * 1000 + row.location_id % 100 * 10 + position,
        "EntityId": row.from_entity_id,
        "CatalogItemId": product.id,
        "PricingTermId": None,
        "PricingTierId": row.tier_id,
        "PricingGroupId": row.group_id,
        "PricingShelfId": None,
        "RegularPrice": number(row.price),
        "AtTierPrice": number(row.at_tier_price or row.price * (row.tier_quantity or Decimal(1))),
        "IsDiscountable": True,
    }


def _details(world: World, product: Product) -> dict[str, Any]:
    return {
        "CatalogItemId": product.id,
        "Name": product.name,
        "ShortDescription": product.short_description,
        "LongDescription": product.long_description,
        "CanonicalClassification": {
            "Id": product.classification.id,
            "Name": product.classification.name,
        },
        "Specifications": [
            {
                "Name": "Details",
                "Fields": [
                    {
                        "Id": world.state.field_id(field.display_name),
                        "DisplayName": field.display_name,
                        "Value": field.value,
                        "Unit": field.unit,
                    }
                    for field in product.specifications
                ],
            }
        ],
        "VendorSkus": [
            {"Value": sku.sku, "Entity": {"Id": sku.supplier_id, "Name": sku.supplier}}
            for sku in product.supplier_skus
        ],
        "Assets": [
            {"Type": "Image", "Uri": f"{world.base_url}/assets/{asset.id}.svg"}
            for asset in product.assets
            if not asset.is_hidden
        ],
    }
