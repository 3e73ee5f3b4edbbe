"""What shoppers see: stores, menu, product, basket, checkout and their order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import (
    Blueprint,
    abort,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from aiq_cova_plugin.demo import basket, checkout, orders, regions
from aiq_cova_plugin.demo.models import FEW_LEFT, Category, Order, Product, Store, db, utc_now
from aiq_cova_plugin.host import InsufficientStock

blueprint = Blueprint("shop", __name__)

_SORTS = {
    "name": (Product.name,),
    "price": (sa.func.coalesce(Product.sale_price, Product.price), Product.name),
    "price-down": (sa.func.coalesce(Product.sale_price, Product.price).desc(), Product.name),
}
_ONLY = {
    "there": (Product.quantity > 0,),
    "sale": (Product.sale_price.is_not(None), Product.quantity > 0),
}
SHOWN_OF_EACH = 12
"""How many products of a category the whole menu shows before it asks to choose one."""
LONGEST_SEARCH = 100


@blueprint.context_processor
def _shared() -> dict[str, Any]:
    store: Store | None = g.get("store")
    return {
        "store": store,
        "basket_count": basket.count(store) if store is not None else 0,
        "few_left": FEW_LEFT,
        "regions": regions,
    }


@blueprint.get("/")
def home() -> ResponseReturnValue:
    stores = db.session.scalars(sa.select(Store).order_by(Store.id)).all()
    return render_template("demo/shop/home.html", stores=stores)


@blueprint.get("/shop/<slug>/")
def menu(slug: str) -> ResponseReturnValue:
    """The beginning of each category, or all that the filters leave."""
    store = _store(slug)
    category_id = request.args.get("category", type=int)
    words = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    sort, kind = request.args.get("sort", "name"), request.args.get("kind", "")
    only = request.args.get("only", "")
    query = _on_menu(store).order_by(*_SORTS.get(sort, _SORTS["name"]))
    query = query.where(*_ONLY[only]) if only in _ONLY else query
    if kind:
        query = query.where(Product.cannabis_type == kind)
    if category_id is not None:
        query = query.where(Product.category_id == category_id)
    for word in words.split():
        query = query.where(
            sa.or_(
                Product.name.icontains(word, autoescape=True),
                Product.brand.icontains(word, autoescape=True),
                Product.strain.icontains(word, autoescape=True),
            )
        )
    products = db.session.scalars(query).all()
    categories = _categories(store)
    return render_template(
        "demo/shop/menu.html",
        categories=categories,
        sections=_sections(categories, products),
        found=len(products),
        kinds=_kinds(store),
        kind=kind,
        only=only,
        shown_of_each=None if category_id is not None or words or kind or only else SHOWN_OF_EACH,
        category_id=category_id,
        words=words,
        sort=sort,
        is_filtered=bool(words or kind or only) or category_id is not None,
    )


@blueprint.get("/shop/<slug>/products/<int:product_id>")
def product(slug: str, product_id: int) -> ResponseReturnValue:
    store = _store(slug)
    return _product_page(_product(store, product_id))


# --- basket -------------------------------------------------------------------------------


@blueprint.get("/shop/<slug>/basket")
def show_basket(slug: str) -> ResponseReturnValue:
    return _basket_page(_store(slug))


@blueprint.post("/shop/<slug>/basket")
def put_in_basket(slug: str) -> ResponseReturnValue:
    """Add to the basket (`add`) or set the quantity there (`set`)."""
    store = _store(slug)
    chosen = _product(store, request.form.get("product_id", -1, type=int))
    typed = request.form.get("quantity", "1").strip()[:LONGEST_SEARCH]
    quantity = basket.read_quantity(typed, chosen)
    adding = request.form.get("do") != "set"
    if quantity is None or (adding and quantity == 0):
        wish = "half grams, such as 3.5" if chosen.is_sold_by_weight else "a whole number"
        error = f"Please write {wish}, up to {basket.LARGEST_QUANTITY}."
        if adding:
            return _product_page(chosen, typed, error), 422
        return _basket_page(store, chosen, typed, error), 422
    if adding:
        quantity += basket.quantity_of(store, chosen)
    if quantity > chosen.quantity:
        left = max(chosen.quantity, Decimal(0))
        flash(f"There {_left(left)} of {chosen.name}.", "error")
        quantity = left - left % (Decimal("0.5") if chosen.is_sold_by_weight else Decimal(1))
    elif adding:
        flash(f"{chosen.name} is in your basket.", "ok")
    basket.put(store, chosen, quantity)
    return redirect(_back(store, chosen, adding=adding), 303)


# --- checkout -----------------------------------------------------------------------------


@blueprint.get("/shop/<slug>/checkout")
def show_checkout(slug: str) -> ResponseReturnValue:
    store = _store(slug)
    if not basket.lines(store):
        return redirect(url_for(".show_basket", slug=slug))
    return _checkout_page(store, checkout.blank_form())


@blueprint.post("/shop/<slug>/checkout")
def place_order(slug: str) -> ResponseReturnValue:
    """Place the order, or show the form again: wrong fields and short lines with 422."""
    store = _store(slug)
    once = checkout.once_only_token(request.form)
    if _order_with(once) is not None:
        return redirect(url_for(".order", token=once), 303)
    lines = basket.lines(store)
    if not lines:
        return redirect(url_for(".show_basket", slug=slug), 303)
    form = checkout.read_form(request.form, store, checkout.today_in(store, utc_now()))
    if form.errors:
        return _checkout_page(store, form), 422
    order = checkout.new_order(form, store)
    order.token = once
    try:
        orders.place(order, lines)
    except IntegrityError:
        # The same form was sent twice at once, and the other one was quicker.
        db.session.rollback()
        if _order_with(once) is None:
            raise
        return redirect(url_for(".order", token=once), 303)
    except InsufficientStock as exc:
        db.session.rollback()
        short = {product_id: available for product_id, _wanted, available in exc.lines}
        return _checkout_page(_store(slug), form, short), 422
    db.session.commit()
    basket.empty(store)
    return redirect(url_for(".order", token=order.token), 303)


def _order_with(token: str) -> Order | None:
    return db.session.scalar(sa.select(Order).where(Order.token == token))


# --- the order ----------------------------------------------------------------------------


@blueprint.get("/orders/<token>")
def order(token: str) -> ResponseReturnValue:
    """The shopper's order; the address is the secret that opens it."""
    found = db.first_or_404(sa.select(Order).where(Order.token == token))
    g.store = found.store
    page = "demo/shop/_order_status.html" if "HX-Request" in request.headers else None
    answer = make_response(render_template(page or "demo/shop/order.html", order=found))
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.vary.add("HX-Request")
    return answer


# --- parts --------------------------------------------------------------------------------


def _store(slug: str) -> Store:
    g.store = db.first_or_404(sa.select(Store).where(Store.slug == slug))
    store: Store = g.store
    return store


def _on_menu(store: Store) -> sa.Select[Product]:
    return sa.select(Product).where(
        Product.store_id == store.id, Product.enabled, Product.price.is_not(None)
    )


def _product(store: Store, product_id: int) -> Product:
    found = db.session.scalar(_on_menu(store).where(Product.id == product_id))
    return found if found is not None else abort(404)


def _categories(store: Store) -> list[Category]:
    """The categories that have something on the menu."""
    query = (
        sa.select(Category)
        .where(Category.store_id == store.id)
        .where(Category.id.in_(_on_menu(store).with_only_columns(Product.category_id)))
        .order_by(Category.position)
    )
    return list(db.session.scalars(query))


def _sections(
    categories: list[Category], products: Any
) -> list[tuple[Category | None, list[Product]]]:
    """The products under their categories; those without one come last."""
    by_category: dict[int | None, list[Product]] = {}
    for each in products:
        by_category.setdefault(each.category_id, []).append(each)
    sections: list[tuple[Category | None, list[Product]]] = [
        (category, by_category[category.id])
        for category in categories
        if category.id in by_category
    ]
    if None in by_category:
        sections.append((None, by_category[None]))
    return sections


def _totals(store: Store, lines: list[basket.BasketLine]) -> dict[str, Decimal]:
    subtotal = sum((line.total for line in lines), Decimal(0))
    return {"subtotal": subtotal, "tax": orders.estimated_tax(store, lines)}


def _kinds(store: Store) -> list[str]:
    """The cannabis types that are on the menu."""
    query = _on_menu(store).with_only_columns(Product.cannabis_type).distinct()
    return sorted(kind for kind in db.session.scalars(query) if kind)


def _product_page(chosen: Product, typed: str = "1", error: str = "") -> str:
    return render_template("demo/shop/product.html", product=chosen, typed=typed, error=error)


def _basket_page(
    store: Store, wrong: Product | None = None, typed: str = "", error: str = ""
) -> str:
    lines = basket.lines(store)
    return render_template(
        "demo/shop/basket.html",
        lines=lines,
        totals=_totals(store, lines),
        wrong_id=None if wrong is None else wrong.id,
        typed=typed,
        error=error,
    )


def _checkout_page(
    store: Store, form: checkout.CheckoutForm, short: dict[str, Decimal] | None = None
) -> str:
    lines = basket.lines(store)
    today = checkout.today_in(store, utc_now())
    return render_template(
        "demo/shop/checkout.html",
        form=form,
        lines=lines,
        short=short or {},
        totals=_totals(store, lines),
        latest_birthday=checkout.latest_birthday(store, today),
        once=checkout.once_only_token(request.form),
    )


def _back(store: Store, chosen: Product, *, adding: bool) -> str:
    if adding and request.form.get("from") == "menu":
        return url_for(".menu", slug=store.slug, _anchor=f"product-{chosen.id}")
    if adding:
        return url_for(".product", slug=store.slug, product_id=chosen.id)
    return url_for(".show_basket", slug=store.slug)


def _left(quantity: Decimal) -> str:
    return "is none left" if quantity <= 0 else f"is only {quantity.normalize():f} left"
