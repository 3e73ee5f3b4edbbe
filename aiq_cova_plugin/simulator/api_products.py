"""The product feed, DetailedProductData and its two variants (section 4)."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime

from flask import Blueprint, Response

from .product_json import ProductWriter, Wanted
from .products import Product, Reason
from .switches import Switches
from .wire import ApiError, Fields, answer, read_body, read_guid, read_time
from .world import World, the_world

blueprint = Blueprint("api_products", __name__)
_BASE = "/dataplatform/v1/companies/<int:company>/detailedproductdata"


@blueprint.post(_BASE)
def product_data(company: int) -> Response:
    """A page of all products (section 4.1)."""
    world, body = the_world(), read_body()
    wanted = _wanted(world, body)
    with world.state.lock:
        found = _sorted(world, _shown(world, wanted, world.state.products.values()))
        return _page(world, wanted, found, body)


@blueprint.post(_BASE + "/updatedasof/<moment>")
def product_data_updated(company: int, moment: str) -> Response:
    """A page of the products that changed since then (section 4.1)."""
    since = read_time(moment)
    if since is None:
        raise ApiError(400, "The date in the path is not valid.")
    world, body = the_world(), read_body()
    wanted = _wanted(world, body)
    with world.state.lock:
        now = world.clock.now()
        changed = [
            product
            for product in world.state.products.values()
            if _is_updated(product, since, now, world.switches)
        ]
        found = _sorted(world, _shown(world, wanted, changed))
        return _page(world, wanted, found, body)


@blueprint.post(_BASE + "/byproductidlist")
def product_data_by_ids(company: int) -> Response:
    """Those products of a list that exist; not paged (section 4.2)."""
    world, body = the_world(), read_body()
    wanted = _wanted(world, body)
    given = body.get("ProductIds")
    if not isinstance(given, list):
        raise ApiError(400, "ProductIds is required.")
    ids = [read_guid(value) for value in given]
    if None in ids:
        raise ApiError(400, "ProductIds must be GUIDs.")
    with world.state.lock:
        products = world.state.products
        listed = [products[i] for i in dict.fromkeys(ids) if i is not None and i in products]
        found = list(_shown(world, wanted, listed))
        return _answer(world, wanted, found)


def _wanted(world: World, body: Fields) -> Wanted:
    wanted = Wanted.from_body(body)
    if wanted.location_id is not None and wanted.location_id not in world.account.location_ids:
        raise ApiError(world.switches.unknown_location_status, "Entity is not related to company")
    return wanted


def _shown(world: World, wanted: Wanted, products: Iterable[Product]) -> Iterable[Product]:
    switches = world.switches
    for product in products:
        if product.is_archived or product.lifecycle == "Archived":
            if not (wanted.all_lifecycles and switches.all_lifecycles_includes_archived):
                continue
        elif product.lifecycle != "Active" and not wanted.all_lifecycles:
            continue
        if wanted.in_stock_only and switches.in_stock_only_limits == "products":
            selling = wanted.selling_room_only and switches.selling_room_only_works
            if product.quantity(wanted.location_id, selling_only=selling) <= 0:
                continue
        yield product


def _sorted(world: World, products: Iterable[Product]) -> list[Product]:
    found = sorted(products, key=lambda product: product.position)
    if world.switches.order_of_products == "every_call":
        # Shuffling is the behaviour under test, no secret depends on it.
        random.shuffle(found)
    return found


def _page(world: World, wanted: Wanted, found: list[Product], body: Fields) -> Response:
    switches = world.switches
    skip = body.integer("Skip") or 0
    top = body.integer("Top")
    top = switches.default_top if top is None else top
    if skip < 0 or top < 0:
        raise ApiError(400, "Skip and Top must not be negative.")
    if top > switches.max_top:
        if switches.top_above_max == "error_400":
            raise ApiError(400, f"Top must not be above {switches.max_top}.")
        if switches.top_above_max == "error_500":
            raise ApiError(500, "An error has occurred.")
        top = switches.max_top
    return _answer(world, wanted, found[skip : skip + top])


def _answer(world: World, wanted: Wanted, products: list[Product]) -> Response:
    writer = ProductWriter(world.state, world.switches, wanted, world.base_url)
    return answer(writer.envelope(products))


def _is_updated(product: Product, since: datetime, now: datetime, switches: Switches) -> bool:
    """Whether the switches call this product changed in [since, now] (section 12)."""
    if product.is_archived and not switches.updates_report_archived:
        return False
    counted: dict[Reason, bool] = {
        "stock": switches.updated_by_stock,
        "price": switches.updated_by_price,
        "specification": switches.updated_by_specification,
        "lifecycle": True,
        "archived": switches.updates_report_archived,
    }
    if any(
        on and reason in product.changed_at and product.changed_at[reason] >= since
        for reason, on in counted.items()
    ):
        return True
    # Rows have dates of their own, which also cover a catalogue older than its change log.
    if switches.updated_by_stock and any(row.updated_at >= since for row in product.stock):
        return True
    if switches.updated_by_price and any(row.updated_at >= since for row in product.prices):
        return True
    return switches.updated_by_sale_window and any(
        edge is not None and since <= edge <= now
        for row in product.prices
        for sale in row.sales
        for edge in (sale.start, sale.end)
    )
