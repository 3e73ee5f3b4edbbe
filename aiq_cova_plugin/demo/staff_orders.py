"""Orders in the back office: the list with the plugin's badge, one order, confirm and cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.demo import orders
from aiq_cova_plugin.demo.models import STATUSES, Order, Store, db
from aiq_cova_plugin.demo.staff_access import current_user, require
from aiq_cova_plugin.demo.staff_blueprint import blueprint

PAGE_SIZE = 50


@blueprint.get("/<int:store_id>/orders")
def order_list(store_id: int) -> ResponseReturnValue:
    store = require("orders", store_id)
    status = request.args.get("status", "")
    query = sa.select(Order).where(Order.store_id == store.id)
    query = query.where(Order.status == status) if status in STATUSES else query
    shown = db.session.scalars(query.order_by(Order.id.desc()).limit(PAGE_SIZE)).all()
    return render_template(
        "demo/staff/orders.html", store=store, orders=shown, status=status, statuses=STATUSES
    )


@blueprint.get("/<int:store_id>/orders/<int:order_id>")
def order(store_id: int, order_id: int) -> ResponseReturnValue:
    store = require("orders", store_id)
    return _order_page(store, _order(store, order_id))


@blueprint.post("/<int:store_id>/orders/<int:order_id>/confirm")
def confirm_order(store_id: int, order_id: int) -> ResponseReturnValue:
    return _decide(store_id, order_id, orders.confirm, "confirmed")


@blueprint.post("/<int:store_id>/orders/<int:order_id>/cancel")
def cancel_order(store_id: int, order_id: int) -> ResponseReturnValue:
    """Ask in the page first; the second press, with `confirmed`, cancels."""
    store = require("orders", store_id)
    chosen = _order(store, order_id)
    if chosen.is_open and not request.form.get("confirmed"):
        return _order_page(store, chosen, asks_to_cancel=True)
    return _decide(store_id, order_id, orders.cancel, "cancelled")


def _order_page(store: Store, chosen: Order, *, asks_to_cancel: bool = False) -> str:
    return render_template(
        "demo/staff/order.html", store=store, order=chosen, asks_to_cancel=asks_to_cancel
    )


def _decide(
    store_id: int, order_id: int, decision: Callable[..., Any], word: str
) -> ResponseReturnValue:
    store = require("orders", store_id)
    chosen = _order(store, order_id)
    user = current_user()
    if decision(chosen, note=f"By {user.name}." if user is not None else None):
        db.session.commit()
        flash(f"Order {chosen.number} is {word}.", "ok")
    else:
        flash(f"Order {chosen.number} cannot be {word} any more.", "error")
    return redirect(url_for(".order", store_id=store.id, order_id=chosen.id), 303)


def _order(store: Store, order_id: int) -> Order:
    found = db.session.get(Order, order_id)
    return found if found is not None and found.store_id == store.id else abort(404)
