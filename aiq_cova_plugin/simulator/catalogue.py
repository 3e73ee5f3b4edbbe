"""A seeded catalogue: the same seed and count give the same products (section 4).

Every oddity of section 4 appears in the first forty products already, so that a small catalogue
has them too; the rest of the catalogue is a plausible mix.
"""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta
from decimal import Decimal

from . import oddities
from .account import Account
from .labels import specifications_for
from .products import (
    Asset,
    Classification,
    PriceRow,
    Product,
    StockRow,
    SupplierSku,
)
from .state import State
from .taxes import TaxRate
from .vocabulary import (
    ACCESSORY_NAMES,
    BRANDS,
    DELIVERY_KIND,
    FLAVOURS,
    KINDS,
    STRAIN_FIRST,
    STRAIN_SECOND,
    SUPPLIERS,
    Kind,
    Size,
)

_SKU_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_TIERS = (("1 g", "1", "1"), ("3.5 g", "3.5", "0.95"), ("7 g", "7", "0.9"), ("28 g", "28", "0.78"))
EMPLOYEES = (7001, "Employees")


def fill(state: State, *, count: int, seed: int, now: datetime) -> None:
    """Put taxes, the classification tree and `count` products into an empty state.

    One of the products is the delivery fee; times are set back from `now`, and two of the first
    sales end or start an hour from it.
    """
    # A fixed seed is the point: this is scenery, not security.
    rng = random.Random(seed)
    state.tax_rates = _tax_rates(state.account)
    classes = _classifications(state)
    builder = _Builder(state, rng, classes, now)
    state.add_product(builder.delivery_fee())
    while len(state.products) < count:
        builder.add_family(room_left=count - len(state.products))
    main = state.account.location_ids[0]
    state.ordinary_ids = [item.id for item in state.products.values() if _is_ordinary(item, main)]


def _is_ordinary(item: Product, location_id: int) -> bool:
    """Whether a test may use this product without being surprised by it."""
    return (
        item.lifecycle == "Active"
        and not item.is_archived
        and not item.is_non_stock
        and item.measurement == "SingleUnit"
        and item.quantity(location_id) >= 5
        and bool(item.prices)
        and all(row.is_plain and not row.sales for row in item.prices)
    )


def _tax_rates(account: Account) -> list[TaxRate]:
    main, second = account.location_ids
    return [
        TaxRate(
            id="7a000000-0000-4000-8000-000000000001",
            name="State sales tax",
            display_name=None,
            rate=Decimal("0.05"),
            layer=0,
            location_ids=(main, second),
        ),
        TaxRate(
            id="7a000000-0000-4000-8000-000000000002",
            name="Cannabis excise",
            display_name="",
            rate=Decimal("0.1"),
            layer=0,
            location_ids=(main,),
        ),
        TaxRate(
            id="7a000000-0000-4000-8000-000000000003",
            name="City levy",
            display_name="City",
            rate=Decimal("0.01"),
            layer=1,
            location_ids=(second,),
        ),
    ]


def _classifications(state: State) -> dict[str, Classification]:
    tree: dict[str, Classification] = {}
    for kind in (*KINDS, DELIVERY_KIND):
        parts = kind.path.split(" > ")
        for depth in range(1, len(parts) + 1):
            path = " > ".join(parts[:depth])
            if path not in tree:
                parents = tuple(tree[" > ".join(parts[:up])].id for up in range(1, depth))
                tree[path] = Classification(
                    state.classification_tree_id + 1 + len(tree), parts[depth - 1], path, parents
                )
    state.classifications = list(tree.values())
    return tree


class _Builder:
    """Makes products one after the other; its counters keep ids unique."""

    def __init__(
        self,
        state: State,
        rng: random.Random,
        classes: dict[str, Classification],
        now: datetime,
    ) -> None:
        self._state = state
        self._account = state.account
        self._rng = rng
        self._classes = classes
        self._now = now
        self._index = 0
        self._family = 0

    def delivery_fee(self) -> Product:
        """The non-stock product whose GUID orders use for the fee (section 9.2)."""
        product = self._product(
            DELIVERY_KIND, DELIVERY_KIND.sizes[0], "Delivery fee", 4_700_000, None
        )
        product.id = self._account.delivery_fee_product_id
        product.is_non_stock = True
        product.tax_rate_ids = []
        product.company_price = Decimal("5.00")
        product.prices = [
            PriceRow(
                location_id=location_id,
                from_entity_id=self._account.company_id,
                price=Decimal("5.00"),
                updated_at=product.created_at,
            )
            for location_id in self._account.location_ids
        ]
        return product

    def add_family(self, room_left: int) -> None:
        """Add one master product with its variations, at most `room_left` of them."""
        rng = self._rng
        # One of each kind first, so that a small catalogue has every classification.
        kind = (
            KINDS[self._family]
            if self._family < len(KINDS)
            else rng.choices(KINDS, weights=[kind.share for kind in KINDS])[0]
        )
        self._family += 1
        brand = rng.choice(BRANDS)
        strain = f"{rng.choice(STRAIN_FIRST)} {rng.choice(STRAIN_SECOND)}"
        words = ACCESSORY_NAMES.get(kind.path)
        subject = rng.choice(words).capitalize() if words else f"{strain} {kind.noun}".strip()
        master_name = f"{brand} - {subject}"
        master_id = 4_700_000 + self._family
        sizes = kind.sizes[:room_left]
        for number, size in enumerate(sizes, start=1):
            self._index += 1
            product = self._product(
                kind, size, master_name, master_id, number if len(kind.sizes) > 1 else None
            )
            product.name = f"{master_name} {size.label}".strip()
            product.specifications = specifications_for(
                kind, size, rng, brand=brand, strain=strain, index=self._index
            )
            self._describe(product, kind, strain)
            self._price(product, size)
            self._stock(product)
            oddities.apply(self._index, product, self._now, self._state.next_number)
            self._state.add_product(product)

    def _guid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def _product(
        self, kind: Kind, size: Size, master_name: str, master_id: int, variation: int | None
    ) -> Product:
        rng = self._rng
        created = self._past(400, 700)
        taxes = self._state.tax_rates if kind.is_cannabis else self._state.tax_rates[:1]
        product = Product(
            id=self._guid(),
            master_id=master_id,
            master_name=master_name,
            variation_id=variation,
            catalog_sku="".join(rng.choices(_SKU_LETTERS, k=8)),
            name=master_name,
            classification=self._classes[kind.path],
            created_at=created,
            updated_at=self._past(2, 300),
            measurement=kind.measurement,
            is_batch_tracked=kind.is_cannabis,
            tax_rate_ids=[rate.id for rate in taxes],
        )
        if size.label:
            supplier_id, supplier = rng.choice(SUPPLIERS)
            product.supplier_skus = [
                SupplierSku(str(1_000_000 + self._index), supplier_id, supplier)
            ]
            product.upcs = [f"006{rng.randrange(10**11):011d}"]
        return product

    def _past(self, least_days: int, most_days: int) -> datetime:
        """A moment that many days ago, with a fraction of 0 to 7 digits."""
        rng = self._rng
        moment = self._now - timedelta(seconds=rng.randrange(least_days * 86400, most_days * 86400))
        digits = rng.choice((1, 10_000, 1_000, 1_000_000))
        return moment.replace(microsecond=rng.randrange(1_000_000) // digits * digits)

    def _describe(self, product: Product, kind: Kind, strain: str) -> None:
        rng = self._rng
        flavour = rng.choice(FLAVOURS)
        product.short_description = f"{strain}: {flavour}, from a demo garden."
        product.long_description = (
            f"<p><b>{strain}</b> tastes of {flavour} &amp; little else.</p>"
            f"<ul><li>{kind.path.split(' > ')[0]}</li><li>Invented for demonstration</li></ul>"
            if self._index % 3 == 0
            else f"{strain} tastes of {flavour}. Invented for demonstration."
        )
        product.assets = [Asset(self._guid(), "front")]
        if self._index % 5 == 0:
            product.assets.append(Asset(self._guid(), "internal shelf label", is_hidden=True))
        if self._index % 4 == 0:
            product.assets.append(Asset(self._guid(), "back"))

    def _price(self, product: Product, size: Size) -> None:
        rng = self._rng
        price = Decimal(rng.randrange(size.low * 4, size.high * 4 + 1)) / 4
        product.company_price = price
        if rng.random() < 0.1:
            product.msrp = price + 5
        for location_id in self._account.location_ids:
            own = rng.random() < 0.08
            entity = location_id if own else self._account.company_id
            amount = price + 1 if own else price
            row = PriceRow(
                location_id=location_id,
                from_entity_id=entity,
                price=amount,
                updated_at=self._past(1, 200),
            )
            product.prices.append(row)
            if product.measurement == "Mass":
                product.prices += _tier_rows(row)
            if self._index % 6 == 0:
                product.prices.append(
                    PriceRow(
                        location_id=location_id,
                        from_entity_id=self._account.company_id,
                        price=(amount * Decimal("0.8")).quantize(Decimal("0.01")),
                        updated_at=row.updated_at,
                        group_id=EMPLOYEES[0],
                        group_name=EMPLOYEES[1],
                    )
                )

    def _stock(self, product: Product) -> None:
        rng = self._rng
        cost = (product.company_price or Decimal(10)) * Decimal("0.55")
        for room in self._account.rooms:
            if rng.random() < (0.15 if room.is_selling else 0.5):
                continue
            packages = 2 if product.is_batch_tracked and rng.random() < 0.25 else 1
            for _ in range(packages):
                quantity = Decimal(rng.randrange(0 if rng.random() < 0.1 else 2, 60))
                if product.measurement == "Mass":
                    quantity = quantity * 10 + Decimal(rng.randrange(4)) / 4
                batch = f"B-{rng.randrange(10_000):04d}"
                package = f"PKG-{rng.randrange(10**9):09d}" if product.is_batch_tracked else None
                product.stock.append(
                    StockRow(
                        location_id=room.location_id,
                        room_id=room.id,
                        is_selling_room=room.is_selling,
                        quantity=quantity,
                        package_id=package,
                        batch_id=batch,
                        unit_cost=cost.quantize(Decimal("0.01")),
                        received_at=self._past(10, 90),
                        updated_at=self._past(0, 10) if rng.random() < 0.5 else self._past(1, 60),
                        on_order=Decimal(rng.choice((0, 0, 0, 24))),
                    )
                )


def _tier_rows(row: PriceRow) -> list[PriceRow]:
    """The tiers of a product sold by the gram; the price of a tier is per gram (section 4.8)."""
    rows = []
    for number, (name, quantity, factor) in enumerate(_TIERS, start=1):
        per_gram = (row.price * Decimal(factor)).quantize(Decimal("0.01"))
        # The price at the bound is a round number, so that price times quantity differs from it.
        at_bound = (row.price * Decimal(factor) * Decimal(quantity)).quantize(Decimal(1))
        rows.append(
            PriceRow(
                location_id=row.location_id,
                from_entity_id=row.from_entity_id,
                price=per_gram,
                updated_at=row.updated_at,
                tier_id=7100 + number,
                tier_name=name,
                tier_quantity=Decimal(quantity),
                at_tier_price=at_bound,
            )
        )
    return rows
