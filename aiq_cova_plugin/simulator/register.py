"""The cashier in Python: sells, counts, prices and archives, as a person in the shop would."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from .clock import SimulatorClock
from .customers import Address, ContactMethod, Customer
from .orders import Order, new_id
from .products import Classification, PriceRow, Product, SalePrice, Specification, StockRow
from .sales import Refusal, Sales
from .state import State
from .switches import Switches

Amount = Decimal | int | float | str
_LARGEST = Decimal(10) ** 30


class Register:
    """What happens on COVA's side. Unknown ids raise KeyError, refused actions Refusal.

    Quantities and prices may be given as anything that reads as a number; floats are taken at
    their printed value.
    """

    def __init__(self, state: State, switches: Switches, clock: SimulatorClock) -> None:
        self._state = state
        self._clock = clock
        self.sales = Sales(state, switches, clock)

    # -- orders --

    def complete(self, order_id: str) -> str:
        """Hand the order over: stock goes down; answers the invoice's id."""
        with self._state.lock:
            return self.sales.complete(self._order(order_id))

    def cancel(self, order_id: str) -> None:
        """Cancel the order at the register; unlike over the interface a paid one too."""
        with self._state.lock:
            order = self._order(order_id)
            payments, order.payments = order.payments, []
            try:
                self.sales.cancel(order)
            except Refusal:
                order.payments = payments
                raise

    def set_fulfilment(self, order_id: str, status: str) -> None:
        """Set `OrderPlaced`, `InProgress` or `ReadyForPickup`."""
        with self._state.lock:
            self.sales.set_fulfilment(self._order(order_id), status)

    def sell(self, product_id: str, quantity: Amount = 1, location_id: int | None = None) -> None:
        """Sell to somebody in the shop, past every online order."""
        with self._state.lock:
            self.sales.take(self._product(product_id), self._place(location_id), _exact(quantity))

    # -- products --

    def set_stock(
        self,
        product_id: str,
        quantity: Amount,
        room_id: int | None = None,
        location_id: int | None = None,
    ) -> None:
        """Count the stock: of one room, or without a room of all selling rooms together.

        Without a room the whole quantity then lies in the first selling room.
        """
        with self._state.lock:
            product = self._product(product_id)
            account, now = self._state.account, self._clock.now()
            if room_id is None:
                rooms = account.rooms_of(self._place(location_id))
                targets = [room for room in rooms if room.is_selling]
            else:
                room = account.room(room_id)
                if room is None or location_id not in (None, room.location_id):
                    raise KeyError(f"There is no room {room_id} at that location.")
                targets = [room]
            wanted = _exact(quantity)
            for room in targets:
                rows = [row for row in product.stock if row.room_id == room.id]
                if not rows and wanted != 0:
                    rows = [_new_row(product, room.id, room.location_id, room.is_selling, now)]
                    product.stock += rows
                for row in rows:
                    row.quantity, wanted = wanted, Decimal(0)
                    row.updated_at = now
            self._touch(product, "stock")

    def set_price(self, product_id: str, price: Amount, location_id: int | None = None) -> None:
        """Set the ordinary price everywhere, or at one location only."""
        with self._state.lock:
            product = self._product(product_id)
            amount, now = _exact(price), self._clock.now()
            account = self._state.account
            places = account.location_ids if location_id is None else (self._place(location_id),)
            if location_id is None:
                product.company_price = amount
            entity = account.company_id if location_id is None else location_id
            for place in places:
                rows = [row for row in product.prices if row.location_id == place and row.is_plain]
                if not rows:
                    rows = [PriceRow(place, entity, amount, now)]
                    product.prices += rows
                for row in rows:
                    row.price, row.from_entity_id, row.updated_at = amount, entity, now
            self._touch(product, "price")

    def put_on_sale(
        self,
        product_id: str,
        price: Amount,
        start: datetime | None = None,
        end: datetime | None = None,
        recurrence: Mapping[str, object] | None = None,
    ) -> None:
        """Give the ordinary prices one sale price; no start or end means open on that side."""
        with self._state.lock:
            product = self._product(product_id)
            now = self._clock.now()
            for row in product.prices:
                if row.is_plain:
                    row.sales = [
                        SalePrice(
                            self._state.next_number(), _exact(price), start, end, recurrence or {}
                        )
                    ]
                    row.updated_at = now
            self._touch(product, "price")

    def end_sale(self, product_id: str) -> None:
        """Take all sale prices of the product away."""
        with self._state.lock:
            product = self._product(product_id)
            for row in product.prices:
                if row.sales:
                    row.sales, row.updated_at = [], self._clock.now()
            self._touch(product, "price")

    def set_specification(
        self,
        product_id: str,
        display_name: str,
        value: str,
        type: str = "TextSingleLine",  # noqa: A002 - the wire's own word
        unit: str = "",
    ) -> None:
        """Set a field of the product, replacing all fields of that name."""
        with self._state.lock:
            product = self._product(product_id)
            key = display_name.strip().lower()
            product.specifications = [
                field
                for field in product.specifications
                if field.display_name.strip().lower() != key
            ]
            product.specifications.append(Specification(display_name, value, type, unit))
            self._touch(product, "specification")

    def remove_specification(self, product_id: str, display_name: str) -> None:
        """Take all fields of that name away."""
        with self._state.lock:
            product = self._product(product_id)
            key = display_name.strip().lower()
            product.specifications = [
                field
                for field in product.specifications
                if field.display_name.strip().lower() != key
            ]
            self._touch(product, "specification")

    def set_lifecycle(self, product_id: str, value: str) -> None:
        """Set the `LifeCycle` text, any text."""
        with self._state.lock:
            product = self._product(product_id)
            product.lifecycle = value
            self._touch(product, "lifecycle")

    def rename(self, product_id: str, name: str) -> None:
        """Change the product's name."""
        with self._state.lock:
            product = self._product(product_id)
            product.name = name
            self._touch(product, "specification")

    def archive(self, product_id: str) -> None:
        """Delete the product, which is to say archive it."""
        with self._state.lock:
            product = self._product(product_id)
            product.is_archived, product.lifecycle = True, "Archived"
            self._touch(product, "archived")

    def restore(self, product_id: str) -> None:
        """Take an archived product back, Active."""
        with self._state.lock:
            product = self._product(product_id)
            product.is_archived, product.lifecycle = False, "Active"
            self._touch(product, "lifecycle")

    def add_product(
        self,
        *,
        name: str = "Simulated product",
        price: Amount | None = 10,
        stock: Amount = 10,
        location_id: int | None = None,
        classification: str = "Flower > Indica",
        specifications: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> str:
        """Add a product with a price everywhere and stock at one location; answers its id.

        `specifications` is display name → value; `fields` are further attributes of Product,
        such as `lifecycle`, `measurement`, `upcs`, `is_batch_tracked` or `tax_rate_ids`.
        """
        with self._state.lock:
            now = self._clock.now()
            number = self._state.next_number()
            defaults: dict[str, Any] = {
                "id": new_id(),
                "master_id": number,
                "master_name": name,
                "variation_id": None,
                "catalog_sku": f"SIM{number % 100_000:05d}",
                "created_at": now,
                "updated_at": now,
                "tax_rate_ids": [rate.id for rate in self._state.tax_rates],
            }
            product = Product(
                name=name,
                classification=self._classification(classification),
                specifications=[
                    Specification(key, value) for key, value in (specifications or {}).items()
                ],
                **{**defaults, **fields},
            )
            self._state.add_product(product)
            self._touch(product, "specification")
            if price is not None:
                self.set_price(product.id, price)
            if not product.is_non_stock and _exact(stock) != 0:
                self.set_stock(product.id, stock, location_id=location_id)
            return product.id

    # -- customers --

    def add_customer(
        self,
        *,
        first_name: str = "Sam",
        last_name: str = "Sample",
        phones: tuple[str, ...] | list[str] = (),
        emails: tuple[str, ...] | list[str] = (),
        addresses: tuple[Mapping[str, Any], ...] | list[Mapping[str, Any]] = (),
        disabled: bool = False,
        merged_into: str | None = None,
        **fields: Any,
    ) -> str:
        """Add a customer; answers the id. `addresses` hold attributes of Address, as
        `{"type_id": 3, "street1": "1 Demo Road", "locality": "Denver"}`."""
        with self._state.lock:
            customer = Customer(
                id=new_id(),
                type_id=fields.pop("type_id", 2),
                modified_at=self._clock.now(),
                first_name=first_name,
                last_name=last_name,
                is_disabled=disabled,
                merged_into_id=merged_into,
                **fields,
            )
            for category, kind, values in ((1, 3, phones), (2, 9, emails)):
                customer.contacts += [
                    ContactMethod(
                        id=new_id(),
                        customer_id=customer.id,
                        category_id=category,
                        type_id=kind,
                        value=value,
                    )
                    for value in values
                ]
            customer.addresses = [
                Address(id=new_id(), customer_id=customer.id, **{"type_id": 3, **address})
                for address in addresses
            ]
            self._state.customers[customer.id] = customer
            if merged_into is not None:
                self._state.customers[merged_into].merged_ids.append(customer.id)
            return customer.id

    def _order(self, order_id: str) -> Order:
        order = self.sales.find(order_id)
        if order is None:
            raise KeyError(f"There is no order {order_id}.")
        return order

    def _product(self, product_id: str) -> Product:
        product = self._state.products.get(product_id.lower())
        if product is None:
            raise KeyError(f"There is no product {product_id}.")
        return product

    def _place(self, location_id: int | None) -> int:
        ids = self._state.account.location_ids
        if location_id is None:
            return ids[0]
        if location_id not in ids:
            raise KeyError(f"There is no location {location_id}.")
        return location_id

    def _classification(self, path: str) -> Classification:
        for node in self._state.classifications:
            if node.path == path:
                return node
        node = Classification(self._state.next_number(), path.rpartition(" > ")[2], path)
        self._state.classifications.append(node)
        return node

    def _touch(self, product: Product, reason: Any) -> None:
        self._state.touch(product, reason, self._clock.now())
        self.sales.moved(product)


def _new_row(
    product: Product, room_id: int, location_id: int, is_selling: bool, now: datetime
) -> StockRow:
    return StockRow(
        location_id=location_id,
        room_id=room_id,
        is_selling_room=is_selling,
        quantity=Decimal(0),
        package_id="PKG-COUNTED" if product.is_batch_tracked else None,
        batch_id="",
        unit_cost=Decimal("4.00"),
        received_at=now,
        updated_at=now,
    )


def _exact(value: Amount) -> Decimal:
    """The amount as a decimal; ValueError for what JSON has no number for."""
    amount = value if isinstance(value, Decimal) else Decimal(str(value))
    if not amount.is_finite() or abs(amount) > _LARGEST:
        raise ValueError("An amount must be a number that a register can print.")
    return amount
