"""A stand-in for the plugin, and short words for what tests of the shop do again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import blinker
import jinja2
import sqlalchemy as sa
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from aiq_cova_plugin.demo.host import DemoHost
from aiq_cova_plugin.demo.models import Category, Order, Product, Store, db
from aiq_cova_plugin.demo.seed import Login
from aiq_cova_plugin.host import InsufficientStock, OrderLine, ProductChange

CHECKOUT = "/shop/pier-street/checkout"
FORM = {
    "first_name": "Ada",
    "last_name": "Keel",
    "phone": "(303) 555-0142",
    "email": "ada@example.com",
    "date_of_birth": "1990-02-03",
    "fulfilment": "pickup",
    "line1": "",
    "city": "",
    "state": "",
    "postal_code": "",
    "notes": "Ring twice",
}
MACROS = """
{% macro cova_sync_button(store_id) %}<button>Sync {{ store_id }}</button>{% endmacro %}
{% macro cova_store_health(store_id) %}<p>health {{ store_id }}</p>{% endmacro %}
{% macro cova_order_badge(store_id, order_id) %}{% if order_id|string not in cova_unqueued() %}<b>badge {{ order_id }}</b>{% endif %}{% endmacro %}
{% macro cova_product_state(store_id, product_id) %}<b>state {{ product_id }}</b>{% endmacro %}
"""
PAGES = {
    "overview": "/<store_id>/",
    "products": "/<store_id>/products",
    "product": "/<store_id>/products/<product_id>",
    "product_exclude": "/<store_id>/products/<product_id>/exclude",
    "settings": "/<store_id>/settings",
    "pos_settings": "/<store_id>/pos-settings",
    "runs": "/<store_id>/runs",
    "orders": "/<store_id>/orders",
    "order": "/<store_id>/orders/<order_id>",
    "static": "/static/<path:filename>",
}


class FakePlugin:
    """Holds stock in a dict, and remembers which store was connected with what."""

    def __init__(self) -> None:
        self.stock: dict[str, Decimal] = {}
        self.standing: dict[str, str] = {}
        self.followed: dict[str, set[str]] = {}
        self.unqueued: set[str] = set()
        self.reserved: list[tuple[str, str]] = []
        self.connected: list[tuple[str, dict[str, Any]]] = []

    def init_app(self, app: Flask, *, db: object, host: object) -> None:
        blueprint = Blueprint("cova", __name__, url_prefix="/cova")
        blueprint.jinja_loader = jinja2.DictLoader({"cova/macros.html": MACROS})
        for name, path in PAGES.items():
            blueprint.add_url_rule(path, name, lambda **_: "a page of the plugin")
        blueprint.add_app_template_global(lambda *_: {}, "cova_product_states")
        blueprint.add_app_template_global(
            lambda _store, product_id: {
                "standing": self.standing.get(product_id, "in_step"),
                "follows": self.followed.get(product_id, {"name", "price"}),
            },
            "cova_product_standing",
        )
        blueprint.add_app_template_global(lambda: self.unqueued, "cova_unqueued")
        app.register_blueprint(blueprint)

    def products_in(self, store_id: str, chosen: str) -> list[str]:
        return [each for each, standing in self.standing.items() if standing == chosen]

    def upgrade_database(self, app: Flask) -> None:
        """Nothing to upgrade."""

    def connect_store(self, app: Flask, store_id: str, **connection: Any) -> None:
        self.connected.append((store_id, connection))

    def reserve(self, store_id: str, order_id: str, lines: Sequence[OrderLine]) -> None:
        short = [
            (line.cova_product_id, line.quantity, self.stock[line.cova_product_id])
            for line in lines
            if line.quantity > self.stock.get(line.cova_product_id, Decimal(1000))
        ]
        if short:
            raise InsufficientStock(short)
        self.reserved.append((store_id, order_id))


def category_id(name: str = "Flower", store_id: int = 1) -> str:
    """The id, as the host tells it, of a category of that store."""
    found = db.session.scalar(
        sa.select(Category.id).where(Category.name == name, Category.store_id == store_id)
    )
    return str(found)


def stock_menu(app: Flask, *product_ids: str, store_id: str = "1", **fields: Any) -> None:
    """Put products on the menu the way the plugin does."""
    with app.app_context():
        common = {
            "price": Decimal("20.00"),
            "quantity": Decimal(10),
            "category_id": category_id(store_id=int(store_id)),
        }
        changes = [
            ProductChange(each, "create", {"name": f"Product {each}", **common, **fields})
            for each in product_ids
        ]
        results = DemoHost().apply_products(store_id, changes)
        assert all(result.ok for result in results), results
        db.session.commit()


def product_number(app: Flask, cova_product_id: str) -> int:
    """The shop's own number of a product."""
    with app.app_context():
        found = db.session.scalar(
            sa.select(Product.id).where(Product.cova_product_id == cova_product_id)
        )
        assert found is not None
        return found


def put_in_basket(app: Flask, client: FlaskClient, cova_product_id: str, quantity: str) -> None:
    client.post(
        "/shop/pier-street/basket",
        data={"product_id": product_number(app, cova_product_id), "quantity": quantity},
    )


def sign_in(client: FlaskClient, login: Login) -> None:
    answer = client.post(
        "/staff/login", data={"username": login.username, "password": login.password}
    )
    assert answer.status_code == 303


@contextmanager
def heard(app: Flask) -> Iterator[list[tuple[str, str, str]]]:
    """The order signals this app sends, in order."""
    messages: list[tuple[str, str, str]] = []

    def listener(name: str) -> Callable[..., None]:
        def listen(sender: Flask, **keywords: str) -> None:
            assert sender is app
            messages.append((name, keywords["store_id"], keywords["order_id"]))

        return listen

    listeners = {name: listener(name) for name in ("placed", "confirmed", "cancelled")}
    for name, receiver in listeners.items():
        blinker.signal(f"aiq.order-{name}").connect(receiver, sender=app)
    yield messages
    for name, receiver in listeners.items():
        blinker.signal(f"aiq.order-{name}").disconnect(receiver, sender=app)


def all_orders(app: Flask) -> list[Order]:
    with app.app_context():
        query = sa.select(Order).options(sa.orm.selectinload(Order.lines))
        return list(db.session.scalars(query))


def change_store(app: Flask, **values: Any) -> None:
    with app.app_context():
        db.session.execute(sa.update(Store).values(**values))
        db.session.commit()
