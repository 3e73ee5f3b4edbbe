"""The demo shop's own pages, as a visitor of `make demo` finds them after half a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Flask

from aiq_cova_plugin.demo import samples
from aiq_cova_plugin.demo.models import Order, Product, db
from aiq_cova_plugin.demo.seed import MANAGER

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SHOP = "/shop/pier-street"


@dataclass(frozen=True)
class DemoPage:
    """One page of the shop or its back office; `act` is what somebody then does on it."""

    name: str
    path: Callable[[Flask], str]
    act: Callable[[Page], Any] | None = None

    @property
    def slug(self) -> str:
        return "demo-" + self.name.replace(", ", "-").replace(" ", "-")


def sign_in(page: Page, address: str) -> None:
    """Sign the manager in, for the pages of the back office."""
    page.goto(address + "/staff/login")
    page.get_by_label("User name").fill(MANAGER.username)
    page.get_by_label("Password").fill(MANAGER.password)
    page.get_by_role("button", name="Sign in").click()


def _at(path: str) -> Callable[[Flask], str]:
    return lambda _app: path


def _product(pattern: str, name: str) -> Callable[[Flask], str]:
    def path(app: Flask) -> str:
        with app.app_context():
            found = db.session.scalars(sa.select(Product.id).where(Product.name == name)).one()
        return pattern.format(found)

    return path


def _order(pattern: str, first_name: str) -> Callable[[Flask], str]:
    def path(app: Flask) -> str:
        with app.app_context():
            query = sa.select(Order).where(Order.first_name == first_name)
            found = db.session.scalars(query).one()
            return pattern.format(id=found.id, token=found.token)

    return path


def _put_in_the_basket(page: Page) -> None:
    page.get_by_role("button", name="Add to basket").click()
    page.get_by_text("is in your basket").wait_for()


def _check_out_badly(page: Page) -> None:
    page.get_by_label("First name").fill("x" * 1000)
    page.locator("#fulfilment-delivery").check()
    page.get_by_role("button", name="Place order").click()
    page.get_by_role("alert").wait_for()


def _write_too_much(page: Page) -> None:
    page.get_by_label("Note for staff").fill("x" * 1001)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


def _ask_to_cancel(page: Page) -> None:
    page.get_by_role("button", name="Cancel order").click()
    page.get_by_role("button", name="Cancel the order").wait_for()


DEMO_PAGES = (
    DemoPage("stores", _at("/")),
    DemoPage("menu", _at(f"{_SHOP}/")),
    DemoPage("menu, on sale", _at(f"{_SHOP}/?only=sale")),
    DemoPage("menu, nothing found", _at(f"{_SHOP}/?q=zebra")),
    DemoPage("menu, empty", _at("/shop/mill-road/")),
    DemoPage("basket, empty", _at("/shop/mill-road/basket")),
    DemoPage("product", _product(_SHOP + "/products/{}", samples.NO_THC), act=_put_in_the_basket),
    DemoPage("basket", _at(f"{_SHOP}/basket")),
    DemoPage("checkout, with errors", _at(f"{_SHOP}/checkout"), act=_check_out_badly),
    DemoPage("order on its way", _order("/orders/{token}", "Marina")),
    DemoPage("order completed", _order("/orders/{token}", "Ada")),
    DemoPage("no such page", _at("/nowhere")),
    DemoPage("dashboard", _at("/staff/1/")),
    DemoPage("dashboard, not connected", _at("/staff/2/")),
    DemoPage("staff products", _at("/staff/1/products")),
    DemoPage(
        "staff product, refused",
        _product("/staff/1/products/{}", samples.NO_THC),
        act=_write_too_much,
    ),
    DemoPage("staff orders", _at("/staff/1/orders")),
    DemoPage("staff order, cancel asked", _order("/staff/1/orders/{id}", "Marina"), _ask_to_cancel),
    DemoPage("checkout settings", _at("/staff/1/settings")),
    DemoPage("integrations", _at("/staff/1/integrations")),
    DemoPage("try it", _at("/staff/1/try")),
)
