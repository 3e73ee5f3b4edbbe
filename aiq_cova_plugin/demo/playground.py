"""Demo only: play the register and COVA's bad days from inside the back office.

A visitor sees what the plugin does when the other side acts. Nothing here belongs into a shop of
yours, and with a real COVA none of these pages exists.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Flask, abort, current_app, flash, redirect, render_template, request
from flask.helpers import url_for
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.demo.models import Order, Product, Store, db
from aiq_cova_plugin.demo.samples import NO_THC
from aiq_cova_plugin.demo.simulator_control import (
    SLOW_SECONDS,
    RegisterRefused,
    SimulatorControl,
    Weather,
)
from aiq_cova_plugin.demo.staff_access import require

blueprint = Blueprint("playground", __name__, url_prefix="/staff")
PRODUCTS_OFFERED = 12
_WEATHER: dict[str, Weather] = {"fine": "fine", "slow": "slow", "down": "down"}
_SAID = {
    "fine": "COVA answers again. What waited goes out by itself within a minute or two.",
    "slow": f"Every answer of COVA now takes {SLOW_SECONDS} seconds. Start a sync and watch it.",
    "down": "COVA is down. Start a sync or place an order, and see what staff and shoppers notice.",
}
_ORDER_ACTS: dict[str, tuple[str, Callable[[SimulatorControl, str], None]]] = {
    "prepare": ("being prepared", lambda register, each: register.prepare(each, "InProgress")),
    "ready": ("ready", lambda register, each: register.prepare(each, "ReadyForPickup")),
    "complete": ("handed over", lambda register, each: register.complete(each)),
    "cancel": ("cancelled", lambda register, each: register.cancel(each)),
}


def init_app(app: Flask) -> None:
    """Register the pages, and tell the templates whether there is a simulator to play with."""
    app.register_blueprint(blueprint)
    app.context_processor(lambda: {"demo_simulator_url": app.config.get("DEMO_SIMULATOR_URL")})


@blueprint.get("/<int:store_id>/try")
def try_it(store_id: int) -> ResponseReturnValue:
    """The tour, and every lever in one place."""
    store, register = _playing(store_id)
    weather, problem, at_register = None, "", []
    try:
        weather = register.weather()
        at_register = _at_the_register(store, register)
    except RegisterRefused as exc:
        problem = str(exc)
    return render_template(
        "demo/staff/try_it.html",
        store=store,
        weather=weather,
        problem=problem,
        at_register=at_register,
        products=_offered(store),
        without_thc=db.session.scalar(
            sa.select(Product.cova_product_id).where(
                Product.store_id == store.id, Product.name == NO_THC
            )
        ),
    )


@blueprint.post("/<int:store_id>/try/weather")
def set_weather(store_id: int) -> ResponseReturnValue:
    """COVA answers as usual (`fine`), late (`slow`) or not at all (`down`)."""
    store, register = _playing(store_id)
    wanted = _WEATHER.get(request.form.get("weather", "")) or abort(400)
    _act(lambda: register.set_weather(wanted), _SAID[wanted])
    return redirect(url_for(".try_it", store_id=store.id), 303)


@blueprint.post("/<int:store_id>/try/sell")
def sell(store_id: int) -> ResponseReturnValue:
    """Somebody buys one at the counter, past the shop."""
    store, register = _playing(store_id)
    chosen = db.session.get(Product, request.form.get("product_id", -1, type=int))
    if chosen is None or chosen.store_id != store.id:
        abort(404)
    _act(
        lambda: register.sell_one(chosen.cova_product_id),
        f"One {chosen.name} was sold at the register. The shop learns of it with the next sync.",
    )
    return _back(url_for(".try_it", store_id=store.id))


@blueprint.post("/<int:store_id>/try/orders/<int:order_id>")
def act_on_order(store_id: int, order_id: int) -> ResponseReturnValue:
    """Prepare, hand over or cancel an order at the register."""
    store, register = _playing(store_id)
    order = db.session.get(Order, order_id)
    if order is None or order.store_id != store.id:
        abort(404)
    word, act = _ORDER_ACTS.get(request.form.get("do", "")) or abort(400)

    def do_it() -> None:
        found = register.order_of(order.number)
        if found is None:
            raise RegisterRefused("This order is not at the register (yet).")
        act(register, found["id"])

    _act(
        do_it,
        f"At the register, {order.number} is {word} now. The plugin asks COVA for news by itself; "
        "it shows here, and on the shopper's page, within half a minute or so.",
    )
    return _back(url_for(".try_it", store_id=store.id))


def _playing(store_id: int) -> tuple[Store, SimulatorControl]:
    """The store and the simulator's levers; 404 where the shop talks to a real COVA."""
    store = require("orders", store_id)
    url = current_app.config.get("DEMO_SIMULATOR_URL")
    return (store, SimulatorControl(url)) if url else abort(404)


def _act(act: Callable[[], Any], said: str) -> None:
    try:
        act()
    except RegisterRefused as exc:
        flash(f"Simulated COVA: {exc}", "error")
    else:
        flash(f"Simulated COVA: {said}", "demo")


def _back(otherwise: str) -> ResponseReturnValue:
    """To the page the button stood on, when it is one of the back office's."""
    came_from = request.form.get("back", "")
    return redirect(came_from if came_from.startswith("/staff/") else otherwise, 303)


def _at_the_register(store: Store, register: SimulatorControl) -> list[tuple[Order, str]]:
    """Our orders that wait at the register, with how far each is there."""
    waiting = {
        each["external_order_id"]: each["fulfilment"]
        for each in register.orders()
        if each["status"] == "ReadyForPayment"
    }
    query = sa.select(Order).where(Order.store_id == store.id, Order.number.in_(waiting))
    found = db.session.scalars(query.order_by(Order.id.desc()).limit(PRODUCTS_OFFERED))
    return [(order, waiting[order.number]) for order in found if order.is_open]


def _offered(store: Store) -> list[Product]:
    """Some products to sell at the counter, those with the least left first."""
    query = sa.select(Product).where(
        Product.store_id == store.id, Product.enabled, Product.quantity > 0
    )
    return list(
        db.session.scalars(query.order_by(Product.quantity, Product.name).limit(PRODUCTS_OFFERED))
    )
