"""The dashboard and the store's own settings."""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.demo.forms import length_errors, read_amount, read_texts
from aiq_cova_plugin.demo.models import FEW_LEFT, PLACED, Order, Product, Store, db, utc_now
from aiq_cova_plugin.demo.staff_access import require
from aiq_cova_plugin.demo.staff_blueprint import blueprint

LATEST_ORDERS = 6
LOW_STOCK_SHOWN = 6
_OVER = ("completed", "cancelled")
_HIGHEST_FEE = Decimal(500)
_SETTINGS = {"delivery_fee": 20, "minimum_age": 10, "auto_confirms": 10, "requires_phone": 10}


@blueprint.get("/<int:store_id>/")
def dashboard(store_id: int) -> ResponseReturnValue:
    """What a small shop wants to know when it opens: the register, the orders, the shelf."""
    store = require("view", store_id)
    mine = sa.select(Order).where(Order.store_id == store.id)
    menu = sa.select(Product).where(
        Product.store_id == store.id, Product.enabled, Product.price.is_not(None)
    )
    low = menu.where(Product.quantity > 0, Product.quantity <= FEW_LEFT)
    today = mine.where(Order.placed_at >= _midnight(store))
    figures = {
        "today": _count(today),
        "sales": _sales(today),
        "waiting": _count(mine.where(Order.status == PLACED)),
        "open": _count(mine.where(Order.status.not_in(_OVER))),
        "on_menu": _count(menu),
        "low": _count(low),
        "sold_out": _count(menu.where(Product.quantity <= 0)),
    }
    return render_template(
        "demo/staff/dashboard.html",
        store=store,
        figures=figures,
        orders=db.session.scalars(mine.order_by(Order.id.desc()).limit(LATEST_ORDERS)).all(),
        low_stock=db.session.scalars(
            low.order_by(Product.quantity, Product.name).limit(LOW_STOCK_SHOWN)
        ).all(),
    )


@blueprint.get("/<int:store_id>/integrations")
def integrations(store_id: int) -> ResponseReturnValue:
    """Store > Integrations: what this store can be connected to."""
    store = require("view", store_id)
    simulator_url = current_app.config.get("DEMO_SIMULATOR_URL")
    return render_template("demo/staff/integrations.html", store=store, simulator=simulator_url)


@blueprint.get("/<int:store_id>/settings")
def settings(store_id: int) -> ResponseReturnValue:
    """Store > Checkout: the rules of the checkout."""
    store = require("configure", store_id)
    return render_template("demo/staff/settings.html", store=store, errors={}, form=None)


@blueprint.post("/<int:store_id>/settings")
def save_settings(store_id: int) -> ResponseReturnValue:
    store = require("configure", store_id)
    form = read_texts(request.form, _SETTINGS)
    errors = length_errors(form, _SETTINGS)
    fee = read_amount(form["delivery_fee"])
    typed_age = form["minimum_age"]
    age = int(typed_age) if typed_age.isdecimal() and len(typed_age) <= 3 else 0
    if fee is None or fee > _HIGHEST_FEE:
        errors["delivery_fee"] = f"Please write an amount from 0 (free delivery) to {_HIGHEST_FEE}."
    if not 18 <= age <= 25:
        errors["minimum_age"] = "Please write an age from 18 to 25."
    if fee is None or errors:
        page = render_template("demo/staff/settings.html", store=store, errors=errors, form=form)
        return page, 422
    store.delivery_fee, store.minimum_age = fee, age
    store.auto_confirms = bool(form["auto_confirms"])
    store.requires_phone = bool(form["requires_phone"])
    db.session.commit()
    flash("The checkout settings are saved.", "ok")
    return redirect(url_for(".settings", store_id=store.id), 303)


def _midnight(store: Store) -> datetime:
    """When today began on the store's clock."""
    zone = ZoneInfo(store.timezone)
    day = utc_now().astimezone(zone).date()
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _sales(orders: sa.Select[Order]) -> Decimal:
    """What these orders come to, without the cancelled ones."""
    query = orders.where(Order.status != "cancelled").options(sa.orm.selectinload(Order.lines))
    return sum((order.total for order in db.session.scalars(query)), Decimal(0))


def _count(query: sa.Select[Order] | sa.Select[Product]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
