"""The register as a web page: what a viewer of the demonstration plays the cashier with.

Not part of COVA. Forms work from the same origin only (see `app`), everything shown is escaped
by the templates.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    redirect,
    render_template,
    request,
    url_for,
)
from jinja2 import DictLoader

from . import artwork, control
from .cashier_templates import STYLE, TEMPLATES
from .customers import PHONE
from .faults import ACTIONS
from .orders import FULFILMENTS
from .products import Product
from .sales import Refusal
from .switches import Switches
from .wire import ApiError, read_decimal
from .world import World, the_world

blueprint = Blueprint("cashier", __name__)
PAGE = 25
_TONES = {
    "ReadyForPayment": "",
    "Completed": "done",
    "Cancelled": "done",
    "TransientProcessingFailure": "bad",
    "NonTransientProcessingFailure": "bad",
}


def add_templates(app: Flask) -> None:
    """Let the app find the templates, which are kept as text so that they need no packaging."""
    app.jinja_loader = DictLoader(TEMPLATES)


@blueprint.get("/")
def orders() -> str:
    """The incoming orders, newest first."""
    world = the_world()
    with world.state.lock:
        shown = [_order_view(world, item) for item in reversed(control.list_orders(world))]
    open_count = sum(1 for item in shown if item["status"] == "ReadyForPayment")
    return _page("orders", orders=shown, open_count=open_count)


@blueprint.post("/_register/orders/<order_id>")
def act_on_order(order_id: str) -> Response:
    """Complete, cancel or move on one order, then show the list again."""
    register, deed = the_world().register, request.form.get("do", "")
    try:
        if deed == "complete":
            register.complete(order_id)
            return _back("orders", "The order was handed over; stock went down.")
        if deed == "cancel":
            register.cancel(order_id)
            return _back("orders", "The order was cancelled.")
        if deed in FULFILMENTS:
            register.set_fulfilment(order_id, deed)
            return _back("orders", f"The order is now {deed}.")
    except Refusal as refused:
        return _back("orders", refused.message, is_bad=True)
    except KeyError as exc:
        return _back("orders", str(exc.args[0]), is_bad=True)
    return _back("orders", "The register does not know that action.", is_bad=True)


@blueprint.get("/_register/products")
def products() -> str:
    """A page of products with their counts and prices."""
    world = the_world()
    search = request.args.get("search", "")
    text = request.args.get("skip", "0")
    skip = int(text) if text.isdecimal() else 0
    with world.state.lock:
        found = control.find_products(world, search)
        shown = [_product_view(world, item) for item in found[skip : skip + PAGE]]
    return _page(
        "products",
        products=shown,
        total=len(found),
        search=search,
        previous=max(0, skip - PAGE) if skip else None,
        following=skip + PAGE if skip + PAGE < len(found) else None,
    )


@blueprint.post("/_register/products/<product_id>")
def act_on_product(product_id: str) -> Response:
    """Count, price, put on sale, sell or archive one product."""
    world = the_world()
    try:
        with world.state.lock:
            name = world.state.products[product_id].name
            said = _change_product(world, product_id)
    except KeyError:
        return _back("products", "There is no such product or room.", is_bad=True)
    except ValueError as exc:
        return _back("products", str(exc), is_bad=True)
    return _back("products", f"{name}: {said}", search=product_id)


@blueprint.get("/_register/switches")
def switches() -> str:
    """All switches and faults."""
    world = the_world()
    settings = [
        {"name": name, "value": _shown(value), "choices": _choices(name, value)}
        for name, value in world.switches.to_dict().items()
    ]
    return _page(
        "switches",
        switches=settings,
        faults=[rule.to_dict() for rule in world.faults.rules()],
        actions=ACTIONS,
        operations=sorted(world.faults.operations),
    )


@blueprint.post("/_register/switches")
def set_switch() -> Response:
    """Set the switches of the form."""
    try:
        the_world().switches.update(dict(request.form.items()))
    except ValueError as exc:
        return _back("switches", str(exc), is_bad=True)
    return _back("switches", f"Set {', '.join(request.form)}.")


@blueprint.post("/_register/faults")
def act_on_faults() -> Response:
    """Add a fault or clear them all."""
    faults = the_world().faults
    if request.form.get("do") == "clear":
        faults.clear()
        return _back("switches", "All faults are gone.")
    params: dict[str, Any] = {}
    times, seconds = request.form.get("times", ""), read_decimal(request.form.get("seconds"))
    if seconds is not None:
        params["seconds"] = float(seconds)
    try:
        faults.add(
            request.form.get("operation") or None,
            action=request.form.get("action", ""),
            times=int(times) if times.strip() else None,
            **params,
        )
    except ValueError as exc:
        return _back("switches", str(exc), is_bad=True)
    return _back("switches", "The fault is waiting for its call.")


@blueprint.post("/_register/clock")
def move_clock() -> Response:
    """Move the simulated time."""
    seconds = read_decimal(request.form.get("seconds"))
    if seconds is None:
        return _back("switches", "Seconds must be a number.", is_bad=True)
    the_world().clock.advance(float(seconds))
    return _back("switches", f"The clock moved by {seconds} s.")


@blueprint.get("/_register/style.css")
def style() -> Response:
    """The style sheet of the pages."""
    return Response(STYLE, content_type="text/css; charset=utf-8")


@blueprint.get("/assets/<asset_id>.svg")
def asset(asset_id: str) -> Response:
    """The picture behind an asset's `Uri`."""
    world = the_world()
    with world.state.lock:
        owner = world.state.products.get(world.state.asset_owner.get(asset_id.lower(), ""))
        if owner is None:
            raise ApiError(404, "There is no such picture.")
        picture = artwork.svg(
            name=owner.name, classification_path=owner.classification.path, key=asset_id.lower()
        )
    response = Response(picture, content_type="image/svg+xml; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=3600"
    # A picture opened on its own must not be able to run anything.
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response


def _page(name: str, **values: Any) -> str:
    world = the_world()
    return render_template(
        f"register/{name}.html",
        company=world.account.company_name,
        now=world.clock.now().strftime("%Y-%m-%d %H:%M UTC"),
        note=request.args.get("note"),
        is_bad=request.args.get("bad") == "1",
        **values,
    )


def _back(name: str, note: str, *, is_bad: bool = False, **query: Any) -> Response:
    target = url_for(f"cashier.{name}", note=note, bad="1" if is_bad else None, **query)
    return Response(status=303, headers={"Location": redirect(target).location or "/"})


def _change_product(world: World, product_id: str) -> str:
    register, form = world.register, request.form
    deed = form.get("do", "")
    if deed == "stock":
        register.set_stock(product_id, _number("quantity"), room_id=int(_number("room_id")))
        return "counted."
    if deed == "price":
        register.set_price(product_id, _number("price"))
        return "new price."
    if deed == "sale":
        start = world.clock.now()
        end = start + timedelta(days=float(_number("days")))
        register.put_on_sale(product_id, _number("price"), start, end)
        return "on sale."
    plain = {
        "end_sale": (register.end_sale, "the sale is over."),
        "sell": (register.sell, "one sold."),
        "archive": (register.archive, "archived."),
        "restore": (register.restore, "back again."),
    }
    if deed not in plain:
        raise ValueError("The register does not know that action.")
    act, said = plain[deed]
    act(product_id)
    return said


def _number(name: str) -> Decimal:
    value = read_decimal(request.form.get(name))
    if value is None or value < 0:
        raise ValueError(f"The {name} must be a number, zero or more.")
    return value


def _order_view(world: World, order: dict[str, Any]) -> dict[str, Any]:
    customer = world.state.customers.get(order["customer_id"] or "")
    who, phone, address = order["order_reference"], "", ""
    if customer is not None:
        who = customer.full_name or who
        phone = next(iter(customer.contact_values(PHONE)), "")
        places = sorted(customer.addresses, key=lambda item: not item.is_default)
        if places:
            parts = (
                places[0].street1,
                places[0].street2,
                places[0].locality,
                places[0].state_code,
                places[0].postal_code,
            )
            address = ", ".join(part for part in parts if part)
    tone = _TONES.get(order["status"], "wait")
    return {**order, "who": who or "Guest", "phone": phone, "address": address, "tone": tone}


def _product_view(world: World, product: Product) -> dict[str, Any]:
    picture = next((asset.id for asset in product.assets if not asset.is_hidden), None)
    rooms = [
        {
            "id": room.id,
            "name": room.name if room.is_selling else f"{room.name} (back)",
            "quantity": sum(
                (row.quantity for row in product.stock if row.room_id == room.id), Decimal(0)
            ),
        }
        for room in world.account.rooms_of(world.account.location_ids[0])
        if not product.is_non_stock
    ]
    return {
        **control.product_summary(world, product),
        "rooms": rooms,
        "picture": None if picture is None else f"/assets/{picture}.svg",
    }


def _choices(name: str, value: object) -> tuple[str, ...]:
    return ("True", "False") if isinstance(value, bool) else Switches.choices(name)


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
