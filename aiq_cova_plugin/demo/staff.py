"""The back office: sign-in, menu, orders, and the way to the plugin's pages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import nh3
import sqlalchemy as sa
from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.security import check_password_hash, generate_password_hash

from aiq_cova_plugin.demo import orders
from aiq_cova_plugin.demo.columns import is_storable
from aiq_cova_plugin.demo.extensions import cova
from aiq_cova_plugin.demo.models import (
    PLACED,
    STATUSES,
    Category,
    Order,
    Product,
    StaffUser,
    Store,
    db,
    utc_now,
)
from aiq_cova_plugin.demo.staff_access import (
    current_user,
    current_user_may,
    require,
    sign_in,
    sign_out,
    stores_of,
)

blueprint = Blueprint("staff", __name__, url_prefix="/staff")

PAGE_SIZE = 50
# Compared against when there is no such user, so that both answers take the same time.
_NOBODY = generate_password_hash("nobody")


def init_app(app: Flask) -> None:
    """Register the back office; its layout also frames the plugin's pages."""
    app.register_blueprint(blueprint)
    app.context_processor(_frame)


def _frame() -> dict[str, Any]:
    """What the layout needs on every page: the user, their stores and the one that is open."""
    user = current_user()
    if user is None:
        return {"staff_user": None, "staff_stores": [], "staff_store": None}
    stores = stores_of(user)
    wanted = str((request.view_args or {}).get("store_id", ""))
    store = next((each for each in stores if str(each.id) == wanted), None)
    return {
        "staff_user": user,
        "staff_stores": stores,
        "staff_store": store or (stores[0] if stores else None),
        "staff_may": current_user_may,
    }


# --- sign-in ------------------------------------------------------------------------------


@blueprint.get("/login")
def login() -> ResponseReturnValue:
    return render_template("demo/staff/login.html", username="", failed=False)


@blueprint.post("/login")
def check_login() -> ResponseReturnValue:
    username = request.form.get("username", "").strip()
    user = db.session.scalar(sa.select(StaffUser).where(StaffUser.username == username))
    known_hash = user.password_hash if user is not None else _NOBODY
    matches = check_password_hash(known_hash, request.form.get("password", ""))
    if user is None or not matches:
        return render_template("demo/staff/login.html", username=username, failed=True), 422
    sign_in(user)
    return redirect(_own_address(request.args.get("next")) or url_for(".index"), 303)


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    sign_out()
    return redirect(url_for(".login"), 303)


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """The dashboard of the user's first store."""
    user = current_user()
    if user is None:
        return redirect(url_for(".login"))
    stores = stores_of(user)
    return redirect(url_for(".dashboard", store_id=stores[0].id)) if stores else abort(403)


# --- dashboard ----------------------------------------------------------------------------


@blueprint.get("/<int:store_id>/")
def dashboard(store_id: int) -> ResponseReturnValue:
    store = require("view", store_id)
    products = _products_of(store)
    mine = sa.select(Order).where(Order.store_id == store.id)
    since = utc_now() - timedelta(days=1)
    figures = {
        "on_menu": _count(products.where(Product.enabled, Product.price.is_not(None))),
        "sold_out": _count(products.where(Product.enabled, Product.quantity <= 0)),
        "hidden": _count(products.where(sa.not_(Product.enabled))),
        "waiting": _count(mine.where(Order.status == PLACED)),
        "open": _count(mine.where(Order.status.not_in(("completed", "cancelled")))),
        "today": _count(mine.where(Order.placed_at >= since)),
    }
    latest = db.session.scalars(mine.order_by(Order.id.desc()).limit(8)).all()
    return render_template("demo/staff/dashboard.html", store=store, figures=figures, orders=latest)


# --- menu ---------------------------------------------------------------------------------


@blueprint.get("/<int:store_id>/products")
def products(store_id: int) -> ResponseReturnValue:
    """Menu > Products, with search and filters."""
    store = require("view", store_id)
    words = request.args.get("q", "").strip()
    category_id = request.args.get("category", type=int)
    state, in_cova = request.args.get("state", ""), request.args.get("cova", "")
    query = _products_of(store)
    for word in words.split():
        query = query.where(
            sa.or_(
                *(
                    column.icontains(word, autoescape=True)
                    for column in (Product.name, Product.brand, Product.sku)
                )
            )
        )
    if category_id is not None:
        # 0 stands for the products that landed in no category.
        query = query.where(
            Product.category_id.is_(None)
            if category_id == 0
            else Product.category_id == category_id
        )
    query = query.where(*_STATES[state]) if state in _STATES else query
    if in_cova in IN_COVA:
        query = query.where(Product.cova_product_id.in_(cova.products_in(str(store.id), in_cova)))
    found = _count(query)
    last_page = max(1, -(-found // PAGE_SIZE))
    page = min(max(request.args.get("page", 1, type=int), 1), last_page)
    shown = query.order_by(Product.name).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    return render_template(
        "demo/staff/products.html",
        store=store,
        products=db.session.scalars(shown.options(sa.orm.joinedload(Product.category))).all(),
        categories=_categories_of(store),
        words=words,
        category_id=category_id,
        state=state,
        in_cova=in_cova,
        in_cova_labels=IN_COVA,
        found=found,
        page=page,
        last_page=last_page,
    )


IN_COVA = {
    "differs": "Differs",
    "locked": "Locked",
    "excluded": "Excluded",
    "failed": "Not saved",
    "unmapped": "No category found",
}
"""The plugin's filters this list offers, and what it calls them."""

_STATES = {
    "on-menu": (Product.enabled, Product.price.is_not(None), Product.quantity > 0),
    "few": (Product.enabled, Product.quantity > 0, Product.quantity <= 5),
    "sold-out": (Product.enabled, Product.quantity <= 0),
    "on-sale": (Product.enabled, Product.sale_price.is_not(None)),
    "hidden": (sa.not_(Product.enabled),),
}


@blueprint.get("/<int:store_id>/products/<int:product_id>")
def product(store_id: int, product_id: int) -> ResponseReturnValue:
    store = require("view", store_id)
    chosen = _product(store, product_id)
    return _product_page(store, chosen, _typed(chosen), {})


@blueprint.post("/<int:store_id>/products/<int:product_id>")
def save_product(store_id: int, product_id: int) -> ResponseReturnValue:
    """Save what staff wrote. A field that the POS owns returns with the next sync."""
    store = require("configure", store_id)
    chosen = _product(store, product_id)
    form = {name: request.form.get(name, "").strip() for name in _typed(chosen)}
    errors: dict[str, str] = {}
    price = _price(form["price"])
    if not form["name"]:
        errors["name"] = "A product needs a name."
    if form["price"] and price is None:
        errors["price"] = "Please write an amount such as 12.50."
    category_ids = {str(category.id): category.id for category in _categories_of(store)}
    if form["category_id"] and form["category_id"] not in category_ids:
        errors["category_id"] = "Please choose a category from the list."
    if errors:
        return _product_page(store, chosen, form, errors), 422
    chosen.name, chosen.brand, chosen.price = form["name"], form["brand"], price
    chosen.category_id = category_ids.get(form["category_id"])
    # Shoppers are shown this as HTML, so nothing but harmless tags may be in it.
    chosen.description = nh3.clean(form["description"])
    chosen.is_featured = bool(form["is_featured"])
    chosen.staff_note = form["staff_note"]
    db.session.commit()
    flash(f"{chosen.name} is saved.", "ok")
    return redirect(url_for(".products", store_id=store.id), 303)


# --- orders -------------------------------------------------------------------------------


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
    return render_template("demo/staff/order.html", store=store, order=_order(store, order_id))


@blueprint.post("/<int:store_id>/orders/<int:order_id>/confirm")
def confirm_order(store_id: int, order_id: int) -> ResponseReturnValue:
    return _decide(store_id, order_id, orders.confirm, "confirmed")


@blueprint.post("/<int:store_id>/orders/<int:order_id>/cancel")
def cancel_order(store_id: int, order_id: int) -> ResponseReturnValue:
    return _decide(store_id, order_id, orders.cancel, "cancelled")


# --- store --------------------------------------------------------------------------------


@blueprint.get("/<int:store_id>/integrations")
def integrations(store_id: int) -> ResponseReturnValue:
    """Store > Integrations: what this store can be connected to."""
    store = require("view", store_id)
    simulator_url = current_app.config.get("DEMO_SIMULATOR_URL")
    return render_template("demo/staff/integrations.html", store=store, simulator=simulator_url)


@blueprint.get("/<int:store_id>/settings")
def settings(store_id: int) -> ResponseReturnValue:
    """Store > Settings: the rules of the checkout."""
    store = require("configure", store_id)
    return render_template("demo/staff/settings.html", store=store, errors={}, form=None)


@blueprint.post("/<int:store_id>/settings")
def save_settings(store_id: int) -> ResponseReturnValue:
    store = require("configure", store_id)
    form = {name: request.form.get(name, "").strip() for name in _SETTINGS}
    errors = {}
    fee = _price(form["delivery_fee"])
    age = int(form["minimum_age"]) if form["minimum_age"].isdecimal() else 0
    if fee is None:
        errors["delivery_fee"] = "Please write an amount such as 5.00, or 0 for free delivery."
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


_SETTINGS = ("delivery_fee", "minimum_age", "auto_confirms", "requires_phone")


# --- parts --------------------------------------------------------------------------------


def _decide(store_id: int, order_id: int, decision: Any, word: str) -> ResponseReturnValue:
    store = require("orders", store_id)
    chosen = _order(store, order_id)
    user = current_user()
    if decision(chosen, note=f"By {user.name}." if user is not None else None):
        db.session.commit()
        flash(f"Order {chosen.number} is {word}.", "ok")
    else:
        flash(f"Order {chosen.number} cannot be {word} any more.", "error")
    return redirect(url_for(".order", store_id=store.id, order_id=chosen.id), 303)


def _product_page(
    store: Store, chosen: Product, form: dict[str, str], errors: dict[str, str]
) -> str:
    return render_template(
        "demo/staff/product.html",
        store=store,
        product=chosen,
        form=form,
        errors=errors,
        categories=_categories_of(store),
    )


def _typed(chosen: Product) -> dict[str, str]:
    """The product as the edit form shows it."""
    return {
        "name": chosen.name,
        "brand": chosen.brand,
        "price": "" if chosen.price is None else f"{chosen.price:.2f}",
        "category_id": "" if chosen.category_id is None else str(chosen.category_id),
        "description": chosen.description,
        "is_featured": "yes" if chosen.is_featured else "",
        "staff_note": chosen.staff_note,
    }


def _price(text: str) -> Decimal | None:
    """The amount somebody typed, or None when it is none."""
    try:
        amount = Decimal(text.lstrip("$"))
    except InvalidOperation:
        return None
    return amount if is_storable(amount) and amount >= 0 else None


def _products_of(store: Store) -> sa.Select[Product]:
    return sa.select(Product).where(Product.store_id == store.id)


def _product(store: Store, product_id: int) -> Product:
    found = db.session.get(Product, product_id)
    return found if found is not None and found.store_id == store.id else abort(404)


def _order(store: Store, order_id: int) -> Order:
    found = db.session.get(Order, order_id)
    return found if found is not None and found.store_id == store.id else abort(404)


def _categories_of(store: Store) -> list[Category]:
    query = sa.select(Category).where(Category.store_id == store.id).order_by(Category.position)
    return list(db.session.scalars(query))


def _count(query: sa.Select[Any]) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def _own_address(address: str | None) -> str | None:
    """The address when it leads to a page of this site, else None."""
    if address is None or not address.startswith("/") or address[:2] in ("//", "/\\"):
        return None
    return address
