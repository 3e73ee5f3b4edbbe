"""The control interface for tests in other processes, JSON under `/_simulator/`.

Not part of COVA: it needs no token and answers what the Python interface would.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, request

from .products import Product
from .register import Register
from .sales import Refusal
from .wire import ApiError, Fields, answer, parse_object, query_integer, read_time
from .world import World, the_world

blueprint = Blueprint("control", __name__, url_prefix="/_simulator")


@blueprint.get("/state")
def state() -> Response:
    """Counts of everything, and the simulated time."""
    world = the_world()
    with world.state.lock:
        return answer(
            {
                "products": len(world.state.products),
                "customers": len(world.state.customers),
                "orders": len(world.state.orders),
                "requests": len(world.state.requests),
                "faults": len(world.faults.rules()),
                "broken": [repr(error) for error in world.broken],
                "now": world.clock.now().isoformat(),
                "company_id": world.account.company_id,
                "location_ids": list(world.account.location_ids),
                "integrator_id": world.account.integrator_id,
                "delivery_fee_product_id": world.account.delivery_fee_product_id,
            }
        )


@blueprint.get("/orders")
def orders() -> Response:
    """All orders; amounts are texts, exact."""
    return answer({"orders": [_plain(item) for item in list_orders(the_world())]})


@blueprint.get("/customers")
def customers() -> Response:
    """All customers."""
    return answer({"customers": list_customers(the_world())})


@blueprint.get("/products")
def products() -> Response:
    """Products by `skip`, `top` (100) and `search`."""
    world = the_world()
    skip, top = query_integer("skip", 0), query_integer("top", 100)
    with world.state.lock:
        found = find_products(world, request.args.get("search", ""))
        page = [_plain(product_summary(world, item)) for item in found[skip : skip + top]]
        return answer({"total": len(found), "products": page})


@blueprint.get("/products/<product_id>")
def product(product_id: str) -> Response:
    """One product."""
    world = the_world()
    with world.state.lock:
        found = world.state.products.get(product_id.lower())
        if found is None:
            raise ApiError(404, "There is no such product.")
        return answer(_plain(product_summary(world, found)))


@blueprint.post("/products")
def add_product() -> Response:
    """Add a product; the body has the arguments of `Register.add_product`."""
    body: dict[str, Any] = dict(parse_object(request.get_data()))
    try:
        created = the_world().register.add_product(**body)
    except (KeyError, TypeError, ValueError) as exc:
        raise ApiError(400, str(exc)) from exc
    return answer({"id": created}, 201)


@blueprint.post("/products/<product_id>")
def change_product(product_id: str) -> Response:
    """Change stock, price, sale, specifications, lifecycle, name or archived, any of them."""
    world, body = the_world(), parse_object(request.get_data())
    try:
        with world.state.lock:
            _change(world, product_id, body)
            found = world.state.products[product_id.lower()]
            return answer(_plain(product_summary(world, found)))
    except KeyError as exc:
        raise ApiError(404, str(exc.args[0])) from exc


@blueprint.post("/orders/<order_id>/complete")
def complete(order_id: str) -> Response:
    """Complete an order as the cashier does."""
    return _on_order(order_id, lambda register: register.complete(order_id))


@blueprint.post("/orders/<order_id>/cancel")
def cancel(order_id: str) -> Response:
    """Cancel an order as the cashier does."""
    return _on_order(order_id, lambda register: register.cancel(order_id))


@blueprint.post("/orders/<order_id>/fulfilment")
def fulfilment(order_id: str) -> Response:
    """Set the fulfilment status given as `status`."""
    status = parse_object(request.get_data()).text("status") or ""
    return _on_order(order_id, lambda register: register.set_fulfilment(order_id, status))


@blueprint.post("/customers")
def add_customer() -> Response:
    """Add a customer; the body has the arguments of `Register.add_customer`."""
    body: dict[str, Any] = dict(parse_object(request.get_data()))
    try:
        created = the_world().register.add_customer(**body)
    except (KeyError, TypeError) as exc:
        raise ApiError(400, str(exc)) from exc
    return answer({"id": created}, 201)


@blueprint.get("/requests")
def requests() -> Response:
    """The calls of the services so far; no bodies, no headers."""
    world = the_world()
    with world.state.lock:
        return answer({"requests": [record.to_dict() for record in world.state.requests]})


@blueprint.post("/clock")
def clock() -> Response:
    """Advance the clock by `seconds`."""
    seconds = parse_object(request.get_data()).decimal("seconds")
    if seconds is None:
        raise ApiError(400, "seconds is required.")
    return answer({"now": the_world().clock.advance(float(seconds)).isoformat()})


@blueprint.post("/reset")
def reset() -> Response:
    """Back to the seeded records; switches stay as they are."""
    the_world().reset()
    return answer({"ok": True})


def list_orders(world: World) -> list[dict[str, Any]]:
    """Plain copies of all orders, oldest first."""
    with world.state.lock:
        sales = world.register.sales
        return [order.to_dict(sales.status(order)) for order in world.state.orders.values()]


def list_customers(world: World) -> list[dict[str, Any]]:
    """Plain copies of all customers, oldest first."""
    with world.state.lock:
        return [customer.to_dict() for customer in world.state.customers.values()]


def find_products(world: World, text: str) -> list[Product]:
    """Products whose name, SKU, classification or id contains that text; all for none."""
    wanted = text.strip().lower()
    with world.state.lock:
        return [
            item
            for item in world.state.products.values()
            if wanted in f"{item.name} {item.catalog_sku} {item.classification.path}".lower()
            or wanted == item.id
        ]


def product_summary(world: World, item: Product) -> dict[str, Any]:
    """What a test wants to know of a product."""
    main, second = world.account.location_ids
    return {
        "id": item.id,
        "name": item.name,
        "catalog_sku": item.catalog_sku,
        "classification": item.classification.path,
        "measurement": item.measurement,
        "lifecycle": item.lifecycle,
        "is_archived": item.is_archived,
        "is_non_stock": item.is_non_stock,
        "price": item.regular_price(main),
        "sellable": item.quantity(main),
        "sellable_second": item.quantity(second),
        "in_all_rooms": item.quantity(main, selling_only=False),
        "on_sale": any(row.sales for row in item.prices),
        "specifications": {field.display_name: field.value for field in item.specifications},
    }


def _change(world: World, product_id: str, body: Fields) -> None:
    register = world.register
    if "stock" in body:
        register.set_stock(
            product_id,
            body.decimal("stock") or Decimal(0),
            body.integer("room_id"),
            body.integer("location_id"),
        )
    if "price" in body:
        register.set_price(
            product_id, body.decimal("price") or Decimal(0), body.integer("location_id")
        )
    if "sale" in body:
        sale = body["sale"]
        if isinstance(sale, dict):
            fields = Fields(sale)
            register.put_on_sale(
                product_id,
                fields.decimal("price") or Decimal(0),
                read_time(fields.text("start") or ""),
                read_time(fields.text("end") or ""),
            )
        else:
            register.end_sale(product_id)
    for field in body.objects("specifications"):
        register.set_specification(
            product_id,
            field.text("display_name") or "",
            field.text("value") or "",
            field.text("type") or "TextSingleLine",
            field.text("unit") or "",
        )
    if body.text("lifecycle") is not None:
        register.set_lifecycle(product_id, body.text("lifecycle") or "")
    if body.text("name") is not None:
        register.rename(product_id, body.text("name") or "")
    if "archived" in body:
        (register.archive if body.flag("archived") else register.restore)(product_id)


def _on_order(order_id: str, act: Callable[[Register], object]) -> Response:
    world = the_world()
    try:
        act(world.register)
    except KeyError as exc:
        raise ApiError(404, str(exc.args[0])) from exc
    except Refusal as refused:
        raise ApiError(409, refused.message) from refused
    order = world.state.orders[order_id.lower()]
    return answer({"id": order.id, "status": world.register.sales.status(order).name})


def _plain(value: Any) -> Any:
    """Decimals as texts, so that JSON keeps them exact."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
