"""Menu > Products: the list with the plugin's column, and the page of one product."""

from __future__ import annotations

from decimal import Decimal

import nh3
import sqlalchemy as sa
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from aiq_cova_plugin.demo.extensions import cova
from aiq_cova_plugin.demo.forms import length_errors, read_amount, read_texts
from aiq_cova_plugin.demo.models import FEW_LEFT, Category, Product, Store, db
from aiq_cova_plugin.demo.staff_access import require
from aiq_cova_plugin.demo.staff_blueprint import blueprint

PAGE_SIZE = 50
LONGEST_SEARCH = 100
LENGTHS = {
    "name": 200,
    "brand": 100,
    "price": 20,
    "category_id": 20,
    "description": 10_000,
    "is_featured": 10,
    "staff_note": 1_000,
}
_HIGHEST_PRICE = Decimal(100_000)

IN_COVA = {
    "differs": "Differs",
    "locked": "Locked",
    "excluded": "Excluded",
    "failed": "Not saved",
    "unmapped": "No category found",
}
"""The plugin's filters this list offers, and what it calls them."""

STATES = {
    "on-menu": (Product.enabled, Product.price.is_not(None), Product.quantity > 0),
    "few": (Product.enabled, Product.quantity > 0, Product.quantity <= FEW_LEFT),
    "sold-out": (Product.enabled, Product.quantity <= 0),
    "on-sale": (Product.enabled, Product.sale_price.is_not(None)),
    "hidden": (sa.not_(Product.enabled),),
}


@blueprint.get("/<int:store_id>/products")
def products(store_id: int) -> ResponseReturnValue:
    """Menu > Products, with search and filters."""
    store = require("view", store_id)
    words = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    category_id = request.args.get("category", type=int)
    state, in_cova = request.args.get("state", ""), request.args.get("cova", "")
    query = _matching(store, words, category_id)
    query = query.where(*STATES[state]) if state in STATES else query
    if in_cova in IN_COVA:
        # The plugin answers ids; filtering and paging stay the shop's own.
        query = query.where(Product.cova_product_id.in_(cova.products_in(str(store.id), in_cova)))
    found = db.session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
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


@blueprint.get("/<int:store_id>/products/<int:product_id>")
def product(store_id: int, product_id: int) -> ResponseReturnValue:
    store = require("view", store_id)
    chosen = _product(store, product_id)
    return _product_page(store, chosen, _typed(chosen), {})


@blueprint.post("/<int:store_id>/products/<int:product_id>")
def save_product(store_id: int, product_id: int) -> ResponseReturnValue:
    """Save what staff wrote. A field that the POS owns returns with a later sync."""
    store = require("configure", store_id)
    chosen = _product(store, product_id)
    form = read_texts(request.form, LENGTHS)
    category_ids = {str(category.id): category.id for category in _categories_of(store)}
    price = read_amount(form["price"])
    errors = _errors(form, price, category_ids, before=_typed(chosen))
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
    return redirect(url_for(".product", store_id=store.id, product_id=chosen.id), 303)


def _errors(
    form: dict[str, str],
    price: Decimal | None,
    category_ids: dict[str, int],
    *,
    before: dict[str, str],
) -> dict[str, str]:
    # COVA may send longer texts than staff may type; one left as it was is no mistake of theirs.
    errors = {
        name: text
        for name, text in length_errors(form, LENGTHS).items()
        if form[name] != before[name]
    }
    if not form["name"]:
        errors["name"] = "A product needs a name."
    if form["price"] and price is None:
        errors.setdefault("price", "Please write an amount such as 12.50.")
    elif price is not None and price > _HIGHEST_PRICE:
        errors["price"] = f"Please write an amount up to {_HIGHEST_PRICE:,}."
    if form["category_id"] and form["category_id"] not in category_ids:
        errors["category_id"] = "Please choose a category from the list."
    return errors


def _matching(store: Store, words: str, category_id: int | None) -> sa.Select[Product]:
    query = sa.select(Product).where(Product.store_id == store.id)
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
    return query


def _product_page(
    store: Store, chosen: Product, form: dict[str, str], errors: dict[str, str]
) -> str:
    return render_template(
        "demo/staff/product.html",
        store=store,
        product=chosen,
        form=form,
        errors=errors,
        lengths=LENGTHS,
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


def _product(store: Store, product_id: int) -> Product:
    found = db.session.get(Product, product_id)
    return found if found is not None and found.store_id == store.id else abort(404)


def _categories_of(store: Store) -> list[Category]:
    query = sa.select(Category).where(Category.store_id == store.id).order_by(Category.position)
    return list(db.session.scalars(query))
