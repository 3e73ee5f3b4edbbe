"""One store of a world: its register, its shelf, its orders, and what staff did in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from aiq_cova_plugin.simulator.world import World as CovaWorld

from tests.simulation.ledger import StaffEdit, StockHistory, WebOrder

if TYPE_CHECKING:
    from tests.simulation.world import World

_TOUCHES = sa.text("select store_id, changes from sim_touch")


class Place:
    """A store of the shop, the location of a company it is connected to, and the ledger of both."""

    def __init__(self, world: World, store_id: str, cova: CovaWorld, location_id: int) -> None:
        self.world, self.store_id = world, store_id
        self.cova, self.location_id = cova, location_id
        self.orders: dict[str, WebOrder] = {}
        self.staff_fields: set[str] = set()
        self.edits: dict[tuple[str, str], StaffEdit] = {}
        self.loosened: set[tuple[str, str]] = set()
        self.locked: set[str] = set()
        self.stock = {
            each: StockHistory([(world.now, self.register_stock(each))])
            for each in cova.state.products
        }
        self.on_menu = {
            each: StockHistory([(world.now, Decimal(self.is_on_menu(each)))])
            for each in cova.state.products
        }
        self.products = self._plain_products()

    def _plain_products(self) -> list[str]:
        """Ordinary products which the shop calls what the register calls them."""
        named = {
            each: told.get("name") for each, told in self.world.shop.products(self.store_id).items()
        }
        records = self.cova.state.products
        ordinary = [each for each in self.cova.state.ordinary_ids if each in named]
        return [each for each in ordinary if named[each] == records[each].name]

    # --- the world around it --------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def rng(self) -> Any:
        return self.world.rng

    @property
    def register(self) -> Any:
        return self.cova.register

    @property
    def company_id(self) -> int:
        return self.cova.account.company_id

    def say(self, text: str) -> None:
        """Write one line into the world's journal, with the store where there are several."""
        self.world.say(f"{self.store_id}: {text}" if len(self.world.places) > 1 else text)

    def siblings(self) -> list[Place]:
        """The stores of the same company, this one among them."""
        return [each for each in self.world.places if each.cova is self.cova]

    @contextlib.contextmanager
    def in_shop(self) -> Iterator[Any]:
        """A request of this store's: the shop's session, committed at the end.

        It must not change a row of any other store.
        """
        before = self._touches()
        with self.world.in_shop() as session:
            yield session
        after = self._touches()
        changed = {each for each in after if after[each] != before.get(each)}
        self.world.require_own_rows(self, changed - {self.store_id})

    def _touches(self) -> dict[str, int]:
        if len(self.world.places) == 1:
            return {}
        with self.world.reading() as connection:
            return {row.store_id: row.changes for row in connection.execute(_TOUCHES)}

    # --- its register ---------------------------------------------------------------------

    def register_stock(self, product_id: str) -> Decimal:
        return self.cova.state.products[product_id].quantity(self.location_id)

    def note_stock(self, *product_ids: str) -> None:
        """Write down what the register has now; to be called after whatever changes it."""
        for each in product_ids:
            history = self.stock.setdefault(each, StockHistory([(self.now, Decimal(0))]))
            history.note(self.now, self.register_stock(each))

    def is_on_menu(self, product_id: str) -> bool:
        """Does the register sell it at all: Active, not archived, a thing with a price?"""
        product = self.cova.state.products[product_id]
        return product.lifecycle == "Active" and not product.is_archived

    def note_menu(self, product_id: str) -> None:
        """Write down, for each store of the company, whether its register sells it now."""
        for each in self.siblings():
            history = each.on_menu.setdefault(product_id, StockHistory([(self.now, Decimal(0))]))
            history.note(self.now, Decimal(each.is_on_menu(product_id)))
